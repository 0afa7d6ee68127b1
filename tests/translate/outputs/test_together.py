"""Outputs of one picture: begun, synced, finished; a failure concerns one of them, or all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest

from stargan_cli.errors import OutputError, PictureError
from stargan_cli.translate.outputs import begun, together
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.outputs.sinks import LocalSink
from stargan_cli.translate.outputs.together import PendingOutput, synced_at_once, written
from stargan_cli.translate.report import Row


def failing_sync(number: int, name: str) -> Callable[[int], None]:
    def sync(handle: int) -> None:
        if name in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(number, os.strerror(number))

    return sync


def due(*names: str) -> list[PendingOutput]:
    return [PendingOutput(Row(name, name, "done"), PurePath(name), name.encode) for name in names]


def rows_of(outputs: list[PendingOutput], folder: Path) -> list[Row]:
    with OutputFolder(folder) as held:
        way = synced_at_once(written(outputs, LocalSink(folder, held)))
        with pytest.raises(StopIteration) as end:
            next(way)
    rows: list[Row] = end.value.value
    return rows


@pytest.mark.parametrize("together_at_most", [1, 2, 16])
def test_outputs_are_written_and_have_their_rows_in_order(
    together_at_most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "most_together", together_at_most)
    nothing = PendingOutput(Row("skipped", None, "skipped"), PurePath("skipped"), None)
    rows = rows_of([*due("a", "sub/b"), nothing, *due("c")], tmp_path)
    assert [(row.source, row.status) for row in rows] == [
        ("a", "done"), ("sub/b", "done"), ("skipped", "skipped"), ("c", "done"),
    ]  # fmt: skip
    names = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"a": "a", "sub/b": "sub/b", "c": "c"}


def test_no_output_has_its_name_before_all_of_them_are_synced(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as held:
        way = written(due("a", "b"), LocalSink(tmp_path, held))
        unsynced = next(way)
        assert isinstance(unsynced, begun.Unsynced) and len(unsynced.outputs) == 2
        assert not (tmp_path / "a").exists() and len(list(tmp_path.glob(".[ab].*"))) == 2
        way.close()
        assert list(tmp_path.glob(".[ab].*")) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are named by way of /proc")
def test_an_output_that_cannot_be_synced_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b").write_text("earlier")
    monkeypatch.setattr(begun, "sync_handle", failing_sync(errno.EIO, ".b."))
    rows = rows_of(due("a", "b", "c"), tmp_path)
    assert [row.status for row in rows] == ["done", "failed", "done"]
    assert "Input/output error" in str(rows[1].reason)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
    assert (tmp_path / "b").read_text() == "earlier"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are named by way of /proc")
def test_a_full_disk_ends_the_run_and_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "sync_handle", failing_sync(errno.ENOSPC, ".b."))
    with OutputFolder(tmp_path) as held:
        way = synced_at_once(written(due("a", "b", "c"), LocalSink(tmp_path, held)))
        with pytest.raises(OutputError, match="No space left"):
            next(way)
        assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["a"]
        assert list(tmp_path.glob(".[abc].*")) == []


def test_an_output_that_cannot_be_made_fails_before_it_is_begun(tmp_path: Path) -> None:
    def refuse() -> bytes:
        raise PictureError("no such format")

    rows = rows_of([PendingOutput(Row("a", "a", "done"), PurePath("a"), refuse), *due("b")], tmp_path)
    assert [(row.status, row.reason) for row in rows] == [("failed", "no such format"), ("done", None)]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
