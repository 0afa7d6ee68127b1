"""One training iteration: what it changes, by how much, and that it never waits for the device."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from training_kit import FACES, MOODS, batch_of, settings, tiny_trainer

from stargan_cli.device import PRECISIONS
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.vectors import soft_label
from stargan_cli.train.learning import learner
from stargan_cli.train.learning.losses import Objective, discriminator_loss
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.saving import packed

pytestmark = pytest.mark.numeric


def tensors(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.state().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor], prefix: str) -> bool:
    return any(not torch.equal(before[name], after[name]) for name in before if name.startswith(prefix))


def test_the_generator_moves_every_n_critic_th_iteration_only() -> None:
    trainer = tiny_trainer(FACES, n_critic=3)
    for iteration in range(1, 7):
        before = tensors(trainer)
        losses = trainer.iterate()
        after = tensors(trainer)
        assert changed(before, after, "discriminator.")
        assert changed(before, after, "generator.") == changed(before, after, "ema.") == (iteration % 3 == 0)
        assert ("G/rec" in losses) == (iteration % 3 == 0)


def test_the_version_of_a_parameter_is_counted_one_tensor_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch 2.4 takes no list."""
    counted: list[Tensor] = []
    monkeypatch.setattr(learner, "increment_version", counted.append)
    trainer = tiny_trainer(FACES, n_critic=1)
    trainer.iterate()
    parameters = {id(one) for network in (trainer.generator, trainer.discriminator) for one in network.parameters()}
    assert {id(one) for one in counted} == parameters


def test_without_a_weight_nothing_is_reconstructed() -> None:
    assert "G/rec" not in tiny_trainer(FACES, n_critic=1, lambda_rec=0.0).iterate()


def test_what_makes_the_fakes_follows_the_generator() -> None:
    trainer = tiny_trainer(FACES, n_critic=1, lr=0.01)
    other = tiny_trainer(FACES, seed=1)
    batch = batch_of(trainer, 0)
    for change in (trainer.iterate, trainer.iterate, lambda: trainer.load_state(other.state(), 0)):
        with torch.no_grad():
            before = trainer.fast_generator(batch.real, batch.target)
        change()
        with torch.no_grad():
            after = trainer.fast_generator(batch.real, batch.target)
            assert torch.allclose(after, trainer.generator(batch.real, batch.target), atol=1e-4)
        assert not torch.allclose(after, before, atol=1e-3)


def test_a_head_start_leaves_the_generator_alone() -> None:
    trainer = tiny_trainer(FACES, n_critic=1, head_start=2)
    assert ["G/rec" in trainer.iterate() for _ in range(4)] == [False, False, True, True]


@pytest.mark.parametrize("head_start", [0, 3])
def test_the_average_of_the_generator(head_start: int) -> None:
    trainer = tiny_trainer(FACES, n_critic=1, ema=0.15, head_start=head_start)
    name = "main.0.weight"
    expected = trainer.generator.state_dict()[name].clone()
    for _ in range(head_start):
        trainer.iterate()
    for step in range(3):
        trainer.iterate()
        decay = min(0.15, (1 + step) / (10 + step))  # 0.1, then 0.15 twice
        expected = decay * expected + (1 - decay) * trainer.generator.state_dict()[name]
        torch.testing.assert_close(trainer.ema.state_dict()[name], expected)
    assert not torch.equal(expected, trainer.generator.state_dict()[name])


def test_the_learning_rate_falls_to_zero_over_the_second_half() -> None:
    chosen = settings(iterations=100)
    factors = [chosen.learning_rate_factor(i) for i in (0, 49, 50, 75, 99)]
    assert factors == pytest.approx([1, 1, 1, 0.5, 0.02])
    trainer = tiny_trainer(FACES, iterations=4, lr=4e-4, d_lr=8e-4)
    rates = []
    for _ in range(4):
        trainer.iterate()
        learners = trainer.learning_generator, trainer.learning_discriminator
        rates.append(tuple(float(learner.optimiser.param_groups[0]["lr"]) for learner in learners))
    assert rates == [pytest.approx(pair) for pair in [(4e-4, 8e-4)] * 3 + [(2e-4, 4e-4)]]


