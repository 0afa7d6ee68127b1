"""A run that was stopped goes on as if nothing had been, on the same data and with the same settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from training_kit import after, class_folders, log_rows, picture, run_training, same_end, settings

from stargan_cli.errors import DataError, UsageError
from stargan_cli.settings import DATA, declared
from stargan_cli.train import session
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import read_settings, with_changes
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.numeric


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


@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_a_rounded_checkpoint_does_not_round_the_weights_of_its_iteration(
    tmp_path: Path, chosen: TrainSettings, cache: Path, dtype: str
) -> None:
    run_training(tmp_path, replace(chosen, checkpoint_dtype=dtype), cache)
    before = load_file(tmp_path / "weights.safetensors")
    run_training(tmp_path, replace(read_settings(tmp_path), aliases=(("glad", "happy"),)), cache, resume=True)
    after_it = load_file(tmp_path / "weights.safetensors")
    assert all(torch.equal(tensor, after_it[name]) for name, tensor in before.items())
    assert weights.read_card(tmp_path / "weights.safetensors").aliases == {"glad": "happy"}


def test_the_checkpoint_of_a_finished_run_can_be_made_lighter(
    tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    run_training(tmp_path, chosen, cache)
    checkpoint = tmp_path / "checkpoints" / "00000008.safetensors"
    before = checkpoint.stat().st_size
    run_training(tmp_path, replace(chosen, checkpoint_dtype="fp16", checkpoint_moments=False), cache, resume=True)
    assert checkpoint.stat().st_size < 0.4 * before


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


def test_fewer_iterations_than_are_done_are_refused(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(4))
    with pytest.raises(UsageError, match="--iterations 3 is less than the 4 that the run has done"):
        run_training(tmp_path, replace(chosen, iterations=3), cache, resume=True)
    assert read_settings(tmp_path) == chosen


def test_changed_data_is_noticed(tmp_path: Path, cache: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 4, "b": 4})
    chosen = settings(data=(str(folder),))
    run_training(tmp_path / "run", chosen, cache, stop=after(2))
    moved = folder / "train" / "a" / "a-tr-0.png"
    moved.rename(folder / "train" / "b" / "a-tr-0.png")
    with pytest.raises(DataError, match="pictures, labels or groups changed") as caught:
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
    with pytest.raises(DataError, match="pictures, labels or groups changed"):
        run_training(tmp_path / "run", chosen, cache, resume=True)
    replaced.write_bytes(before)
    assert run_training(tmp_path / "run", chosen, cache, resume=True).iteration == 8


def test_checkpoints_that_do_not_know_the_files_go_on(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    found = load_checkpoint(tmp_path / "checkpoints" / "00000002.safetensors")
    record = {name: value for name, value in found.record.items() if name not in ("files", "iteration", "checksum")}
    save_checkpoint(tmp_path / "checkpoints", 2, found.tensors, record, keep=1)
    assert run_training(tmp_path, chosen, cache, resume=True).iteration == 8


def test_a_resumed_run_may_change_how_but_not_what(chosen: TrainSettings) -> None:
    assert with_changes(chosen, iterations=20, lr=1e-5).iterations == 20
    with pytest.raises(UsageError, match="keeps its --batch-size: 4, not 8"):
        with_changes(chosen, batch_size=8)
    with pytest.raises(UsageError, match="keeps its --seed: 0, not 3"):
        with_changes(chosen, seed=3)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    with pytest.raises(UsageError, match="does not fit the settings of the run: size mismatch for main") as caught:
        run_training(tmp_path, settings(data=chosen.data, width=8), cache, resume=True)
    with pytest.raises(UsageError, match=r"does not fit the settings of the run: it has no tensor generator\.main"):
        run_training(tmp_path, settings(data=chosen.data, blocks=5), cache, resume=True)
    assert "\n" not in str(caught.value)
    for other, said in ({"seed": 3}, "--seed 0, and settings.json has 3"), ({"batch_size": 2}, "--batch-size 4, and"):
        with pytest.raises(UsageError, match=f"00000002.safetensors was trained with {said}"):
            run_training(tmp_path, replace(chosen, **other), cache, resume=True)
    assert read_settings(tmp_path) == chosen


def test_a_finished_run_does_not_claim_other_settings(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache)
    with pytest.raises(UsageError, match="has done all 8 iterations: --lambda-rec 1.5 has no effect"):
        run_training(tmp_path, replace(chosen, lambda_rec=1.5), cache, resume=True)
    with pytest.raises(UsageError, match="--weigh-classes on has no effect"):
        run_training(tmp_path, replace(chosen, weigh_classes=True), cache, resume=True)
    with pytest.raises(UsageError, match="--precision bf16 has no effect") as caught:
        run_training(tmp_path, replace(chosen, precision="bf16"), cache, resume=True)
    assert "leave --precision at fp32" in str(caught.value.hint)
    assert read_settings(tmp_path) == chosen
    assert run_training(tmp_path, replace(chosen, graphs=False), cache, resume=True).iteration == 8
    changed = replace(chosen, lambda_rec=1.5, iterations=10)
    assert run_training(tmp_path, changed, cache, resume=True).iteration == 10


def test_of_the_data_a_finished_run_takes_only_their_place_and_new_words() -> None:
    """`refuse_changes_without_effect` passes over this panel."""
    changeable = {name for name, one in declared(TrainSettings).items() if one.setting.changeable}
    assert {name for name in changeable if declared(TrainSettings)[name].setting.panel == DATA} == {
        "data",
        "root",
        "aliases",
    }
