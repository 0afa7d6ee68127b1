"""The pipeline: ordered, bounded, overlapping; one bad item stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest
import torch

from stargan_cli.errors import OutputError
from stargan_cli.translate.streaming import workers
from stargan_cli.translate.streaming.stream import Outcome, Stream
from stargan_cli.translate.streaming.workers import Threads

T = TypeVar("T")


@dataclass(frozen=True)
class Done(Generic[T]):
    """What `load` returns for an item that needs no model."""

    result: T


def stream(
    items: Iterable[Any],
    load: Callable[[Any], Any],
    model: Callable[[list[Any]], Sequence[Any]],
    save: Callable[[Any, Any], Any],
    *,
    workers: int,
    batch_size: int,
    **options: Any,
) -> Generator[Outcome[Any, Any], None, None]:
    """A stream of ways with one question each."""

    def way(item: Any) -> Generator[Any, Any, Any]:
        loaded = load(item)
        if isinstance(loaded, Done):
            return loaded.result
        made = yield loaded
        return save(item, made)

    made = Stream(
        Threads(way, workers),
        lambda batch: model([loaded for _, loaded in batch]),
        batch_size=lambda kind: batch_size,
        **options,
    )
    return made.run(items)


def double(batch: list[int]) -> list[int]:
    return [2 * value for value in batch]


def double_all(asked: list[tuple[int, int]]) -> list[int]:
    return double([question for _, question in asked])


def run(
    items: Sequence[int], load: Callable[[int], int | Done[str]] = lambda n: n, **options: int
) -> list[Outcome[int, str]]:
    settings = {"batch_size": 4, "workers": 3} | options
    return list(stream(items, load, double, lambda item, made: f"{item}:{made}", **settings))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 100])
@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (4, 1), (4, 3), (64, 8)])
def test_all_items_in_their_order(count: int, batch_size: int, workers: int) -> None:
    def load(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        return item

    outcomes = run(range(count), load, batch_size=batch_size, workers=workers)
    assert [outcome.result for outcome in outcomes] == [f"{item}:{2 * item}" for item in range(count)]


def test_batches_are_full_whatever_fails_before_them() -> None:
    sizes = []

    def load(item: int) -> int:
        if item % 3 == 0:
            raise ValueError(f"bad {item}")
        return item

    def model(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        return double(batch)

    outcomes = list(stream(range(30), load, model, lambda item, made: made, batch_size=8, workers=2))
    assert sizes == [8, 8, 4]
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == [f"bad {item}" for item in range(0, 30, 3)]
    assert [outcome.item for outcome in outcomes] == list(range(30))


def test_failures_in_save_and_in_the_model_are_the_items_own() -> None:
    def model(batch: list[int]) -> list[int | Exception]:
        return [ValueError("not a number") if value == 5 else value for value in batch]

    def save(item: int, made: int) -> int:
        if item == 6:
            raise PermissionError("no")
        return made

    outcomes = list(stream(range(10), lambda item: item, model, save, batch_size=4, workers=2))
    assert {outcome.item: type(outcome.error) for outcome in outcomes if outcome.error} == {
        5: ValueError,
        6: PermissionError,
    }
    assert [outcome.result for outcome in outcomes if not outcome.error] == [0, 1, 2, 3, 4, 7, 8, 9]


def test_what_is_done_already_passes_the_model_by() -> None:
    seen: list[int] = []

    def model(batch: list[int]) -> list[int]:
        seen.extend(batch)
        return batch

    def load(item: int) -> int | Done[int]:
        return Done(-item) if item % 2 else item

    outcomes = list(stream(range(8), load, model, lambda item, made: made, batch_size=3, workers=2))
    assert [outcome.result for outcome in outcomes] == [0, -1, 2, -3, 4, -5, 6, -7]
    assert seen == [0, 2, 4, 6]


@pytest.mark.parametrize("stage", ["load", "save"])
def test_a_full_disk_ends_the_stream(stage: str) -> None:
    calls = []

    def full(item: int, *_: int) -> int:
        calls.append(item)
        if item == 5:
            raise OutputError("cannot write: No space left on device")
        return item

    load, save = (full, lambda item, made: made) if stage == "load" else (lambda item: item, full)
    outcomes = []
    with pytest.raises(OutputError, match="No space"):
        for outcome in stream(range(10_000), load, double, save, batch_size=2, workers=2):
            outcomes.append(outcome)
    ended = [outcome.item for outcome in outcomes]
    assert ended == sorted(ended) and 5 not in ended
    assert len(calls) < 60


def test_an_error_of_the_model_ends_the_stream_and_its_threads() -> None:
    def model(batch: list[int]) -> list[int]:
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        list(stream(range(100), lambda item: item, model, lambda item, made: made, batch_size=2, workers=2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("load_", "save_"))]


def test_leaving_early_finishes_saves_and_drops_the_rest() -> None:
    saved, started = [], []

    def load(item: int) -> int:
        started.append(item)
        return item

    def save(item: int, made: int) -> int:
        time.sleep(0.02)
        saved.append(item)
        return made

    for outcome in stream(range(10_000), load, double, save, batch_size=2, workers=2):
        if outcome.item == 3:
            break
    assert saved[:4] == [0, 1, 2, 3] or sorted(saved[:5])[:4] == [0, 1, 2, 3]
    assert len(started) < 40
    number = len(saved)
    time.sleep(0.05)
    assert len(saved) == number


def test_ctrl_c_in_the_model_finishes_saves_under_way() -> None:
    saved = []

    def model(batch: list[int]) -> list[int]:
        if 8 in batch:
            raise KeyboardInterrupt
        return batch

    def save(item: int, made: int) -> int:
        time.sleep(0.02)
        saved.append(item)
        return made

    with pytest.raises(KeyboardInterrupt):
        list(stream(range(1000), lambda item: item, model, save, batch_size=4, workers=1))
    assert sorted(saved) == list(range(8))


def test_batches_run_side_by_side_and_keep_their_order() -> None:
    """Three batches at once, in threads that share torch's; the first of them takes longest."""
    together = threading.Barrier(3)
    threads: set[int] = set()

    def model(batch: list[int]) -> list[int]:
        together.wait(timeout=30)
        threads.add(torch.get_num_threads())
        time.sleep(0.03 if batch[0] % 6 == 0 else 0)
        return batch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(6)
        outcomes = list(
            stream(range(24), lambda item: item, model, lambda _, made: made, batch_size=2, workers=2, runners=3)
        )
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(torch.get_num_threads).result()
    finally:
        torch.set_num_threads(before)
    assert [outcome.result for outcome in outcomes] == list(range(24))
    assert threads == {2} and later == 6


