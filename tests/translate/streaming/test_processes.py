"""Worker processes: the same bytes as without them, and no picture, decoder or end of theirs spoils the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fragile
import numpy as np
import pytest
from portraits import photograph
from translation_kit import draw

from stargan_cli.compositing.placement import Place
from stargan_cli.errors import StarganError
from stargan_cli.translate.done_before import FOREIGN
from stargan_cli.translate.report import SHOWN, Report, Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.translate.streaming import fork_server, processes, workers
from stargan_cli.translate.streaming.shared_arrays import GRAIN, Rooms, SharedArrays, unnamed_file

pytestmark = pytest.mark.skipif(
    not processes.SUPPORTED or not Path("/proc/self").exists(), reason="no worker processes here, or no list of them"
)
ROOT = Path(__file__).resolve().parents[3]
Tree = Callable[[Path], dict[str, bytes]]


def go(source: Path, out: Path, weights: Path, rows: list[Row] | None = None, **options: Any) -> Report:
    run = {name: options.pop(name) for name in Run.__dataclass_fields__ if name in options}
    usual: dict[str, Any] = {"spec": "blond", "weights": str(weights), "device": "cpu", "precision": "fp32"}
    settings = TranslationSettings(**(usual | {"batch_size": 2, "workers": 2} | options))
    on_row = rows.append if rows is not None else lambda row: None
    return translate([source], out, settings, Run(**run), on_row=on_row)


def children(parent: int | None = None) -> list[int]:
    """The processes that a process has started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, above = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(above) == (parent or os.getpid()) and state != "Z":
                found.append(int(stat.parent.name))
    return found


def worker_numbers(parent: int | None = None) -> list[int]:
    """The processes that were forked from those that a process has started."""
    return [worker for server in children(parent) for worker in children(server)]


@pytest.fixture
def all_by_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "FEW", 0)


@pytest.fixture
def fragile_decoders(monkeypatch: pytest.MonkeyPatch, all_by_processes: None) -> None:
    monkeypatch.setattr(fork_server, "PROGRAM", fragile.PROGRAM)


