"""Damaged checkpoints, full disks, and numbers that are none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from safetensors import SafetensorError
from training_kit import after, run_training, same_end, settings

from stargan_cli.errors import TrainingError, UsageError
from stargan_cli.train import saving
from stargan_cli.train.data import load_data
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import check
from stargan_cli.train.run_folder import RunFolder, read_settings, with_changes
from stargan_cli.weights import checkpoints, writing
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import latest_checkpoint, load_checkpoint, save_checkpoint
from stargan_cli.weights.files import read_card

pytestmark = pytest.mark.numeric


def test_what_a_killed_run_left_half_written_is_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    left_over = tmp_path / "checkpoints" / ".00000004.safetensors.77.tmp"
    left_over.write_bytes(b"half")
    with RunFolder(tmp_path):
        assert not left_over.exists()


KILLED_WHILE_WRITING = """
import resource, signal, sys, torch
from pathlib import Path
from stargan_cli.weights.checkpoints import save_checkpoint

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
save_checkpoint(Path(sys.argv[1]), 4, {"x": torch.zeros(100_000)}, {}, keep=1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of a file's size kills a process there")
def test_a_run_that_is_killed_while_it_writes_a_checkpoint_leaves_nothing_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(folder)])
    assert killed.returncode == -signal.SIGXFSZ and any(folder.iterdir())
    with RunFolder(tmp_path):
        assert not any(folder.iterdir())


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
    with pytest.raises(TrainingError, match="all checkpoints in .* are damaged") as caught:
        run_training(tmp_path, chosen, cache, resume=True)
    assert f"--init-from {tmp_path / 'weights.safetensors'}" in str(caught.value.hint)


def test_damaged_newer_checkpoints_never_push_out_a_whole_one(tmp_path: Path) -> None:
    tensors = {"x": torch.ones(3)}
    save_checkpoint(tmp_path, 4, tensors, {}, keep=1)
    (tmp_path / "00000006.safetensors").write_bytes(b"damaged")
    save_checkpoint(tmp_path, 5, tensors, {}, keep=1)
    found, complaints = latest_checkpoint(tmp_path)
    assert found is not None and found.record["iteration"] == 5 and complaints == []


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
    writing.save_tensors(path, found.tensors, {"stargan_checkpoint": record})
    with pytest.raises(TrainingError, match="all checkpoints in .* are damaged"):
        run_training(tmp_path, chosen, cache, resume=True)


def test_a_checkpoint_whose_record_was_damaged_gives_way_to_the_one_before(tmp_path: Path) -> None:
    for iteration in (4, 5):
        newest = save_checkpoint(tmp_path, iteration, {"x": torch.ones(3)}, {"seconds": 1.0}, keep=2)
    newest.write_bytes(newest.read_bytes().replace(rb"\"seconds\": 1.0", rb"\"seconds\": 9.0"))
    found, complaints = latest_checkpoint(tmp_path)
    assert found is not None and found.record["iteration"] == 4
    assert len(complaints) == 1 and "the checksum of its record is wrong" in complaints[0]


def test_a_folder_that_is_called_like_a_checkpoint_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "99999999.safetensors").mkdir()
    save_checkpoint(tmp_path, 4, {"x": torch.ones(3)}, {}, keep=1)
    found, complaints = latest_checkpoint(tmp_path)
    assert found is not None and found.record["iteration"] == 4 and complaints == []
    assert (tmp_path / "99999999.safetensors").is_dir()


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


@pytest.mark.parametrize("what", ["loss", "weights", "evaluated weights"])
def test_numbers_that_are_none_stop_the_run_and_keep_the_last_good_checkpoint(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "iterate", broken_after(4, what))
    evaluated = {"eval_every": 4} if what == "evaluated weights" else {}
    sparse = settings(data=chosen.data, log_every=1 if what == "loss" else 100, **evaluated)
    with pytest.raises(TrainingError, match="iteration 4: .* no longer a finite number; .* iteration 2 is kept"):
        run_training(tmp_path, sparse, cache, evaluate=lambda path: {"score": 1.0})
    monkeypatch.undo()
    assert weights.load(str(tmp_path / "weights.safetensors")).card.training["iterations"] == 2
    run_training(tmp_path, with_changes(read_settings(tmp_path), log_every=1, eval_every=0), cache, resume=True)
    last, expected = (load_checkpoint(run / "checkpoints" / "00000008.safetensors") for run in (tmp_path, whole))
    assert all(torch.equal(tensor, expected.tensors[name]) for name, tensor in last.tensors.items())


@pytest.mark.parametrize(("dtype", "helps"), [(torch.float32, False), (torch.bfloat16, True)])
def test_fp32_is_advised_only_where_it_was_not_used(
    tmp_path: Path, chosen: TrainSettings, cache: Path, dtype: torch.dtype, helps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "iterate", broken_after(1, "loss"))
    monkeypatch.setattr("stargan_cli.train.run.pick_precision", lambda name, device: dtype)
    with pytest.raises(TrainingError) as caught:
        run_training(tmp_path, replace(chosen, precision="auto"), cache)
    assert ("--precision fp32" in str(caught.value.hint)) == helps


