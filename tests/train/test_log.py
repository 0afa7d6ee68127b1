"""Rows and sample grids: at the start, at the end, and by time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from training_kit import class_folders, log_rows, run_training, settings

from stargan_cli.errors import UsageError
from stargan_cli.train.log import Board, RunLog
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


def test_lines_that_somebody_wrote_into_the_log_are_kept_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    log = RunLog(tmp_path / "log.jsonl", said.append)
    lines = [
        b"# mine",
        b'{"iteration": 1, "D/real": 0.5, "note": "\xe2\x80\xa8"}',
        b'{"iteration": 2},',
        b'{"iteration": "x"}',
        b"[" * 100_000,
        b"\xff\xfe\0",
        b'{"iteration": 7}',
        b'{"iteration": 2, "eval/score": 0.5}',
    ]
    log.path.write_bytes(b"\n".join(lines))
    log.keep_until(6)
    assert log.path.read_bytes() == b"".join(line + b"\n" for line in lines if b"7" not in line)
    assert said == [f"{log.path}, line 1, and 4 more lines of it, is no row of a log; kept as it is"]
    assert log.has(2, "eval/score") and not log.has(1, "eval/score")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_log_that_an_editor_saved_in_its_encoding_keeps_its_rows(tmp_path: Path, encoding: str) -> None:
    said: list[str] = []
    log = RunLog(tmp_path / "log.jsonl", said.append)
    log.path.write_text("".join(f'{{"iteration": {i}}}\n' for i in (1, 2, 3)), encoding=encoding)
    log.keep_until(2)
    log.write({"iteration": 3})
    assert [row["iteration"] for row in log_rows(tmp_path)] == [1, 2, 3] and said == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_in_the_place_of_the_log_is_said_and_not_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    log = RunLog(tmp_path / "log.jsonl", said.append)
    os.mkfifo(log.path)
    log.keep_until(0)
    log.write({"iteration": 1})
    log.sync()
    assert said == [f"the log {log.path} cannot be written (not a regular file but a FIFO); going on"]


def events(folder: Path) -> Any:
    """What TensorBoard reads in a folder."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def test_tensorboard_reads_scalars_and_grids(tmp_path: Path, rare: TrainSettings) -> None:
    run, chosen = tmp_path / "run", settings(data=rare.data, **RARE, log="tensorboard")
    run_training(run, chosen, tmp_path / "c")
    found = events(run / "tensorboard")
    rows = {row["iteration"]: row for row in log_rows(run)}
    assert {event.step: event.value for event in found.Scalars("G/rec")} == pytest.approx({8: rows[8]["G/rec"]})
    assert [event.step for event in found.Scalars("D/real")] == [1, 8]
    assert [(event.step, event.width, event.height) for event in found.Images("moods")] == [(0, 48, 128), (8, 48, 128)]


def test_tensorboard_hides_what_a_resumed_run_writes_again(tmp_path: Path) -> None:
    for start, value in ((0, 0.25), (2, 0.5)):
        board = Board(tmp_path, start, print)
        for iteration in (start + 1, start + 2, start + 3):
            board.scalars({"D/real": value}, iteration)
    found = events(tmp_path).Scalars("D/real")
    assert [(event.step, event.value) for event in found] == [(1, 0.25), (2, 0.25), (3, 0.5), (4, 0.5), (5, 0.5)]


def test_after_a_full_disk_log_and_tensorboard_get_later_rows_whole(tmp_path: Path) -> None:
    """A limit on the size of files, which cuts a row in the middle as a full disk does."""
    resource = pytest.importorskip("resource")
    said: list[str] = []
    log, board = RunLog(tmp_path / "log.jsonl", said.append), Board(tmp_path / "board", 0, said.append)

    def write(iteration: int) -> None:
        log.write({"iteration": iteration})
        board.scalars({"D/real": 0.5, "D/fake": 0.5}, iteration)

    write(1)
    (file,) = (tmp_path / "board").iterdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for path, iteration in ((tmp_path / "log.jsonl", 2), (file, 3)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 9, before[1]))
        try:
            write(iteration)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    write(4)
    assert len(said) == 2 and all("cannot be written" in text for text in said)
    assert [row["iteration"] for row in log_rows(tmp_path)] == [1, 3, 4]
    for name in ("D/real", "D/fake"):
        assert [event.step for event in events(tmp_path / "board").Scalars(name)] == [1, 4]


def test_without_its_package_tensorboard_is_refused_with_the_extra(
    tmp_path: Path, rare: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UsageError, match="--log tensorboard needs tensorboard") as caught:
        Board(tmp_path, 0, print)
    assert "pip install 'stargan-cli[tensorboard]'" in str(caught.value.hint)
