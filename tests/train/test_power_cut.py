"""A training run and a power cut: it goes on from a checkpoint that is whole, whenever the power goes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from power_cut import forgetful_disk, on_linux
from training_kit import class_folders, log_rows, run_training, settings

from stargan_cli.train.run_folder import RunFolder, read_settings
from stargan_cli.weights.checkpoints import latest_checkpoint
from stargan_cli.weights.files import load

pytestmark = on_linux
Way = Literal["eager", "lazy"]


@pytest.mark.parametrize("way", ["eager", "lazy"])
def test_a_run_goes_on_after_a_power_cut_at_any_moment(way: Way, tmp_path: Path) -> None:
    data, cache, place = (
        class_folders(tmp_path / "moods", {"happy": 4, "sad": 4}),
        tmp_path / "cache",
        tmp_path / "disk",
    )
    place.mkdir()
    chosen = settings(data=(str(data),), iterations=6, checkpoint_every=2, keep=2)
    with forgetful_disk(place) as disk:
        run_training(place / "run", chosen, cache)
    whole, rows = load(str(place / "run" / "weights.safetensors")), log_rows(place / "run")
    assert disk.cuts[-1].lazy["run/weights.safetensors"] == (place / "run" / "weights.safetensors").read_bytes()
    resumed = 0
    for number, cut in enumerate(disk.cuts):
        place.rename(tmp_path / f"before-{number}")
        place.mkdir()
        run = cut.found_in(place, way) / "run"
        checkpoint, complaints = latest_checkpoint(run / "checkpoints")
        iteration = checkpoint.record["iteration"] if checkpoint else 0
        assert complaints == [] and iteration >= resumed
        if iteration > resumed:
            resumed = iteration
            run_training(run, read_settings(run), cache, resume=True)
            for name, tensor in load(str(run / "weights.safetensors")).generator.state_dict().items():
                assert torch.equal(tensor, whole.generator.state_dict()[name])
            assert log_rows(run) == rows
    assert resumed == 6


def test_a_power_cut_before_the_first_checkpoint_leaves_settings_that_can_be_read_or_none(tmp_path: Path) -> None:
    path = RunFolder(tmp_path / "run")
    with forgetful_disk(tmp_path) as disk, path as folder:
        folder.write_settings(settings(data=("celeba",)))
    written = (tmp_path / "run" / "settings.json").read_bytes()
    found = {tree.get("run/settings.json") for cut in disk.cuts for tree in (cut.eager, cut.lazy)}
    assert found == {None, written}
