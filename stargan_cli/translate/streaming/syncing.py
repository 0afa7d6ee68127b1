"""Syncs many outputs to the disk at once, while the process works on other pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import Thread

from stargan_cli.translate.outputs.begun import Unsynced

AT_ONCE = 8
"""How many syncs run at the same time. On ext4 each new file's sync needs a commit of the journal, which takes some
milliseconds. Syncs at the same time share a commit; syncs one after the other do not, even if all files were written
before the first of them."""


class Syncer:
    """Up to `AT_ONCE` threads that sync outputs; if none can be started, the calling one does. `held`: how many outputs
    were added and not yet taken."""

    def __init__(self) -> None:
        self.held = 0
        self._unsynced: SimpleQueue[tuple[int, Unsynced]] = SimpleQueue()
        self._synced: SimpleQueue[tuple[int, Unsynced]] = SimpleQueue()
        self._read_end, self._write_end = os.pipe()
        self._threads = 0

    def fileno(self) -> int:
        """For `select`: this file descriptor is readable when something is synced."""
        return self._read_end

    def add(self, ticket: int, unsynced: Unsynced) -> None:
        self.held += len(unsynced.outputs)
        self._unsynced.put((ticket, unsynced))
        if self._threads < AT_ONCE:
            try:
                Thread(target=self._sync, name="sync", daemon=True).start()
                self._threads += 1
            except RuntimeError:  # the system gives no more threads
                if self._threads == 0:
                    self._sync_next()

    def take(self) -> Iterator[int]:
        """The tickets of pictures that are synced by now."""
        os.read(self._read_end, 1024)
        while True:
            try:
                ticket, unsynced = self._synced.get_nowait()
            except Empty:
                return
            self.held -= len(unsynced.outputs)
            yield ticket

    def _sync(self) -> None:
        while True:
            self._sync_next()

    def _sync_next(self) -> None:
        ticket, unsynced = self._unsynced.get()
        unsynced.sync()
        self._synced.put((ticket, unsynced))
        os.write(self._write_end, b"\0")
