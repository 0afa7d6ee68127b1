"""The losses, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import exp, log, sqrt
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from stargan_cli.model import DiscriminatorOutput
from stargan_cli.train.learning.losses import (
    Batch,
    Objective,
    classification_loss,
    discriminator_loss,
    feature_discriminator_loss,
    generator_loss,
    gradient_norms,
)

LN2, LN3 = log(2), log(3)


def linear_critic(weight: float, patches: int = 1) -> Any:
    """Realness of each patch = weight * sum of the picture's first channel; logits = two fixed numbers."""

    def output(x: Tensor) -> DiscriminatorOutput:
        score = weight * x[:, 0].sum(dim=(1, 2))
        logits = torch.tensor([[LN3, 0.0]]).expand(len(x), 2)
        return DiscriminatorOutput(score[:, None, None, None].expand(-1, 1, 1, patches), logits, None)

    return Critic(output)


class Critic(nn.Module):
    """A discriminator that is a function."""

    def __init__(self, output: Callable[[Tensor], DiscriminatorOutput]) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        return self.output(x)


def batch(real: Tensor, kind: Any = "attributes") -> Batch:
    source = torch.tensor([[1.0, 0.0]]).expand(len(real), 2)
    target = torch.tensor([[0.0, 1.0]]).expand(len(real), 2)
    return Batch(real, source, target, source, target, slice(0, 2), kind)


def test_attributes_are_summed_over_attributes_and_averaged_over_pictures() -> None:
    logits = torch.tensor([[0.0, 0.0, LN3], [LN3, -LN3, 0.0]])
    labels = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    # -ln sigmoid(ln 3) = ln(4/3), -ln sigmoid(-ln 3) = ln 4
    expected = ((LN2 + LN2 + log(4 / 3)) + (log(4 / 3) + log(4) + LN2)) / 2
    assert classification_loss(logits, labels, "attributes").mean().item() == pytest.approx(expected, rel=1e-6)


