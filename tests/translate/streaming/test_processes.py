"""Worker processes: the same bytes as without them, and no picture, decoder or end of theirs spoils the run."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from queue import SimpleQueue
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import fragile
import numpy as np
import pytest
from portraits import photograph
from translation_kit import draw

from stargan_cli.compositing.placement import Place
from stargan_cli.errors import StarganError
from stargan_cli.pictures import reading
from stargan_cli.translate.inputs import watching
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.tar_reading import Member
from stargan_cli.translate.outputs import together
from stargan_cli.translate.outputs.begun import Unsynced
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.outputs.sinks import LocalSink
from stargan_cli.translate.outputs.together import PendingOutput
from stargan_cli.translate.report import FOREIGN, SHOWN, Report, Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.translate.streaming import fork_server, fork_server_process, processes, workers
from stargan_cli.translate.streaming.processes import WorkerProcesses
from stargan_cli.translate.streaming.shared_arrays import GRAIN, Rooms, SharedArrays, unnamed_file
from stargan_cli.translate.streaming.worker import _Worker
from stargan_cli.translate.streaming.worker_handle import WorkerHandle

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


def test_a_picture_that_kills_its_process_does_not_end_a_watch(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "PROGRAM", fragile.PROGRAM)
    monkeypatch.setattr(watching, "WHOLE_SECONDS", 0.0)
    draw(tmp_path / "in" / "a.png", 1)
    draw(tmp_path / "in" / "kills.png", 2)
    rows, end = list[Row](), time.monotonic() + 60
    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=1)
    places, stop = [tmp_path / "in"], lambda: len(rows) > 1 or time.monotonic() > end
    translate(places, tmp_path / "out", settings, Run(watch=True), on_row=rows.append, stop=stop)
    assert [row.status for row in rows] == ["done", "failed"]


@pytest.mark.parametrize(("signal_number", "servers"), [(0, 1), (signal.SIGKILL, 2)])
def test_all_pictures_of_a_watch_have_one_fork_server_and_a_new_one_if_that_has_died(
    signal_number: int, servers: int, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[int] = []

    class Counted(fork_server.ForkServer):
        def __init__(self) -> None:
            super().__init__()
            began.append(self._process.pid)

    monkeypatch.setattr(fork_server, "ForkServer", Counted)
    monkeypatch.setattr(watching, "WHOLE_SECONDS", 0.0)
    draw(tmp_path / "in" / "0.png", 0)
    rows, end = list[Row](), time.monotonic() + 60

    def next_picture(row: Row) -> None:
        rows.append(row)
        if len(rows) == 1:
            os.kill(began[0], signal_number)
        draw(tmp_path / "in" / f"{len(rows)}.png", len(rows))

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=1)
    places, stop = [tmp_path / "in"], lambda: len(rows) > 2 or time.monotonic() > end
    translate(places, tmp_path / "out", settings, Run(watch=True), on_row=next_picture, stop=stop)
    assert [row.status for row in rows] == ["done"] * 3
    assert len(began) == servers
    assert children() == []


def test_a_picture_beside_which_every_process_dies_fails_and_the_run_ends(
    tmp_path: Path, weights: Path, fragile_decoders: None
) -> None:
    draw_twelve(tmp_path / "in", "drowns", 11)
    rows: list[Row] = []
    report = go(tmp_path / "in", tmp_path / "out", weights, rows)
    assert report.done + report.failed == 12 and report.done > 0
    reason = "the process that worked on it ended (SIGKILL); if memory is short, try fewer --workers"
    assert (rows[-1].status, rows[-1].reason) == ("failed", reason)
    assert list((tmp_path / "out").glob(".*")) == []


def test_in_a_worker_no_output_of_a_picture_appears_before_all_are_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "most_together", 16)
    monkeypatch.setattr(reading, "decoding_slot", reading.decoding_slot)
    memory, nothing = unnamed_file(), cast(Any, None)
    _Worker(nothing, memory, memory, nothing, nothing)
    due = [PendingOutput(Row("a.png", name, "done"), PurePath(name), name.encode) for name in map(str, range(40))]
    with OutputFolder(tmp_path) as held:
        way = together.written(due, LocalSink(tmp_path, held))
        unsynced = next(way)
        assert isinstance(unsynced, Unsynced) and len(unsynced.outputs) == 40
        way.close()
    os.close(memory)


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


@pytest.mark.parametrize("kind", ["stalls", "stops", "hangs"])
@pytest.mark.parametrize("numbers", [(5, 6), range(12)])
def test_a_run_that_is_stopped_does_not_wait_for_what_is_being_read(
    kind: str,
    numbers: Sequence[int],
    tmp_path: Path,
    weights: Path,
    fragile_decoders: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some pictures cannot be read, or none: then no event comes."""
    monkeypatch.setattr(processes, "PATIENCE_AT_THE_END", 0.2)
    draw_twelve(tmp_path / "in", kind, *numbers)
    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=2)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), stop=(tmp_path / "hung").exists)
    assert report.interrupted and report.failed == 0
    assert report.done == len(list((tmp_path / "out").glob("*.png")))
    assert children() == []