def test_the_penalty_can_come_every_few_steps() -> None:
    trainer = tiny_trainer(FACES, penalty_every=3)
    assert ["D/gp" in trainer.iterate() for _ in range(6)] == [False, False, True] * 2
    joined = tiny_trainer(FACES, MOODS, penalty_every=2)
    for due in (False, True, False):
        losses = joined.iterate()
        assert ("faces/D/gp" in losses) == ("moods/D/gp" in losses) == due


def test_an_iteration_never_waits_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = tiny_trainer(
        FACES,
        MOODS,
        n_critic=1,
        output="attention",
        lambda_id=1.0,
        lambda_self=1.0,
        jitter=0.05,
        colour_jitter=0.1,
        augment=0.2,
        augment_target=0.6,
        adversarial="nonsaturating",
        own_share=0.25,
        single_share=0.5,
        keep_unset=True,
        balance=True,
        weigh_classes=True,
        projection=True,
    )

    def refuse(self: Tensor, *args: object) -> None:
        raise AssertionError("the loop waits for the device")

    for name in ("item", "__bool__", "__float__", "tolist"):
        monkeypatch.setattr(Tensor, name, refuse)
    losses = trainer.iterate()
    monkeypatch.undo()
    assert all(isinstance(value, Tensor) and not value.requires_grad for value in losses.values())


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_bf16_penalty_is_within_one_percent_of_fp32(scale: float) -> None:
    """At the start, and with the steep D of a run under way. (Where the norms are all but 1, the penalty is all but 0
    and means nothing relative to itself: there the norms are within one percent, and the penalty's gradient points
    the same way.)"""
    trainer = tiny_trainer(FACES, image_size=32, discriminator_width=32, discriminator_layers=3, batch_size=8)
    batch = batch_of(trainer, 0)
    with torch.no_grad():
        fake = trainer.generator(batch.real, batch.target)
        for parameter in trainer.discriminator.parameters():
            parameter *= scale
    alpha = torch.rand(len(fake), 1, 1, 1, generator=torch.Generator().manual_seed(0))
    values, gradients = [], []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            _, parts = discriminator_loss(trainer.discriminator, batch, fake, alpha, Objective())
        found = torch.autograd.grad(parts["D/gp"], [p for p in trainer.discriminator.main.parameters() if p.ndim > 1])
        values.append(parts["D/gp"].item())
        gradients.append(torch.cat([gradient.flatten() for gradient in found]))
    assert abs(values[0]) > 0.01
    assert values[1] == pytest.approx(values[0], rel=0.01)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999
    assert float(gradients[1].norm() / gradients[0].norm()) == pytest.approx(1, abs=0.02)


def test_bf16_trains_and_keeps_its_state_in_fp32() -> None:
    trainer = tiny_trainer(FACES, precision=torch.bfloat16, n_critic=1)
    before = tensors(trainer)
    losses = trainer.iterate()
    after = tensors(trainer)
    assert changed(before, after, "generator.") and changed(before, after, "discriminator.")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    assert all(torch.isfinite(value) for value in losses.values())


def test_the_state_moves_into_another_trainer_exactly() -> None:
    first = tiny_trainer(FACES, n_critic=1)
    for _ in range(3):
        first.iterate()
    second = tiny_trainer(FACES, n_critic=1)
    second.load_state(copy.deepcopy(first.state()), 3)
    for _ in range(2):
        one, other = first.iterate(), second.iterate()
        assert all(torch.equal(one[name], other[name]) for name in one)
    state = second.state()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.state().items())


def test_three_sets_take_turns_in_the_given_proportion() -> None:
    third = LabelSet("third", ("one", "two", "three"), kind="classes")
    trainer = tiny_trainer(FACES, MOODS, third, mix=(2, 1, 1), n_critic=1)
    assert trainer.turns.order == (0, 0, 1, 2)
    assert (trainer.model.label_dim, trainer.model.class_dim) == (3 + 2 + 3 + 3, 3 + 2 + 3)
    losses = trainer.iterate()
    assert {name.split("/")[0] for name in losses} == {"faces", "moods", "third"}
    batch = batch_of(trainer, 0, turn=3)
    assert batch.positions == slice(5, 8)
    assert torch.equal(batch.source[:, :5], torch.zeros(4, 5))  # what the set does not know is zero
    assert torch.equal(batch.source[:, 5:8], batch.source_classes)
    assert torch.equal(batch.source[:, 8:], torch.tensor([[0.0, 0.0, 1.0]]).expand(4, 3))


