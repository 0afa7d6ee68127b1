"""The losses, against numbers computed by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from stargan_cli.losses import (
    Batch,
    Objective,
    classification_loss,
    discriminator_loss,
    generator_loss,
    gradient_norms,
    total_variation,
)
from stargan_cli.model import Judgement, Translation

LN2, LN3 = log(2), log(3)


def linear_critic(weight: float, patches: int = 1) -> Any:
    """Realness of each patch = weight * sum of the picture's first channel; logits = two fixed numbers."""

    def judge(x: Tensor) -> Judgement:
        score = weight * x[:, 0].sum(dim=(1, 2))
        logits = torch.tensor([[LN3, 0.0]]).expand(len(x), 2)
        return Judgement(score[:, None, None, None].expand(-1, 1, 1, patches), logits, None)

    return judge


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


def test_an_attribute_pushes_g_as_hard_as_it_is_told_to() -> None:
    one = replace(batch(torch.zeros(2, 3, 1, 1)), push=torch.tensor([0.5, 3.0]))
    fake = Translation(one.real, one.real, torch.ones(2, 1, 1, 1))
    _, parts = generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective())
    assert parts["G/cls"].item() == pytest.approx(0.5 * log(4) + 3 * LN2)
    _, parts = discriminator_loss(linear_critic(0.0), one, one.real, torch.zeros(2, 1, 1, 1), Objective())
    assert parts["D/cls"].item() == pytest.approx(log(4 / 3) + LN2)


def test_what_g_is_taught_is_weighed() -> None:
    one = batch(torch.zeros(2, 3, 1, 1))
    fake = Translation(one.real + 0.5, one.real, torch.ones(2, 1, 1, 1))
    plain, _ = generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_teach=10))
    told = replace(one, taught=one.real - 0.25)
    total, parts = generator_loss(generator("tanh"), linear_critic(0.0), told, fake, Objective(lambda_teach=10))
    assert parts["G/teach"].item() == pytest.approx(0.75)
    assert (total - plain).item() == pytest.approx(7.5, rel=1e-4)


def test_what_g_is_taught_counts_as_much_as_the_most_pushed_of_what_changes() -> None:
    one = batch(torch.zeros(3, 3, 1, 1))
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    fake = Translation(one.real + torch.tensor([0.1, 0.2, 0.4]).view(3, 1, 1, 1), one.real, torch.ones(3, 1, 1, 1))
    told = replace(one, target_classes=targets, taught=one.real, push=torch.tensor([0.5, 3.0]))
    _, parts = generator_loss(generator("tanh"), linear_critic(0.0), told, fake, Objective(lambda_teach=10))
    assert parts["G/teach"].item() == pytest.approx((0.1 + 0.2 * 0.5 + 0.4 * 3) / 3)


def test_d_and_the_lesson_see_old_hues_where_these_stay_and_g_is_held_to_them() -> None:
    real = torch.zeros(1, 3, 1, 2)
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)
    seen = 0.299 + 1  # of red: as light, on what was grey; and red
    one = replace(batch(real), hue_stays=torch.tensor([1.0, 0.0]).view(1, 1, 1, 2), taught=red)
    _, parts = discriminator_loss(linear_critic(1.0), one, red, torch.zeros(1, 1, 1, 1), Objective(lambda_gp=0))
    assert parts["D/fake"].item() == pytest.approx(seen) and parts["D/real"].item() == 0
    fake = Translation(red, red, torch.ones(1, 1, 1, 2))
    objective = Objective(lambda_teach=1, lambda_hue=2)
    total, parts = generator_loss(generator("tanh"), linear_critic(1.0), one, fake, objective)
    assert parts["G/fake"].item() == pytest.approx(-seen)
    assert parts["G/teach"].item() == pytest.approx((0.701 + 0.299 + 0.299) / 6), "what is made keeps its red"
    assert parts["G/hue"].item() == parts["G/teach"].item()
    weighed = total - parts["G/fake"] - parts["G/cls"] - 10 * parts["G/rec"] - parts["G/teach"]
    assert weighed.item() == pytest.approx(2 * parts["G/hue"].item(), abs=1e-5)


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


