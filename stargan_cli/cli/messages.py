"""Text on stderr: errors, warnings, and file names in a form that is safe on a terminal."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress

from stargan_cli.errors import StarganError, shortened


def shown(text: object) -> str:
    """A text or path with its control characters escaped (a newline as \\n): one line, and harmless on a terminal.

    Bytes of names that are not UTF-8 stay, except those of the C1 range (0x80..0x9f): some terminals obey them.
    """
    return "".join(
        char if char.isprintable() or "\udca0" <= char <= "\udcff" else char.encode("unicode_escape").decode("ascii")
        for char in str(text)
    )


def say(text: str) -> None:
    """Print a line on stderr. An error of stderr is ignored, since a lost log must not stop the work."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def warn(text: str) -> None:
    say(f"warning: {shown(shortened(text))}")


def note(text: str) -> None:
    say(f"note: {shown(text)}")


def say_error(error: StarganError) -> None:
    """Print what happened and where in the first line, and what to do next below it."""
    say(f"error: {shown(error)}")
    if error.hint:
        for line in error.hint.splitlines():
            say(f"  {shown(line)}")


def say_crash(error: BaseException) -> None:
    """Print an error that is not a StarganError, in one line, and how to report it."""
    text = shown(shortened(str(error).strip().split("\n")[0]))
    say(f"error: this should not happen: {type(error).__name__}{': ' if text else ''}{text}")
    say("  run again with --debug to see where, and please report it")


def say_traceback(error: BaseException) -> None:
    say("".join(traceback.format_exception(error)).rstrip())