def test_an_error_in_one_of_several_batches_ends_it_and_begins_no_other() -> None:
    begun: list[int] = []

    def model(batch: list[int]) -> list[int]:
        begun.append(batch[0])
        if batch[0] == 8:
            raise RuntimeError("broken")
        time.sleep(0.02)
        return batch

    ended: list[int] = []
    with pytest.raises(RuntimeError, match="broken"):
        for outcome in stream(
            range(1000), lambda i: i, model, lambda _, made: made, batch_size=4, workers=1, runners=2
        ):
            ended.append(outcome.item)
    assert ended == list(range(8))
    assert len(begun) <= 4


def test_memory_is_bounded() -> None:
    """However many items there are, few are between their loading and their outcome."""
    alive = peak = 0
    lock = threading.Lock()

    def items() -> Iterator[int]:
        yield from range(3000)

    def load(item: int) -> int:
        nonlocal alive, peak
        with lock:
            alive += 1
            peak = max(peak, alive)
        return item

    for _ in stream(items(), load, double, lambda item, made: made, batch_size=8, workers=4):
        with lock:
            alive -= 1
    assert peak <= 6 * 8


def test_a_slow_save_holds_the_others_back() -> None:
    """One save that hangs does not let results pile up behind it."""
    made_ready = 0
    gate = threading.Event()

    def model(batch: list[int]) -> list[int]:
        nonlocal made_ready
        made_ready += len(batch)
        if made_ready >= 24:
            gate.set()
        return batch

    def save(item: int, made: int) -> int:
        if item == 0:
            gate.wait(timeout=0.3)
        return made

    outcomes = list(stream(range(400), lambda item: item, model, save, batch_size=4, workers=2))
    assert [outcome.result for outcome in outcomes] == list(range(400))


def test_loading_the_model_and_saving_overlap() -> None:
    """Ten batches of 10 ms each for the decoders, the model and the encoders take little more than the model alone."""

    def load(item: int) -> int:
        time.sleep(0.01)
        return item

    def model(batch: list[int]) -> list[int]:
        time.sleep(0.02)
        return batch

    def save(item: int, made: int) -> int:
        time.sleep(0.01)
        return made

    began = time.monotonic()
    assert len(list(stream(range(80), load, model, save, batch_size=4, workers=4))) == 80
    assert time.monotonic() - began < 20 * (0.01 + 0.02 + 0.01) * 0.85


