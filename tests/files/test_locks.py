"""File locks: held on the file that is at the path, whatever other processes do to it meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from stargan_cli.files import locks
from stargan_cli.files.locks import is_still_at, lock_file, locked


def test_a_lock_is_on_the_file_at_the_path_though_others_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One removes the file before it is locked here; the next makes it anew, and removes it as it is looked at."""
    path, lock, stat = tmp_path / "a.lock", locks._lock, Path.stat
    others = ["comes", "goes"]

    def lock_late(file: BinaryIO, shared: bool) -> None:
        if others[:1] == ["comes"]:
            others.pop(0)
            path.unlink()
            path.touch()
        lock(file, shared)

    def look_early(self: Path, **options: bool) -> os.stat_result:
        seen = stat(self, **options)
        if others[:1] == ["goes"]:
            others.pop(0)
            self.unlink()
        return seen

    monkeypatch.setattr(locks, "_lock", lock_late)
    monkeypatch.setattr(Path, "stat", look_early)
    with locked(path) as file:
        assert others == []
        assert is_still_at(path, file)


def test_a_file_that_was_removed_or_replaced_is_no_longer_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with locked(path) as file:
        assert is_still_at(path, file)
        path.unlink()
        assert not is_still_at(path, file)
        path.touch()
        assert not is_still_at(path, file)


def test_a_file_system_that_counts_no_links_has_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fstat = os.fstat

    def without_links(handle: int) -> os.stat_result:
        fields = list(fstat(handle))
        fields[3] = 0
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", without_links)
    with lock_file(tmp_path / "a.lock"):
        assert (tmp_path / "a.lock").exists()


@pytest.mark.parametrize("lock", [locked, lock_file])
def test_a_file_that_is_another_each_time_is_refused_and_not_tried_for_ever(
    lock: Callable[[Path], BinaryIO], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "is_still_at", lambda path, file: False)
    with pytest.raises(OSError, match=r"a\.lock cannot be locked"):
        lock(tmp_path / "a.lock")