def test_numbers_that_fp16_cannot_hold_are_not_written(
    tmp_path: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = Trainer.state
    monkeypatch.setattr(Trainer, "state", lambda self: state(self) | {"ema.main.0.weight": torch.tensor(7e4)})
    with pytest.raises(TrainingError, match=r"ema\.main\.0\.weight is no longer a finite number"):
        run_training(tmp_path, settings(data=chosen.data, checkpoint_dtype="fp16"), cache)
    assert not any((tmp_path / "checkpoints").glob("*"))


def test_copies_that_somebody_made_of_a_checkpoint_are_theirs(
    tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    folder = tmp_path / "checkpoints"
    names = ["00000002-good.safetensors", "00000002 (copy).safetensors", "2026-best.safetensors", "9.safetensors"]
    for name in names:
        (folder / name).write_bytes((folder / "00000002.safetensors").read_bytes())
    run_training(tmp_path, replace(chosen, keep=1), cache, resume=True)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "00000008.safetensors"])


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be made there")
def test_a_run_folder_that_could_not_be_read_again_is_refused(tmp_path: Path, chosen: TrainSettings) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9"))
    with pytest.raises(UsageError, match="is not in UTF-8"):
        check(folder, chosen, load_data(chosen)[1], device="cpu")
    folder.mkdir()
    save_checkpoint(folder, 8, {"x": torch.zeros(1)}, {}, keep=1)
    with pytest.raises(UsageError, match="is not in UTF-8"):  # and not taken for damaged
        latest_checkpoint(folder)


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (PermissionError(13, "Permission denied"), "run it as the user who made it"),
        (OSError(116, "Stale file handle"), "run it again, or move that file away"),
        (OSError("No such device (os error 19)"), "run it again, or move that file away"),  # as safetensors raises it
        (SafetensorError("I/O error: Cannot allocate memory (os error 12)"), "run it again, or move that file away"),
    ],
)
def test_a_checkpoint_that_may_not_be_read_is_not_passed_over(
    tmp_path: Path, error: Exception, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for iteration in (2, 4):
        save_checkpoint(tmp_path, iteration, {"x": torch.zeros(1)}, {}, keep=2)
    open_tensors = checkpoints.open_tensors

    def refused(path: Path) -> Any:
        if path.name == "00000004.safetensors":
            raise error
        return open_tensors(path)

    monkeypatch.setattr(checkpoints, "open_tensors", refused)
    with pytest.raises(UsageError, match=r"cannot read the checkpoint .*00000004\.safetensors: ") as caught:
        latest_checkpoint(tmp_path)
    assert hint in str(caught.value.hint)
    (tmp_path / "00000004.safetensors").rename(tmp_path / "away")
    found, _ = latest_checkpoint(tmp_path)
    assert found is not None and found.record["iteration"] == 2


def test_a_full_disk_costs_a_checkpoint_but_not_the_run(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = writing._write, []

    def full_at_first(file: BinaryIO, *content: Any) -> None:
        calls.append(file)
        if len(calls) in (1, 3, 6):  # two checkpoints, then the weights beside the third
            file.write(b"half a file")
            raise OSError(28, "No space left on device")
        write(file, *content)

    monkeypatch.setattr(writing, "_write", full_at_first)
    said: list[str] = []
    run_training(tmp_path, chosen, cache, say=said.append)
    failed = [("checkpoint", 2), ("checkpoint", 4), ("weights", 6)]
    assert [text.split(" could")[0] for text in said] == [f"the {what} of iteration {i}" for what, i in failed]
    assert "No space left" in said[0] and not list(tmp_path.rglob("*.tmp"))
    same_end(tmp_path, whole)


@pytest.mark.parametrize("weights_too", [False, True])
def test_a_first_checkpoint_that_is_refused_for_good_ends_the_run(
    tmp_path: Path, chosen: TrainSettings, cache: Path, weights_too: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(*((writing, "_write") if weights_too else (saving, "save_checkpoint")), refused)
    with pytest.raises(
        TrainingError,
        match="the checkpoint of iteration 2 could not be written: Operation not permitted; there is none yet",
    ) as caught:
        run_training(tmp_path, chosen, cache)
    assert str(caught.value.hint) == (
        "allow writing there and go on with --resume, or choose another --run"
        if weights_too
        else f"go on with --init-from {tmp_path / 'weights.safetensors'} and another --run"
    )


def test_a_later_checkpoint_that_is_refused_is_a_warning(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint, calls = saving.save_checkpoint, []

    def refused_once(*content: Any) -> Any:
        calls.append(content)
        if len(calls) == 2:
            raise PermissionError(1, "Operation not permitted")
        return save_checkpoint(*content)

    monkeypatch.setattr(saving, "save_checkpoint", refused_once)
    said: list[str] = []
    run_training(tmp_path, chosen, cache, say=said.append)
    assert len(said) == 1 and said[0].endswith("the latest one is of iteration 2; going on")
    same_end(tmp_path, whole)


@pytest.mark.parametrize(
    ("earlier", "hint"), [(2, "go on with --resume"), (0, "go on with --init-from {weights} and another --run")]
)
def test_a_disk_without_room_for_the_checkpoint_still_gets_the_weights(
    earlier: int, hint: str, tmp_path: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if earlier:
        run_training(tmp_path, chosen, cache, stop=after(earlier))

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "save_checkpoint", full)
    with pytest.raises(TrainingError, match="the checkpoint of iteration 8 could not be written") as caught:
        run_training(tmp_path, chosen, cache, resume=True)
    assert "weights of" not in str(caught.value)
    assert str(caught.value.hint) == "make room and " + hint.format(weights=tmp_path / "weights.safetensors")
    assert read_card(tmp_path / "weights.safetensors").training["iterations"] == 8


def test_a_disk_that_is_full_at_the_end_is_an_error(
    tmp_path: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    before = (tmp_path / "weights.safetensors").read_bytes()

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write", full)
    with pytest.raises(
        TrainingError,
        match="the checkpoint of iteration 8 could not be written: No space left on device; "
        "the latest one is of iteration 2; the weights of iteration 8 could not be",
    ) as caught:
        run_training(tmp_path, chosen, cache, resume=True)
    assert "--resume" in str(caught.value.hint)
    assert (tmp_path / "weights.safetensors").read_bytes() == before
