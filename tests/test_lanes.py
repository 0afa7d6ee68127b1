"""Batches from the CPU through a device: on a CPU with a stand-in for graphs, which records and plays back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recording_kit import RecordedLanes, Refusing
from torch import Tensor

from stargan_cli.captured import EAGER_CALLS
from stargan_cli.lanes import Lane, Lanes

CPU = torch.device("cpu")


def doubled(numbers: Tensor) -> tuple[Tensor, ...]:
    return (numbers * 2,)


def test_each_batch_is_computed_with_its_own_numbers_in_each_shape() -> None:
    lanes, calls = RecordedLanes(CPU), []

    def work(numbers: Tensor, factors: Tensor) -> tuple[Tensor, ...]:
        calls.append(len(numbers))
        return numbers * factors, numbers + 1

    with lanes.one() as lane:
        for start in range(2 * EAGER_CALLS):
            for length in (2, 3):
                numbers = torch.arange(start, start + length)
                product, more = lane.run(work, numbers, numbers.flip(0))
                assert torch.equal(product, numbers * numbers.flip(0)) and torch.equal(more, numbers + 1)
    assert calls == [2, 3] * (EAGER_CALLS + 1), "played back from then on"


def test_a_lane_is_used_again_and_threads_at_once_have_their_own() -> None:
    lanes, both = Lanes(CPU), Barrier(2, timeout=60)
    with lanes.one() as first:
        pass
    with lanes.one() as again:
        assert again is first

    def borrowed(_: int) -> object:
        with lanes.one() as lane:
            both.wait()
            return lane

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(borrowed, range(2)))) == 2


@pytest.mark.parametrize(("stream", "at_once"), [(None, 2), (SimpleNamespace(), 1)])
def test_a_gpu_is_given_one_batch_at_a_time_and_a_cpu_computes_several(stream: Any, at_once: int) -> None:
    counting, both, inside = Lock(), Event(), list[int]()
    most: list[int] = []

    def work(numbers: Tensor) -> tuple[Tensor, ...]:
        with counting:
            inside.append(1)
            most.append(len(inside))
            if len(inside) == 2:
                both.set()
        both.wait(60 if at_once == 2 else 0.2)  # the other one has time to come in, if it is let in
        with counting:
            inside.pop()
        return (numbers,)

    lanes = [Lane(CPU, stream, None, lambda text: None) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda lane: lane.run(work, torch.zeros(1)), lanes))
    assert max(most) == at_once


def test_where_there_can_be_no_graph_lanes_say_so_once_and_go_on() -> None:
    warnings: list[str] = []
    lanes = RecordedLanes(CPU, warnings.append)
    lanes.recorder = Refusing
    with lanes.one() as first, lanes.one() as second:
        for lane in (first, second):
            for number in range(2 * EAGER_CALLS):
                assert lane.run(doubled, torch.tensor([number]))[0].tolist() == [2 * number]
    assert len(warnings) == 1


def test_memory_that_is_freed_is_that_of_all_recordings() -> None:
    lanes, calls = RecordedLanes(CPU), []

    def work(numbers: Tensor) -> tuple[Tensor, ...]:
        calls.append(1)
        return (numbers + 1,)

    with lanes.one() as lane:
        for _ in range(EAGER_CALLS + 3):
            lane.run(work, torch.zeros(1))
        lanes.give_back()
        assert lane.run(work, torch.ones(1))[0].tolist() == [2.0]
    assert len(calls) == EAGER_CALLS + 2


def test_memory_of_an_apple_gpu_is_freed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: freed.append(1))
    Lanes(torch.device("mps")).give_back()
    assert freed


def test_what_is_fetched_from_the_cpu_is_there_at_once() -> None:
    values = torch.arange(4)
    with Lanes(CPU).one() as lane:
        fetched = lane.fetch(lane.run(doubled, values)[0])
        lane.wait()
    assert torch.equal(fetched, 2 * values)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_two_lanes_of_a_gpu_do_not_mix_their_batches() -> None:
    lanes = Lanes(torch.device("cuda"))
    weight = lanes.bring(lambda: torch.randn(512, 512, device="cuda") / 16)

    def work(numbers: Tensor) -> tuple[Tensor, ...]:
        for _ in range(20):
            numbers = torch.tanh(numbers @ weight)
        return (numbers,)

    def made(seed: int) -> Tensor:
        with torch.inference_mode(), lanes.one() as lane:
            found = lane.fetch(lane.run(work, torch.full((256, 512), 1.0 / (seed + 1)))[0])
            lane.wait()
            return found.clone()

    alone = [made(seed) for seed in range(8)]
    with ThreadPoolExecutor(2) as pool:
        for seed, found in enumerate(pool.map(lambda number: made(number % 8), range(80))):
            torch.testing.assert_close(found, alone[seed % 8])
