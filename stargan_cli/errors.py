"""Everything that can go wrong on purpose: one family, raised inside, printed at one place in `cli`."""

from __future__ import annotations

LONGEST_MESSAGE = 4000
"""Characters of a message, whatever files and archives say of themselves."""


def shortened(text: str) -> str:
    """No more than LONGEST_MESSAGE characters of a text: its beginning and its end."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    note = f" [... {len(text) - LONGEST_MESSAGE:,} more characters ...] "
    return f"{text[: LONGEST_MESSAGE - 300 - len(note)]}{note}{text[-300:]}"


def reason_of(error: Exception) -> str:
    """What an error says; of one of the system's, the reason alone, since the caller names the file."""
    return getattr(error, "strerror", None) or str(error)


class StarganError(Exception):
    """What happened, where, and (in `hint`) what to do next, each `shortened`; shown without a traceback.

    `exit_code` is what the command ends with: 1 where work was lost, 2 where the call itself is wrong.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(shortened(message))
        self.hint = None if hint is None else shortened(hint)


class UsageError(StarganError):
    """The call itself is wrong: an unknown attribute, options that contradict each other, a missing path."""

    exit_code = 2


class UnknownAttributeError(UsageError):
    """These weights know no attribute of the name `word`."""

    def __init__(self, message: str, hint: str, word: str) -> None:
        super().__init__(message, hint)
        self.word = word


class DataError(StarganError):
    """A data set cannot be used: not there, not in the expected layout, rows or pictures missing."""

    exit_code = 2


class WeightsError(StarganError):
    """A weights file or checkpoint is refused: the wrong kind, truncated, or not fitting its own header."""

    exit_code = 2


class PictureError(StarganError):
    """One picture cannot be read, translated or written; the run goes on with the others."""


class NoFaceError(PictureError):
    """A picture shows no face to translate: nothing is wrong with it, and it is left out."""


class FramesError(PictureError):
    """A file of several pictures, and an output format that holds one: it is left out, for none must be lost."""


class TrainingError(StarganError):
    """Training cannot go on: losses that are no numbers, a disk that is full."""


class OutputError(StarganError):
    """Nothing more can be written: the disk is full or read-only, or the output folder is gone. The run stops."""


class ExportError(StarganError):
    """An exported file does not give what its source gives, or cannot be made; nothing is left in its place."""


_SHORT = (
    (
        (
            "out of memory",
            "can't allocate memory",
            "cannot allocate memory",
            "unable to allocate",
            "not enough memory",
            "bad_alloc",
            "failed to map segment",
        ),
        "not enough memory",
        "close other programs, or try fewer --workers or a smaller --batch-size",
    ),
    (
        ("can't start new thread", "resource temporarily unavailable"),
        "the system gives this process no more threads",
        "end other programs, try fewer --workers, or raise the limit (ulimit -u)",
    ),
    (
        ("too many open files",),
        "the system lets this process open no more files",
        "raise the limit (ulimit -n), or try fewer --workers",
    ),
)


def shortage(error: BaseException) -> StarganError | None:
    """What the machine is short of, where that is why something failed; None where it is not."""
    words = "out of memory" if isinstance(error, MemoryError) else str(error).lower()
    for signs, message, hint in _SHORT:
        if any(sign in words for sign in signs):
            return StarganError(message, hint)
    return None
