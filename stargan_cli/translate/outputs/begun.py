"""Outputs that are written under temporary names: several are synced to the disk together before they are renamed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stargan_cli.files.atomic import sync_handle


class Begun(Protocol):
    """An output that has not appeared yet. If it is not finished, it leaves nothing."""

    def sync(self) -> None:
        """Wait until its bytes are on the disk, in any thread. If that fails, `finish` raises the error."""
        ...

    def finish(self) -> None:
        """Let the complete output appear. Raises PictureError if it cannot be written, OutputError if no other could be
        either."""
        ...

    def discard(self) -> None:
        """Remove it if it is not finished; a finished output stays."""
        ...


class BegunFile:
    """A file under a temporary name."""

    def __init__(self, opened: AbstractContextManager[BinaryIO], data: bytes) -> None:
        """`opened` is a file that gets its name, unsynced, if its block ends without an error. Raises as `finish`."""
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
        with suppress(Discarded), self._open:
            raise Discarded


class Discarded(Exception):
    """Raised in a file's block to discard the output."""


@dataclass(frozen=True)
class AtOnce:
    """An output that `finish` writes in one step, with nothing to sync before."""

    write: Callable[[], None]

    def sync(self) -> None:
        pass

    def finish(self) -> None:
        self.write()

    def discard(self) -> None:
        pass


@dataclass(frozen=True)
class Unsynced:
    """What a picture's steps yield when they can go on as soon as these outputs are synced."""

    outputs: tuple[Begun, ...]

    def sync(self) -> None:
        for output in self.outputs:
            output.sync()
