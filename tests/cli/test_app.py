"""The command itself: help, version, the error boundary, and what a terminal or a pipe gets to see."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from stargan_cli.cli.app import COMMANDS, ErrorBoundary, app
from stargan_cli.cli.messages import shown
from stargan_cli.errors import PictureError, StarganError, UsageError, WeightsError, counted
from stargan_cli.version import __version__

ROOT = Path(__file__).resolve().parents[2]
CLOSED = "Bad file descriptor\n  was it closed, by <&- or >&-?"
FULL = "No space left on device\n  make room, and run it again"
runner = CliRunner()


def stargan(*args: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "stargan_cli", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, **options)  # type: ignore[call-overload,no-any-return]


def failing(error: BaseException) -> typer.Typer:
    """An app with the one boundary and one command, which fails."""
    broken = typer.Typer(cls=ErrorBoundary)

    @broken.callback()
    def _callback() -> None: ...

    @broken.command()
    def fail() -> None:
        raise error

    return broken


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"stargan {__version__}\n")


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['stargan', '--help']\n"
        "from stargan_cli.__main__ import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(' '.join(name for name in ('torch', 'numpy', 'PIL') if name in sys.modules))\n"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0
    assert result.stderr == ""
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a process has no affinity here")
def test_openmp_binds_the_program_to_no_core() -> None:
    """Job scripts of clusters set these variables; the thread that imports torch would keep to one core."""
    script = (
        "import os, sys; sys.argv = ['stargan', '--version']; before = os.sched_getaffinity(0)\n"
        "from stargan_cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "import torch; torch.ones(100_000).sum(); assert os.sched_getaffinity(0) == before, os.sched_getaffinity(0)\n"
    )
    bound = os.environ | {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=bound, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = runner.invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f"stargan {name}" in result.stdout


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_flags_have_no_type_in_the_help(name: str) -> None:
    assert "<bool>" not in runner.invoke(app, [*name.split(), "--help"]).stdout


def test_without_a_command_help_is_shown_and_the_call_counts_as_wrong() -> None:
    result = runner.invoke(app, [])
    assert result.exit_code == 2
    assert "Usage" in result.output


@pytest.mark.parametrize(
    ("error", "code", "stderr"),
    [
        (UsageError("no such thing", "try another\nor none"), 2, "error: no such thing\n  try another\n  or none\n"),
        (PictureError("cannot read a\nb"), 1, "error: cannot read a\\nb\n"),
        (StarganError("odd [red]name[/red]"), 1, "error: odd [red]name[/red]\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (typer.Abort(), 130, "interrupted\n"),
        (typer.Exit(7), 7, ""),
        (OSError(errno.ENOSPC, "No space left"), 1, "error: No space left\n  make room, and run it again\n"),
        (OSError(errno.EIO, "Input/output error", "a\nb"), 1, "error: a\\nb: Input/output error\n"),
        (
            ZeroDivisionError("by\nzero"),
            1,
            "error: this should not happen: ZeroDivisionError: by\n"
            "  run again with --debug to see where, and please report it\n",
        ),
    ],
)
def test_errors_become_words_and_exit_codes(error: BaseException, code: int, stderr: str) -> None:
    result = runner.invoke(failing(error), ["fail"])
    assert (result.exit_code, result.stderr) == (code, stderr)


@pytest.mark.parametrize(
    "error",
    [
        UsageError("x" * 10**6 + "end", "y" * 10**6),
        WeightsError("a" * 10**6),
        ValueError("z" * 10**6),
        OSError(errno.EIO, "Input/output error", "p" * 10**6),
        typer.BadParameter("w" * 10**6),
    ],
)
def test_no_message_is_endless(error: Exception) -> None:
    result = runner.invoke(failing(error), ["fail"])
    assert len(result.stderr) < 9000
    assert " more characters ...]" in result.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory"),
        (RuntimeError("can't start new thread"), "no more threads"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "no more threads"),
        (OSError(errno.EMFILE, "Too many open files", "a.png"), "no more files"),
    ],
)
def test_a_machine_that_is_short_of_something_is_no_fault_of_the_program(error: Exception, words: str) -> None:
    result = runner.invoke(failing(error), ["fail"])
    assert result.exit_code == 1
    assert words in result.stderr.splitlines()[0]
    assert "report it" not in result.stderr and len(result.stderr.splitlines()) == 2


@pytest.mark.parametrize("args", [["--debug", "fail"], ["fail", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(args: list[str]) -> None:
    result = runner.invoke(failing(UsageError("no such thing")), args)
    assert result.exit_code == 2
    assert result.stderr.startswith("Traceback")
    assert result.stderr.endswith("error: no such thing\n")


def test_a_result_is_the_exit_code() -> None:
    answering = typer.Typer(cls=ErrorBoundary)
    answering.callback()(lambda: None)
    answering.command("answer")(lambda: 1)
    assert runner.invoke(answering, ["answer"]).exit_code == 1


def test_a_wrong_option_says_where_help_is() -> None:
    result = runner.invoke(app, ["info", "--nope"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: No such option")
    assert result.stderr.endswith("  see stargan info --help\n")


def test_a_name_that_is_not_utf8_is_printed_as_it_came() -> None:
    result = stargan("info", b"\xff[red]\n.safetensors")
    assert result.returncode == 2
    assert result.stderr.startswith(b"error: no weights at \xff[red]\\n.safetensors\n")


def test_names_can_be_told_where_the_stream_knows_ascii_only() -> None:
    result = stargan("info", "gr\u00fcn", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert result.stderr.startswith(b"error: no weights at gr\\xfcn\n")


def test_a_reader_that_leaves_early_causes_no_noise() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        command = [sys.executable, "-m", "stargan_cli", "--version"]
        result = subprocess.run(command, cwd=ROOT, stdout=gone, stderr=subprocess.PIPE, timeout=300)
    assert (result.returncode, result.stderr) == (1, b"")


def test_one_thing_is_not_counted_as_several() -> None:
    assert [counted(number, "picture") for number in (0, 1, 1200)] == ["0 pictures", "1 picture", "1,200 pictures"]


def test_shown_is_one_line_and_harmless() -> None:
    assert shown("a b\n\x1b[31m\u202egr\u00fcn\udcff") == "a b\\n\\x1b[31m\\u202egr\u00fcn\udcff"
    assert shown("\x9b31m\udc9b31m\udca0") == "\\x9b31m\\udc9b31m\udca0"  # the C1 range


@pytest.mark.parametrize(
    ("closed", "code", "out", "err"),
    [
        ("2>&-", 2, "", ""),
        (">&-", 2, "", "error: no such file or folder: nowhere\n"),
        ("<&-", 2, "", "error: no such file or folder: nowhere\n"),
        ("2>/dev/full", 2, "", ""),
    ],
)
def test_closed_streams_and_full_logs_are_no_crash(closed: str, code: int, out: str, err: str, tmp_path: Path) -> None:
    command = f"exec {sys.executable} -m stargan_cli translate nowhere --set male -o {tmp_path}/out {closed}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["translate", "in", "--set", "male", "--out", ""], "the argument after --out is empty"),
        (["translate", "in", "--set", "male", "--labels="], "--labels is empty"),
        (["translate", "", "--set", "male"], "an argument is empty"),
        (["translate", "in", "--set", "male", "--out", "~/o"], "the shell did not expand ~ in ~/o"),
        (["translate", "in", "--set", "male", "--manifest=~/m.jsonl"], "the shell did not expand ~ in --manifest=~/m"),
    ],
)
def test_an_argument_that_the_shell_did_not_make_a_path_of_is_refused(
    args: list[str], error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 2 and result.stderr.startswith(f"error: {error}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("--version >&-", f"the standard output: {CLOSED}"),
        ("--version >/dev/full", f"the standard output: {FULL}"),
        ("info --json >/dev/full", f"the standard output: {FULL}"),
        ("translate - --set male >/dev/null <&-", f"the standard input: {CLOSED}"),
    ],
)
def test_a_standard_stream_that_fails_is_named(command: str, error: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = f"exec {sys.executable} -m stargan_cli {command}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"error: {error}\n")


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f"cd gone; rmdir ../gone; exec {sys.executable} -m stargan_cli --version"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: the folder that you are in is gone\n  cd to another folder\n")


@pytest.mark.parametrize(
    "call",
    [
        ["export", "celeba-128", "--to", "onnx", "--out"],
        ["eval", "celeba-128", "--record"],
        ["eval", "celeba-128", "--classifier"],
        ["translate", "in", "--set", "blond", "--grid"],
        ["translate", "in", "--set", "blond", "--gallery"],
        ["translate", "in", "--set", "blond", "--manifest"],
        ["translate", "in", "--merge-manifests"],
    ],
)
def test_the_name_of_a_folder_is_not_taken_for_a_file(call: list[str]) -> None:
    result = runner.invoke(app, [*call, "new/"])
    assert result.exit_code == 2
    assert result.stderr == "error: new/ is the name of a folder\n  give the name of a file\n"


@pytest.mark.parametrize(
    "call",
    [
        ["export", "celeba-128", "--to", "onnx", "--out"],
        ["export", "celeba-128", "--to", "onnx", "--pictures"],
        ["export", "1-G.ckpt", "--to", "safetensors", "--discriminator"],
        ["eval", "--out"],
        ["eval", "--cache"],
        ["train", "--run"],
        ["train", "--cache"],
        ["train", "--config"],
        ["train", "--data"],
        ["train", "--root"],
        ["translate", "in", "--set", "blond", "--labels"],
        ["translate", "in", "--set", "blond", "--manifest"],
        ["translate", "in", "--merge-manifests"],
        ["translate", "--merge-manifests", "all.jsonl"],
    ],
)
def test_a_url_is_no_local_path(call: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, [*call, "s3://bucket/x"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: s3://bucket/x is a URL, and only a local path can be given here\n")
    assert list(tmp_path.iterdir()) == []
