"""A manifest says how things are: failures leave it with what was mended, and a power cut does not spoil it."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

import pytest
from power_cut import forgetful_disk, on_linux

from stargan_cli.errors import OutputError, UsageError
from stargan_cli.translate.outputs import manifest as module
from stargan_cli.translate.outputs.manifest import Manifest, is_manifest
from stargan_cli.translate.report import DONE_BEFORE, FOREIGN, Row


def rows(path: Path) -> list[tuple[str, str | None, str]]:
    return [(row.source, row.output, row.status) for row in map(Row.from_json, path.read_bytes().splitlines())]


def run(path: Path, *found: tuple[str, str | None, str]) -> list[tuple[str, str | None, str]]:
    """One run that comes to these rows, and what the manifest says behind it."""
    with Manifest(path) as manifest:
        for source, output, status in found:
            manifest.add(Row(source, output, status, None if status == "done" else DONE_BEFORE))  # type: ignore[arg-type]
    return rows(path)


A, B = ("in/a.png", "out/a.png", "done"), ("in/sub/b.png", "out/sub/b.png", "done")
LINK = ("in/a.png", None, "failed")
FOLDER = ("in/sub", None, "failed")
TAR, TAR_OUT = ("in/x.tar", None, "failed"), ("in/x.tar", "out/x.tar", "failed")
MEMBER = ("in/x.tar/1.png", "out/x.tar/1.png", "done")


@pytest.mark.parametrize("skipped", [False, True], ids=["done now", "done before"])
def test_a_failure_leaves_with_what_was_mended(skipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    for failed, mended in ((LINK, A), (FOLDER, B), (TAR, MEMBER), (TAR_OUT, MEMBER)):
        path.unlink(missing_ok=True)
        before = (mended, failed) if skipped else (failed,)
        assert run(path, *before) == list(before)
        again = (*mended[:2], "skipped") if skipped else mended
        assert run(path, again) == [mended]


def test_other_failures_stay(tmp_path: Path) -> None:
    others = [
        ("in/sub-2", None, "failed"),
        ("in/c.png", "out/c.png", "failed"),
        ("in/a.png", "out/Male/a.png", "failed"),
    ]
    assert run(tmp_path / "rows", *others, FOLDER, LINK) == [*others, FOLDER, LINK]
    assert run(tmp_path / "rows", A, B) == [*others, A, B]


def test_what_fails_behind_its_members_in_one_run_stays(tmp_path: Path) -> None:
    assert run(tmp_path / "rows", MEMBER, TAR_OUT) == [MEMBER, TAR_OUT]
    assert run(tmp_path / "rows", A) == [MEMBER, TAR_OUT, A]


def test_a_row_that_took_a_failures_place_is_no_failure(tmp_path: Path) -> None:
    archive = ("in/x.tar", "out/x.tar", "skipped")
    assert run(tmp_path / "rows", TAR_OUT) == [TAR_OUT]
    assert run(tmp_path / "rows", archive, MEMBER) == [archive, MEMBER]


@pytest.mark.parametrize(
    "torn", [b'{"source": "in/c', b"\0" * 5000, b'{"source": \0\0\0\0", "x"}\n{"sou', b"\0\0\0\n" + b"\0" * 40]
)
def test_what_a_power_cut_tore_is_cut_off(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    run(path, A)
    with path.open("ab") as file:
        file.write(torn)
    assert run(path, B) == [A, B]


def test_a_file_of_zeros_was_a_manifest_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"\0" * 100)
    assert run(path, A) == [A]
    for data in (b"\0\0\n", b"\x89PNG", b"\0\0PNG", b"1\n"):
        path.write_bytes(data)
        with pytest.raises(UsageError, match="is no manifest"):
            Manifest(path)
        assert path.read_bytes() == data
        assert not is_manifest(path)


@on_linux
def test_rows_are_on_the_disk_in_batches_and_behind_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_A_SYNC", 4)
    with forgetful_disk(tmp_path) as disk:
        found = run(tmp_path / "rows", *((f"in/{number}.png", None, "done") for number in range(10)))
    assert {cut.lazy.get("rows", b"").count(b"\n") for cut in disk.cuts} == {0, 4, 8, 10}  # type: ignore[union-attr]
    assert disk.cuts[-1].lazy["rows"] == (tmp_path / "rows").read_bytes()
    assert len(found) == 10 and disk.syncs == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="not a regular file"):
        Manifest(tmp_path / "fifo")


class FullFile(io.FileIO):
    """Takes `room` bytes and then says that the disk is full, as the system does: a part of a write is no error."""

    room = 100

    def write(self, data: Any) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(data[: self.room])
        self.room -= taken
        return taken


def test_a_full_disk_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows"
    monkeypatch.setattr(module, "locked", lambda path: FullFile(path, "a+"))
    with pytest.raises(OutputError, match="cannot write the manifest .*: No space left on device") as caught:
        run(path, *(A, B) * 5)
    assert "make room" in str(caught.value.hint)
    monkeypatch.undo()
    with Manifest(path):  # without the torn row
        assert path.read_bytes()[-1:] in (b"", b"\n")


def test_a_copy_that_is_another_file_now_is_not_called_copied(tmp_path: Path) -> None:
    path, copied = tmp_path / "rows.jsonl", "no face found: copied"
    with Manifest(path) as manifest:
        for reason in (copied, DONE_BEFORE, FOREIGN):
            manifest.add(Row("in/a.png", "out/a.png", "skipped", reason))
    assert [Row.from_json(line).reason for line in path.read_text().splitlines()] == [FOREIGN]