def test_a_share_of_the_targets_and_groups_keep_what_the_picture_shows() -> None:
    batch = batch_of(tiny_trainer(FACES, own_share=0.5, keep_unset=True), 0)
    source, target = batch.source_classes, batch.target_classes
    assert torch.equal(target[:2], source[:2])
    without = target[:, :2].sum(dim=1) == 0
    assert torch.equal(target[without, :2], source[without, :2])


def test_what_stays_is_given_to_g_as_translate_gives_it() -> None:
    trainer = tiny_trainer(FACES, keep_unset=True)
    batches = [batch_of(trainer, step) for step in range(6)]
    parts = (lambda batch: batch.target, lambda batch: batch.target_classes, lambda batch: batch.source_classes)
    asked, target, source = (torch.cat([part(batch) for batch in batches]) for part in parts)
    read = torch.cat([trainer._read(batch.real) for batch in batches])
    as_it_is = (asked == target).all(dim=1)
    stays = target[:, 2] == source[:, 2]
    assert torch.equal(asked[stays & ~as_it_is, 2], soft_label(read[stays & ~as_it_is, 2]))
    assert (stays & as_it_is).any() and (stays & ~as_it_is).any(), "half of the rows name everything"
    assert torch.equal(asked[~stays, 2], target[~stays, 2])
    plain = batch_of(tiny_trainer(FACES), 0)
    assert torch.equal(plain.target, plain.target_classes)


def test_weigh_classes_hands_the_importance_to_the_loss() -> None:
    trainer = tiny_trainer(FACES, balance=True, weigh_classes=True)
    importance = batch_of(trainer, 2).importance
    source = trainer.sources[0]
    assert importance is not None and torch.equal(importance, source.batch(torch.tensor(2), source.pictures.pixels)[1])
    assert batch_of(tiny_trainer(FACES, balance=True), 2).importance is None


def test_targets_are_labels_of_the_same_batch() -> None:
    trainer = tiny_trainer(FACES)
    batch = batch_of(trainer, 1)
    assert sorted(batch.target.tolist()) == sorted(batch.source.tolist())
    assert trainer.layout == LabelLayout((FACES,))


def test_without_moments_the_learning_rates_rise_anew_also_after_another_stop() -> None:
    first = tiny_trainer(FACES, iterations=10_000)
    for _ in range(3):
        first.iterate()
    second = tiny_trainer(FACES, iterations=10_000)
    second.load_state(packed(first.state(), "fp32", moments=False), 3)
    rates = []
    for _ in range(2):
        second.iterate()
        rates.append(float(second.learning_generator.optimiser.param_groups[0]["lr"]))
    third = tiny_trainer(FACES, iterations=10_000)
    third.load_state(second.state(), 5)
    third.iterate()
    rates.append(float(third.learning_generator.optimiser.param_groups[0]["lr"]))
    assert rates == pytest.approx([1e-6, 2e-6, 3e-6])
    third.iteration = 3 + 200
    assert third._learning_rate_factor() == 1
    assert float(first.learning_generator.optimiser.param_groups[0]["lr"]) == pytest.approx(1e-4)


@pytest.mark.parametrize(("dtype", "moment"), [("bf16", torch.bfloat16), ("fp16", torch.bfloat16)])
def test_packed_states_hold_networks_in_half_the_bytes(dtype: str, moment: torch.dtype) -> None:
    trainer = tiny_trainer(FACES, n_critic=1, adversarial="nonsaturating", augment_target=0.6)
    trainer.iterate()
    state, half = trainer.state(), packed(trainer.state(), dtype, moments=True)
    name = "main.0.weight"
    assert {half[f"{one}.{name}"].dtype for one in ("generator", "discriminator", "ema")} == {PRECISIONS[dtype]}
    assert {half[f"{one}_optimiser.exp_avg_sq.{name}"].dtype for one in ("generator", "discriminator")} == {moment}
    kept = ("augmentation.probability", f"generator_optimiser.step.{name}")
    assert all(half[one].dtype is torch.float32 for one in kept)
    other = tiny_trainer(FACES, n_critic=1, adversarial="nonsaturating", augment_target=0.6, seed=1)
    other.load_state(half, 1)
    for one, tensor in other.state().items():
        torch.testing.assert_close(tensor, state[one], rtol=0.01, atol=1e-6)
    bare = packed(state, dtype, moments=False)
    assert not any("_optimiser" in one for one in bare) and "augmentation.probability" in bare
