"""Workers run the steps of pictures; here they are threads of this process. Their results go into a queue of events."""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from stargan_cli.device import side_by_side

FEW = 128
"""So many pictures are not worth starting processes for."""

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
    """An item was dropped after `Workers.drop`, as its steps had to begin again."""

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
        """The next event of the queue `events`; None if none comes for some time. Others may put their own events into
        it."""
        ...

    def drop(self) -> int:
        """Drop items that are not begun yet; returns how many. No event comes for them."""
        ...

    def close(self) -> None:
        """Wait for steps in progress."""
        ...


class Threads(Generic[Item, Question, Answer]):
    """`number` threads that run the steps up to the first question, and as many for the steps after it."""

    def __init__(self, steps_of: Callable[[Item], Generator[Question, Answer, Any]], number: int) -> None:
        self.number, self.events = number, SimpleQueue[Any]()
        self._steps_of = steps_of
        self._running: dict[int, Generator[Question, Answer, Any]] = {}
        self._first = side_by_side(number, "load")
        self._later = side_by_side(number, "save")
        self._beginning: set[Future[None]] = set()

    def begin(self, ticket: int, item: Item) -> None:
        steps = self._running[ticket] = self._steps_of(item)
        beginning = self._first.submit(self._step, ticket, lambda: next(steps))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)

    def go_on(self, ticket: int, answer: Answer | Exception) -> None:
        steps = self._running[ticket]
        if isinstance(answer, Exception):
            error = answer
            self._later.submit(self._step, ticket, lambda: steps.throw(error))
        else:
            given = answer
            self._later.submit(self._step, ticket, lambda: steps.send(given))

    def _step(self, ticket: int, step: Callable[[], Question]) -> None:
        event: Event
        try:
            event = Asks(ticket, step())
        except StopIteration as end:
            event = Ends(ticket, end.value)
        except BaseException as error:
            event = Fails(ticket, error)
        if not isinstance(event, Asks):
            del self._running[ticket]
        self.events.put(event)

    def event(self) -> Any:
        return self.events.get()

    def drop(self) -> int:
        return sum(beginning.cancel() for beginning in list(self._beginning))

    def close(self) -> None:
        self._first.shutdown(wait=True, cancel_futures=True)
        self._later.shutdown(wait=True, cancel_futures=True)


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
        return self._threads.event() if self._others is None else self._others.event()

    def drop(self) -> int:
        return self._threads.drop() + (0 if self._others is None else self._others.drop())

    def close(self) -> None:
        self._threads.close()
        if self._others is not None:
            self._others.close()
