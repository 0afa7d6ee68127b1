"""Manifests of shards become one: no doubles, a fixed order, whatever the order and number of the parts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from translation_kit import call

from stargan_cli.errors import OutputError, UsageError
from stargan_cli.translate.outputs import merge_manifests as module
from stargan_cli.translate.outputs.merge_manifests import merge_manifests
from stargan_cli.translate.report import Row


def row(name: str, status: str = "done", reason: str | None = None) -> Row:
    return Row(f"in/{name}", f"out/{name}", status, reason)  # type: ignore[arg-type]


def manifest(path: Path, *rows: Row) -> Path:
    path.write_text("".join(row.to_json() + "\n" for row in rows))
    return path


def read(path: Path) -> list[Row]:
    return [Row.from_json(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(autouse=True)
def _few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(module, "FILES_AT_ONCE", 4)


def test_rows_are_sorted_and_counted_and_nothing_else_is_left(tmp_path: Path) -> None:
    names = [f"{number * 37 % 101:03}" for number in range(101)]
    parts = [manifest(tmp_path / f"p{n}.jsonl", *map(row, names[n::5])) for n in range(5)]
    report = merge_manifests(parts, tmp_path / "all.jsonl")
    assert [one.source for one in read(tmp_path / "all.jsonl")] == [f"in/{number:03}" for number in range(101)]
    assert (report.done, report.total) == (101, 101)
    assert len(list(tmp_path.iterdir())) == 6


def test_of_doubles_the_best_stays_whatever_the_order(tmp_path: Path) -> None:
    one = manifest(tmp_path / "1", row("a", "failed", "the file is empty"), row("b"), row("c", "skipped", "no face"))
    two = manifest(tmp_path / "2", row("a"), row("b", "skipped", "done before"), row("c", "failed", "x"), row("b"))
    report = merge_manifests([one, two], tmp_path / "12")
    merge_manifests([two, one], tmp_path / "21")
    assert (tmp_path / "12").read_bytes() == (tmp_path / "21").read_bytes()
    assert read(tmp_path / "12") == [row("a"), row("b"), row("c", "skipped", "no face")]
    assert (report.done, report.skipped, report.failed) == (2, 1, 0)


def test_a_copy_stays_a_copy(tmp_path: Path) -> None:
    copy, again = row("a", "skipped", "no face found: copied"), row("a", "skipped", "done before")
    parts = [manifest(tmp_path / "1", copy), manifest(tmp_path / "2", again)]
    assert call("--merge-manifests", tmp_path / "all", *parts).stderr.startswith("1 row: 0 done, 1 skipped (1 copied),")
    assert read(tmp_path / "all") == [copy]


def test_outputs_of_one_source_and_odd_names_have_a_row_each(tmp_path: Path) -> None:
    odd = os.fsdecode(b"in/\xff.png")
    rows = [Row(odd, None, "failed", "x"), Row("in/a", "out/Blond/a", "done"), Row("in/a", "out/Male/a", "done")]
    merge_manifests([manifest(tmp_path / "1", *rows[::2]), manifest(tmp_path / "2", *rows)], tmp_path / "all")
    assert read(tmp_path / "all") == [rows[1], rows[2], rows[0]]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    part = manifest(tmp_path / "1", row("a"), row("b"))
    part.write_bytes(part.read_bytes()[:-5])
    merge_manifests([part], tmp_path / "all")
    assert read(tmp_path / "all") == [row("a")]


def test_what_is_no_manifest_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    good = manifest(tmp_path / "1", row("a"))
    (tmp_path / "2").write_text("hello\n")
    with pytest.raises(UsageError, match="2 is no manifest: line 1"):
        merge_manifests([good, tmp_path / "2"], tmp_path / "all")
    with pytest.raises(UsageError, match="cannot read the manifest .*missing"):
        merge_manifests([good, tmp_path / "missing"], tmp_path / "all")
    with pytest.raises(UsageError, match="cannot write --merge-manifests .*name too long"):
        merge_manifests([good], tmp_path / ("x" * 300))
    with pytest.raises(UsageError, match="1 is no folder"):
        merge_manifests([good], tmp_path / "1" / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_a_full_disk_is_an_output_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: object, folder: object) -> Iterator[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    part = manifest(tmp_path / "1", row("a"))
    monkeypatch.setattr(module, "_sorted", full)
    with pytest.raises(OutputError, match="cannot write the manifest .*all: No space left"):
        merge_manifests([part], tmp_path / "all")
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_the_folder_of_the_result_is_made(tmp_path: Path) -> None:
    merge_manifests([manifest(tmp_path / "1", row("a"))], tmp_path / "new" / "sub" / "all")
    assert read(tmp_path / "new" / "sub" / "all") == [row("a")]


def test_a_part_is_not_taken_for_the_place_of_the_result(tmp_path: Path) -> None:
    one, two = manifest(tmp_path / "1", row("a")), manifest(tmp_path / "2", row("b"))
    with pytest.raises(UsageError, match="1 is there already"):
        merge_manifests([two], one)
    assert read(one) == [row("a")]
    merge_manifests([one, two], one)
    assert read(one) == [row("a"), row("b")]
    merge_manifests([two], one, replace=True)
    assert read(one) == [row("b")]


def test_what_is_no_manifest_is_never_replaced(tmp_path: Path) -> None:
    part, weights = manifest(tmp_path / "1", row("a")), tmp_path / "weights"
    weights.write_bytes(b"\x10\0\0\0{}")
    for replace in (False, True):
        with pytest.raises(UsageError, match="weights is there already, and is no manifest"):
            merge_manifests([part], weights, replace=replace)
    assert weights.read_bytes() == b"\x10\0\0\0{}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    part, fifo = manifest(tmp_path / "1", row("a")), tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UsageError, match="cannot read the manifest .*fifo: not a regular file but a FIFO"):
        merge_manifests([part, fifo], tmp_path / "all")
    with pytest.raises(UsageError, match="not a regular file but a FIFO"):
        merge_manifests([part], fifo, replace=True)


def test_a_failure_of_a_source_that_has_an_output_now_is_left_out(tmp_path: Path) -> None:
    before = [Row("in/a", None, "failed", "a symlink to nothing"), Row("in/b", None, "failed", "x")]
    after = [row("a"), row("b", "failed", "the file is empty"), Row("in/c", None, "skipped", "no face found")]
    merge_manifests([manifest(tmp_path / "1", *before), manifest(tmp_path / "2", *after)], tmp_path / "all")
    assert read(tmp_path / "all") == [after[0], before[1], after[1], after[2]]


def test_the_command(tmp_path: Path) -> None:
    parts = [manifest(tmp_path / "1", row("a")), manifest(tmp_path / "2", row("b", "failed", "x"))]
    result = call("--merge-manifests", tmp_path / "all", *parts)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"2 rows: 1 done, 0 skipped, 1 failed: {tmp_path / 'all'}\n"
    assert len(read(tmp_path / "all")) == 2


def test_missing_shards_are_named(tmp_path: Path) -> None:
    places = [tmp_path / f"rows.{number}-of-5.jsonl" for number in (1, 2, 5)]
    other = tmp_path / "elsewhere" / "rows.1-of-1.jsonl"
    other.parent.mkdir()
    parts = [manifest(path, row(path.name)) for path in (*places, other)]
    result = call("--merge-manifests", tmp_path / "all.jsonl", *parts)
    assert result.exit_code == 0, result.output
    assert "rows.jsonl: of 5 shards, the manifests of these are missing: 3, 4\n" in result.stderr
    assert "of 1 shards" not in result.stderr
    said: list[str] = []
    huge = manifest(tmp_path / "rows.7-of-999999999.jsonl", row("a"))
    merge_manifests([huge], tmp_path / "huge.jsonl", warn=said.append)
    assert said[0].endswith("19, 20, 21, ...")


@pytest.mark.parametrize(
    "option", [("--set", "blond"), ("--out", "x"), ("--labels", "a.csv"), ("--shard", "1/2"), ("--json",)]
)
def test_it_does_nothing_else(option: tuple[str, ...], tmp_path: Path) -> None:
    result = call("--merge-manifests", tmp_path / "all", manifest(tmp_path / "1", row("a")), *option)
    assert result.exit_code == 2
    assert "--merge-manifests only joins manifests" in result.stderr
    assert not (tmp_path / "all").exists()


def test_rows_of_json_go_into_no_file_of_another_kind(tmp_path: Path) -> None:
    part = manifest(tmp_path / "part.jsonl", row("a.png"))
    with pytest.raises(UsageError, match=r"a manifest is rows of JSON") as caught:
        merge_manifests([part], tmp_path / "all.csv")
    assert caught.value.hint == "name it all.jsonl"
