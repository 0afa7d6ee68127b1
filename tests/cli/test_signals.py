"""Ctrl-C, SIGTERM and SIGHUP: a first one asks, a second one insists."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from stargan_cli.cli import signals
from stargan_cli.cli.signals import Terminated, interruptible, terminable

REPO = Path(__file__).resolve().parents[2]


def test_a_first_signal_asks_and_ctrl_c_then_insists(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with interruptible("stopping") as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().err == "stopping\n"


def test_two_terminations_at_once_are_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun and systemd send them."""
    with interruptible("") as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        monkeypatch.setattr(signals, "SAME_REQUEST_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_signal_decides_on_the_exit_code(number: int, code: int) -> None:
    with interruptible("") as stop:
        os.kill(os.getpid(), number)
    assert stop.exit_code == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_sigterm_and_sighup_end_a_command_tidily(number: int, code: int) -> None:
    program = (
        "import os, signal\n"
        "from stargan_cli.cli import app\n"
        "def command() -> None:\n"
        f"    try:\n        os.kill(os.getpid(), {number:d}); signal.pause()\n"
        "    finally:\n        print('tidy')\n"
        "app.app.command('hang')(command)\n"
        "app.app(['hang'])\n"
    )
    assert run(program) == (code, "tidy\n", "interrupted\n")


def test_a_signal_during_an_import_passes_no_exception_through_native_code_and_leaves_no_scratch_folder(
    tmp_path: Path,
) -> None:
    """A module of torch's aborts when its initialisation in C++ meets a Python exception."""
    native = "import os\ntry:\n    os.kill(os.getpid(), 15)\nexcept BaseException:\n    os.abort()\n"
    (tmp_path / "native.py").write_text(native)
    (tmp_path / "out").mkdir()
    program = (
        "from pathlib import Path\n"
        "from stargan_cli.cli.signals import terminable\n"
        "from stargan_cli.files.scratch import scratch_folder\n"
        f"with terminable(), scratch_folder(Path({str(tmp_path / 'out')!r}), 'export') as folder:\n"
        "    (folder / 'half').touch()\n"
        "    import native\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TORCHELASTIC_RUN_ID"}
    environment["PYTHONPATH"] = f"{REPO}{os.pathsep}{tmp_path}"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (143, "interrupted\n")
    assert list((tmp_path / "out").iterdir()) == []


def test_sigterm_raises_within_and_is_as_it_was_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), terminable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_is_ignored_stays_so(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nohup and a shell's background jobs need it."""
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with terminable(), interruptible("") as stop:
            os.kill(os.getpid(), number)
            assert not stop()
    finally:
        signal.signal(number, before)


def test_outside_of_the_main_thread_nothing_is_handled() -> None:
    heard: list[bool] = []

    def work() -> None:
        with interruptible("") as stop, terminable():
            heard.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [False]


def run(program: str) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "TORCHELASTIC_RUN_ID"}
    environment["PYTHONPATH"] = str(REPO)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


INTERRUPT_AT_IMPORT = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["stargan", "--version"]
from stargan_cli.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "name", ["stargan_cli.cli.messages", "typer", "stargan_cli.cli.app", "stargan_cli.cli.training.command"]
)
def test_ctrl_c_while_it_starts_is_no_traceback(name: str) -> None:
    assert run(INTERRUPT_AT_IMPORT.format(name=name)) == (130, "", "interrupted\n")


MANY_TIMES = """
import os, signal, sys, threading, time
from stargan_cli.cli import app, signals

def ctrl_c(times=1):
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)

def command() -> int:
    try:
        with signals.interruptible("stopping") as stop:
            try:
                ctrl_c({times})
                signal.pause()
            finally:
                ctrl_c(2)
                print("tidy", flush=True)
    finally:
        ctrl_c(2)
        print("tidy too", flush=True)
    return stop.exit_code

app.app.command("hang")(command)
sys.argv = ["stargan", "hang"]
from stargan_cli.__main__ import main
main()
"""