def test_a_robust_classification_learns_from_pictures_moved_to_where_it_errs() -> None:
    def judge(x: Tensor) -> Judgement:  # the first label is read off the first channel, the second one off none
        logits = torch.stack([x[:, 0].sum(dim=(1, 2)), torch.zeros(len(x))], dim=1)
        return Judgement(x[:, :1], logits, None)

    real = torch.full((2, 3, 2, 2), LN3 / 4)
    labels = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    both = replace(batch(real), source_classes=labels)
    _, parts = discriminator_loss(judge, both, real, real, Objective(robust=LN3), penalise=0)
    # LN3 apart, evenly over four pixels: each moves by LN3 / 2, so their sum by 2 LN3; for the first one down
    assert parts["D/cls"].item() == pytest.approx((log(4) + LN2 + log(1 + 27) + LN2) / 2)
    assert parts["D/real"].item() == pytest.approx(-LN3 / 4)  # which is judged where it is
    _, plain = discriminator_loss(judge, both, real, real, Objective(), penalise=0)
    assert plain["D/cls"].item() == pytest.approx((log(4 / 3) + LN2 + log(4) + LN2) / 2)


def test_the_penalty_is_taken_between_real_and_fake() -> None:
    def square(x: Tensor) -> Judgement:  # gradient 2x: the penalty depends on where it is taken
        return Judgement(x[:, :1].square(), torch.zeros(len(x), 2), None)

    real, fake = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    _, parts = discriminator_loss(square, batch(real), fake, torch.full((1, 1, 1, 1), 0.75), Objective())
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


def generator(output: str) -> Any:
    """Comes back with the picture plus the first label number."""

    def back(x: Tensor, label: Tensor) -> Tensor:
        return x + label[:, :1, None, None]

    back.settings = SimpleNamespace(output=output)  # type: ignore[attr-defined]
    return back


def test_what_the_generator_minimises() -> None:
    real = torch.zeros(2, 3, 2, 2)
    image = torch.full((2, 3, 2, 2), 0.5)
    fake = Translation(image, image, torch.ones(2, 1, 2, 2))
    total, parts = generator_loss(
        generator("tanh"), linear_critic(0.25), batch(real), fake, Objective(lambda_cls=2.0, lambda_rec=5.0)
    )
    assert parts["G/fake"].item() == pytest.approx(-0.5)
    assert parts["G/cls"].item() == pytest.approx(log(4) + LN2)  # the target is the other attribute
    assert parts["G/rec"].item() == pytest.approx(1.5)  # back with the source label, whose first number is 1
    assert total.item() == pytest.approx(-0.5 + 2 * (log(4) + LN2) + 5 * 1.5)
    assert "G/mask" not in parts


def test_a_picture_whose_target_is_its_own_label_is_held_to_stay() -> None:
    real = torch.zeros(2, 3, 2, 2)
    image = torch.stack([torch.full((3, 2, 2), 0.5), torch.full((3, 2, 2), 0.75)])
    source = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    one = Batch(real, source, target, source, target, slice(0, 2), "attributes")
    fake = Translation(image, image, torch.ones(2, 1, 2, 2))

    def minimised(weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        return generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_id=weight))

    (_, nothing), (total, parts) = minimised(0.0), minimised(4.0)
    assert "G/id" not in nothing
    assert parts["G/id"].item() == pytest.approx(0.5 / 2)  # the second picture has another target
    assert nothing["G/cls"].item() == pytest.approx((log(4 / 3) + LN2 + log(4) + LN2) / 2)
    assert parts["G/cls"].item() == pytest.approx((log(4) + LN2) / 2)  # D's verdict on the first does not count
    others = parts["G/fake"] + parts["G/cls"] + 10 * parts["G/rec"]
    assert (total - others).item() == pytest.approx(4 * 0.25)


