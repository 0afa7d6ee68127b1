"""Losses and gradients of one D and one G step against the reference implementation's own solver.

STARGAN_REFERENCE names a clone of yunjey/stargan; without it these tests are skipped.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from training_kit import FACES, MOODS, batch_of, tiny_trainer

from stargan_cli.labels import LabelSet
from stargan_cli.train.learning.trainer import Trainer

pytestmark = pytest.mark.numeric

OTHER = LabelSet("other", ("Smiling", "Young"))
NAMES = {"D/real": "D/loss_real", "D/fake": "D/loss_fake", "D/cls": "D/loss_cls", "D/gp": "D/loss_gp"}
NAMES |= {"G/fake": "G/loss_fake", "G/cls": "G/loss_cls", "G/rec": "G/loss_rec"}
SAME = [
    (name, name) for name in ("image_size", "lambda_cls", "lambda_rec", "lambda_gp", "batch_size", "beta1", "beta2")
]
SAME += [("g_conv_dim", "width"), ("d_conv_dim", "discriminator_width"), ("g_repeat_num", "blocks")]
SAME += [("d_repeat_num", "discriminator_layers"), ("g_lr", "lr"), ("d_lr", "d_lr")]
UNUSED = ("num_iters_decay", "test_iters", "log_dir", "sample_dir", "model_save_dir", "result_dir", "sample_step",
          "model_save_step", "lr_update_step")  # fmt: skip


@pytest.fixture
def reference() -> Iterator[Any]:
    folder = Path(os.environ.get("STARGAN_REFERENCE", ""))
    if not os.environ.get("STARGAN_REFERENCE") or not (folder / "solver.py").is_file():
        pytest.skip("no reference implementation (STARGAN_REFERENCE)")
    sys.path.insert(0, str(folder))
    try:
        import solver

        yield solver
    finally:
        sys.path.remove(str(folder))
        for name in ("solver", "model"):
            sys.modules.pop(name, None)


def recorded(optimiser: torch.optim.Optimizer) -> list[list[Tensor]]:
    """The gradients that each step of an optimiser sees."""
    seen: list[list[Tensor]] = []
    step = optimiser.step

    def record(*args: Any) -> Any:
        seen.append([p.grad.clone() for group in optimiser.param_groups for p in group["params"]])
        return step(*args)

    optimiser.step = record  # type: ignore[method-assign]
    return seen


def solve(reference: Any, trainer: Trainer, dataset: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One iteration of the reference's solver with the trainer's networks, pictures and random numbers."""
    chosen = trainer.settings
    counts = [len(s.attributes) for s in trainer.layout.sets]
    config = SimpleNamespace(**dict.fromkeys(UNUSED, 10), **{theirs: getattr(chosen, ours) for theirs, ours in SAME})
    config.c_dim, config.c2_dim, config.dataset, config.use_tensorboard = counts[0], counts[-1], dataset, False
    config.n_critic = config.num_iters = config.log_step = 1
    config.resume_iters, config.selected_attrs = None, list(trainer.layout.sets[0].attributes)
    loaders, orders, alphas = [], [], []
    for index, label_set in enumerate(trainer.layout.sets):
        batch, draws = batch_of(trainer, 0, turn=index), trainer._draws(index)
        labels = batch.source_classes
        loaders.append([(batch.real, labels.argmax(1) if label_set.kind == "classes" else labels)])
        orders.append(draws.order())
        alphas.append(draws.uniform().view(-1, 1, 1, 1))
    losses: list[tuple[str, float]] = []
    solver = reference.Solver(loaders[0], loaders[-1], config)
    solver.use_tensorboard = True
    solver.logger = SimpleNamespace(scalar_summary=lambda tag, value, step: losses.append((tag, value)))
    solver.G.load_state_dict(trainer.generator.state_dict(), strict=False)
    solver.D.load_state_dict(trainer.discriminator.state_dict())
    gradients = recorded(solver.d_optimizer), recorded(solver.g_optimizer)
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(torch, "randperm", lambda *args, left=orders: left.pop(0))
        patch.setattr(torch, "rand", lambda *args, left=alphas: left.pop(0))
        solver.train_multi() if dataset == "Both" else solver.train()
    return losses, gradients


@pytest.mark.parametrize(
    ("dataset", "label_sets"),
    [("CelebA", (FACES,)), ("RaFD", (MOODS,)), ("Both", (FACES, MOODS))],
    ids=lambda x: str(x),
)
def test_one_step_equals_the_reference(
    reference: Any, dataset: str, label_sets: tuple[LabelSet, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The learning rate is too small to move a weight, so that the G step of both sees the same D.
    trainer = tiny_trainer(*label_sets, flip=False, n_critic=1, lr=1e-30, d_lr=1e-30)
    expected, (expected_d, expected_g) = solve(reference, trainer, dataset, monkeypatch)
    seen_d, seen_g = (
        recorded(learner.optimiser) for learner in (trainer.learning_discriminator, trainer.learning_generator)
    )
    found = trainer.iterate()

    last = f"{label_sets[-1].name}/" if len(label_sets) > 1 else ""  # the reference logs the last set's losses
    for name, theirs in NAMES.items():
        assert found[last + name].item() == pytest.approx(dict(expected)[theirs], abs=1e-4, rel=1e-4), name
    assert len(seen_d) == len(expected_d) == len(seen_g) == len(expected_g) == len(label_sets)
    for ours, theirs in zip(seen_d + seen_g, expected_d + expected_g, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4 * float(b.abs().max()))
