"""No command waits for a FIFO that is given as an input: it is named at once."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from translation_kit import draw, make_weights
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.files.opening import open_regular

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_weights(tmp_path / "w.safetensors")
    draw(tmp_path / "in" / "a.png", 1)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    names = ("fifo", "fifo.png", "fifo.tar", "fifo.safetensors", "fifo.ckpt", "fifo.toml", "run/settings.json")
    for name in (*names, "run/checkpoints/00000001.safetensors"):
        os.mkfifo(tmp_path / name)
    return tmp_path


@pytest.fixture(autouse=True)
def _not_for_ever() -> Iterator[None]:
    """A command that waits ends the test, by a signal."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits for the FIFO"))
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


SET = ("--set", "blond", "-o", "out")


@pytest.mark.parametrize(
    "command",
    [
        ("translate", "fifo.png", *SET, "-w", "w.safetensors"),
        ("translate", "fifo.tar", *SET, "-w", "w.safetensors"),
        ("translate", "in", *SET, "-w", "fifo"),
        ("translate", "in", *SET, "-w", "fifo.safetensors"),
        ("translate", "in", *SET, "-w", "w.safetensors", "--labels", "fifo"),
        ("translate", "in", *SET, "-w", "w.safetensors", "--manifest", "fifo"),
        ("translate", "in", *SET, "-w", "w.safetensors", "--grid", "fifo.png", "--overwrite"),
        ("translate", "--merge-manifests", "all", "fifo"),
        ("translate", "--merge-manifests", "fifo", "fifo"),
        ("info", "fifo"),
        ("info", "fifo.safetensors"),
        ("export", "fifo.ckpt", "--to", "safetensors", "--attrs", "Male"),
        ("export", "run/checkpoints/00000001.safetensors", "--to", "safetensors"),
        ("export", "w.safetensors", "--to", "safetensors", "--precision", "fp16", "--out", "fifo", "--overwrite"),
        ("train", "--run", "run", "--resume"),
        ("train", "--run", "other", "--config", "fifo.toml", "--data", "in"),
        ("train", "--run", "other", "--init-from", "fifo.safetensors", "--data", "in"),
        ("eval", "-w", "w.safetensors", "--classifier", "fifo.safetensors", "--data", "in"),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_fifo_is_refused_and_not_waited_for(command: tuple[str, ...], place: Path) -> None:
    result = CliRunner().invoke(app, command)
    assert result.exit_code in (1, 2), result.output
    assert "fifo" in result.stderr or "run/" in result.stderr
    assert "this should not happen" not in result.stderr


def test_what_is_no_regular_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    for path, word in (("fifo", "a FIFO"), ("socket", "a socket"), (os.devnull, "a device"), (".", "a folder")):
        with pytest.raises(OSError) as caught:
            open_regular(Path(path))
        assert (caught.value.filename, caught.value.strerror) == (path, f"not a regular file but {word}")
    with pytest.raises(OSError, match="cannot be opened: embedded null byte"):
        open_regular(Path("a\0b"))
    with open_regular(Path(__file__)) as file:
        assert file.read(3) == b'"""'