def test_a_worker_begins_no_picture_after_a_stop(
    tmp_path: Path, weights: Path, fragile_decoders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one was sent to it before."""
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.02)
    draw_twelve(tmp_path / "in", "delays", *range(12))
    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=1)
    stop = (tmp_path / "begun").exists
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), stop=stop)
    assert report.interrupted
    assert (tmp_path / "begun").read_text() == "delays-00.png\n"


@pytest.mark.parametrize("kind", ["stalls", "lingers"])
def test_a_second_signal_waits_for_no_picture(
    kind: str, tmp_path: Path, weights: Path, fragile_decoders: None, tree: Tree
) -> None:
    draw_twelve(tmp_path / "in", kind, 5, 6)
    pressed = list[float]()

    def stop() -> bool:
        if (tmp_path / "hung").exists() and not pressed:
            pressed.append(time.monotonic())
            raise KeyboardInterrupt
        return False

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=2)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), stop=stop)
    assert report.interrupted and pressed
    assert children() == []
    assert all(name.endswith(".png") and not name.startswith(".") for name in tree(tmp_path / "out"))


@pytest.mark.parametrize("second", [False, True])
def test_a_stop_does_not_wait_for_processes_to_start(
    second: bool, tmp_path: Path, weights: Path, all_by_processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their modules come from a slow network share. What is ended here is no sign that processes cannot run."""
    monkeypatch.setattr(processes, "PATIENCE_AT_THE_END", 0.2)
    monkeypatch.setattr(fork_server, "PROGRAM", "import time; time.sleep(60)")
    draw_twelve(tmp_path / "in", "a")

    started = list[int]()

    def stop() -> bool:
        started.extend(children())
        if started and second:
            raise KeyboardInterrupt
        return bool(started)

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=9)
    begun = time.monotonic()
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), stop=stop)
    assert report.interrupted and (report.done, report.failed) == (0, 0)
    assert time.monotonic() - begun < 30
    assert children() == []


def test_ctrl_c_while_the_end_of_a_process_is_noted(
    tmp_path: Path, weights: Path, all_by_processes: None, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    exit_code, pressed = fork_server.ForkServer.exit_code, list[int]()

    def interrupted(server: fork_server.ForkServer, worker: int) -> int | None:
        code = exit_code(server, worker)
        if not pressed:
            pressed.append(worker)
            raise KeyboardInterrupt
        return code

    monkeypatch.setattr(fork_server.ForkServer, "exit_code", interrupted)
    draw_twelve(tmp_path / "in", "a")
    report = go(tmp_path / "in", tmp_path / "out", weights)
    assert report.interrupted and report.done == 12 and pressed
    assert "Traceback" not in capfd.readouterr().err
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
    monkeypatch.setattr(processes, "MOST_DEATHS", 100)
    for number in range(60):
        draw(tmp_path / "in" / f"{number:02}.png", number)
    killed: list[int] = []

    def kill(row: Row) -> None:
        """A process that forks others, and with it all, then one of those that it forked."""
        for server in children()[: 3 - len(killed)]:
            killed.append(server)
            forked = children(server)
            os.kill(server, signal.SIGKILL)
            for worker in forked[: 3 - len(killed)]:
                os.kill(worker, signal.SIGKILL)

    settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=2, workers=2)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), on_row=kill)
    assert report.done + report.failed == 60
    assert report.failed <= 5
    assert len(killed) > 1
    assert len(tree(tmp_path / "out")) >= report.done
    assert children() == []


