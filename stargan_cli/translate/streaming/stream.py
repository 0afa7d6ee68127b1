"""Processes many pictures at once, in bounded memory: workers run their steps, and questions are answered in batches.

Outcomes come in the order of the items. An item that fails does not stop the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeGuard, TypeVar

import torch

from stargan_cli.errors import PictureError, StarganError
from stargan_cli.pool import side_by_side
from stargan_cli.translate.streaming.workers import Asks, Dropped, Ends, Event, Workers

MEMORY_BYTES = 2**30
LONGEST_LINE = 4096  # items behind one in an unfilled batch; from this length on, the batch is run as it is
FADING = 0.9  # the next item is expected to have at least this share of an item's weight

Item = TypeVar("Item")
Question = TypeVar("Question")
Answer = TypeVar("Answer")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """One item's outcome: its result, or the error that stopped this item alone."""

    item: Item
    result: Result | None
    error: Exception | None


@dataclass
class _Slot(Generic[Item, Result]):
    """An item's place in the line. `asked`: it has asked a question, and so holds memory."""

    item: Item
    ended: Outcome[Item, Result] | None = None
    asked: bool = False


class _Ran(Generic[Answer]):
    """The event that a batch was run."""

    def __init__(self, tickets: list[int], answers: Sequence[Answer | Exception], error: BaseException | None) -> None:
        self.tickets, self.answers, self.error = tickets, answers, error


