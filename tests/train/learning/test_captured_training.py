"""Iterations that are recorded once and played back: what a CUDA graph does, and that an iteration can stand it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recording_kit import NoListsFromTheHost, NothingFromTheHost, Operations, Recorder, Refusing
from training_kit import FACES, MOODS, tiny_trainer

from stargan_cli.captured import Captured
from stargan_cli.train.learning import learner
from stargan_cli.train.learning.trainer import Trainer

pytestmark = pytest.mark.numeric

EVERYTHING: dict[str, Any] = {
    "n_critic": 2,
    "penalty_every": 3,
    "head_start": 2,
    "adversarial": "nonsaturating",
    "augment": 0.3,
    "augment_target": 0.6,
    "jitter": 0.05,
    "colour_jitter": 0.1,
    "own_share": 0.25,
    "single_share": 0.25,
    "keep_unset": True,
    "weigh_classes": True,
    "projection": True,
    "iterations": 100,
}


def plainly(trainer: Trainer) -> None:
    """Without the fast generators for CPUs, which keep what they make of weights."""
    trainer.fast_generator = trainer.generator
    if trainer.teacher is not None:
        trainer.teacher._translate = trainer.teacher.network.translate


def recorded(trainer: Trainer, recorder: Any) -> Trainer:
    plainly(trainer)
    trainer._iterate = Captured(trainer._iteration, recorder, trainer._warn)
    return trainer


def same(first: Trainer, second: Trainer, iterations: int, tolerance: float) -> None:
    for iteration in range(iterations):
        ours, theirs = first.iterate(), second.iterate()
        assert ours.keys() == theirs.keys()
        for name in ours:
            torch.testing.assert_close(
                ours[name], theirs[name], atol=tolerance, rtol=tolerance, msg=f"{iteration} {name}"
            )


DISTIL = {"distil": True, "init_from": "weights"}
FEATURES = {"image_size": 64, "lambda_features": 1.0, "n_critic": 1, "penalty_every": 1}  # one kind of iteration


@pytest.mark.parametrize(
    ("precision", "more", "iterations"),
    [(torch.float32, {}, 40), (torch.bfloat16, {}, 40), (torch.float32, FEATURES, 12), (torch.bfloat16, DISTIL, 8)],
)
def test_a_played_back_iteration_takes_nothing_from_the_host_that_changes(
    precision: torch.dtype, more: dict[str, Any], iterations: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of the iteration, learning rates, pictures, the average's decay: all change, none is recorded. Nor are
    weights that autocast has made bf16: each iteration turns them anew."""
    monkeypatch.setattr(Operations, "replay", once_less(Operations.replay))
    plain, played = (tiny_trainer(FACES, MOODS, precision=precision, **{**EVERYTHING, **more}) for _ in range(2))
    plainly(plain)
    plain._iterate = seen_one_by_one(plain._iteration)
    same(recorded(played, Recorder()), plain, iterations, tolerance=0)


def seen_one_by_one(work: Any) -> Any:
    def seen(*arguments: bool) -> Any:
        with Operations():
            return work(*arguments)

    return seen


def once_less(replay: Any) -> Any:
    """The first playing back is left out: what was recorded has been computed meanwhile, other than on CUDA."""
    begun: set[int] = set()

    def wrapped(self: Operations) -> None:
        replay(self) if id(self) in begun else begun.add(id(self))

    return wrapped


def test_a_run_whose_iterations_cannot_be_recorded_goes_on_and_says_so() -> None:
    warnings: list[str] = []
    plain, refused = (tiny_trainer(FACES, n_critic=2, iterations=100) for _ in range(2))
    plain.fast_generator = plain.generator
    plain._iterate = seen_one_by_one(plain._iteration)
    refused._warn = warnings.append
    same(recorded(refused, Refusing()), plain, 12, tolerance=0)
    assert len(warnings) == 1 and warnings[0].startswith("no CUDA graph could be recorded")


@pytest.mark.parametrize("more", [{}, DISTIL], ids=["adversarial", "distil"])
def test_an_iteration_stays_on_the_device(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device, which refuses to give a number as a GPU does while it records."""
    monkeypatch.setattr(learner, "Adam", lambda *args, **options: None)  # it reads its learning rate when it is made
    monkeypatch.setattr(learner.Learner, "descend", lambda self, total, processes: total.backward())
    trainer = tiny_trainer(FACES, MOODS, device="meta", resident=True, **EVERYTHING, **more)
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
