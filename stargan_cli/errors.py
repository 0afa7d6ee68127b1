"""The errors that stargan raises for a user to read. `cli` prints them, at one place."""

from __future__ import annotations

LONGEST_MESSAGE = 4000
"""Characters. Messages may quote files and archives, whose texts have no limit."""


def shortened(text: str) -> str:
    """The beginning and the end of a text if it has more than LONGEST_MESSAGE characters, else the text."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    note = f" [... {len(text) - LONGEST_MESSAGE:,} more characters ...] "
    return f"{text[: LONGEST_MESSAGE - 300 - len(note)]}{note}{text[-300:]}"


def counted(number: int, noun: str) -> str:
    """Such as `1 output` or `1,200 outputs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def reason_of(error: Exception) -> str:
    """The text of an error. For an OSError only its reason, since the caller names the file."""
    return getattr(error, "strerror", None) or str(error)


def first_line(error: Exception) -> str:
    """The first line of an error's text (torch appends advice and traces), or its class's name if it has no text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def one_line(error: Exception) -> str:
    """The text of an error with its white space folded, or its class's name if it has no text."""
    return " ".join(str(error).split()) or type(error).__name__


class StarganError(Exception):
    """An error that is shown without a traceback: what happened and where, and in `hint` what to do next.

    Both texts are `shortened`. `exit_code` is that of the command: 1 if work failed, 2 if the call itself is wrong.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(shortened(message))
        self.hint = None if hint is None else shortened(hint)


class UsageError(StarganError):
    """The call itself is wrong: an unknown attribute, options that contradict each other, a missing path."""

    exit_code = 2


class UnknownAttributeError(UsageError):
    """The weights have no attribute with the name `word`."""

    def __init__(self, message: str, hint: str, word: str) -> None:
        super().__init__(message, hint)
        self.word = word


class DataError(StarganError):
    """A data set cannot be used: it does not exist, has another layout, or lacks rows or pictures."""

    exit_code = 2


class WeightsError(StarganError):
    """A weights file or checkpoint is refused: it is of the wrong kind, truncated, or contradicts its own header."""

    exit_code = 2


class PictureError(StarganError):
    """One picture cannot be read, translated or written. The run goes on with the others."""


class NoFaceError(PictureError):
    """A picture shows no face to translate. It is skipped, and does not count as failed."""


class FramesError(PictureError):
    """A file has several pictures, but the output format holds one. It is skipped, so that no picture is lost."""


class TrainingError(StarganError):
    """Training cannot go on: losses are not finite, or the disk is full."""


class OutputError(StarganError):
    """Nothing more can be written: the disk is full or read-only, or the output folder is gone. The run stops."""


class ExportError(StarganError):
    """An exported file cannot be made, or its results differ from the source's. No file is left behind."""


_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "unable to allocate",
    "not enough memory",
    "bad_alloc",
    "failed to map segment",
)
_SHORT = (
    (_NO_MEMORY, "not enough memory", "close other programs, or try fewer --workers or a smaller --batch-size"),
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, the machine's or a device's, ran out."""
    return _says(error, _NO_MEMORY)


def shortage(error: BaseException) -> StarganError | None:
    """An error that names the resource (memory, threads, open files) whose lack caused `error`; None if none did."""
    return next((StarganError(message, hint) for signs, message, hint in _SHORT if _says(error, signs)), None)


def _says(error: BaseException, signs: tuple[str, ...]) -> bool:
    words = "out of memory" if isinstance(error, MemoryError) else str(error).lower()
    return any(sign in words for sign in signs)
