"""The standard streams: safe where they were closed, able to carry any file name, and named in their errors."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def prepare_streams() -> None:
    _open_closed()
    if os.name == "posix":  # on Windows a console's stream is not a file
        _treat_errors()
    _make_lossless()


def _open_closed() -> None:
    """Replace standard streams that were closed (`>&-`). Otherwise the next opened file would take the stream's file
    descriptor, and text for the stream would land in that file.

    Text for a closed stderr is lost. Reading a closed stdin or writing to a closed stdout is an error.
    """
    ways = (("stdin", "r", os.O_WRONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))
    for number, (name, mode, wrong_way) in enumerate(ways):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, wrong_way)  # gets this number: it is the lowest free file descriptor
            setattr(sys, name, open(number, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115


class _Named(io.FileIO):
    """A standard stream whose errors name it, as the errors of a file do."""

    def __init__(self, number: int, mode: str, name: str) -> None:
        super().__init__(number, mode, closefd=False)
        self._name = name

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        with self._named():
            return super().write(data)

    def readinto(self, buffer: Any) -> int | None:
        with self._named():
            return super().readinto(buffer)

    def readall(self) -> bytes | None:  # type: ignore[override]
        with self._named():
            return super().readall()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = error.filename or self._name
            raise


class _Lossy(io.FileIO):
    """A standard stream that ignores errors, since a lost log must not stop the work. What a closed terminal, a closed
    pipe or a full disk does not take is lost."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)

    def write(self, data: Any) -> int:
        left = memoryview(data)
        with suppress(OSError):
            while left and (written := super().write(left)):
                left = left[written:]
        return len(data)


def _treat_errors() -> None:
    sys.stdin = _text(io.BufferedReader(_Named(0, "r", "the standard input")), sys.stdin)
    output = _Lossy(1) if sys.stdout.isatty() else _Named(1, "w", "the standard output")
    sys.stdout = _text(io.BufferedWriter(output), sys.stdout)
    sys.stderr = _text(_Lossy(2), sys.stderr)  # a buffer would refuse signal handlers that print meanwhile


def _text(buffer: Any, like: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        buffer, like.encoding, like.errors, line_buffering=like.line_buffering, write_through=like.write_through
    )


def _make_lossless() -> None:
    """Let stdout and stderr carry any file name. Bytes that are not UTF-8 are written unchanged, and characters that
    the stream's encoding lacks are escaped."""
    codecs.register_error("stargan", _lossless)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="stargan")


def _lossless(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
