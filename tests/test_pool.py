from __future__ import annotations

import threading

import pytest
import torch

from stargan_cli import pool
from stargan_cli.errors import UsageError
from stargan_cli.pool import side_by_side


def test_pools_side_by_side_keep_each_its_own_number_of_threads() -> None:
    """torch gives a thread that has not asked yet the number that was set last, in whichever thread."""
    settled = threading.Event()

    def number() -> int:
        settled.wait(timeout=30)
        return torch.get_num_threads()

    with side_by_side(1, "several", 3) as several, side_by_side(1, "alone") as alone:
        asked = several.submit(number)
        assert alone.submit(torch.get_num_threads).result() == 1
        settled.set()
        assert asked.result() == 3


def test_in_threads_side_by_side_torch_computes_alone() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with side_by_side(2, "test") as threads:
            assert {future.result() for future in [threads.submit(torch.get_num_threads) for _ in range(4)]} == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_an_exception_does_not_wait_for_work_in_progress_and_drops_the_rest() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work() -> bool:
        begun.set()
        return go_on.wait(timeout=30)

    with pytest.raises(KeyboardInterrupt), side_by_side(1, "test") as threads:
        running, waiting = threads.submit(work), threads.submit(work)
        begun.wait(timeout=30)
        raise KeyboardInterrupt
    assert running.running() and waiting.cancelled()
    go_on.set()
    assert running.result(timeout=30)


def test_results_come_in_the_order_of_the_items_and_not_too_many_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "AHEAD", 2)
    begun, counts = list[int](), list[int]()

    def double(item: int) -> int:
        begun.append(item)
        return 2 * item

    def count(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        assert (total, note) == (5, "doubling")
        counts.append(done)

    with side_by_side(1, "test") as threads:
        results = threads.in_order(double, range(5), count, "doubling")
        assert next(results) == 0 and 2 not in begun
        assert list(results) == [2, 4, 6, 8]
    assert begun == list(range(5))
    assert counts == sorted(counts) and set(counts) >= set(range(1, 6))


def test_progress_may_end_work_while_a_result_is_awaited() -> None:
    go_on = threading.Event()

    def stop(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        raise UsageError(f"stopping at {done}")

    with pytest.raises(UsageError, match="stopping at 0"), side_by_side(1, "test") as threads:
        list(threads.in_order(lambda _: go_on.wait(timeout=30), range(2), stop))
    assert not go_on.is_set()
    go_on.set()
