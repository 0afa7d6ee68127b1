"""Progress: a bar on a terminal, plain lines now and then elsewhere, nothing where it is not wanted."""

from __future__ import annotations

import io
import re
import sys

import pytest

from stargan_cli.cli import progress
from stargan_cli.cli.messages import say
from stargan_cli.cli.meter import Meter
from stargan_cli.cli.progress import show_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("translating", quiet=True) as report:
        report(1, 2)
    assert capsys.readouterr().err == ""


def test_lines_come_now_and_then_and_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with show_progress("translating", unit="pictures") as report:
        for done in range(1, 1001):
            report(done, 1000, "D 0.5")
            now[0] += 1.0
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == "translating: 11/1,000 pictures, 1.0/s, 16:29 left, D 0.5"
    assert lines[-1] == "translating: 1,000/1,000 pictures, 1.0/s, D 0.5"
    assert 30 < len(lines) < 70, "every ten seconds at first, more rarely later"
    assert "\r" not in err
    assert "\x1b" not in err


def test_a_total_may_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("finding") as report:
        report(3, None)
    assert capsys.readouterr().err.startswith("finding: 3 pictures")


def test_without_a_step_there_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("decoding"):
        pass
    assert capsys.readouterr().err == ""


def test_two_bars_share_a_terminal_and_texts_are_not_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with show_progress("[red]decoding") as first, show_progress("training", "iterations") as second:
        first(2, 2)
        say("note: [blue]x")
        second(1, 3, "[b]loss 1.5")
    shown = terminal.getvalue()
    assert all(
        text in shown for text in ("[red]decoding", "2/2 pictures", "note: [blue]x", "1/3 iterations", "[b]loss 1.5")
    )
    with show_progress("again") as third:
        third(1, 1)
    assert "again" in terminal.getvalue()


def test_the_rate_of_a_resumed_run_counts_from_where_it_went_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with show_progress("training", unit="iterations") as report:
        for done in range(5001, 5021):
            report(done, 6000)
            now[0] += 2.0
    assert capsys.readouterr().err.splitlines()[0] == "training: 5,006/6,000 iterations, 2.0 s each, 33:08 left"


def test_losses_stand_below_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    losses = "  ".join(f"D/part{i} 0.123" for i in range(6))
    with show_progress("training", "iterations") as report:
        report(1, 3, losses)
    assert losses in terminal.getvalue()


def test_the_note_of_the_last_step_ends_with_it_but_what_comes_after_it_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with show_progress("decoding") as report:
        report(2, 2, "finding faces")
    assert "2/2 pictures" in terminal.getvalue() and "finding faces" not in terminal.getvalue()
    with show_progress("translating") as report:
        report(2, 2)
        report(2, 2, "writing page.html: 1 of 2")
    assert "writing page.html: 1 of 2" in terminal.getvalue()


def test_the_rate_is_that_of_the_last_seconds_and_of_work_alone() -> None:
    meter = Meter("pictures")
    for skipped in range(1200):
        meter.update(0, 4000, skipped + 1, 0.001 * skipped)
    assert meter.text(1.2) == "0/2,800 pictures, 1,200 skipped", "nothing absurd in the first second"
    for done in range(1, 1001):
        meter.update(done, 4000, 1200, 1.2 + done * (0.1 if done <= 500 else 0.5))
    assert meter.text(301.2) == "1,000/2,800 pictures, 1,200 skipped, 2.0/s, 15:00 left"
    assert meter.share() == 2200 / 4000


def test_a_limit_of_time_counts_where_it_ends_first() -> None:
    meter = Meter("iterations", seconds=300)
    for done in range(61):
        meter.update(done, 200_000, 0, float(done))
    assert meter.text(60.0) == "60/200,000 iterations, 1.0/s, 04:00 left"
    assert meter.share() == 60 / 300


def test_results_on_the_same_terminal_get_lines_in_place_of_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("translating", results=True) as report:
        report(1, 1)
        print("out/a.jpg")
    assert terminal.getvalue() == "out/a.jpg\ntranslating: 1/1 pictures\n"


@pytest.mark.parametrize("columns", [40, 80])
def test_every_line_of_the_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    terminal, now = Terminal(), [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    with show_progress("translating") as report:
        report(0, None, "loading weights")
        report(34, 4000, skipped=1200)
        now[0] += 10
        report(1596, 4000, skipped=1200)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    assert "loading weights" in plain
    lines = plain.replace("\r", "\n").splitlines()
    parts = ["  1,596/2,800 pictures", "1,200 skipped", "159.6/s", "00:07 left"]
    assert (", " if columns == 80 else "\n  ").join(parts) in "\n".join(lines)
    assert max(map(len, lines)) <= columns
