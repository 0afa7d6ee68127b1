"""Whole runs with tiny networks: going on after a stop, and everything that can go wrong on the way."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import SafetensorError
from training_kit import celeba, class_folders, log_rows, picture, run_training, settings

from stargan_cli.errors import DataError, TrainingError, UsageError
from stargan_cli.labels import parse_set, passes
from stargan_cli.train import session
from stargan_cli.train.presets import preset
from stargan_cli.train.run_folder import RunFolder, changed, read_settings
from stargan_cli.train.settings import TrainSettings
from stargan_cli.train.trainer import Trainer
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import latest_checkpoint, load_checkpoint, save_checkpoint
from stargan_cli.weights.derived import averaged

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("data") / "moods", {"happy": 6, "sad": 6})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def chosen(moods: Path) -> TrainSettings:
    return settings(data=(str(moods),))


@pytest.fixture(scope="module")
def whole(chosen: TrainSettings, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 8 iterations that nothing stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    outcome = run_training(run, chosen, cache)
    assert (outcome.iteration, outcome.reason) == (8, "finished")
    return run


def after(iterations: int) -> Any:
    """A `stop` that says so after so many iterations."""
    calls = iter(range(iterations))
    return lambda: next(calls, None) is None


def same_end(run: Path, whole: Path) -> None:
    last, expected = (load_checkpoint(folder / "checkpoints" / "00000008.safetensors") for folder in (run, whole))
    assert last.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(tensor, expected.tensors[name]) for name, tensor in last.tensors.items())
    assert log_rows(run) == log_rows(whole)
    assert [row["iteration"] for row in log_rows(run)] == list(range(1, 9))


def test_what_a_run_leaves(whole: Path, chosen: TrainSettings) -> None:
    assert sorted(p.name for p in whole.iterdir()) == [
        "checkpoints",
        "log.jsonl",
        "samples",
        "settings.json",
        "weights.safetensors",
    ]
    assert sorted(p.name for p in (whole / "checkpoints").iterdir()) == [
        "00000004.safetensors",
        "00000006.safetensors",
        "00000008.safetensors",
    ]
    assert read_settings(whole) == chosen
    found = weights.load(str(whole / "weights.safetensors"))
    ema = load_checkpoint(whole / "checkpoints" / "00000008.safetensors").tensors
    assert all(torch.equal(t, ema[f"ema.{name}"]) for name, t in found.generator.state_dict().items())
    assert found.discriminator is not None
    assert found.card.layout.sets[0].attributes == ("happy", "sad")
    assert found.card.training["iterations"] == 8 and found.card.training["pictures"] == {"moods": 12}
    assert "terms" not in found.card.training
    assert found.card.preprocessing == {"crop": "centre", "resize": "bilinear"}


@pytest.mark.parametrize("iterations", [1, 3, 4])
def test_a_stopped_run_goes_on_as_if_nothing_had_been(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, iterations: int
) -> None:
    outcome = run_training(tmp_path, chosen, cache, stop=after(iterations))
    assert (outcome.iteration, outcome.reason) == (iterations, "stopped")
    assert weights.load(str(tmp_path / "weights.safetensors")).card.training["iterations"] == iterations
    run_training(tmp_path, chosen, cache, resume=True)
    same_end(tmp_path, whole)


def test_a_run_goes_on_from_a_checkpoint_that_travelled_light(
    tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    sizes = []
    lightest = {"checkpoint_dtype": "fp16", "checkpoint_moments": False}
    for number, light in enumerate(({}, lightest, {"checkpoint_dtype": "bf16"})):
        run = tmp_path / str(number)
        run_training(run, replace(chosen, **light), cache, stop=after(4))
        sizes.append((run / "checkpoints" / "00000004.safetensors").stat().st_size)
        assert run_training(run, read_settings(run), cache, resume=True).iteration == 8
        assert [row["iteration"] for row in log_rows(run)] == list(range(1, 9))
    assert sizes[1] < sizes[2] < 0.8 * sizes[0]


def test_work_after_the_last_checkpoint_is_done_again(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power cut: the log is ahead of the checkpoint, and its last line is torn."""
    monkeypatch.setattr(session.Session, "save", saving_only(session.Session.save, 4))
    run_training(tmp_path, chosen, cache, stop=after(7))
    monkeypatch.undo()
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"iteration": 8, "D/')
    run_training(tmp_path, chosen, cache, resume=True)
    same_end(tmp_path, whole)