def test_heavy_items_are_held_one_by_one_and_light_ones_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of items that fill a fifth of the memory each, no more than a few are held; the light ones after them get their
    full batches again."""
    monkeypatch.setattr("stargan_cli.translate.streaming.stream.MEMORY_BYTES", 1000)
    alive = peak = 0
    lock = threading.Lock()
    sizes: list[tuple[bool, int]] = []

    def load(item: int) -> int:
        nonlocal alive, peak
        with lock:
            alive += item < 40
            peak = max(peak, alive)
        return item

    def model(batch: list[int]) -> list[int]:
        sizes.append((batch[0] < 40, len(batch)))
        return batch

    outcomes = stream(
        range(240), load, model, lambda item, made: made, batch_size=16, workers=2, weigh=lambda n: 200 if n < 40 else 1
    )
    results = []
    for outcome in outcomes:
        results.append(outcome.result)
        with lock:
            alive -= outcome.item < 40
    assert results == list(range(240))
    assert [size for heavy, size in sizes if heavy] == [1] * 40
    assert sizes[-2] == (False, 16)
    assert peak <= 6


def test_items_that_wait_behind_a_slow_one_are_held_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.translate.streaming.stream.MEMORY_BYTES", 1000)
    taken: list[int] = []
    seen: list[int] = []

    def items() -> Iterator[int]:
        for number in range(200):
            taken.append(number)
            yield number

    def slow(item: int) -> Done[int]:
        time.sleep(0.3)
        seen.append(len(taken))
        return Done(item)

    def save(item: int, made: int) -> int:
        return item

    outcomes = stream(
        items(), slow, double, save, workers=2, batch_size=4, held=lambda item: 100,
        at_once=lambda item: item if item else None,
    )  # fmt: skip
    assert [outcome.result for outcome in outcomes] == list(range(200))
    assert seen[0] <= 10
    heavy = stream([1, 2, 3], Done, double, save, workers=1, batch_size=4, held=lambda item: 5000)
    assert [outcome.result for outcome in heavy] == [1, 2, 3]


def test_a_stop_begins_nothing_new_and_reports_what_is_saved() -> None:
    saved: list[int] = []
    ended: list[int] = []

    def save(item: int, made: int) -> int:
        time.sleep(0.002)
        saved.append(item)
        return item

    for outcome in stream(
        range(10_000), lambda item: item, list, save, batch_size=4, workers=3, stop=lambda: len(ended) >= 10
    ):
        ended.append(outcome.item)
    assert ended == sorted(saved)
    assert 10 <= len(ended) < 60


def test_a_stop_leaves_out_what_waits_for_its_batch() -> None:
    loaded: list[int] = []

    def load(item: int) -> int | Done[int]:
        loaded.append(item)
        return item if item == 0 else Done(item)

    def model(batch: list[int]) -> list[int]:
        raise AssertionError("nothing new is begun")

    outcomes = list(
        stream(range(1000), load, model, lambda i, m: m, batch_size=4, workers=1, stop=lambda: len(loaded) > 50)
    )
    assert [outcome.item for outcome in outcomes] == list(range(1, len(outcomes) + 1))
    assert len(outcomes) > 30


def test_a_stop_gives_up_what_takes_long_to_load_and_finishes_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(workers, "PATIENCE_AT_THE_END", 0.1)
    together, saving, answers = threading.Barrier(5), threading.Event(), threading.Event()
    saved, given_up, closed = list[int](), list[int](), list[int]()

    def way(item: int) -> Generator[int, int, int]:
        try:
            if item >= 2:
                together.wait(60)
                answers.wait(60)
            yield item
            together.wait(60)
            saving.set()
            time.sleep(0.3)
            saved.append(item)
            return item
        finally:
            closed.append(item)

    made: Stream[int, int, int, int] = Stream(
        Threads(way, 3, given_up.append), double_all, batch_size=lambda kind: 2, stop=saving.is_set
    )
    assert [outcome.item for outcome in made.run(range(100))] == sorted(saved) == [0, 1]
    assert sorted(given_up) == [2, 3, 4]
    answers.set()
    end = time.monotonic() + 60
    while len(closed) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    assert sorted(closed) == list(range(5)), "their files are closed as soon as they answer"


def test_leaving_waits_for_nothing_that_takes_long_to_load() -> None:
    answers, given_up = threading.Event(), list[int]()

    def way(item: int) -> Generator[int, int, int]:
        if item == 1:
            answers.wait(60)
        made = yield item
        return made

    made: Stream[int, int, int, int] = Stream(Threads(way, 2, given_up.append), double_all, batch_size=lambda kind: 1)
    outcomes = made.run(range(100))
    assert next(outcomes).item == 0
    outcomes.close()
    assert given_up == [1]
    answers.set()


def test_a_picture_among_many_that_are_done_does_not_hold_up_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.translate.streaming.stream.LONGEST_LINE", 50)
    loaded: list[int] = []

    def load(item: int) -> int | Done[int]:
        loaded.append(item)
        return item if item == 0 else Done(item)

    outcomes = stream(range(1000), load, list, lambda item, made: made, batch_size=4, workers=1)
    assert next(outcomes).item == 0
    assert len(loaded) < 100
    assert [outcome.item for outcome in outcomes] == list(range(1, 1000))


def test_outcomes_that_are_there_come_before_the_end_by_a_full_disk() -> None:
    written = threading.Event()

    def save(item: int, made: int) -> int:
        if item == 1:
            written.wait(timeout=30)
            raise OutputError("full")
        if item == 3:
            written.set()
        return item

    ended: list[int] = []
    with pytest.raises(OutputError, match="full"):
        for outcome in stream(range(4), lambda item: item, list, save, batch_size=4, workers=4):
            ended.append(outcome.item)
    assert ended == [0, 2, 3]
