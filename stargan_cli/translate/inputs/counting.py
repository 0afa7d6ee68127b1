"""How many pictures there are, for progress, counted beside the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

from stargan_cli.files.passed_over import PassedOver
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.shards import Shard


class Counting:
    """Counts pictures in the background, those of a shard: `number` grows until `finished`.

    It never finishes where that would mean to read archives or to list a store twice.
    """

    def __init__(
        self,
        inputs: Sequence[Path | RemotePath],
        out: Path | None,
        shard: Shard | None = None,
        passed_over: PassedOver | None = None,
    ) -> None:
        """`passed_over` is that of `find`."""
        self.number = 0
        self.finished = False
        self._stopped = Event()
        local = [path for path in inputs if isinstance(path, Path)]
        self._thread = Thread(target=self._count, args=(local, out, shard, passed_over), name="count", daemon=True)
        if len(local) == len(inputs):
            self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _count(self, inputs: list[Path], out: Path | None, shard: Shard | None, passed_over: PassedOver | None) -> None:
        for found in find(inputs, out, "same", str, True, passed_over):
            if self._stopped.is_set() or found.role == "archive":
                return
            self.number += shard is None or shard.holds(found)
        self.finished = True