def test_what_shall_stay_is_held_to_stay() -> None:
    image = torch.tensor([0.5, 0.75]).view(1, 1, 1, 2).expand(2, 3, 1, 2)
    stays = torch.tensor([[True, False], [False, False]]).view(2, 1, 1, 2)
    one = replace(batch(torch.zeros(2, 3, 1, 2)), stays=stays)
    fake = Translation(image, image, torch.ones(2, 1, 1, 2))
    total, parts = generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_stay=8.0))
    assert parts["G/stay"].item() == pytest.approx(0.5 * (1 + 0.5 / 0.1) / 4)
    others = parts["G/cls"] + 10 * parts["G/rec"]
    assert (total - others).item() == pytest.approx(8 * parts["G/stay"].item(), abs=1e-5)


def test_the_light_of_faces_is_held_where_it_stays() -> None:
    lighter, finer = torch.full((1, 3, 81, 81), 0.4), torch.zeros(1, 3, 81, 81)
    finer[:, :, ::2] = 0.4
    finer[:, :, 1::2] = -0.4
    whole, patches = torch.zeros(1, 2, 81, 81), torch.zeros(1, 2, 81, 81)
    whole[:, 0, :, :27] = patches[:, 1, :, :27] = 1
    opposite = torch.cat([lighter[:, :, :, :15], -lighter[:, :, :, :12], lighter[:, :, :, :54]], dim=3)

    def light(after: Tensor, stays: Tensor) -> float:
        one = replace(batch(torch.zeros(1, 3, 81, 81)), light_stays=stays)
        fake = Translation(after, after, torch.ones(1, 1, 81, 81))
        weighted, plain = (
            generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_light=weight))
            for weight in (3.0, 0.0)
        )
        assert (weighted[0] - plain[0]).item() == pytest.approx(3 * weighted[1]["G/light"].item(), abs=1e-5)
        return weighted[1]["G/light"].item()

    assert light(lighter, whole) == pytest.approx(0.4 / 3)
    assert light(lighter, patches) == pytest.approx(0.4 * (1 + 0.4 / 0.1) / 3)
    assert light(finer, whole) < 0.01 < light(finer, patches) < 0.06, "alternate rows: next to nothing is left of them"
    assert light(opposite, whole) < 0.02 and light(opposite, patches) > 0.08


def test_where_colour_stays_the_light_may_change() -> None:
    grey, red = torch.full((3,), 0.5), torch.tensor([1.0, 0.0, 0.0])
    image = torch.stack([grey, red, red], dim=1).view(1, 3, 1, 3)
    stays = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    one = replace(batch(torch.zeros(1, 3, 1, 3)), colour_stays=stays)
    fake = Translation(image, image, torch.ones(1, 1, 1, 3))
    total, parts = generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_tint=2.0))
    half_of_red = (0.5 * 0.701, 0.5 * 0.299, 0.5 * 0.299)  # what is not grey of it, in each colour
    assert parts["G/tint"].item() == pytest.approx(sum(change * (1 + 10 * change) for change in half_of_red) / 9)
    others = parts["G/fake"] + parts["G/cls"] + 10 * parts["G/rec"]
    assert (total - others).item() == pytest.approx(2 * parts["G/tint"].item(), abs=1e-5)


@pytest.mark.parametrize(
    ("was", "is_now", "loss"),
    [
        ((0.2, 0.0, -0.4), (0.5, 0.3, -0.1), 0.0),  # brown to blond
        ((-0.3, -0.1, 0.1), (-0.3, -0.1, 0.1), 0.0),  # what is blue may stay so
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.3), 0.3 / 2),
        ((0.0, 0.0, 0.0), (-0.3, 0.0, 0.0), 0.3 / 2),
        ((0.0, 0.1, 0.0), (0.0, 0.3, 0.0), 0.2 / 2),
    ],
)
def test_nothing_turns_blue_or_green(was: tuple[float, ...], is_now: tuple[float, ...], loss: float) -> None:
    before, after = (torch.tensor(colour).view(1, 3, 1, 1) for colour in (was, is_now))
    one = replace(batch(before), colour_stays=torch.zeros(1, 1, 1, 1))
    fake = Translation(after, after, torch.ones(1, 1, 1, 1))
    _, parts = generator_loss(generator("tanh"), linear_critic(0.0), one, fake, Objective(lambda_tint=2.0))
    assert parts["G/tint"].item() == pytest.approx(loss, abs=1e-6)


