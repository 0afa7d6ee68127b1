"""Decode workers -> batches -> model -> encode workers: ordered, bounded, and no bad item stops the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from stargan_cli.device import side_by_side
from stargan_cli.errors import OutputError

MEMORY_BYTES = 2**30
LONGEST_LINE = 4096  # ended items that wait for one before them in an unfilled batch, until that is run as it is
FADING = 0.9  # how much of an item's weight the next item is expected to have at least

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Made = TypeVar("Made")
Saved = TypeVar("Saved")


@dataclass(frozen=True)
class Done(Generic[Saved]):
    """What `load` returns for an item that needs no model, and is not to be saved: its result."""

    result: Saved


@dataclass(frozen=True)
class Outcome(Generic[Item, Saved]):
    """One item's end: its result, or the error that stopped this item alone."""

    item: Item
    result: Saved | None
    error: Exception | None


class _Slot(Generic[Item, Loaded, Saved]):
    """One item on its way: first loading, then in a batch, which waits and is run, then saving or failed."""

    def __init__(self, item: Item, loading: Future[Loaded | Done[Saved]]) -> None:
        self.item = item
        self.loading = loading
        self.running: Future[None] | None = None
        self.saving: Future[Saved] | None = None
        self.ended: Outcome[Item, Saved] | None = None

    def is_through(self) -> bool:
        """Whether it has ended, or `end` will not have to wait."""
        if self.ended is None and self.running is not None and self.running.done():
            return self.saving is None or self.saving.done()
        return self.ended is not None

    def end(self) -> Outcome[Item, Saved]:
        """Waits for an item whose batch was begun. Raises OutputError, and what running the batch raised."""
        if self.ended is None and self.running is not None:
            self.running.result()
        if self.ended is None and self.saving is not None:
            try:
                self.ended = Outcome(self.item, self.saving.result(), None)
            except OutputError:
                raise
            except Exception as error:
                self.ended = Outcome(self.item, None, error)
        assert self.ended is not None, "its batch was not begun"
        return self.ended


def stream(
    items: Iterable[Item],
    load: Callable[[Item], Loaded | Done[Saved]],
    run_batch: Callable[[list[Loaded]], Sequence[Made | Exception]],
    save: Callable[[Item, Made], Saved],
    *,
    batch_size: int,
    workers: int,
    runners: int = 1,
    weigh: Callable[[Loaded], int] = lambda loaded: 0,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Outcome[Item, Saved], None, None]:
    """One outcome per item, in the order of `items`.

    `load` and `save` run in `workers` threads each, `run_batch` in `runners`, which share the calling thread's number
    of torch threads: it is given `batch_size` loaded items (fewer at the end) and returns one output for each, in
    order; an exception in an output's place is that item's failure. What `load` or `save` raise is that item's failure
    too, except OutputError, which ends the stream after the outcomes that are there by then, and whatever `run_batch`
    or `items` raise, which ends it after those of the items before. At most about three batches and one for each runner
    are held at once, and of items that `weigh` finds heavy (bytes of a loaded one) fewer, in smaller batches, so that
    they stay near MEMORY_BYTES.
    When `stop` says so, nothing new is begun: saves under way finish, and what is done has its outcome. Closing the
    iterator stops it too, without outcomes.
    """
    return _Stream(load, run_batch, save, weigh, stop, batch_size, workers, runners).run(items)


