"""Progress: a bar on a terminal, plain lines now and then elsewhere, nothing where it is not wanted."""

from __future__ import annotations

import io
import sys

import pytest

from stargan_cli.cli import progress
from stargan_cli.cli.messages import say
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
    assert lines[0] == "translating:   1% 11/1000 [00:10<14:59,  1.10 pictures/s], D 0.5"
    assert lines[-1].startswith("translating: 100% 1000/1000 [16:40<00:00")
    assert 30 < len(lines) < 70, "every ten seconds at first, more rarely later"
    assert "\r" not in err
    assert "\x1b" not in err


def test_a_total_may_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("finding") as report:
        report(3, None)
    assert capsys.readouterr().err.startswith("finding: 3 pictures [00:00")


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
    assert all(text in shown for text in ("[red]decoding", "2/2", "note: [blue]x", "1/3", "[b]loss 1.5"))
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
    assert "5006/6000 [00:10<27:36,  1.67s/ iterations]" in capsys.readouterr().err.splitlines()[0]


def test_losses_stand_below_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    losses = "  ".join(f"D/part{i} 0.123" for i in range(6))
    with show_progress("training", "iterations") as report:
        report(1, 3, losses)
    assert losses in terminal.getvalue()