class Stream(Generic[Item, Question, Answer, Result]):
    """Yields one outcome for each item, in the order of the items.

    `workers` run the steps of each item, which ask questions or end. `answer` gets items with their questions, all of
    one kind (`kind_of`): `batch_size` of that kind, or fewer at the end and for heavy items. `weigh` gives the weight
    of a question's item (bytes; -1: unknown), `held` what an item holds until its outcome is yielded (bytes): at
    MEMORY_BYTES no more items are taken. `answer` runs in `runners` threads, which share the calling thread's
    number of torch threads. It returns one answer for each question, in order; an exception in place of an answer is
    raised in that item's steps. `at_once` gives the results of items that need no worker, None for the others.

    An error in an item's steps is that item's failure, except a StarganError other than PictureError, which ends the
    stream. An error in `answer` or `items` ends it too. Steps in progress are finished first, unless the workers give
    them up (see `Workers.drop`), and items that end with them have their outcomes. About two batches, one more for each
    runner, and two items for each worker are in progress at once: fewer if items are heavy, to stay near MEMORY_BYTES.
    When `stop` returns True, no item and no batch is begun any more. Closing the iterator stops the stream without
    outcomes.
    """

    def __init__(
        self,
        workers: Workers[Item, Question, Answer],
        answer: Callable[[list[tuple[Item, Question]]], Sequence[Answer | Exception]],
        *,
        batch_size: Callable[[Hashable], int],
        runners: int = 1,
        kind_of: Callable[[Question], Hashable] = lambda question: None,
        weigh: Callable[[Question], int] = lambda question: 0,
        held: Callable[[Item], int] = lambda item: 0,
        at_once: Callable[[Item], Result | None] = lambda item: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._workers, self._answer, self._weigh, self._at_once, self._stop = workers, answer, weigh, at_once, stop
        self._full_batch, self._kind_of, self._held_by, self._held = batch_size, kind_of, held, 0
        self._full_ahead = (2 + runners) * batch_size(None) + 2 * workers.number
        self._ahead = min(self._full_ahead, workers.number + 1)  # until the first item's weight is known
        self._weight = 1.0
        self._runners = side_by_side(runners, "run", max(1, torch.get_num_threads() // runners))
        self._line: deque[int] = deque()
        self._slots: dict[int, _Slot[Item, Result]] = {}
        self._batches: dict[Hashable, list[tuple[int, Question]]] = {}
        self._room = float(MEMORY_BYTES)  # how many items of the expected weight fit
        self._stepping = self._running = self._asked = self._begun = 0
        self._broken: BaseException | None = None

    def run(self, items: Iterable[Item]) -> Generator[Outcome[Item, Result], None, None]:
        has_ended = False
        try:
            yield from self._through(iter(items))
            yield from self._last()
            has_ended = True
        finally:
            self._runners.shutdown(wait=True, cancel_futures=True)
            self._workers.close(wait=has_ended)
            torch.set_num_threads(torch.get_num_threads())  # for threads that begin later: see `pool.side_by_side`
        if self._broken is not None:
            raise self._broken

    def _through(self, items: Iterator[Item]) -> Iterator[Outcome[Item, Result]]:
        more = True
        while self._broken is None and not self._stop():
            yield from self._first()
            if more and self._has_room():
                more = self._begin(items)
            elif self._stepping or self._running:
                self._take(self._workers.event())
            elif self._batches:
                self._run_batch(max(self._batches, key=lambda kind: len(self._batches[kind])))
            else:
                return

    def _last(self) -> Iterator[Outcome[Item, Result]]:
        """Finish the steps in progress. Items that wait to begin, or in a batch, are dropped."""
        self._workers.drop()
        while self._stepping or self._running:
            self._take(self._workers.event())
        ended = [slot.ended for slot in self._slots.values()]
        yield from (outcome for outcome in ended if outcome is not None)

    def _first(self) -> Iterator[Outcome[Item, Result]]:
        """Outcomes at the head of the line."""
        while self._line and (ended := self._slots[self._line[0]].ended) is not None:
            self._asked -= self._slots.pop(self._line.popleft()).asked
            self._held -= self._held_by(ended.item)
            yield ended

    def _has_room(self) -> bool:
        under_way = self._stepping + self._running + sum(map(len, self._batches.values()))
        has_memory = self._asked < 2 * self._ahead and self._held < MEMORY_BYTES
        return under_way < self._ahead and has_memory and len(self._line) < LONGEST_LINE

    def _begin(self, items: Iterator[Item]) -> bool:
        """Begin the next item; returns whether there was one."""
        try:
            item = next(items)
        except StopIteration:
            return False
        except Exception as error:
            self._broken = error
            return False
        ticket = self._begun
        self._begun += 1
        slot = self._slots[ticket] = _Slot(item)
        self._held += self._held_by(item)
        self._line.append(ticket)
        result = self._at_once(item)
        if result is not None:
            slot.ended = Outcome(item, result, None)
        else:
            self._stepping += 1
            self._workers.begin(ticket, item)
        return True

    def _take(self, event: Event | _Ran[Answer] | None) -> None:
        if event is None:
            return
        if isinstance(event, _Ran):
            self._take_answers(event)
            return
        self._stepping -= 1
        slot = self._slots[event.ticket]
        if isinstance(event, Asks):
            self._asked += not slot.asked
            slot.asked = True
            self._make_room_for(self._weigh(event.question))
            kind = self._kind_of(event.question)
            batch = self._batches.setdefault(kind, [])
            batch.append((event.ticket, event.question))
            full = min(self._full_batch(kind), max(1, int(self._room / 3)))
            if len(batch) >= full and self._broken is None and not self._stop():
                self._run_batch(kind)
        elif isinstance(event, Ends):
            slot.ended = Outcome(slot.item, event.result, None)
        elif isinstance(event, Dropped):
            pass
        elif _is_of_one_item(event.error):
            slot.ended = Outcome(slot.item, None, event.error)
        else:
            self._broken = self._broken or event.error

    def _take_answers(self, ran: _Ran[Answer]) -> None:
        self._running -= len(ran.tickets)
        if ran.error is not None:
            self._broken = self._broken or ran.error
            return
        for ticket, answer in zip(ran.tickets, ran.answers, strict=True):
            self._stepping += 1
            self._workers.go_on(ticket, answer)

    def _make_room_for(self, weight: int) -> None:
        """Hold fewer items if they are heavy. An unknown weight (-1) changes nothing."""
        if weight < 0:
            return
        self._weight = max(weight, FADING * self._weight, 1.0)
        self._room = MEMORY_BYTES / self._weight  # items
        self._ahead = min(self._full_ahead, max(1, int(self._room)))

    def _run_batch(self, kind: Hashable) -> None:
        batch = self._batches.pop(kind)
        self._running += len(batch)
        asked = [(self._slots[ticket].item, question) for ticket, question in batch]
        self._runners.submit(self._run, [ticket for ticket, _ in batch], asked)

    def _run(self, tickets: list[int], asked: list[tuple[Item, Question]]) -> None:
        answers: Sequence[Answer | Exception] = ()
        error = self._broken  # no batch is begun after one that failed
        if error is None:
            try:
                answers = self._answer(asked)
            except BaseException as raised:
                self._broken = error = raised
        self._workers.events.put(_Ran(tickets, answers, error))


def _is_of_one_item(error: BaseException) -> TypeGuard[Exception]:
    return isinstance(error, PictureError) or not isinstance(error, StarganError) and isinstance(error, Exception)