def saving_only(save: Any, last: int) -> Any:
    return lambda self, final=False: save(self, final) if self.trainer.iteration <= last else None


def test_resuming_a_finished_run_changes_nothing(whole: Path, chosen: TrainSettings, cache: Path) -> None:
    before = (whole / "weights.safetensors").read_bytes()
    assert run_training(whole, chosen, cache, resume=True).iteration == 8
    assert (whole / "weights.safetensors").read_bytes() == before


def test_a_run_is_not_started_over_another(whole: Path, chosen: TrainSettings, cache: Path) -> None:
    with pytest.raises(UsageError, match="holds a run already") as caught:
        run_training(whole, chosen, cache)
    assert "--resume" in str(caught.value.hint)


def test_one_training_at_a_time(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    with RunFolder(tmp_path), pytest.raises(UsageError, match="another training is running in"):
        run_training(tmp_path, chosen, cache)
    run_training(tmp_path, chosen, cache, stop=after(1))


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    left_over = tmp_path / "checkpoints" / ".00000004.safetensors.77.tmp"
    left_over.write_bytes(b"half")
    with RunFolder(tmp_path):
        assert not left_over.exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, damage: str
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(6))
    newest = tmp_path / "checkpoints" / "00000006.safetensors"
    content = bytearray(newest.read_bytes())
    content[-9] ^= 1
    newest.write_bytes({"cut": content[: len(content) // 2], "flipped": content, "empty": b""}[damage])
    said: list[str] = []
    run_training(tmp_path, chosen, cache, resume=True, say=said.append)
    assert len(said) == 1 and "00000006.safetensors is damaged" in said[0] and "the one before it" in said[0]
    same_end(tmp_path, whole)


def test_where_every_checkpoint_is_damaged_the_run_stops(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    for file in (tmp_path / "checkpoints").iterdir():
        file.write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="no checkpoint in .* is whole"):
        run_training(tmp_path, chosen, cache, resume=True)


def test_damaged_newer_checkpoints_never_push_out_a_whole_one(tmp_path: Path) -> None:
    tensors = {"x": torch.ones(3)}
    save_checkpoint(tmp_path, 4, tensors, {}, keep=1)
    (tmp_path / "00000006.safetensors").write_bytes(b"damaged")
    save_checkpoint(tmp_path, 5, tensors, {}, keep=1)
    found, complaints = latest_checkpoint(tmp_path)
    assert found is not None and found.record["iteration"] == 5 and complaints == []


def test_changed_data_is_noticed(tmp_path: Path, cache: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 4, "b": 4})
    chosen = settings(data=(str(folder),))
    run_training(tmp_path / "run", chosen, cache, stop=after(2))
    moved = folder / "train" / "a" / "a-tr-0.png"
    moved.rename(folder / "train" / "b" / "a-tr-0.png")
    with pytest.raises(DataError, match="pictures or labels changed") as caught:
        run_training(tmp_path / "run", chosen, cache, resume=True)
    assert "--init-from" in str(caught.value.hint)
    (folder / "train" / "b" / "a-tr-0.png").rename(moved)
    assert run_training(tmp_path / "run", chosen, cache, resume=True).iteration == 8


def test_a_picture_that_was_replaced_is_noticed(tmp_path: Path, cache: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 4, "b": 4})
    chosen = settings(data=(str(folder),))
    run_training(tmp_path / "run", chosen, cache, stop=after(2))
    replaced = folder / "train" / "a" / "a-tr-0.png"
    before = replaced.read_bytes()
    picture(replaced, 10, 77, (24, 28))
    with pytest.raises(DataError, match="pictures or labels changed"):
        run_training(tmp_path / "run", chosen, cache, resume=True)
    replaced.write_bytes(before)
    assert run_training(tmp_path / "run", chosen, cache, resume=True).iteration == 8


def test_checkpoints_that_do_not_know_the_files_go_on(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    found = load_checkpoint(tmp_path / "checkpoints" / "00000002.safetensors")
    record = {name: value for name, value in found.record.items() if name not in ("files", "iteration", "checksum")}
    save_checkpoint(tmp_path / "checkpoints", 2, found.tensors, record, keep=1)
    assert run_training(tmp_path, chosen, cache, resume=True).iteration == 8


def test_weights_say_whether_unset_groups_stay(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    for keep in (True, False):
        run_training(tmp_path / str(keep), replace(chosen, keep_unset=keep), cache, stop=after(2))
        card = weights.load(str(tmp_path / str(keep) / "weights.safetensors")).card
        assert card.layout.unset_stays is keep


def test_weights_without_checkpoints_are_not_replaced(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    shutil.rmtree(tmp_path / "checkpoints")
    before = (tmp_path / "weights.safetensors").read_bytes()
    for resume in (False, True):
        with pytest.raises(UsageError, match="holds weights and no checkpoint") as caught:
            run_training(tmp_path, chosen, cache, resume=resume)
        assert "--init-from" in str(caught.value.hint)
    assert (tmp_path / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize(("name", "reason"), [("settings.json", "cannot be read"), ("log.jsonl", "belongs to no run")])
def test_files_of_others_in_the_run_folder_are_kept(
    name: str, reason: str, tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    (tmp_path / name).write_text('{"mine": true}\n')
    with pytest.raises(UsageError, match=reason):
        run_training(tmp_path, chosen, cache)
    assert (tmp_path / name).read_text() == '{"mine": true}\n'


def test_a_run_that_ended_before_its_first_checkpoint_is_started_again(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "weights.safetensors").unlink()
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'[1]\n"x"\n\xff\xfe\n{"iteration": 3, "D/re')
    run_training(tmp_path, chosen, cache)
    same_end(tmp_path, whole)


@pytest.mark.parametrize(
    "record",
    [
        "[]",
        "[" * 100_000,
        '{"iteration": "x"}',
        '{"iteration": -5}',
        '{"iteration": 1.5}',
        '{"iteration": 2, "seconds": "x"}',
    ],
)
def test_a_checkpoint_that_says_nonsense_of_itself_is_a_damaged_one(
    record: str, tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    path = tmp_path / "checkpoints" / "00000002.safetensors"
    found = load_checkpoint(path)
    if record.startswith("{"):
        record = json.dumps(found.record | json.loads(record))
    weights.save_tensors(path, found.tensors, {"stargan_checkpoint": record})
    with pytest.raises(TrainingError, match="no checkpoint in .* is whole"):
        run_training(tmp_path, chosen, cache, resume=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", "4"), ("batch_size", 4.5), ("lr", True), ("data", "moods"), ("data", [1]), ("mix", ["1"]),
     ("root", 5), ("groups", [[1]]), ("flip", 1), ("output", None)],
)  # fmt: skip
def test_settings_of_the_wrong_kind_are_refused(name: str, value: Any, tmp_path: Path) -> None:
    whole = json.loads(json.dumps(settings(data=("moods",)).to_dict()))
    (tmp_path / "settings.json").write_text(json.dumps(whole))
    assert read_settings(tmp_path) == settings(data=("moods",))
    (tmp_path / "settings.json").write_text(json.dumps(whole | {name: value}))
    with pytest.raises(UsageError, match=f"the training setting {name} cannot be"):
        read_settings(tmp_path)


def broken_after(iterations: int, what: str) -> Any:
    """`Trainer.iterate` that breaks the weights, or a loss, at one iteration."""
    iterate = Trainer.iterate

    def wrapped(self: Trainer) -> dict[str, torch.Tensor]:
        losses = iterate(self)
        if self.iteration == iterations:
            if what == "loss":
                losses["D/real"] = torch.tensor(float("inf"))
            else:
                with torch.no_grad():
                    next(self.generator.parameters())[0] = float("nan")
        return losses

    return wrapped


@pytest.mark.parametrize("what", ["loss", "weights"])
def test_numbers_that_are_none_stop_the_run_and_keep_the_last_good_checkpoint(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "iterate", broken_after(4, what))
    sparse = settings(data=chosen.data, log_every=1 if what == "loss" else 100)
    with pytest.raises(TrainingError, match="iteration 4: .* no longer a finite number; .* iteration 2 is kept"):
        run_training(tmp_path, sparse, cache)
    monkeypatch.undo()
    assert weights.load(str(tmp_path / "weights.safetensors")).card.training["iterations"] == 2
    run_training(tmp_path, changed(read_settings(tmp_path), log_every=1), cache, resume=True)
    last, expected = (load_checkpoint(run / "checkpoints" / "00000008.safetensors") for run in (tmp_path, whole))
    assert all(torch.equal(tensor, expected.tensors[name]) for name, tensor in last.tensors.items())


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_costs_a_checkpoint_but_not_the_run(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file, calls = weights.save_file, []

    def full_at_first(tensors: Any, path: Path, **more: Any) -> None:
        calls.append(path)
        if len(calls) <= 3:  # both checkpoints, then the weights beside the third
            Path(path).write_bytes(b"half a file")
            raise error
        save_file(tensors, path, **more)

    monkeypatch.setattr(weights, "save_file", full_at_first)
    said: list[str] = []
    run_training(tmp_path, chosen, cache, say=said.append)
    assert [text.split(" could")[0] for text in said] == [f"the checkpoint of iteration {i}" for i in (2, 4, 6)]
    assert "No space left" in said[0] and not list(tmp_path.rglob("*.tmp"))
    same_end(tmp_path, whole)


def test_a_disk_that_is_full_at_the_end_is_an_error(
    tmp_path: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    before = (tmp_path / "weights.safetensors").read_bytes()

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(TrainingError, match="iteration 8 or its weights could not be written.*No space left") as caught:
        run_training(tmp_path, chosen, cache, resume=True)
    assert "--resume" in str(caught.value.hint)
    assert (tmp_path / "weights.safetensors").read_bytes() == before


def test_a_run_ends_at_its_deadline(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    outcome = run_training(tmp_path, chosen, cache, deadline=time.monotonic() - 1)
    assert (outcome.iteration, outcome.reason) == (0, "time")
    outcome = run_training(tmp_path, chosen, cache, resume=True, deadline=time.monotonic() + 600)
    assert (outcome.iteration, outcome.reason) == (8, "finished")


def test_samples_show_each_attribute(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    several = settings(data=chosen.data, sample_every=2, output="attention")
    run_training(tmp_path, several, cache, stop=after(3))
    grids = sorted((tmp_path / "samples").iterdir())
    assert [grid.name for grid in grids] == [f"{i:08d}-moods.png" for i in (0, 2, 3)]
    with Image.open(grids[0]) as grid:
        assert grid.size == (16 * 4, 16 * 8)  # source, happy, sad, mask; eight held-out pictures


def test_progress_keeps_showing_the_losses(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    notes: list[str] = []
    sparse = settings(data=chosen.data, log_every=2)
    run_training(tmp_path, sparse, cache, progress=lambda done, total, note="": notes.append(note), stop=after(4))
    assert all("D/gp" in note for note in notes) and all("G/rec" in note for note in notes[1:])


def test_a_resumed_run_may_change_how_but_not_what(chosen: TrainSettings) -> None:
    assert changed(chosen, iterations=20, lr=1e-5).iterations == 20
    with pytest.raises(UsageError, match="keeps its --batch-size: 4, not 8"):
        changed(chosen, batch_size=8)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    with pytest.raises(UsageError, match="does not fit the settings of the run"):
        run_training(tmp_path, settings(data=chosen.data, width=8), cache, resume=True)


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run to resume"):
        read_settings(tmp_path)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(UsageError, match="settings.json cannot be read: Expecting"):
        read_settings(tmp_path)


def test_a_run_of_a_version_with_other_settings_is_refused_in_one_line_that_names_them(tmp_path: Path) -> None:
    old = preset("fast").to_dict() | {"teacher": None, "face_shade": 0.65, "lambda_stay": 60.0}
    (tmp_path / "settings.json").write_text(json.dumps(old))
    with pytest.raises(UsageError) as caught:
        read_settings(tmp_path)
    assert str(caught.value).endswith("it holds settings of another version: face_shade, lambda_stay, teacher")
    assert "\n" not in str(caught.value)
    assert f"--init-from {tmp_path / 'weights.safetensors'}" in str(caught.value.hint)


# Starting from other weights


def test_a_larger_size_and_more_attributes_start_from_the_weights(tmp_path: Path, cache: Path) -> None:
    root = str(celeba(tmp_path / "data"))
    first = settings(root=root, attributes=("Male", "Smiling"), iterations=2)
    run_training(tmp_path / "first", first, cache)
    given = weights.load(str(tmp_path / "first" / "weights.safetensors"))
    second = settings(
        root=root,
        attributes=("Young", "Smiling", "Male"),
        image_size=32,
        discriminator_layers=3,
        init_from=str(given.path),
        iterations=2,
        lr=1e-30,
        d_lr=1e-30,
    )
    said: list[str] = []
    run_training(tmp_path / "second", second, cache, say=said.append)
    found = weights.load(str(tmp_path / "second" / "weights.safetensors"))
    new, old = found.generator.state_dict(), given.generator.state_dict()
    assert all(torch.equal(new[name], old[name]) for name in new if name != "main.0.weight")
    planes, before = new["main.0.weight"], old["main.0.weight"]
    assert torch.equal(planes[:, :3], before[:, :3])
    assert torch.equal(planes[:, 4], before[:, 4]) and torch.equal(planes[:, 5], before[:, 3])  # Smiling, Male
    assert planes[:, 3].abs().max() < 1e-20, "Young is new: it changes nothing yet"
    assert found.discriminator is not None and given.discriminator is not None
    judge, judge_before = found.discriminator.state_dict(), given.discriminator.state_dict()
    assert torch.equal(judge["main.2.weight"], judge_before["main.2.weight"])
    assert said == ["the discriminator starts afresh in: main.4.weight, main.4.bias, conv1.weight, conv2.weight"]


def test_the_card_says_what_the_weights_to_start_from_had_seen(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    def card(run: Path) -> dict[str, Any]:
        return weights.load(str(run / "weights.safetensors")).card.training

    second = settings(data=chosen.data, init_from=str(whole / "weights.safetensors"), iterations=4)
    run_training(tmp_path / "second", second, cache, stop=after(2))
    run_training(tmp_path / "second", second, cache, resume=True)
    third = settings(data=chosen.data, init_from=str(tmp_path / "second" / "weights.safetensors"), iterations=1)
    run_training(tmp_path / "third", third, cache)
    first = {"iterations": 8, "hours": card(whole)["hours"]}
    assert "started_from" not in card(whole)
    assert card(tmp_path / "second")["started_from"] == first
    assert card(tmp_path / "third")["started_from"] == {
        "iterations": 4, "hours": card(tmp_path / "second")["hours"], "started_from": first
    }  # fmt: skip


def test_the_card_says_that_the_weights_to_start_from_were_a_mean(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    given = weights.load(str(whole / "weights.safetensors"))
    mean = averaged([given, given])
    assert mean.discriminator is not None
    weights.save(tmp_path / "mean.safetensors", mean.card, mean.generator.state_dict(), mean.discriminator.state_dict())
    started = settings(data=chosen.data, init_from=str(tmp_path / "mean.safetensors"), iterations=1)
    run_training(tmp_path / "run", started, cache)
    card = weights.load(str(tmp_path / "run" / "weights.safetensors")).card
    part = f"weights.safetensors (sha256 {given.fingerprint[:16]})"
    assert card.training["started_from"]["mean_of"] == [part, part]


def test_weights_of_another_width_are_refused(tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path) -> None:
    other = settings(data=chosen.data, width=8, init_from=str(whole / "weights.safetensors"))
    with pytest.raises(UsageError, match="does not fit this model") as caught:
        run_training(tmp_path, other, cache)
    assert "width" in str(caught.value.hint)


# Several data sets


def test_three_sets_train_one_generator(tmp_path: Path, cache: Path) -> None:
    root = celeba(tmp_path / "data")
    folders = [class_folders(tmp_path / name, {"happy": 4, name: 4}) for name in ("sad", "angry")]
    chosen = settings(
        data=("celeba", *map(str, folders)),
        root=str(root),
        attributes=("Black_Hair", "Blond_Hair", "Male"),
        groups=(("moods",),),
        aliases=(("cheerful", "moods:happy"),),
        mix=(2, 1, 1),
        sample_every=2,
    )
    run_training(tmp_path / "whole", chosen, cache)
    run_training(tmp_path / "run", chosen, cache, stop=after(3))
    run_training(tmp_path / "run", chosen, cache, resume=True)
    same_end(tmp_path / "run", tmp_path / "whole")
    assert {name.split("/")[0] for name in log_rows(tmp_path / "run")[-1]} == {"iteration", "celeba", "moods", "angry"}
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 3 * len((0, 2, 3, 4, 6, 8))

    card = weights.load(str(tmp_path / "run" / "weights.safetensors")).card
    assert [label_set.attributes for label_set in card.layout.sets[1:]] == [("happy", "sad"), ("angry", "happy")]
    assert (card.model.label_dim, card.model.class_dim) == (3 + 2 + 2 + 3, 7)
    assert card.training["settings"]["data"] == ["celeba", "moods", "angry"]
    assert "non-commercial research" in card.training["terms"]
    assert str(tmp_path) not in card.to_json()
    plan = passes(card.layout, parse_set("cheerful,blond,angry:happy", card.layout, card.aliases))
    assert plan == [(1, {"happy": 1.0}), (0, {"Blond_Hair": 1.0}), (2, {"happy": 1.0})]


def test_a_joined_run_starts_from_the_weights_of_one_set(tmp_path: Path, whole: Path, moods: Path, cache: Path) -> None:
    other = class_folders(tmp_path / "other", {"happy": 4, "angry": 4})
    joined = settings(
        data=(str(other), str(moods)), init_from=str(whole / "weights.safetensors"), iterations=2, lr=1e-30, d_lr=1e-30
    )
    run_training(tmp_path / "first", joined, cache)
    given = weights.load(str(whole / "weights.safetensors"))
    found = weights.load(str(tmp_path / "first" / "weights.safetensors"))
    before, planes = given.generator.state_dict()["main.0.weight"], found.generator.state_dict()["main.0.weight"]
    # labels: angry, happy (other); happy, sad (moods); two mask entries
    assert torch.equal(planes[:, 3 + 2 : 3 + 4], before[:, 3:5])
    assert torch.equal(planes[:, 3 + 1], before[:, 3]), "the nearest there is for other:happy"
    assert planes[:, 3 + 0].abs().max() < 1e-20, "there is none for angry"

    assert found.discriminator is not None
    told_apart = torch.randn_like(planes)
    weights.save(
        tmp_path / "told-apart.safetensors",
        found.card,
        found.generator.state_dict() | {"main.0.weight": told_apart},
        found.discriminator.state_dict(),
    )
    swapped = settings(
        data=(str(moods), str(other)),
        init_from=str(tmp_path / "told-apart.safetensors"),
        iterations=2,
        lr=1e-30,
        d_lr=1e-30,
    )
    run_training(tmp_path / "second", swapped, cache)
    again = weights.load(str(tmp_path / "second" / "weights.safetensors")).generator.state_dict()["main.0.weight"]
    assert torch.equal(again[:, 3:], told_apart[:, 3:][:, [2, 3, 0, 1, 5, 4]])