class _Stream(Generic[Item, Loaded, Made, Saved]):
    def __init__(
        self,
        load: Callable[[Item], Loaded | Done[Saved]],
        run_batch: Callable[[list[Loaded]], Sequence[Made | Exception]],
        save: Callable[[Item, Made], Saved],
        weigh: Callable[[Loaded], int],
        stop: Callable[[], bool],
        batch_size: int,
        workers: int,
        runners: int,
    ) -> None:
        self.load, self.run_batch, self.save, self.weigh, self.stop = load, run_batch, save, weigh, stop
        self.batch_size = self.full_batch = batch_size
        self.full_ahead = (1 + runners) * batch_size + workers
        self.ahead = min(self.full_ahead, workers + 1)  # until the first item's weight is known
        self.weight = 1.0
        self.loaders = side_by_side(workers, "load")
        self.runners = side_by_side(runners, "run", max(1, torch.get_num_threads() // runners))
        self.savers = side_by_side(workers, "save")
        self.incoming: deque[_Slot[Item, Loaded, Saved]] = deque()
        self.batch: list[tuple[_Slot[Item, Loaded, Saved], Loaded]] = []
        self.outgoing: deque[_Slot[Item, Loaded, Saved]] = deque()
        self.broken = False

    def run(self, items: Iterable[Item]) -> Generator[Outcome[Item, Saved], None, None]:
        try:
            yield from self._through(items)
        except OutputError:
            yield from self._settled()
            raise
        finally:
            self.loaders.shutdown(wait=True, cancel_futures=True)
            self.runners.shutdown(wait=True, cancel_futures=True)
            self.savers.shutdown(wait=True)

    def _through(self, items: Iterable[Item]) -> Iterator[Outcome[Item, Saved]]:
        for item in items:
            if self.stop():
                break
            self.incoming.append(_Slot(item, self.loaders.submit(self.load, item)))
            while len(self.incoming) >= self.ahead:
                self._advance()
            yield from self._finished()
        while self.incoming and not self.stop():
            self._advance()
            yield from self._finished()
        if self.stop():
            yield from self._settled()
            return
        self._run_batch()
        yield from self._finished(all_of_them=True)

    def _advance(self) -> None:
        """Take the oldest item out of loading: into the batch, or straight to its end."""
        slot = self.incoming.popleft()
        self.outgoing.append(slot)
        if len(self.outgoing) > LONGEST_LINE:
            self._run_batch()
        try:
            loaded = slot.loading.result()
        except OutputError:
            raise
        except Exception as error:
            slot.ended = Outcome(slot.item, None, error)
            return
        if isinstance(loaded, Done):
            slot.ended = Outcome(slot.item, loaded.result, None)
            return
        self.batch.append((slot, loaded))
        self._make_room_for(self.weigh(loaded))
        if len(self.batch) >= self.batch_size:
            self._run_batch()

    def _make_room_for(self, weight: int) -> None:
        """Hold fewer items where they are heavy: a third of the memory each before, in and behind the model."""
        self.weight = max(weight, FADING * self.weight, 1.0)
        room = max(1, int(MEMORY_BYTES / 3 / self.weight))
        self.batch_size, self.ahead = min(self.full_batch, room), min(self.full_ahead, room)

    def _run_batch(self) -> None:
        batch, self.batch = self.batch, []
        if batch:
            running = self.runners.submit(self._run, batch)
            for slot, _ in batch:
                slot.running = running

    def _run(self, batch: list[tuple[_Slot[Item, Loaded, Saved], Loaded]]) -> None:
        if self.broken:
            return
        try:
            outputs = self.run_batch([loaded for _, loaded in batch])
        except BaseException:
            self.broken = True  # raised where its first item's turn is; no batch behind it is begun
            raise
        for (slot, _), made in zip(batch, outputs, strict=True):
            if isinstance(made, Exception):
                slot.ended = Outcome(slot.item, None, made)
            else:
                slot.saving = self.savers.submit(self.save, slot.item, made)

    def _finished(self, all_of_them: bool = False) -> Iterator[Outcome[Item, Saved]]:
        """Outcomes at the head of the line; waits for them while more items are behind loading than may be."""
        wait_above = 0 if all_of_them else self.ahead
        while self.outgoing:
            slot = self.outgoing[0]
            crowded = slot.running is not None and len(self.outgoing) > wait_above + len(self.batch)
            if not (crowded or slot.is_through()):
                return
            yield self.outgoing.popleft().end()

    def _settled(self) -> Iterator[Outcome[Item, Saved]]:
        """Outcomes of what got through the model, where no more is to come."""
        self.runners.shutdown(wait=True, cancel_futures=True)
        for slot in self.outgoing:
            if slot.ended is not None or slot.saving is not None:
                with suppress(OutputError):
                    yield slot.end()
