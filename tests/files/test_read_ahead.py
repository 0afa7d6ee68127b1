"""Items fetched ahead by a thread: the same, in order, and no more of them than may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from stargan_cli.files import read_ahead as module
from stargan_cli.files.read_ahead import read_ahead


def test_items_come_in_order_and_errors_at_their_place() -> None:
    def items() -> Iterator[int]:
        yield from range(2000)
        raise OSError("gone")

    found = []
    with pytest.raises(OSError, match="gone"):
        for item in read_ahead(items()):
            found.append(item)
    assert found == list(range(2000))
    assert list(read_ahead([])) == []


def test_no_more_than_may_be_is_fetched_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_BYTES", 35)
    fetched = []

    def items() -> Iterator[bytes]:
        for number in range(100):
            fetched.append(number)
            yield b"x" * 10

    taken = read_ahead(items(), len)
    next(taken)
    time.sleep(0.2)
    assert len(fetched) <= 6  # four wait, one was taken, one is on its way
    assert len(list(taken)) == 99
    heavy = read_ahead(iter([b"x" * 1000] * 3), len)
    assert len(list(heavy)) == 3


def test_it_fetches_while_the_last_one_is_worked_on() -> None:
    second = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second.set()
        yield 2

    taken = read_ahead(items())
    assert next(taken) == 1
    assert second.wait(10)
    assert next(taken) == 2


def test_closing_it_ends_the_thread() -> None:
    before = threading.active_count()
    taken = read_ahead(iter(range(10**9)))
    next(taken)
    assert threading.active_count() == before + 1
    taken.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("stopped", [True, False])
def test_neither_a_stop_nor_closing_waits_for_an_item_that_does_not_come(
    stopped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.01)
    asked, come = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield 1
        come.wait(30)

    taken = read_ahead(items(), stop=asked.is_set)
    assert next(taken) == 1
    start = time.monotonic()
    if stopped:
        asked.set()
    else:
        taken.close()
    assert list(taken) == []
    assert time.monotonic() - start < 10
    come.set()