def test_a_fork_server_ends_without_a_warning(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert fork_server.ForkServer().close() == 0
    assert capfd.readouterr().err == ""


def test_processes_that_never_begin_end_the_run(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, all_by_processes: None
) -> None:
    monkeypatch.setattr(fork_server, "PROGRAM", fragile.STILLBORN)
    with pytest.raises(StarganError, match="end again and again: .*exit code 3"):
        go(pictures, tmp_path / "out", weights)


def test_without_any_process_the_run_ends_with_a_reason(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    def refuse() -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(fork_server, "ForkServer", refuse)
    monkeypatch.setattr(workers, "FEW", 2)
    rows: list[Row] = []
    with pytest.raises(StarganError, match="no worker process can start: Resource temporarily"):
        go(pictures, tmp_path / "out", weights, rows)
    assert [row.status for row in rows] == ["done"] * len(tree(tmp_path / "out"))


def test_a_run_goes_on_with_the_processes_that_could_start(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, all_by_processes: None
) -> None:
    handles = [processes.WorkerHandle]

    def start_one(*about: Any) -> WorkerHandle:
        if not handles:
            raise RuntimeError("can't start new thread")
        return handles.pop()(*about)

    monkeypatch.setattr(processes, "WorkerHandle", start_one)
    draw_twelve(tmp_path / "in", "a")
    assert go(tmp_path / "in", tmp_path / "out", weights).done == 12
    assert not handles


def test_a_process_for_which_no_thread_can_start_is_ended(
    deaf: tuple[WorkerProcesses, DeafServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, server = deaf
    start = Thread.start

    def start_one(thread: Thread) -> None:
        if thread.name == "listen to a worker":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", start_one)
    made.begin(0, Found(Path("a.png"), PurePath("a.png")))
    failed = made.event()
    assert isinstance(failed, workers.Fails) and "no worker process can start" in str(failed.error)
    os.set_blocking(server.handles[2], False)
    assert os.read(server.handles[2], 1) == b"", "its lifeline is closed"
    made._failure = None


def test_exit_codes_are_known_where_the_caller_ignores_sigchld(
    tmp_path: Path, weights: Path, all_by_processes: None, capfd: pytest.CaptureFixture[str]
) -> None:
    draw_twelve(tmp_path / "in", "a")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert go(tmp_path / "in", tmp_path / "out", weights).done == 12
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "Traceback" not in capfd.readouterr().err


class DeafServer:
    """Its workers read nothing and say nothing."""

    is_there = True

    def fork(self, handles: Sequence[int]) -> int:
        self.handles = [os.dup(handle) for handle in handles]
        return 0

    def end(self) -> None:
        pass

    def kill(self, worker: int) -> None:
        pass

    def exit_code(self, worker: int) -> int | None:
        return None

    def close(self) -> int:
        return 0


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[WorkerProcesses, DeafServer]]:
    """Worker processes of a server that starts none."""
    server = DeafServer()
    monkeypatch.setattr(fork_server, "ForkServer", lambda: server)
    made = WorkerProcesses(cast(Any, None), fork_server.ForkServers(), 1, lambda found: None, SimpleQueue())
    yield made, server
    for handle in server.handles:
        os.close(handle)
    made.close(wait=False)


def test_a_picture_for_a_worker_that_reads_nothing_does_not_hold_up_the_run(
    deaf: tuple[WorkerProcesses, DeafServer],
) -> None:
    made, _ = deaf
    for ticket in range(2):
        made.begin(ticket, Found(Member("x.tar", f"{ticket}.png", 0.0, bytes(2**22)), PurePath("x.png")))
    made.events.put("another event")
    waiting = Thread(target=made.event, daemon=True)
    waiting.start()
    waiting.join(timeout=30)
    assert not waiting.is_alive()


@pytest.mark.parametrize(("passing", "overdue"), [(0.3, True), (3600.0, False)])
def test_only_time_in_which_the_run_goes_on_counts_as_decoding(
    passing: float, overdue: bool, deaf: tuple[WorkerProcesses, DeafServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events come all the time; or the run, and what decodes, is paused for hours again and again."""
    made, server = deaf
    now = iter(passing * number for number in range(10**6))
    monkeypatch.setattr(processes, "time", SimpleNamespace(monotonic=lambda: next(now)))
    made._looked = 0.0
    made.begin(0, Found(Path("a.png"), PurePath("a.png")))
    for number in range(240 if overdue else 20):
        made.events.put(number)
        made.event()
        SharedArrays(server.handles[1]).set_note(0, 1.0, 1_000_000)
    assert made._handles[0].was_killed == overdue


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


@pytest.mark.parametrize("forbidden", [False, True])
def test_arrays_lie_in_memory_that_both_sides_see(forbidden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(name: str) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if forbidden:
        monkeypatch.setattr(os, "memfd_create", forbid, raising=False)
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


def test_a_fork_that_is_refused_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By a limit on the number of processes, say."""
    ours, theirs = socket.socketpair()
    pipe = os.pipe()
    monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(BlockingIOError("no more processes")))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    sigchld = signal.getsignal(signal.SIGCHLD)
    try:
        socket.send_fds(ours, [fork_server_process.REQUEST.pack(fork_server_process.START, 0)], [*pipe, *pipe])
        fork_server_process.main(theirs.detach())
        assert ours.recv(1) == b"" and capfd.readouterr().err == ""
    finally:
        signal.signal(signal.SIGCHLD, sigchld)
        ours.close()
        for end in pipe:
            os.close(end)
