"""What people are told on stderr: errors, warnings, and file names that a terminal can show."""

from __future__ import annotations

import codecs
import sys
import traceback

from stargan_cli.errors import StarganError


def shown(text: object) -> str:
    """A text or path with control characters written out (a newline as \\n): one line, and harmless on a terminal."""
    return "".join(
        char if char.isprintable() or "\udc80" <= char <= "\udcff" else char.encode("unicode_escape").decode("ascii")
        for char in str(text)
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"warning: {shown(text)}")


def say_error(error: StarganError) -> None:
    """What and where in the first line, what to do next in the second."""
    say(f"error: {shown(error)}")
    if error.hint:
        for line in error.hint.splitlines():
            say(f"  {shown(line)}")


def say_crash(error: BaseException) -> None:
    """An error that nobody foresaw, in one line."""
    text = shown(str(error).strip().split("\n")[0])
    say(f"error: this should not happen: {type(error).__name__}{': ' if text else ''}{text}")
    say("  run again with --debug to see where, and please report it")


def say_traceback(error: BaseException) -> None:
    say("".join(traceback.format_exception(error)).rstrip())


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
