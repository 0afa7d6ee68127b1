"""Work that is recorded once and played back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recording_kit import Recorder, Refusing
from torch import Tensor

from stargan_cli.captured import EAGER_CALLS, Captured, CudaGraphs

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def test_work_is_recorded_after_the_warm_up_and_played_back_from_then_on() -> None:
    total, calls = torch.zeros(()), []

    def work(amount: int) -> Tensor:
        calls.append(amount)
        return total.add_(amount)

    captured = Captured(work, Recorder())
    for _ in range(EAGER_CALLS + 4):
        captured(1)
    captured(10)
    # The recording itself computes here, where a CUDA graph only notes.
    assert float(total) == EAGER_CALLS + 4 + 1 + 10
    assert calls == [1] * (EAGER_CALLS + 1) + [10]


def test_a_thread_records_what_it_has_computed_itself_before() -> None:
    calls: list[int] = []
    captured = Captured(lambda: calls.append(1), Recorder())
    for _ in range(EAGER_CALLS):
        captured()
    with ThreadPoolExecutor(1) as other:
        for _ in range(EAGER_CALLS):
            other.submit(captured).result()
        assert not captured._recorded
        captured()
        assert captured._recorded
        other.submit(captured).result()
    assert len(calls) == 2 * EAGER_CALLS + 1


def test_what_cannot_be_recorded_is_computed_plainly_with_one_warning() -> None:
    warnings: list[str] = []
    captured = Captured(lambda number: torch.tensor(number), Refusing(), warnings.append)
    for _ in range(2 * EAGER_CALLS):
        assert [int(captured(number)) for number in (1, 2)] == [1, 2]
    reason = "operation not permitted when stream is capturing"
    assert warnings == [f"no CUDA graph could be recorded; going on without, which is slower: {reason}"]


def test_an_interrupt_while_it_is_recorded_is_not_taken_for_a_refusal() -> None:
    calls = []

    def work() -> None:
        calls.append(1)
        if len(calls) > EAGER_CALLS:
            raise KeyboardInterrupt

    captured = Captured(work, Recorder())
    for _ in range(EAGER_CALLS):
        captured()
    with pytest.raises(KeyboardInterrupt):
        captured()


def test_a_recording_that_cannot_end_leaves_neither_its_stream_nor_its_memory_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `torch.cuda.graph` does where the driver refuses: it raises before it puts the stream back."""
    before, done = SimpleNamespace(device_index=1, wait_stream=lambda other: None), list[Any]()

    @contextmanager
    def graph(*_: Any, **options: Any) -> Iterator[None]:
        done.append(options["capture_error_mode"])
        yield
        raise RuntimeError("operation failed due to a previous error during capture")

    for name, value in {
        "CUDAGraph": object,
        "graph": graph,
        "graph_pool_handle": lambda: (0, 7),
        "current_stream": lambda: before,
        "stream": lambda stream: nullcontext(),
        "set_stream": done.append,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    for name in ("_cuda_endAllocateToPool", "_cuda_releasePool"):
        monkeypatch.setattr(torch._C, name, lambda *given, name=name: done.append((name, *given)), raising=False)
    graphs = CudaGraphs(before)  # type: ignore[arg-type]
    captured = Captured(lambda: 3, graphs)
    assert [captured() for _ in range(EAGER_CALLS + 2)] == [3] * (EAGER_CALLS + 2)
    freed = [(name, 1, (0, 7)) for name in ("_cuda_endAllocateToPool", "_cuda_releasePool")]
    assert done == ["thread_local", before, *freed] and len(graphs.unfinished) == 1


@gpu
def test_a_cuda_graph_computes_with_what_its_tensors_hold() -> None:
    total, step = torch.zeros((), device="cuda"), torch.ones((), device="cuda")
    captured = Captured(lambda: total.add_(step), CudaGraphs())
    for number in range(10):
        step.fill_(number)
        captured()
    assert float(total) == sum(range(10))


@gpu
def test_after_a_recording_that_failed_the_gpu_computes_and_frees_memory_as_before() -> None:
    def work(number: int) -> Tensor:
        value = torch.full((1024,), number, device="cuda").sum()
        if number == 2:
            value.item()  # waits, which no graph can hold
        return value

    warnings: list[str] = []
    before, captured = torch.cuda.current_stream(), Captured(work, CudaGraphs(), warnings.append)
    for _ in range(2 * EAGER_CALLS):
        assert [int(captured(number)) for number in (1, 2)] == [1024, 2048]
    assert len(warnings) == 1 and torch.cuda.current_stream() == before
    torch.cuda.empty_cache()