@pytest.mark.numeric
@pytest.mark.parametrize("size", ["model", "source"])
def test_processes_write_the_same_bytes_as_threads(
    size: str, pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    options = {"size": size, "spec": None, "each": True}
    by_threads: list[Row] = []
    go(pictures, tmp_path / "threads", weights, by_threads, **options)
    monkeypatch.setattr(workers, "FEW", 2)
    for number in (1, 3):
        out, rows = tmp_path / f"processes-{number}", list[Row]()
        assert go(pictures, out, weights, rows, workers=number, **options).done == 25
        assert tree(out) == tree(tmp_path / "threads")
        assert [(row.source, row.source_label, row.target_label) for row in rows] == [
            (row.source, row.source_label, row.target_label) for row in by_threads
        ]
    assert children() == []


def test_a_picture_of_which_nothing_is_due_has_its_row(
    pictures: Path, tmp_path: Path, weights: Path, all_by_processes: None, tree: Tree
) -> None:
    """What it would become is in the way, and what it shows already is not made."""
    rows: list[Row] = []
    out, options = tmp_path / "out", {"spec": "male=flip", "each": True}
    go(pictures / "a.png", out, weights, rows, **options)
    (made,) = tree(out)
    (out / made).write_bytes((pictures / "b.jpg").read_bytes())
    rows.clear()
    report = go(pictures / "a.png", out, weights, rows, **options)
    assert (report.done, report.skipped, report.failed) == (0, 1, 0)
    assert {row.reason for row in rows} == {FOREIGN, SHOWN}
    assert list(tree(out)) == [made]


@pytest.mark.numeric
def test_processes_find_the_same_faces_as_threads(
    tmp_path: Path, face_weights: Path, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    photos = tmp_path / "in"
    photos.mkdir()
    photograph(Place(40 + 60j, 240 + 30j), Place(420 + 180j, 400 - 40j)).save(photos / "group.jpg")
    photograph(Place(40 + 60j, 240 + 30j), Place(500 + 400j, -200 + 10j)).save(photos / "on its head.jpg")
    photograph().save(photos / "empty.jpg")
    go(photos, tmp_path / "threads", face_weights)
    monkeypatch.setattr(workers, "FEW", 0)
    report = go(photos, tmp_path / "processes", face_weights)
    assert (report.done, report.skipped) == (2, 1)
    assert tree(tmp_path / "processes") == tree(tmp_path / "threads")


def draw_twelve(folder: Path, odd: str, *at: int) -> None:
    """Pictures called a-00.png and so on; those `at` these numbers are called `odd` in place of a."""
    for number in range(12):
        draw(folder / f"{odd if number in at else 'a'}-{number:02}.png", number)


def test_what_is_done_or_broken_is_said_by_processes_too(
    pictures: Path, tmp_path: Path, weights: Path, all_by_processes: None
) -> None:
    (pictures / "empty.png").touch()
    assert go(pictures, tmp_path / "out", weights).done == 5
    rows: list[Row] = []
    report = go(pictures, tmp_path / "out", weights, rows)
    assert (report.done, report.skipped, report.failed) == (0, 5, 1)
    assert [row.reason for row in rows if row.status == "failed"] == ["the file is empty"]


def test_a_picture_that_kills_its_process_fails_by_name_and_alone(
    tmp_path: Path, weights: Path, fragile_decoders: None
) -> None:
    for number in range(20):
        draw(tmp_path / "in" / f"{'kills' if number in (3, 11) else 'picture'}-{number:02}.png", number)
    rows: list[Row] = []
    report = go(tmp_path / "in", tmp_path / "out", weights, rows)
    assert (report.done, report.failed) == (18, 2)
    failed = {Path(row.source).name: row.reason for row in rows if row.status == "failed"}
    assert failed == dict.fromkeys(("kills-03.png", "kills-11.png"), "the process that worked on it ended (SIGSEGV)")
    assert [row.source for row in rows] == sorted(row.source for row in rows)
    assert len(list((tmp_path / "out").glob("*.png"))) == 18
    assert children() == []


def test_an_output_that_does_not_get_onto_the_disk_fails_alone(
    tmp_path: Path, weights: Path, fragile_decoders: None
) -> None:
    draw_twelve(tmp_path / "in", "unsynced", 5)
    rows: list[Row] = []
    report = go(tmp_path / "in", tmp_path / "out", weights, rows)
    assert (report.done, report.failed) == (11, 1)
    ((name, reason),) = [(Path(row.source).name, str(row.reason)) for row in rows if row.status == "failed"]
    assert name == "unsynced-05.png" and "Input/output error" in reason
    assert len(list((tmp_path / "out").iterdir())) == 11


def test_pictures_begin_again_whose_process_died_before_their_outputs_were_there(
    tmp_path: Path, weights: Path, fragile_decoders: None, tree: Tree
) -> None:
    draw_twelve(tmp_path / "in", "dies", 5)
    rows: list[Row] = []
    report = go(tmp_path / "in", tmp_path / "out", weights, rows)
    assert (tmp_path / "died").exists()
    assert {row.status for row in rows if "dies" in row.source} == {"done"}
    assert report.done + report.failed == 12
    assert report.failed <= 1  # the picture that the process was at meanwhile
    assert report.done <= len(tree(tmp_path / "out")) <= 12  # it may have died with its output in place
    assert list((tmp_path / "out").glob(".*")) == []
    assert children() == []


def test_a_decoder_that_takes_too_long_is_ended_and_named(
    tmp_path: Path, weights: Path, fragile_decoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 0.5)
    monkeypatch.setattr(processes, "PATIENCE_A_MEGAPIXEL", 0.5)
    for number in range(8):
        draw(tmp_path / "in" / f"{'hangs' if number == 2 else 'picture'}-{number}.png", number)
    rows: list[Row] = []
    report = go(tmp_path / "in", tmp_path / "out", weights, rows)
    assert (report.done, report.failed) == (7, 1)
    assert rows[0].source.endswith("hangs-2.png")
    assert rows[0].reason == "its decoding was stopped after 1 seconds"


def test_a_run_that_is_stopped_does_not_wait_for_a_decoder(
    tmp_path: Path, weights: Path, fragile_decoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PATIENCE_AT_THE_END", 0.2)
    draw_twelve(tmp_path / "in", "hangs", 5, 6)
    rows: list[Row] = []
    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=2)
    places = [tmp_path / "in"]
    report = translate(places, tmp_path / "out", settings, Run(), on_row=rows.append, stop=lambda: len(rows) > 1)
    assert report.interrupted
    assert report.done == len(list((tmp_path / "out").glob("*.png")))
    assert children() == []


def test_a_killed_process_is_replaced_and_its_pictures_begin_again(
    tmp_path: Path, weights: Path, all_by_processes: None, tree: Tree
) -> None:
    for number in range(60):
        draw(tmp_path / "in" / f"{number:02}.png", number)
    killed: list[int] = []

    def kill(row: Row) -> None:
        for worker in worker_numbers()[: len(killed) < 3]:
            killed.append(worker)
            os.kill(worker, signal.SIGKILL)

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=2, workers=2)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), on_row=kill)
    assert report.done + report.failed == 60
    assert report.failed <= 3
    assert report.done <= len(tree(tmp_path / "out")) <= 60  # one may have been killed with its output in place


