"""`stargan translate` as people call it: options, streams, exit codes, signals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path, PurePath
from typing import Any

import pytest
from PIL import Image
from translation_kit import call, draw

from stargan_cli.cli.translation.voice import Voice
from stargan_cli.errors import OutputError, UsageError
from stargan_cli.translate.outputs.begun import Begun
from stargan_cli.translate.outputs.sinks import LocalSink
from stargan_cli.translate.report import DONE_BEFORE, Report, Row

ROOT = Path(__file__).resolve().parents[2]


def test_a_folder_is_translated_and_the_end_is_told_on_stderr(pictures: Path, tmp_path: Path, weights: Path) -> None:
    result = call(pictures, "--set", "blond", "--weights", weights, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == f"5 translated: {tmp_path / 'out'}"


def test_outputs_that_are_translated_again_are_counted(pictures: Path, weights: Path) -> None:
    options = ("-w", weights, "--format", "png")
    assert "itself" not in call(pictures, "--set", "blond", *options, "-o", pictures / "blond").stderr
    result = call(pictures, "--set", "black", *options, "-o", pictures / "black")
    assert "warning: 5 outputs whose picture is itself an output of stargan" in result.stderr.splitlines()
    assert "10 translated" in result.stderr


def test_quiet_says_nothing_but_failures(pictures: Path, tmp_path: Path, weights: Path) -> None:
    (pictures / "empty.png").touch()
    result = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--quiet")
    assert result.exit_code == 1
    assert result.output == f"failed: {pictures / 'empty.png'}: the file is empty\n"


def test_a_picture_that_fails_is_named_once_whatever_its_outputs(pictures: Path, tmp_path: Path, weights: Path) -> None:
    empty = pictures / "[red]\n.png"
    empty.touch()
    result = call(pictures, "--each", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.count("the file is empty") == 1
    assert f"failed: {pictures}/[red]\\n.png: the file is empty\n" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("25 translated, 7 failed: ")


def test_json_is_one_document(pictures: Path, tmp_path: Path, weights: Path) -> None:
    (pictures / "empty.png").touch()
    result = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {name: document[name] for name in ("done", "skipped", "failed", "interrupted", "dry_run")} == {
        "done": 5,
        "skipped": 0,
        "failed": 1,
        "interrupted": False,
        "dry_run": False,
    }
    assert document["failures"][0]["reason"] == "the file is empty"
    assert document["out"] == str(tmp_path / "out")


@pytest.mark.parametrize(("option", "end"), [("--print", b"\n"), ("--print0", b"\0")])
def test_print_gives_the_paths_of_all_outputs_or_of_new_ones(
    pictures: Path, tmp_path: Path, weights: Path, option: str, end: bytes
) -> None:
    draw(pictures / "new\nline.png", 9)
    out = tmp_path / "out"
    args = (pictures, "--set", "blond", "-w", weights, "-o", out, option)
    names = ("a.png", "b.jpg", "c.png", "new\nline.png", "sub/a.png", "sub/d.webp")
    every = b"".join(os.fsencode(out / name) + end for name in names)
    assert call(*args).stdout_bytes == every
    (out / "c.png").unlink()
    assert call(*args, "--new-only").stdout_bytes == os.fsencode(out / "c.png") + end
    (out / "c.png").unlink()
    assert call(*args, "new").stdout_bytes == os.fsencode(out / "c.png") + end
    assert call(*args).stdout_bytes == every


def test_a_run_that_cannot_go_on_still_reports(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, begin = tmp_path / "out", LocalSink.begin

    def full(self: LocalSink, output: PurePath, data: bytes) -> Begun:
        if output.name == "d.webp":
            raise OutputError("the disk is full", "make room")
        return begin(self, output, data)

    monkeypatch.setattr(LocalSink, "begin", full)
    result = call(pictures, "--set", "blond", "-w", weights, "-o", out, "--json", "--batch-size", "1", "--workers", "1")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["error"]) == (1, "the disk is full")
    assert len(document["outputs"]) == document["done"] > 0
    summary = f"{document['done']} translated: {out}"
    assert result.stderr.splitlines()[-3:] == [summary, "error: the disk is full", "  make room"]
    monkeypatch.undo()
    assert json.loads(call(pictures, "--set", "blond", "-w", weights, "-o", out, "--json").stdout)["error"] is None


@pytest.mark.parametrize(("results", "times"), [("json", 1), ("print", 2)])
def test_watching_names_an_output_again_only_if_it_is_made_again(
    results: str, times: int, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    voice, report = Voice(results, dry=False, new_only=False, watch=True), Report()
    made, there = Row("in/a.png", "out/a.png", "done"), Row("in/a.png", "out/a.png", "skipped", DONE_BEFORE)
    for row in (made, there, made, there):
        voice(row)
    if results == "json":
        voice.print_json(report, Path("out"), None)
    assert capsysbinary.readouterr().out.count(b"out/a.png") == times


@pytest.mark.parametrize("option", ["--print", "--print0"])
def test_print_new_means_the_same_where_something_is_called_new(
    option: str, pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for count in (5, 0):
        result = call("in", "--set", "blond", "-w", weights, "--out", "new", option, "new")
        assert (result.exit_code, result.stdout.count("new/")) == (0, count), result.stderr


def test_the_summary_tells_made_replaced_and_skipped(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    assert call(pictures, "--set", "blond", "-w", weights, "-o", out).stderr.endswith(f"5 translated: {out}\n")
    (out / "a.png").unlink()
    changed = call(pictures, "--set", "black", "-w", weights, "-o", out, "--json")
    assert changed.stderr.endswith(f"5 translated (4 replaced): {out}\n")
    document = json.loads(changed.stdout)
    assert document["replaced"] == 4
    assert document["outputs"] == [str(out / name) for name in ("a.png", "b.jpg", "c.png", "sub/a.png", "sub/d.webp")]
    again = call(pictures, "--set", "black", "-w", weights, "-o", out)
    assert again.stderr.endswith(f"0 translated, 5 skipped: {out}\n")


def test_names_that_are_no_unicode_come_through(tmp_path: Path, weights: Path) -> None:
    source = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/caf\xe9.png"))
    try:
        draw(tmp_path / "in/a.png", 1).rename(source)
    except OSError:
        pytest.skip("this file system takes Unicode names alone")
    result = call(tmp_path / "in", "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--print")
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes == os.fsencode(tmp_path) + b"/out/caf\xe9.png\n"
    assert os.listdir(os.fsencode(tmp_path / "out")) == [b"caf\xe9.png"]


def test_a_dry_run_lists_what_it_would_write(pictures: Path, tmp_path: Path, weights: Path) -> None:
    result = call(pictures / "a.png", "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert result.stdout == f"{pictures / 'a.png'} -> {tmp_path / 'out/a.png'}\n"
    assert not (tmp_path / "out").exists()


def test_a_dry_run_tells_what_it_would_replace(pictures: Path, weights: Path) -> None:
    args = (pictures / "sub", "--set", "blond", "-w", weights, "-o", pictures / "sub", "--in-place", "--dry-run")
    result, place = call(*args), pictures / "sub" / "a.png"
    assert f"{place} -> {place}  (replaced)\n" in result.stdout
    assert result.stderr.endswith(f"2 would be translated (2 would be replaced): {pictures / 'sub'}\n")
    assert json.loads(call(*args, "--json").stdout)["replaced"] == 2


def test_the_default_output_folder_lies_where_you_are(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("in", "--set", "blond", "-w", weights).exit_code == 0
    assert call("in/a.png", "in/b.jpg", "--set", "blond", "-w", weights).exit_code == 0
    assert (tmp_path / "in-translated/sub/a.png").is_file()
    assert sorted(os.listdir(tmp_path / "translated")) == ["a.png", "b.jpg"]


def test_a_photo_without_a_face_is_named_once(tmp_path: Path, face_weights: Path) -> None:
    Image.new("RGB", (300, 200)).save(tmp_path / "plain.png")
    result = call(tmp_path / "plain.png", "--each", "-w", face_weights, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.count(f"skipped: {tmp_path / 'plain.png'}: no face found ") == 1
    assert "0 translated, 7 skipped" in result.stderr


def test_pictures_that_the_labels_file_leaves_out_are_counted(pictures: Path, tmp_path: Path, weights: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("name,Male\na.png,1\n")
    result = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--labels", labels)
    assert result.exit_code == 0
    expected = "warning: 3 outputs whose picture is not in labels.csv: its labels were read by the discriminator"
    assert expected in result.stderr.splitlines()
    assert f"note: {labels}: 1 picture (" in result.stderr


def test_files_of_others_are_named_and_counted(tmp_path: Path, weights: Path) -> None:
    for number in range(25):
        draw(tmp_path / f"in/{number:02}.png", number)
        draw(tmp_path / f"out/{number:02}.png", number + 100)
    result = call(tmp_path / "in", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 0
    reason = "a file without stargan's note (another program's, or a copy) is in the way; --overwrite replaces it"
    assert f"skipped: {tmp_path}/in/19.png: {reason}\n" in result.stderr
    assert "20.png" not in result.stderr
    words = "files without stargan's note (other programs', or copies) are in the way; --overwrite replaces them"
    expected = f"warning: 25 outputs not made: {words}"
    assert expected in result.stderr.splitlines()
    assert f"0 translated, 25 skipped: {tmp_path / 'out'}" in result.stderr


def test_an_empty_folder_is_a_warning(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "in").mkdir()
    result = call(tmp_path / "in", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 0
    assert "warning: no pictures found" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--set", "blnd"], "unknown attribute 'blnd'; did you mean"),
        (["--set", "smile"], "unknown attribute 'smile'\n"),
        (["--set", "blond, no-happy"], "Young\n  for no-happy, use --weights faces-joint-128\n"),
        ([], "nothing to change"),
        (["--set", "blond,brown"], "exclude each other"),
        (["--set", "blond", "--rest", "on"], "--rest takes only the value off"),
        (["--set", "blond", "--overwrite", "--skip-existing"], "--overwrite and --skip-existing exclude each other"),
        (["--set", "blond", "--print", "--json"], "--json, --print and --print0 exclude each other"),
        (["--set", "blond", "--batch-size", "0"], "--batch-size takes auto or a number of at least 1"),
        (["--set", "blond", "--batch-size", "65537"], "--batch-size must be at most 65536, not 65537"),
        (["--set", "blond", "--batch-size", "many"], "--batch-size takes auto or a number of at least 1"),
        (["--set", "blond", "--device", "tpu"], "unknown device 'tpu'"),
        (["--set", "blond", "--precision", "int4"], "unknown precision 'int4'"),
        (["--set", "blond", "--format", "ppm"], "unknown format 'ppm'"),
        (["--set", "blond", "--quality", "0"], "Invalid value for '--quality'"),
        (["--set", "blond", "--labels", "missing.csv"], "cannot read the labels missing.csv"),
        (["--set", "blond", "--weights", "missing.safetensors"], "no weights at missing.safetensors"),
        (["--set", "blond", "missing.png"], "no such file or folder: missing.png"),
        (["--set", "blond", "-"], "- translates one picture from stdin to stdout"),
        (["--set", "blond", "--out", "-"], "cannot write to -"),
        (["--set", "blond", "--manifest", "-"], "cannot write to -"),
        (["--set", "blond", "--manifest", "rows.csv"], "name it rows.jsonl"),
    ],
)
def test_wrong_calls_end_with_2_and_say_why(
    pictures: Path, tmp_path: Path, weights: Path, args: list[str], message: str
) -> None:
    result = call(pictures, "-w", weights, "-o", tmp_path / "out", *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["-", "--dry-run"], "--dry-run"),
        (["-", "--print", "new"], "--print, --new-only"),
        (["-", "-o", "out", "--shard", "1/2", "--json"], "--out, --shard, --json"),
        (["-", "in", "--engine", "ray"], "the other INPUTs, --engine ray"),
        (["rows.jsonl", "--merge-manifests", "all.jsonl", "--watch"], "--set, --watch"),
    ],
)
def test_options_that_do_not_belong_to_the_call_are_named(args: list[str], named: str) -> None:
    result = call("--set", "blond", *args)
    assert (result.exit_code, result.stderr.splitlines()[1]) == (2, f"  leave out {named}")


def test_weights_without_a_classifier_ask_for_what_is_missing(pictures: Path, tmp_path: Path, imported: Path) -> None:
    args = (pictures, "-w", imported, "-o", tmp_path / "out")
    refused = call(*args, "--set", "blond")
    assert refused.exit_code == 2
    assert "Male; Young" in refused.stderr and "--rest off" in refused.stderr
    assert call(*args, "--set", "blond,male,young").exit_code == 0
    assert call(*args, "--set", "blond", "--rest", "off").exit_code == 0
    labels = tmp_path / "labels.txt"
    labels.write_text("4\nMale Young\na.png 1 -1\nb.jpg 1 1\nc.png -1 -1\nsub/a.png 1 1\n")
    result = call(*args, "--set", "blond", "--labels", labels, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["done"], document["failed"]) == (1, 4, 1)
    assert document["failures"][0]["reason"] == "labels.txt has no value for Male, Young"


def test_set_may_be_given_several_times(pictures: Path, tmp_path: Path, weights: Path) -> None:
    outputs = set()
    for name, spec in (("twice", ("--set", "blond", "-s", "male")), ("once", ("--set", "blond,male"))):
        assert call(pictures / "a.png", *spec, "-w", weights, "--out", tmp_path / name).exit_code == 0
        outputs.add((tmp_path / name / "a.png").read_bytes())
    assert len(outputs) == 1
    refused = call(pictures / "a.png", "--set", "blond", "--set", "black", "-w", weights, "--out", tmp_path / "none")
    assert refused.exit_code == 2 and "exclude each other" in refused.stderr


def test_strength_reaches_folders_and_pipes(pictures: Path, tmp_path: Path, weights: Path) -> None:
    outputs = {}
    for strength in ("1", "4"):
        out = tmp_path / strength
        args = ("--set", "blond", "--strength", strength, "-w", weights)
        assert call(pictures / "a.png", *args, "--out", out).exit_code == 0
        outputs[strength] = (out / "a.png").read_bytes()
        assert call("-", *args, stdin=(pictures / "a.png").read_bytes()).stdout_bytes == outputs[strength]
    assert outputs["1"] != outputs["4"]
    refused = call(pictures / "a.png", "--set", "blond", "--strength", "0", "-w", weights, "--out", tmp_path / "none")
    assert refused.exit_code == 2 and "--strength takes a number above 0" in refused.stderr


@pytest.mark.parametrize("name", ["x.jpg", "x.webp", "x.gif", "x.ppm"])
def test_a_picture_through_a_pipe(tmp_path: Path, weights: Path, name: str) -> None:
    data = draw(tmp_path / name, 3).read_bytes()
    result = call("-", "--set", "blond", "-w", weights, stdin=data)
    assert result.exit_code == 0, result.stderr
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert image.format == {"x.jpg": "JPEG", "x.webp": "WEBP", "x.gif": "GIF", "x.ppm": "PNG"}[name]
        assert image.size == (24, 20)
    as_file = call(tmp_path / name, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert as_file.exit_code == 0
    assert next((tmp_path / "out").iterdir()).read_bytes() == result.stdout_bytes


def test_a_pipe_takes_another_format_and_refuses_what_is_no_picture(tmp_path: Path, weights: Path) -> None:
    data = draw(tmp_path / "x.png", 3).read_bytes()
    result = call("-", "--set", "blond", "-w", weights, "--format", "jpg", "--size", "source", stdin=data)
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert (image.format, image.size) == ("JPEG", (24, 20))
    broken = call("-", "--set", "blond", "-w", weights, stdin=data[:40])
    assert (broken.exit_code, broken.stdout_bytes) == (1, b"")
    assert "damaged or cut off" in broken.stderr
    empty = call("-", "--set", "blond", "-w", weights, stdin=b"")
    assert (empty.exit_code, empty.stdout_bytes) == (1, b"")
    assert "empty" in empty.stderr
    named = call("-", "--each", "-w", weights, stdin=data)
    assert named.exit_code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_whole_files_with_their_rows(number: int, code: int, tmp_path: Path, weights: Path) -> None:
    first = draw(tmp_path / "in/0000.png", 0)
    for copy in range(1, 3000):
        os.link(first, tmp_path / f"in/{copy:04}.png")
    out, manifest = tmp_path / "out", tmp_path / "rows.jsonl"
    options = ["--set", "blond", "--weights", str(weights), "--out", str(out), "--manifest", str(manifest)]
    args = [sys.executable, "-m", "stargan_cli", "translate", str(tmp_path / "in"), *options]
    with subprocess.Popen(args, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 180
        while not list(out.glob("*.png")) and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(number)
        _, errors = running.communicate(timeout=180)
    assert running.returncode == code, errors
    assert "stopping; interrupt again to stop at once" in errors
    assert "interrupted: the same command finishes the rest" in errors
    assert "Traceback" not in errors
    written = sorted(out.iterdir())
    assert 0 < len(written) < 3000
    assert all(path.suffix == ".png" and path.stat().st_size > 0 for path in written)
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert [(row["output"], row["status"]) for row in rows] == [(str(path), "done") for path in written]


def test_what_ctrl_c_breaks_is_no_wrong_call(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal interrupts a compiler, too, that runs for --compile."""

    def compile_forever(*arguments: Any, **options: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        raise UsageError("torch cannot compile the network", "leave --compile out")

    monkeypatch.setattr("stargan_cli.translate.run.translate", compile_forever)
    ended = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert ended.exit_code == 130
    assert "interrupted: the same command finishes the rest" in ended.stderr and "error" not in ended.stderr


INTERRUPT_AT_IMPORT = """
import os, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "stargan_cli.translate.run":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Interrupting())
from stargan_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("watch", [(), ("--watch",)])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_it_starts_leaves_a_document_too(
    number: int, code: int, watch: tuple[str, ...], pictures: Path, tmp_path: Path, weights: Path
) -> None:
    args = ["translate", str(pictures), "--set", "blond", "-w", str(weights), "-o", str(tmp_path / "out"), "--json"]
    command = [sys.executable, "-c", INTERRUPT_AT_IMPORT.format(number=int(number)), *args, *watch]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert ended.returncode == (0 if watch else code), ended.stderr
    document = json.loads(ended.stdout)
    assert (document["interrupted"], document["done"], document["outputs"]) == (not watch, 0, [])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("results", "number"), [("--print", 1), ("--json", 5)])
def test_a_closed_stdout_is_told_on_stderr(
    results: str, number: int, pictures: Path, tmp_path: Path, weights: Path
) -> None:
    """As by `| head`."""
    args = ["translate", str(pictures), "--set", "blond", "-w", str(weights), "-o", str(tmp_path / "out"), results]
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "stargan_cli", *args, "--quiet"]
    ended = subprocess.run(command, cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=180)
    os.close(theirs)
    end = "stdout was closed; the same command goes on with what is missing"
    assert (ended.returncode, ended.stderr) == (1, f"{number} translated: {tmp_path / 'out'}; {end}\n")


@pytest.mark.parametrize(("word", "suffix"), [("jpeg", ".jpg"), ("JPG", ".jpg"), (".tif", ".tiff"), ("WebP", ".webp")])
def test_a_format_is_known_by_each_of_its_suffixes(word: str, suffix: str, tmp_path: Path, weights: Path) -> None:
    source = draw(tmp_path / "a.png", 0)
    assert call(source, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--format", word).exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"a{suffix}"]