@pytest.mark.parametrize("times", [2, 5])
def test_ctrl_c_many_times_is_no_traceback_and_the_command_tidies_up(times: int) -> None:
    code, out, err = run(MANY_TIMES.format(times=times))
    assert (code, out) == (130, "tidy\ntidy too\n")
    assert err.splitlines() == ["stopping", "interrupted"]


def test_ctrl_c_at_the_very_end_of_a_process_is_no_traceback() -> None:
    program = (
        "import atexit, os, signal, sys\n"
        "from stargan_cli.cli import app\n"
        "app.app.command('end')(lambda: atexit.register(os.kill, os.getpid(), signal.SIGINT) and None)\n"
        "sys.argv = ['stargan', 'end']\n"
        "from stargan_cli.__main__ import main\n"
        "main()\n"
    )
    assert run(program) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [("os.kill(os.getpid(), signal.SIGINT); signal.pause()", 130, "interrupted\n"), ("return 1", 1, "")],
)
def test_a_command_that_is_interrupted_or_has_failed_waits_for_no_thread(end: str, code: int, said: str) -> None:
    program = (
        "import os, signal, sys, threading\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from stargan_cli.cli import app\n"
        "def command() -> int:\n"
        "    ThreadPoolExecutor(1).submit(threading.Event().wait)\n"
        "    try:\n"
        f"        {end}\n"
        "    finally:\n"
        "        print('tidy', flush=True)\n"
        "app.app.command('slow')(command)\n"
        "sys.argv = ['stargan', 'slow']\n"
        "from stargan_cli.__main__ import main\n"
        "main()\n"
    )
    assert run(program) == (code, "tidy\n", said)


def test_a_later_ctrl_c_ends_a_command_that_hangs_while_it_tidies() -> None:
    hanging = "signals.SAME_REQUEST_S = -1; ctrl_c(); print('late', flush=True)"
    program = MANY_TIMES.format(times=2).replace('print("tidy", flush=True)', hanging)
    code, out, err = run(program)
    assert (code, "Traceback" in err, "late" in out) == (130, False, False)


PRINTING = """
import os, signal, sys
from stargan_cli.cli import app, signals

def command() -> int:
    with signals.interruptible("stopping"):
        print("a result")
        for _ in range({times}):
            os.kill(os.getpid(), signal.SIGINT)
    return 130

app.app.command("hang")(command)
sys.argv = ["stargan", "hang"]
from stargan_cli.__main__ import main
main()
"""


def test_a_second_ctrl_c_does_not_wait_for_a_reader_that_does_not_read() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with suppress(BlockingIOError):
        while os.write(theirs, b"x" * 4096):
            pass
    os.set_blocking(theirs, True)
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    command = [sys.executable, "-c", PRINTING.format(times=2)]
    try:
        ended = subprocess.run(command, env=environment, stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=30)
    finally:
        os.close(ours)
        os.close(theirs)
    assert (ended.returncode, ended.stderr) == (130, "stopping\ninterrupted\n")


def test_a_first_ctrl_c_loses_no_result() -> None:
    assert run(PRINTING.format(times=1)) == (130, "a result\n", "stopping\n")


ON_A_TERMINAL = """
import sys, time
from stargan_cli.cli import app, progress, signals

def command() -> int:
    with signals.interruptible("stopping") as stop, progress.show_progress("working") as report:
        while not stop():
            report(1, 2)
            time.sleep(0.01)
        print("a result", flush=True)
    return stop.exit_code

app.app.command("hang")(command)
sys.argv = ["stargan", "hang"]
from stargan_cli.__main__ import main
main()
"""


def test_a_terminal_that_is_closed_ends_a_command_tidily() -> None:
    ours, theirs = os.openpty()
    environment = os.environ | {"PYTHONPATH": str(REPO), "TERM": "xterm"}
    command = [sys.executable, "-c", ON_A_TERMINAL]
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        assert os.read(ours, 1)
        os.close(ours)
        running.send_signal(signal.SIGHUP)
        assert running.wait(timeout=60) == 129


def test_ctrl_c_that_is_ignored_stays_so_for_the_whole_process() -> None:
    program = MANY_TIMES.format(times=5).replace("signal.pause()", "pass")
    code, out, err = run("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + program)
    assert (code, out, err) == (130, "tidy\ntidy too\n", "")
