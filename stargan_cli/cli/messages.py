"""Texts on stderr: errors, warnings, and file names that a terminal can show."""

from __future__ import annotations

import codecs
import os
import sys
import traceback
from contextlib import suppress

from stargan_cli.errors import StarganError, shortened


def shown(text: object) -> str:
    """A text or path with control characters written out (a newline as \\n): one line, and harmless on a terminal.

    Bytes of names that are no UTF-8 stay, but for those of the C1 range (0x80..0x9f), which some terminals obey.
    """
    return "".join(
        char if char.isprintable() or "\udca0" <= char <= "\udcff" else char.encode("unicode_escape").decode("ascii")
        for char in str(text)
    )


def say(text: str) -> None:
    """A log that cannot be written any more stops no work."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"warning: {shown(shortened(text))}")


def note(text: str) -> None:
    say(f"note: {shown(text)}")


def say_error(error: StarganError) -> None:
    """What and where in the first line, what to do next in the second."""
    say(f"error: {shown(error)}")
    if error.hint:
        for line in error.hint.splitlines():
            say(f"  {shown(line)}")


def say_crash(error: BaseException) -> None:
    """An error that nobody foresaw, in one line."""
    text = shown(shortened(str(error).strip().split("\n")[0]))
    say(f"error: this should not happen: {type(error).__name__}{': ' if text else ''}{text}")
    say("  run again with --debug to see where, and please report it")


def say_traceback(error: BaseException) -> None:
    say("".join(traceback.format_exception(error)).rstrip())


def open_closed_streams() -> None:
    """Where a standard stream was closed (`>&-`), what is opened next would take its number, and what is written to
    the stream would land in that file. What is said is lost then; reading stdin or writing to stdout is an error."""
    ways = (("stdin", "r", os.O_WRONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY))
    for number, (name, mode, wrong_way) in enumerate(ways):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, wrong_way)  # the lowest number that is free
            setattr(sys, name, open(number, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115


def make_streams_lossless() -> None:
    """Let stdout and stderr carry any file name: bytes that are not UTF-8 leave as they came, and characters that the
    stream's encoding lacks are written out."""
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
