"""Counts, exit codes, and a manifest that survives being killed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stargan_cli.cli.translation.voice import summary
from stargan_cli.errors import OutputError, UsageError
from stargan_cli.translate.outputs.manifest import Manifest
from stargan_cli.translate.report import KEPT_FAILURES, Failing, Report, Row


def done(name: str, **more: object) -> Row:
    return Row(f"in/{name}", f"out/{name}", "done", **more)  # type: ignore[arg-type]


def failed(name: str) -> Row:
    return Row(f"in/{name}", f"out/{name}", "failed", "the file is empty")


def skipped(name: str) -> Row:
    return Row(f"in/{name}", f"out/{name}", "skipped", "done before")


def copied(name: str) -> Row:
    return Row(f"in/{name}", f"out/{name}", "skipped", "no face found: copied")


def rows(path: Path) -> list[tuple[str, str]]:
    return [(row.source, row.status) for row in map(Row.from_json, path.read_bytes().splitlines())]


def test_counts_and_exit_codes() -> None:
    report = Report()
    assert report.exit_code == 0
    report.add(done("a"))
    report.add(skipped("b"))
    assert (report.done, report.skipped, report.failed, report.total, report.exit_code) == (1, 1, 0, 2, 0)
    report.add(failed("c"))
    assert (report.failed, report.exit_code) == (1, 1)
    report.interrupted = True
    assert report.exit_code == 130
    assert report.to_dict()["failures"][0]["reason"] == "the file is empty"
    json.dumps(report.to_dict())


def test_copies_are_counted_among_what_is_skipped() -> None:
    report = Report()
    for row in (done("a"), skipped("b"), copied("c"), Row("in/copied", "out/copied", "failed", "it was: copied")):
        report.add(row)
    assert (report.skipped, report.copied, report.total, report.to_dict()["copied"]) == (2, 1, 4, 1)
    assert summary(report, Path("out"), dry=False) == "1 translated, 2 skipped (1 copied), 1 failed: out"


def test_failures_kept_are_few() -> None:
    report = Report()
    for number in range(1000):
        report.add(failed(str(number)))
    assert (report.failed, len(report.failures)) == (1000, KEPT_FAILURES)
    assert report.to_dict()["failures_left_out"] == 1000 - KEPT_FAILURES


def test_a_failure_counts_until_its_picture_is_translated() -> None:
    report = Report(failing=Failing())
    unreadable = Row("in/c", None, "failed", "no permission to read it")
    for row in (failed("a"), failed("a"), failed("b"), unreadable, Row("in/sub", None, "failed", "cannot be read")):
        report.add(row)
    assert (report.failed, [row.source for row in report.failures]) == (4, ["in/a", "in/b", "in/c", "in/sub"])
    for name in ("a", "c", "sub/x"):
        report.add(done(name))
    assert (report.failed, [row.source for row in report.failures], report.exit_code) == (1, ["in/b"], 1)
    report.add(skipped("b"))
    assert (report.failed, report.failures, report.exit_code) == (0, [], 0)


def test_a_row_goes_there_and_back() -> None:
    row = Row(os.fsdecode(b"in/\xff\n[red].png"), None, "failed", "é", {"Male": 0.25}, {"Male": 1.0})
    assert Row.from_json(row.to_json()) == row
    assert "\n" not in row.to_json()
    row.to_json().encode("ascii")


def test_rows_are_on_disk_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    with Manifest(path) as manifest:
        manifest.add(done("a"))
        assert rows(path) == [("in/a", "done")]
        manifest.add(failed("b"))
        assert rows(path) == [("in/a", "done"), ("in/b", "failed")]


def test_a_second_run_makes_no_doubles(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    with Manifest(path) as manifest:
        manifest.add(done("a", source_label={"Male": 1.0}))
        manifest.add(failed("b"))
        manifest.add(skipped("c"))
    with Manifest(path) as manifest:
        manifest.add(skipped("a"))
        manifest.add(done("b"))
        manifest.add(skipped("c"))
        manifest.add(done("d"))
    assert rows(path) == [("in/a", "done"), ("in/b", "done"), ("in/c", "skipped"), ("in/d", "done")]
    assert Row.from_json(path.read_bytes().splitlines()[0]).source_label == {"Male": 1.0}
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.jsonl"]


def test_a_copy_that_is_there_stays_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for row in (copied("a"), skipped("a"), skipped("a")):
        with Manifest(path) as manifest:
            manifest.add(row)
        assert [Row.from_json(line) for line in path.read_bytes().splitlines()] == [copied("a")]


def test_several_outputs_of_one_source_have_a_row_each(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for _ in range(2):
        with Manifest(path) as manifest:
            manifest.add(Row("in/a", "out/blond/a", "done"))
            manifest.add(Row("in/a", "out/male/a", "done"))
    assert rows(path) == [("in/a", "done")] * 2


@pytest.mark.parametrize("cut", [1, 5, 20, 60])
def test_a_torn_last_line_is_dropped(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    with Manifest(path) as manifest:
        manifest.add(done("a"))
        manifest.add(done("b"))
    path.write_bytes(path.read_bytes()[:-cut])
    with Manifest(path) as manifest:
        manifest.add(done("b"))
    assert rows(path) == [("in/a", "done"), ("in/b", "done")]


def test_a_torn_first_line_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    for length in (0, 1, 8, 30):
        path.write_bytes(done("a").to_json().encode()[:length])
        with Manifest(path) as manifest:
            manifest.add(done("a"))
        assert rows(path) == [("in/a", "done")]


def test_doubles_of_a_killed_run_are_taken_out_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(row.to_json() + "\n" for row in (failed("a"), failed("b"), done("a"))))
    Manifest(path).close()
    assert rows(path) == [("in/b", "failed"), ("in/a", "done")]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", b"Dear Sir", b"{}\n", b"[1]\n", b'{"status": "done"}\n', b"\n"]
)
def test_a_file_that_is_no_manifest_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no manifest: line 1"):
        Manifest(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the manifest"):
        Manifest(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write the manifest"):
        Manifest(tmp_path / "file" / "m.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_ends_the_run(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.jsonl")
    manifest._file.close()
    manifest._file = open("/dev/full", "ab", buffering=0)  # noqa: SIM115
    with pytest.raises(OutputError, match="No space left"):
        manifest.add(done("a"))
    with pytest.raises(OutputError, match="removed or replaced"):
        manifest.close()


def test_two_runs_do_not_write_one_manifest(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(failed("a").to_json() + "\n" + done("a").to_json() + "\n")  # which makes it be written anew
    with Manifest(path) as manifest:
        with pytest.raises(UsageError, match="another run is writing the manifest"):
            Manifest(path)
        manifest.add(done("b"))
    with Manifest(path) as manifest:
        manifest.add(done("c"))
    assert [source for source, _ in rows(path)] == ["in/a", "in/b", "in/c"]


def test_a_link_to_a_manifest_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text(failed("a").to_json() + "\n")
    (tmp_path / "m.jsonl").symlink_to("real")
    with Manifest(tmp_path / "m.jsonl") as manifest:
        manifest.add(done("a"))
    assert (tmp_path / "m.jsonl").is_symlink()
    assert rows(tmp_path / "real") == [("in/a", "done")]


def test_an_error_under_way_is_not_hidden_by_closing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Manifest(tmp_path / "m.jsonl") as manifest:
        manifest.add(done("a"))
        raise KeyboardInterrupt
    assert rows(tmp_path / "m.jsonl") == [("in/a", "done")]


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_noise_is_no_row(line: bytes | str) -> None:
    with pytest.raises(ValueError):
        Row.from_json(line)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("source", "output", "status", "reason", "source_label", "target_label")


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES | st.sampled_from(["done", "failed"])))
def test_json_of_any_shape_is_a_row_or_refused(values: dict[str, object]) -> None:
    try:
        row = Row.from_json(json.dumps(values))
    except ValueError:
        return
    assert isinstance(row.source, str)
    assert row.status in ("done", "failed")
    assert Row.from_json(row.to_json()).source == row.source


def test_a_json_bomb_is_refused() -> None:
    with pytest.raises(ValueError):
        Row.from_json("[" * 1_000_000)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_manifest_cut_anywhere_loses_the_last_row_alone(data: st.DataObject) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.jsonl"
        written = [done(str(number)) for number in range(4)]
        with Manifest(path) as manifest:
            for row in written:
                manifest.add(row)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        Manifest(path).close()
        assert rows(path) == [(row.source, row.status) for row in written[: whole[:cut].count(b"\n")]]


def test_a_manifest_that_vanishes_meanwhile_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="it was removed or replaced meanwhile"), Manifest(tmp_path / "m") as manifest:
        (tmp_path / "m").unlink()
        manifest.add(done("a"))


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full", "/dev/zero"])
def test_a_device_is_no_manifest(name: str) -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        Manifest(Path(name))


def test_a_line_without_end_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(bytes(3_000_000))
    with pytest.raises(UsageError, match="line 1 is longer than"):
        Manifest(tmp_path / "m")
    assert (tmp_path / "m").stat().st_size == 3_000_000