def test_classes_take_the_mean_cross_entropy() -> None:
    logits = torch.tensor([[LN3, 0.0], [0.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    loss = classification_loss(logits, labels, "classes").mean()
    assert loss.item() == pytest.approx((log(4 / 3) + LN2) / 2, rel=1e-6)


def test_the_gradient_norm_is_of_the_sum_over_the_patch_map() -> None:
    pictures = torch.zeros(2, 3, 2, 2, requires_grad=True)
    norms = gradient_norms(linear_critic(0.5, patches=3)(pictures).realness, pictures)
    assert norms.tolist() == pytest.approx([3 * 0.5 * sqrt(4)] * 2)  # four pixels, each with gradient 1.5


def test_what_the_discriminator_minimises() -> None:
    real, fake = torch.ones(2, 3, 2, 2), torch.full((2, 3, 2, 2), -0.5)
    objective = Objective(lambda_cls=2.0, lambda_gp=7.0)
    total, parts = discriminator_loss(linear_critic(0.25), batch(real), fake, torch.full((2, 1, 1, 1), 0.5), objective)
    assert parts["D/real"].item() == pytest.approx(-1.0)
    assert parts["D/fake"].item() == pytest.approx(-0.5)
    assert parts["D/cls"].item() == pytest.approx(log(4 / 3) + LN2)
    assert parts["D/gp"].item() == pytest.approx((0.25 * 2 - 1) ** 2)
    assert total.item() == pytest.approx(-1.0 - 0.5 + 2 * (log(4 / 3) + LN2) + 7 * 0.25)


def test_importance_weighs_the_classification_of_real_pictures_alone() -> None:
    real, fake = torch.ones(2, 3, 1, 1), torch.zeros(2, 3, 1, 1)
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    weighed = replace(batch(real), source_classes=labels, importance=torch.tensor([3.0, 0.5]))
    _, parts = discriminator_loss(linear_critic(0.5), weighed, fake, torch.zeros(2, 1, 1, 1), Objective())
    assert parts["D/cls"].item() == pytest.approx((3 * (log(4 / 3) + LN2) + 0.5 * (log(4) + LN2)) / 2)
    assert (parts["D/real"].item(), parts["D/fake"].item()) == (-0.5, 0.0)


def test_the_penalty_is_taken_between_real_and_fake() -> None:
    def square(x: Tensor) -> DiscriminatorOutput:  # gradient 2x: the penalty depends on where it is taken
        return DiscriminatorOutput(x[:, :1].square(), torch.zeros(len(x), 2), None)

    real, fake = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    _, parts = discriminator_loss(Critic(square), batch(real), fake, torch.full((1, 1, 1, 1), 0.75), Objective())
    assert parts["D/gp"].item() == pytest.approx((2 * 0.75 - 1) ** 2)


def test_the_penalty_can_be_left_out_and_multiplied() -> None:
    real, fake, alpha = torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2), torch.full((1, 1, 1, 1), 0.5)
    critic = linear_critic(2.0)
    without, parts = discriminator_loss(critic, batch(real), fake, alpha, Objective(), penalise=0)
    assert "D/gp" not in parts
    fourfold, parts = discriminator_loss(critic, batch(real), fake, alpha, Objective(lambda_gp=10), penalise=4)
    assert (fourfold - without).item() == pytest.approx(4 * 10 * (2.0 * 2 - 1) ** 2, rel=1e-6)


def test_the_nonsaturating_objective_has_softplus_and_r1() -> None:
    real, fake, alpha = torch.full((1, 3, 1, 1), LN3), torch.zeros(1, 3, 1, 1), torch.zeros(1, 1, 1, 1)
    objective = Objective("nonsaturating", lambda_cls=0.0, lambda_gp=6.0)
    total, parts = discriminator_loss(linear_critic(1.0), batch(real), fake, alpha, objective)
    assert parts["D/real"].item() == pytest.approx(log(1 + exp(-LN3)))
    assert parts["D/fake"].item() == pytest.approx(LN2)
    assert parts["D/gp"].item() == pytest.approx(1.0)
    assert total.item() == pytest.approx(log(4 / 3) + LN2 + 3 * 1.0)


def test_with_projection_a_real_picture_with_a_label_that_it_does_not_show_counts_as_a_fake() -> None:
    def output(x: Tensor) -> DiscriminatorOutput:  # a picture of ones agrees with the first attribute alone
        agreement = x[:, :2].mean(dim=(2, 3), keepdim=True) * torch.tensor([LN3, -LN3])[:, None, None] / 2
        return DiscriminatorOutput(torch.zeros(len(x), 1, 1, 1), torch.zeros(len(x), 2), agreement)

    real, fake, alpha = torch.ones(2, 3, 1, 1), torch.zeros(2, 3, 1, 1), torch.zeros(2, 1, 1, 1)
    other = batch(real)
    objective = Objective("nonsaturating")
    _, parts = discriminator_loss(Critic(output), other, fake, alpha, objective, penalise=0)
    assert parts["D/real"].item() == pytest.approx(log(4 / 3))  # its own label: ln 3
    assert parts["D/fake"].item() == pytest.approx((LN2 + log(4 / 3)) / 2)  # the fakes: 0; the other label: -ln 3
    own = replace(other, target_classes=other.source_classes)
    _, parts = discriminator_loss(Critic(output), own, fake, alpha, objective, penalise=0)
    assert parts["D/fake"].item() == pytest.approx(LN2 / 2)


def come_back(x: Tensor, label: Tensor) -> Tensor:
    """A generator that adds the first label number to the picture."""
    return x + label[:, :1, None, None]


def test_what_the_generator_minimises() -> None:
    real = torch.zeros(2, 3, 2, 2)
    image = torch.full((2, 3, 2, 2), 0.5)
    total, parts = generator_loss(
        come_back, linear_critic(0.25), batch(real), image, Objective(lambda_cls=2.0, lambda_rec=5.0)
    )
    assert parts["G/fake"].item() == pytest.approx(-0.5)
    assert parts["G/cls"].item() == pytest.approx(log(4) + LN2)  # the target is the other attribute
    assert parts["G/rec"].item() == pytest.approx(1.5)  # back with the source label, whose first number is 1
    assert total.item() == pytest.approx(-0.5 + 2 * (log(4) + LN2) + 5 * 1.5)


def test_a_picture_whose_target_is_its_own_label_is_held_to_stay() -> None:
    real = torch.zeros(2, 3, 2, 2)
    image = torch.stack([torch.full((3, 2, 2), 0.5), torch.full((3, 2, 2), 0.75)])
    source = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    one = Batch(real, source, target, source, target, slice(0, 2), "attributes")

    def minimised(weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        return generator_loss(come_back, linear_critic(0.0), one, image, Objective(lambda_id=weight))

    (_, nothing), (total, parts) = minimised(0.0), minimised(4.0)
    assert "G/id" not in nothing
    assert parts["G/id"].item() == pytest.approx(0.5 / 2)  # the second picture has another target
    assert nothing["G/cls"].item() == pytest.approx((log(4 / 3) + LN2 + log(4) + LN2) / 2)
    assert parts["G/cls"].item() == pytest.approx((log(4) + LN2) / 2)  # D's verdict on the first does not count
    others = parts["G/fake"] + parts["G/cls"] + 10 * parts["G/rec"]
    assert (total - others).item() == pytest.approx(4 * 0.25)


def test_what_changes_counts_whatever_the_target_and_the_background_above_all() -> None:
    real = torch.full((2, 3, 64, 64), 0.5)
    real[0, :, 32:] = -1  # half of the first picture stands before a wall; the second is all wall

    def minimised(weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        objective = Objective(lambda_self=weight, lambda_rec=0.0)
        return generator_loss(come_back, linear_critic(0.0), batch(real), real + 0.4, objective)

    (without, nothing), (total, parts) = minimised(0.0), minimised(0.5)
    assert "G/self" not in nothing
    assert parts["G/self"].item() == pytest.approx(0.4 * (0.25 + 30 * 0.75))
    assert (total - without).item() == pytest.approx(0.5 * parts["G/self"].item(), rel=1e-5)


def test_the_discriminator_on_features_counts_in_the_mean_over_its_stages() -> None:
    def staged(x: Tensor) -> list[DiscriminatorOutput]:
        return [linear_critic(weight)(x) for weight in (0.25, 0.75)]

    real, fake = torch.ones(2, 3, 2, 2), torch.full((2, 3, 2, 2), -0.5)
    objective = Objective(lambda_cls=2.0, lambda_rec=0.0, lambda_features=3.0)
    total, parts = feature_discriminator_loss(staged, batch(real), fake, objective)
    assert parts["F/real"].item() == pytest.approx(-(1.0 + 3.0) / 2)
    assert parts["F/fake"].item() == pytest.approx(-(0.5 + 1.5) / 2)
    assert parts["F/cls"].item() == pytest.approx(log(4 / 3) + LN2)
    assert total.item() == pytest.approx(-2.0 - 1.0 + log(4 / 3) + LN2)
    critic = linear_critic(0.25)
    without, _ = generator_loss(come_back, critic, batch(real), fake, objective)
    total, parts = generator_loss(come_back, critic, batch(real), fake, objective, features=staged)
    assert parts["G/features"].item() == pytest.approx((0.5 + 1.5) / 2 + log(4) + LN2)
    assert (total - without).item() == pytest.approx(3 * (1.0 + log(4) + LN2))


def test_only_the_sets_own_logits_are_classified() -> None:
    def output(x: Tensor) -> DiscriminatorOutput:
        return DiscriminatorOutput(torch.zeros(len(x), 1, 1, 1), torch.tensor([[100.0, 0.0, LN3, 100.0]]), None)

    labels = torch.tensor([[0.0, 1.0]])
    real = torch.zeros(1, 3, 1, 1)
    one = Batch(real, real, real, labels, labels, slice(1, 3), "classes")
    _, parts = discriminator_loss(Critic(output), one, real, torch.zeros(1, 1, 1, 1), Objective(), penalise=0)
    assert parts["D/cls"].item() == pytest.approx(log(4 / 3))
