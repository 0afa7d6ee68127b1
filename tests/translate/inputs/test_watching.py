"""`translate --watch`: what arrives is translated once it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tars_kit import pack
from translation_kit import draw
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.errors import UsageError
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.watching import POLL_SECONDS, WHOLE_SECONDS, arriving, missing_inputs_noted
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import Run, translate
from stargan_cli.translate.settings import TranslationSettings


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_file_is_given_once_it_no_longer_grows(tmp_path: Path) -> None:
    clock, growing = Clock(), tmp_path / "b.png"
    draw(tmp_path / "a.png", 1)
    growing.write_bytes(b"half")
    seen: list[tuple[float, list[str]]] = []
    looks = arriving(lambda: find([tmp_path], None, "same", str), lambda: clock.now > 9, clock, clock.sleep)
    for found in looks:
        seen.append((clock.now, [Path(str(one.source)).name for one in found]))
        if len(seen) == 1:
            growing.write_bytes(b"grown")
            os.utime(growing, (2e9, 2e9))
    assert [names for _, names in seen] == [["a.png", "b.png"], ["b.png"]]
    assert WHOLE_SECONDS <= seen[0][0] < WHOLE_SECONDS + 2 * POLL_SECONDS


def test_a_picture_whose_output_gets_another_place_is_given_again(tmp_path: Path) -> None:
    clock = Clock()
    draw(tmp_path / "a.jpg", 1)
    seen: list[list[str]] = []
    looks = arriving(lambda: find([tmp_path], None, "png", str), lambda: clock.now > 9, clock, clock.sleep)
    for found in looks:
        seen.append([f"{Path(str(one.source)).name} -> {one.output}" for one in found])
        if len(seen) == 1:
            draw(tmp_path / "a.png", 2)
    assert seen == [["a.jpg -> a.png"], ["a.jpg -> a.jpg.png", "a.png -> a.png"]]


@pytest.mark.parametrize("run", [Run(watch=True, dry=True), Run(watch=True, ray=True)])
def test_what_does_not_go_with_it_is_refused(tmp_path: Path, run: Run) -> None:
    with pytest.raises(UsageError, match="--watch"):
        translate([tmp_path], tmp_path.with_name("out"), TranslationSettings("blond"), run)


def test_with_fail_fast_it_ends_at_the_first_failure(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / "b.png").write_bytes(b"broken")
    monkeypatch.setattr("stargan_cli.translate.inputs.watching.WHOLE_SECONDS", 0.0)
    end = time.monotonic() + 60
    settings = TranslationSettings("blond", weights=str(weights))
    run = Run(watch=True, fail_fast=True)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, run, stop=lambda: time.monotonic() > end)
    assert (report.done, report.failed) == (1, 1)
    assert time.monotonic() < end


def test_what_is_gone_at_its_turn_is_forgotten_and_does_not_end_the_run(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is renamed, or the tar removed, after the search and before the work."""
    inbox = tmp_path / "in"
    draw(inbox / "sub" / "a.png", 1)
    draw(inbox / "z.png", 2)
    pack(inbox / "b.tar", {"b.png": draw(tmp_path / "b.png", 3).read_bytes()})

    def arriving_late(listing: Any, stop: Any) -> Iterator[list[Any]]:
        found = list(listing())
        (inbox / "sub").rename(inbox / "sub2")
        (inbox / "b.tar").unlink()
        yield found
        yield list(listing())

    monkeypatch.setattr("stargan_cli.translate.run.arriving", arriving_late)
    settings = TranslationSettings("blond", weights=str(weights))
    rows: list[Row] = []
    run = Run(watch=True, fail_fast=True)
    report = translate([inbox], tmp_path / "out", settings, run, on_row=rows.append)
    assert (report.done, report.failed, report.exit_code) == (2, 0, 0), rows
    assert {row.source for row in rows} == {str(inbox / "sub2" / "a.png"), str(inbox / "z.png")}


def test_pictures_are_translated_as_they_arrive_until_ctrl_c(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    draw(tmp_path / "in" / "a.png", 1)
    (tmp_path / "in" / "b.png").write_bytes(b"broken")
    command = [sys.executable, "-m", "stargan_cli", "translate", tmp_path / "in", "--watch", "--set", "blond"]
    process = subprocess.Popen([*command, "-w", weights, "-o", tmp_path / "out"], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(tmp_path / "out" / "a.png", process)
        draw(tmp_path / "in" / "b.png", 2)  # mended: no failure at the end
        draw(tmp_path / "in" / "sub" / "b.png", 2)
        wait_for(tmp_path / "out" / "sub" / "b.png", process)
        wait_for(tmp_path / "out" / "b.png", process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert f"failed: {tmp_path / 'in' / 'b.png'}: not a picture" in errors
    assert errors.endswith(f"3 translated: {tmp_path / 'out'}\n")


def test_where_nothing_arrives_nothing_is_wrong(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.setattr("stargan_cli.translate.run.arriving", lambda listing, stop: iter(()))
    args = ["translate", tmp_path / "in", "--watch", "--set", "blond", "-w", weights, "-o", tmp_path / "out"]
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == 0 and "warning" not in result.stderr
    assert result.stderr.endswith(f"0 translated: {tmp_path / 'out'}\n")


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.1)


def test_a_file_that_was_away_is_given_again(tmp_path: Path) -> None:
    clock, seen = Clock(), []
    path = draw(tmp_path / "a.png", 1)
    data, times = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)

    def listing() -> list[Any]:
        if 5 < clock.now < 8:
            path.unlink(missing_ok=True)
        elif not path.exists():
            path.write_bytes(data)
            os.utime(path, ns=times)
        return list(find([tmp_path], None, "same", str))

    for found in arriving(listing, lambda: clock.now > 15, clock, clock.sleep):
        seen.append(len(found))
    assert seen == [1, 1]


def test_an_input_that_vanishes_is_named_once_each_time(tmp_path: Path) -> None:
    clock, told = Clock(), []
    inbox, away = tmp_path / "in", tmp_path / "away"
    draw(inbox / "a.png", 1)

    def listing() -> list[Any]:
        if 3 < clock.now < 6 or clock.now > 9:
            inbox.rename(away) if inbox.exists() else None
        elif away.exists():
            away.rename(inbox)
        return list(find([inbox], None, "same", str))

    noted = missing_inputs_noted(listing, [inbox], lambda text: told.append((clock.now, text)))
    assert len(list(arriving(noted, lambda: clock.now > 12, clock, clock.sleep))) == 2
    assert [text for _, text in told] == [f"{inbox} is gone: waiting until it is back"] * 2
    assert told[0][0] < 6 < told[1][0]
