"""Unfinished files of killed runs are removed sooner or later, however often the runs after them are stopped."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.files import read_ahead
from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.locks import LOCK_NAME
from stargan_cli.translate.outputs import folder_lock
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.shards import Shard

FIRST = Shard(1, 3)
LEFT_LOCKS = [LOCK_NAME, ".stargan.1-of-3.lock", ".stargan.2-of-2.lock", ".stargan.file-4.lock"]
IDS = [str(10**18 + number) for number in range(4)]

KILLED_AT_EACH_LINE = """
import os, sys
from pathlib import Path
from stargan_cli.files import locks
from stargan_cli.translate.outputs import folder, folder_lock
from stargan_cli.translate.shards import Shard

root, shard, left_locks = Path(sys.argv[1]), Shard(1, 3) if sys.argv[2] else None, sys.argv[3:]
files = [module.__file__ for module in (folder, folder_lock, locks)]


def begin(line):
    def trace(frame, event, _):
        nonlocal line
        if frame.f_code.co_filename in files:
            line -= event == "line"
            if line == 0:
                os._exit(9)
            return trace
    sys.settrace(trace)
    folder.OutputFolder(root, shard)
    os._exit(0)


line, killed = 0, True
while killed:
    line += 1
    for number, name in enumerate(left_locks):
        (root / name).write_text(str(number))
        (root / f".a.png.{number}.tmp").touch()
    child = os.fork()
    if child == 0:
        begin(line)
    killed = os.waitpid(child, 0)[1] != 0
    with folder.OutputFolder(root, shard):
        pass
    assert os.listdir(root) == [], (line, os.listdir(root))
print(line)
"""


def leave(root: Path, locks: list[str] = LEFT_LOCKS) -> None:
    """Unfinished files, as of killed runs that held `locks`."""
    for run_id, name in zip(IDS, locks, strict=False):
        (root / name).write_text(run_id)
        (root / f".a.png.{run_id}.tmp").touch()


def left(root: Path) -> int:
    return len(list(root.glob("*.tmp")))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("shard", ["", "1/3"])
def test_a_run_that_is_killed_at_any_line_of_its_start_hands_them_on(shard: str, tmp_path: Path) -> None:
    locks = LEFT_LOCKS[:-1] if shard else LEFT_LOCKS
    command = [sys.executable, "-c", KILLED_AT_EACH_LINE, str(tmp_path), shard, *locks]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    assert int(lines) > 80


@pytest.mark.parametrize("run", [OutputFolder, partial(OutputFolder, shard=FIRST), partial(OutputFolder, name="a.png")])
def test_a_run_that_is_interrupted_while_it_removes_them_hands_them_on(
    run: Callable[[Path], OutputFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with run(tmp_path):
        own = os.listdir(tmp_path)
    leave(tmp_path, own)
    for _ in range(2):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("stargan_cli.translate.outputs.folder.remove_unfinished", interrupt)
            run(tmp_path)
        assert left(tmp_path) == len(own)
    with run(tmp_path):
        assert left(tmp_path) == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("slow", ["os.walk", "pathlib.Path.glob"])
def test_a_stop_is_noticed_while_a_folder_is_listed(slow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing, answered, waited = threading.Event(), threading.Event(), list[bool]()

    def listed(*_: object) -> Iterator[tuple[str, list[str], list[str]]]:
        listing.set()
        waited.append(answered.wait(10))
        yield from ()

    leave(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(slow, listed)
        patch.setattr(read_ahead, "CLOSING_SECONDS", 0.01)
        with OutputFolder(tmp_path, stop=listing.is_set):
            assert listing.is_set() and waited == []
            assert (tmp_path / LOCK_NAME).read_text().split()[-1] == RUN_ID
        answered.set()
    with OutputFolder(tmp_path):
        assert left(tmp_path) == 0
    assert os.listdir(tmp_path) == []


class _Full(io.FileIO):
    """A file on a disk that has room for `room` more bytes, and takes at most three at a time."""

    room = 0

    def write(self, data: Any) -> int:
        part = data[: min(3, _Full.room)]
        if not part:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _Full.room -= len(part)
        return super().write(part)


@pytest.mark.parametrize("room", [0, 5, 20, 25, 45])
@pytest.mark.parametrize("shard", [None, FIRST])
def test_a_full_disk_loses_none_of_them(
    shard: Shard | None, room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_full_disk(lock: Callable[[Path], BinaryIO]) -> Callable[[Path], BinaryIO]:
        def locked(path: Path) -> BinaryIO:
            with lock(path) as file:
                return cast(BinaryIO, _Full(os.dup(file.fileno()), "r+b"))

        return locked

    leave(tmp_path, LEFT_LOCKS[: 3 if shard else 4])
    (tmp_path / ".other.1000.tmp").touch()  # the number that is written of an id while there is room for 5 bytes
    with monkeypatch.context() as patch:
        patch.setattr(_Full, "room", room)
        patch.setattr(folder_lock, "lock_file", on_full_disk(folder_lock.lock_file))
        with pytest.raises(UsageError, match="cannot write into the output folder .*[Nn]o space"):
            OutputFolder(tmp_path, shard)
    with OutputFolder(tmp_path, shard):
        pass
    assert os.listdir(tmp_path) == [".other.1000.tmp"]


def test_a_call_does_not_take_an_earlier_one_of_its_process_for_a_killed_run(tmp_path: Path) -> None:
    leave(tmp_path)
    with OutputFolder(tmp_path, stop=lambda: True):
        pass
    writing = tmp_path / "below" / f".a.png.{RUN_ID}.tmp"
    writing.parent.mkdir()
    writing.touch()
    with OutputFolder(tmp_path):
        assert (left(tmp_path), writing.exists()) == (0, True)