def watching_critic(x: Tensor) -> Judgement:
    """As `linear_critic(0.0)`, and two watched labels with logits ln 3 and 0."""
    return linear_critic(0.0)(x)._replace(watched=torch.tensor([[LN3, 0.0]]).expand(len(x), 2))


def test_d_learns_what_it_watches() -> None:
    one = replace(batch(torch.zeros(2, 3, 2, 2)), watched=torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    alpha = torch.zeros(2, 1, 1, 1)
    found = [
        discriminator_loss(watching_critic, one, one.real, alpha, Objective(lambda_watch=weight), penalise=0)  # type: ignore[arg-type]
        for weight in (0.0, 3.0)
    ]
    expected = (log(4 / 3) + log(4)) / 2 + LN2
    assert found[1][1]["D/watch"].item() == pytest.approx(expected)
    assert (found[1][0] - found[0][0]).item() == pytest.approx(3 * expected)


def test_g_keeps_what_is_watched_as_far_as_it_shall() -> None:
    source = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    target = torch.tensor([[0.0, 1.0], [1.0, 0.0]])  # the second picture's is its own label
    watched, kept = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.5, 0.25], [1.0, 1.0]])
    image = torch.zeros(2, 3, 2, 2)
    one = Batch(image, source, target, source, target, slice(0, 2), "attributes", watched=watched, kept=kept)
    fake = Translation(image, image, torch.ones(2, 1, 2, 2))

    def minimised(weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        return generator_loss(generator("tanh"), watching_critic, one, fake, Objective(lambda_watch=weight))  # type: ignore[arg-type]

    (less, _), (total, parts) = minimised(0.0), minimised(4.0)
    assert parts["G/watch"].item() == pytest.approx((0.5 * log(4 / 3) + 0.25 * LN2) / 2)
    assert (total - less).item() == pytest.approx(4 * parts["G/watch"].item())


def test_the_mask_is_kept_small_and_smooth() -> None:
    image = torch.zeros(1, 3, 2, 2)
    mask = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])
    objective = Objective(lambda_cls=0.0, lambda_rec=0.0, lambda_mask=3.0, lambda_smooth=4.0)
    total, parts = generator_loss(
        generator("attention"), linear_critic(0.0), batch(image), Translation(image, image, mask), objective
    )
    assert parts["G/mask"].item() == pytest.approx(0.5)
    assert parts["G/smooth"].item() == pytest.approx(0.5 + 0.5)
    assert total.item() == pytest.approx(3 * 0.5 + 4 * 1.0)


def test_total_variation_of_a_flat_mask_is_nothing() -> None:
    assert total_variation(torch.full((2, 1, 4, 4), 0.3)).item() == 0


def test_only_the_sets_own_logits_are_classified() -> None:
    def judge(x: Tensor) -> Judgement:
        return Judgement(torch.zeros(len(x), 1, 1, 1), torch.tensor([[100.0, 0.0, LN3, 100.0]]), None)

    labels = torch.tensor([[0.0, 1.0]])
    real = torch.zeros(1, 3, 1, 1)
    one = Batch(real, real, real, labels, labels, slice(1, 3), "classes")
    _, parts = discriminator_loss(judge, one, real, torch.zeros(1, 1, 1, 1), Objective(), penalise=0)
    assert parts["D/cls"].item() == pytest.approx(log(4 / 3))
