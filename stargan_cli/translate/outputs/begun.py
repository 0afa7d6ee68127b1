"""Outputs whose bytes are written and that have not their names yet: several of them get onto the disk together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stargan_cli.files.atomic import sync_handle


class Begun(Protocol):
    """An output that is not there yet. One that is let go of before `finish` leaves nothing."""

    def sync(self) -> None:
        """Wait until its bytes are on the disk, in any thread; where they cannot be, `finish` raises the reason."""
        ...

    def finish(self) -> None:
        """The output is there, whole. Raises PictureError where this one cannot be, OutputError where no other could be
        either."""
        ...

    def discard(self) -> None:
        """Leave nothing of it; of one that is finished, all."""
        ...


class BegunFile:
    """A file under a temporary name."""

    def __init__(self, opened: AbstractContextManager[BinaryIO], data: bytes) -> None:
        """`opened` is a file that gets its name, unsynced, where its block ends well. Raises what `finish` does."""
        self._failure: OSError | None = None
        with ExitStack() as stack:
            self._file = stack.enter_context(opened)
            self._file.write(data)
            self._file.flush()
            self._open = stack.pop_all()

    def sync(self) -> None:
        try:
            sync_handle(self._file.fileno())
        except OSError as error:
            self._failure = error

    def finish(self) -> None:
        with self._open:
            if self._failure is not None:
                raise self._failure

    def discard(self) -> None:
        with suppress(_Discarded), self._open:
            raise _Discarded


class _Discarded(Exception):
    """Ends a file's block so that nothing comes of it."""


@dataclass(frozen=True)
class AtOnce:
    """An output of which nothing is there before its one step."""

    write: Callable[[], None]

    def sync(self) -> None:
        pass

    def finish(self) -> None:
        self.write()

    def discard(self) -> None:
        pass


@dataclass(frozen=True)
class Unsynced:
    """What a picture's way says when it can go on as soon as these are synced."""

    outputs: tuple[Begun, ...]

    def sync(self) -> None:
        for output in self.outputs:
            output.sync()
