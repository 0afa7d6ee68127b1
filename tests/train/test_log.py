"""Rows and sample grids: at the start, at the end, and by time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from training_kit import class_folders, log_rows, run_training, settings

from stargan_cli.errors import UsageError
from stargan_cli.train.log import Board
from stargan_cli.train.recipe.settings import TrainSettings

RARE = {"log_every": 1000, "sample_every": 1000, "checkpoint_every": 1000}


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> TrainSettings:
    return settings(data=(str(class_folders(tmp_path_factory.mktemp("d") / "moods", {"happy": 6, "sad": 6})),), **RARE)


def iterations(folder: Path) -> list[int]:
    return sorted(int(path.name[:8]) for path in folder.iterdir())


def test_a_short_run_leaves_a_row_and_a_grid_of_its_start_and_end(tmp_path: Path, rare: TrainSettings) -> None:
    run_training(tmp_path / "run", rare, tmp_path / "c")
    assert [row["iteration"] for row in log_rows(tmp_path / "run")] == [1, 8]
    assert "G/rec" in log_rows(tmp_path / "run")[-1]
    assert iterations(tmp_path / "run" / "samples") == [0, 8]


def test_a_stopped_run_leaves_a_row_and_a_grid_too(tmp_path: Path, rare: TrainSettings) -> None:
    calls = iter(range(100))
    run_training(tmp_path / "run", rare, tmp_path / "c", stop=lambda: next(calls) >= 3)
    assert [row["iteration"] for row in log_rows(tmp_path / "run")] == [1, 3]
    assert iterations(tmp_path / "run" / "samples") == [0, 3]
    run_training(tmp_path / "run", rare, tmp_path / "c", resume=True)
    assert [row["iteration"] for row in log_rows(tmp_path / "run")] == [1, 3, 8]
    assert iterations(tmp_path / "run" / "samples") == [0, 3, 8]


def test_rows_grids_and_checkpoints_come_by_time_as_well(tmp_path: Path, rare: TrainSettings) -> None:
    often = settings(data=rare.data, **RARE, log_seconds=1e-9, sample_seconds=1e-9, checkpoint_seconds=1e-9, keep=9)
    run_training(tmp_path / "run", often, tmp_path / "c")
    assert [row["iteration"] for row in log_rows(tmp_path / "run")] == list(range(1, 9))
    assert iterations(tmp_path / "run" / "samples") == list(range(9))
    assert iterations(tmp_path / "run" / "checkpoints") == list(range(1, 9))


def test_tensorboard_gets_scalars_and_grids(
    tmp_path: Path, rare: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            heard.append(("open", folder, purge_step))

        def add_scalar(self, name: str, value: float, iteration: int) -> None:
            heard.append(("scalar", name, iteration))

        def add_image(self, name: str, pixels: torch.Tensor, iteration: int, dataformats: str) -> None:
            heard.append(("image", name, iteration, tuple(pixels.shape), dataformats))

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", type("Module", (), {"SummaryWriter": Writer}))
    said: list[str] = []
    chosen = settings(data=rare.data, **RARE, log="tensorboard")
    run_training(tmp_path / "run", chosen, tmp_path / "c", say=said.append)
    assert heard[0] == ("open", str(tmp_path / "run" / "tensorboard"), 1)
    assert [one[1:3] for one in heard if one[0] == "image"] == [("moods", 0), ("moods", 8)]
    assert ("image", "moods", 8, (128, 48, 3), "HWC") in heard
    assert ("scalar", "D/real", 1) in heard and ("scalar", "G/rec", 8) in heard
    assert [row["iteration"] for row in log_rows(tmp_path / "run")] == [1, 8]
    assert len(said) == 1 and "No space left" in said[0]


def test_without_its_package_tensorboard_is_refused_with_the_extra(
    tmp_path: Path, rare: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="--log tensorboard needs a package") as caught:
        Board(tmp_path, 0, print)
    assert "pip install 'stargan-cli[tensorboard]'" in str(caught.value.hint)


def test_tensorboard_itself_reads_what_is_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path, 0, print)
    board.scalars({"D/real": 0.5}, 3)
    board.picture("moods", torch.zeros(4, 6, 3, dtype=torch.uint8), 3)
    board.close()
    found = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in found.Scalars("D/real")] == [(3, 0.5)]
    assert [event.step for event in found.Images("moods")] == [3]