def test_a_run_goes_on_when_what_forks_its_processes_is_killed(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, all_by_processes: None, tree: Tree
) -> None:
    """On a busy machine, some processes are killed before they are ready."""
    monkeypatch.setattr(processes, "MOST_STILLBORN", 100)
    for number in range(60):
        draw(tmp_path / "in" / f"{number:02}.png", number)
    killed: list[int] = []

    def kill(row: Row) -> None:
        """A process that forks others, and with it one, then all of those that it forked."""
        for server in children()[: 3 - len(killed)]:
            killed.append(server)
            forked = children(server)
            os.kill(server, signal.SIGKILL)
            for worker in forked[: len(killed)]:
                os.kill(worker, signal.SIGKILL)

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=2, workers=2)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), on_row=kill)
    assert report.done + report.failed == 60
    assert report.failed <= 5
    assert len(killed) > 1
    assert len(tree(tmp_path / "out")) >= report.done
    assert children() == []


def test_processes_that_never_begin_end_the_run(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, all_by_processes: None
) -> None:
    monkeypatch.setattr(fork_server, "PROGRAM", fragile.STILLBORN)
    with pytest.raises(StarganError, match="end before their first picture: .*exit code 3"):
        go(pictures, tmp_path / "out", weights)


def started_run(folder: Path, weights: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A run over 400 pictures from the command line, and its processes as soon as there are workers."""
    for number in range(400):
        draw(folder / "in" / f"{number:03}.png", number)
    command = [sys.executable, "-m", "stargan_cli", "translate", str(folder / "in"), "--set", "blond"]
    command += ["--weights", str(weights), "--out", str(folder / "out"), "--workers", "2"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    started, end = list[int](), time.monotonic() + 120
    while len(started) < 3 and time.monotonic() < end:
        started = children(running.pid) + worker_numbers(running.pid)
    assert len(started) == 3
    return running, started


def assert_gone(started: list[int]) -> None:
    end = time.monotonic() + 60
    while (left := [number for number in started if Path(f"/proc/{number}").exists()]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def test_no_process_outlives_a_run_that_is_killed(tmp_path: Path, weights: Path) -> None:
    running, started = started_run(tmp_path, weights)
    with running:
        running.kill()
    assert_gone(started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_processes_of_a_run_fails_no_picture(number: int, tmp_path: Path, weights: Path) -> None:
    """As systemd and Slurm send it."""
    running, started = started_run(tmp_path, weights)
    for process in [*started, running.pid]:
        os.kill(process, number)
    errors = running.communicate(timeout=120)[1]
    assert running.returncode == 128 + number, errors
    assert "failed" not in errors and "Traceback" not in errors
    assert_gone(started)


def test_arrays_lie_in_memory_that_both_sides_see() -> None:
    handle = unnamed_file()
    ours, theirs, rooms = SharedArrays(handle), SharedArrays(handle), Rooms(handle)
    room = rooms.take(1000)
    values = np.arange(600, dtype=np.uint16).reshape(2, 300) % 256
    described = ours.put(rooms.take(3 * GRAIN), values)
    assert described is not None and np.array_equal(theirs.array(described), values)
    assert ours.put(room, np.zeros(GRAIN + 1, np.uint8)) is None
    rooms.give_back(room)
    assert rooms.take(GRAIN) == room
    theirs.set_note(7, 1.5, 12)
    assert ours.note == (7, 1.5, 12)
    os.close(handle)
