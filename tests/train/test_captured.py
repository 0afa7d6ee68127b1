"""Iterations that are recorded once and played back: what a CUDA graph does, and that an iteration can stand it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from training_kit import FACES, MOODS, tiny_trainer

from stargan_cli.train import learner
from stargan_cli.train.captured import EAGER_CALLS, Captured, CudaGraphs
from stargan_cli.train.trainer import Trainer

pytestmark = pytest.mark.numeric

EVERYTHING: dict[str, Any] = {
    "n_critic": 2,
    "penalty_every": 3,
    "head_start": 2,
    "adversarial": "nonsaturating",
    "augment": 0.3,
    "augment_target": 0.6,
    "jitter": 0.05,
    "own_share": 0.25,
    "single_share": 0.25,
    "keep_unset": True,
    "weigh_classes": True,
    "projection": True,
    "iterations": 100,
}


class Operations(TorchDispatchMode):
    """A recording on any device: the operations that reach the device, with the tensors that they read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, Any, Any, list[Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, tree_leaves(made)))
        return made

    def record(self) -> Operations:
        return self

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, before in self.noted:
            for place, value in zip(before, tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(place, Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class Recorder:
    begin = Operations

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        yield


def recorded(trainer: Trainer, recorder: Any) -> Trainer:
    trainer.translator = trainer.generator  # the fast one for CPUs keeps what it makes of weights
    trainer._iterate = Captured(trainer._iteration, recorder)
    return trainer


def same(first: Trainer, second: Trainer, iterations: int, tolerance: float) -> None:
    for iteration in range(iterations):
        ours, theirs = first.iterate(), second.iterate()
        assert ours.keys() == theirs.keys()
        for name in ours:
            torch.testing.assert_close(
                ours[name], theirs[name], atol=tolerance, rtol=tolerance, msg=f"{iteration} {name}"
            )


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


def test_a_played_back_iteration_takes_nothing_from_the_host_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of the iteration, learning rates, pictures, the average's decay: all change, none is recorded."""
    monkeypatch.setattr(Operations, "replay", once_less(Operations.replay))
    plain = tiny_trainer(FACES, MOODS, **EVERYTHING)
    plain.translator = plain.generator
    same(recorded(tiny_trainer(FACES, MOODS, **EVERYTHING), Recorder()), plain, 40, tolerance=0)


def once_less(replay: Any) -> Any:
    """The first playing back is left out: what was recorded has been computed meanwhile, other than on CUDA."""
    begun: set[int] = set()

    def wrapped(self: Operations) -> None:
        replay(self) if id(self) in begun else begun.add(id(self))

    return wrapped


class NoListsFromTheHost(TorchFunctionMode):
    """Refuses tensors made of Python's lists, as indices too: they are copied to the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        indexes = func in (Tensor.__getitem__, Tensor.__setitem__)
        if func is torch.tensor or (indexes and any(isinstance(one, list) for one in tree_leaves(args[1:2], list_is))):
            raise AssertionError(f"{func} copies a list to the device")
        return func(*args, **(kwargs or {}))


def list_is(value: Any) -> bool:
    return isinstance(value, list)


class NothingFromTheHost(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold: copies between host and device, and reading a number."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves([args, kwargs or {}, made]) if isinstance(one, Tensor)]
        devices = {one.device.type for one in tensors}
        if len(devices) > 1:
            raise AssertionError(f"{func} joins {devices}")
        if "local_scalar" in str(func) or "nonzero" in str(func):
            raise AssertionError(f"{func} waits for the device")
        return made


def test_an_iteration_stays_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which refuses to give a number as a GPU does while it records."""
    monkeypatch.setattr(learner, "Adam", lambda *args, **options: None)  # it reads its learning rate when it is made
    monkeypatch.setattr(learner.Learner, "descend", lambda self, total, processes: total.backward())
    trainer = tiny_trainer(FACES, MOODS, device="meta", resident=True, **EVERYTHING)
    for with_penalty, with_generator in ((True, True), (False, True), (True, False), (False, False)):
        with NoListsFromTheHost(), NothingFromTheHost():
            losses = trainer._iteration(with_penalty, with_generator)
        assert {value.device.type for value in losses.values()} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_eager_and_captured_iterations_agree_on_a_gpu() -> None:
    plain = tiny_trainer(FACES, MOODS, device="cuda", graphs=False, **EVERYTHING)
    captured = tiny_trainer(FACES, MOODS, device="cuda", **EVERYTHING)
    assert isinstance(captured._iterate, Captured) and not isinstance(plain._iterate, Captured)
    same(captured, plain, 100, tolerance=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_cuda_graph_computes_with_what_its_tensors_hold() -> None:
    total, step = torch.zeros((), device="cuda"), torch.ones((), device="cuda")
    captured = Captured(lambda: total.add_(step), CudaGraphs())
    for number in range(10):
        step.fill_(number)
        captured()
    assert float(total) == sum(range(10))
