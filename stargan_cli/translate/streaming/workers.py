"""Workers run the steps of pictures; here they are threads of this process. Their results go into a queue of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from stargan_cli.pool import side_by_side

FEW = 128
"""So many pictures are not worth starting processes for."""
LOOK_SECONDS = 1.0
"""Time between two looks at what takes too long."""
PATIENCE_AT_THE_END = 5.0
"""Time (seconds) after a stop until items that have not asked a question yet are given up."""

Item = TypeVar("Item")
Question = TypeVar("Question")
Answer = TypeVar("Answer")
ItemIn = TypeVar("ItemIn", contravariant=True)
AnswerIn = TypeVar("AnswerIn", contravariant=True)


@dataclass(frozen=True)
class Asks:
    """An item's steps have asked a question, and wait."""

    ticket: int
    question: Any


@dataclass(frozen=True)
class Ends:
    """An item's steps have ended."""

    ticket: int
    result: Any


@dataclass(frozen=True)
class Fails:
    """An item's steps have raised an error."""

    ticket: int
    error: BaseException


@dataclass(frozen=True)
class Dropped:
    """An item was dropped or given up after `Workers.drop`: it leaves no outputs."""

    ticket: int


Event = Asks | Ends | Fails | Dropped


class Workers(Protocol[ItemIn, Question, AnswerIn]):  # type: ignore[misc]  # questions come out in the events
    """Run the steps of items. Each `begin` and each `go_on` is followed by one event with the same ticket."""

    number: int
    events: SimpleQueue[Any]

    def begin(self, ticket: int, item: ItemIn) -> None: ...

    def go_on(self, ticket: int, answer: AnswerIn | Exception) -> None:
        """Resume with the answer to a question. An exception is raised where the question was asked."""
        ...

    def event(self) -> Any:
        """The next event of the queue `events`; None if LOOK_SECONDS pass without one. Others may put their own events
        into it."""
        ...

    def drop(self) -> None:
        """Drop items that are not begun yet. After PATIENCE_AT_THE_END, give up those that have not asked a question.
        Each has its event."""
        ...

    def close(self, wait: bool) -> None:
        """End the workers. With `wait`, steps in progress end first. Else processes end at once, and threads once they
        have written what they are writing: what they are reading is given up."""
        ...


class Threads(Generic[Item, Question, Answer]):
    """`number` threads that run the steps up to the first question, and as many for the steps after it. Nothing can end
    the thread of an item that is given up: nobody waits for it, and `clean_up` removes the item's unfinished outputs.
    """

    def __init__(
        self,
        steps_of: Callable[[Item], Generator[Question, Answer, Any]],
        number: int,
        clean_up: Callable[[Item], None] = lambda item: None,
    ) -> None:
        self.number, self.events = number, SimpleQueue[Any]()
        self._steps_of, self._clean_up = steps_of, clean_up
        self._waiting: dict[int, Item] = {}
        self._fresh: dict[int, Item] = {}
        self._asking: dict[int, Generator[Question, Answer, Any]] = {}
        self._first = side_by_side(number, "load")
        self._later = side_by_side(number, "save")
        self._patient_until, self._waits_for_all = inf, True

    def begin(self, ticket: int, item: Item) -> None:
        self._waiting[ticket] = item
        self._first.submit(self._begin, ticket)

    def _begin(self, ticket: int) -> None:
        item = self._waiting.pop(ticket, None)
        if item is None:
            return
        self._fresh[ticket] = item
        steps = self._steps_of(item)
        event = _event_of(ticket, lambda: next(steps))
        if self._fresh.pop(ticket, None) is None:
            steps.close()
        else:
            self._put(event, steps)

    def go_on(self, ticket: int, answer: Answer | Exception) -> None:
        self._later.submit(self._go_on, ticket, answer)

    def _go_on(self, ticket: int, answer: Answer | Exception) -> None:
        steps = self._asking.pop(ticket)
        step = partial(steps.throw, answer) if isinstance(answer, Exception) else partial(steps.send, answer)
        self._put(_event_of(ticket, step), steps)

    def _put(self, event: Event, steps: Generator[Question, Answer, Any]) -> None:
        if isinstance(event, Asks):
            self._asking[event.ticket] = steps
        self.events.put(event)

    def event(self) -> Any:
        self.give_up_overdue()
        try:
            return self.events.get(timeout=LOOK_SECONDS)
        except Empty:
            return None

    def drop(self) -> None:
        self._patient_until = time.monotonic() + PATIENCE_AT_THE_END
        for ticket, _ in _taken_out(self._waiting):
            self.events.put(Dropped(ticket))

    def give_up_overdue(self) -> None:
        """Give up items as `drop` says."""
        if time.monotonic() > self._patient_until:
            self._give_up()

    def _give_up(self) -> None:
        for ticket, item in _taken_out(self._fresh):
            self._waits_for_all = False
            self._clean_up(item)
            self.events.put(Dropped(ticket))

    def close(self, wait: bool) -> None:
        if not wait:
            self._give_up()
        self._first.shutdown(wait=self._waits_for_all, cancel_futures=True)
        self._later.shutdown(wait=True, cancel_futures=True)


def _event_of(ticket: int, step: Callable[[], Any]) -> Event:
    """Run an item's next step."""
    try:
        return Asks(ticket, step())
    except StopIteration as end:
        return Ends(ticket, end.value)
    except BaseException as error:
        return Fails(ticket, error)


def _taken_out(items: dict[int, Item]) -> Iterator[tuple[int, Item]]:
    """Take all items out of a dictionary, while other threads take out theirs."""
    with suppress(KeyError):
        while True:
            yield items.popitem()


class Growing(Generic[Item, Question, Answer]):
    """Gives the first FEW items to threads of this process, and any further items to other workers. `make` makes those
    when they are needed, for the same queue of events."""

    def __init__(
        self,
        threads: Threads[Item, Question, Answer],
        make: Callable[[SimpleQueue[Any]], Workers[Item, Question, Answer]],
    ) -> None:
        self.number, self.events = threads.number, threads.events
        self._threads, self._make = threads, make
        self._others: Workers[Item, Question, Answer] | None = None

    def begin(self, ticket: int, item: Item) -> None:
        if ticket >= FEW and self._others is None:
            self._others = self._make(self.events)
        self._of(ticket).begin(ticket, item)

    def go_on(self, ticket: int, answer: Answer | Exception) -> None:
        self._of(ticket).go_on(ticket, answer)

    def _of(self, ticket: int) -> Workers[Item, Question, Answer]:
        return self._threads if ticket < FEW or self._others is None else self._others

    def event(self) -> Any:
        if self._others is None:
            return self._threads.event()
        self._threads.give_up_overdue()
        return self._others.event()

    def drop(self) -> None:
        self._threads.drop()
        if self._others is not None:
            self._others.drop()

    def close(self, wait: bool) -> None:
        self._threads.close(wait)
        if self._others is not None:
            self._others.close(wait)
