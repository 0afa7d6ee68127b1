"""StarGAN's losses (Choi et al., CVPR 2018, section 3) as pure functions: (total, named parts), all still tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.data.images import colour, lightness
from stargan_cli.data.skin import more_unnatural, with_hues_of
from stargan_cli.model import Discriminator, Generator, Judgement, Translation

SLIGHT = 0.1
"""A change, of 2 from black to white, that counts twice: stains are strong, and small beside a face."""
PATCHES = 13
"""So many patches side by side are as wide as the picture: wrinkles are smaller, shadows and moustaches are not."""

Parts = dict[str, Tensor]
View = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """Which losses, and how they are weighted. The defaults are the paper's.

    `adversarial="wgan-gp"` is the paper's (Gulrajani et al., 2017, with weight `lambda_gp`); `"nonsaturating"` is
    Goodfellow's with an R1 penalty (Mescheder et al., 2018), whose weight is also `lambda_gp`.
    `lambda_id` weighs the identity loss (CycleGAN, Zhu et al., 2017): a picture whose target is its own label shall
    stay as it is, and D's verdict on it does not count. `lambda_stay` weighs changes where the batch says that a
    picture stays, `lambda_light` changes of light, though not of detail, where it says that light stays, `lambda_tint`
    changes of colour, though not of light, where it says that colour stays, and to blue and green anywhere,
    `lambda_hue` new hues where it says that hues stay (D sees none there, nor are any taught), `lambda_watch` its
    further labels, which D learns and G keeps; `lambda_teach` differences from what the batch says that G is to make
    (Hinton et al., 2015, of pictures). `lambda_mask` and `lambda_smooth` act on the attention mask alone: its mean, and
    its total variation.
    With `robust` D's classification learns from pictures that were moved so far, in L2, to where it errs most
    (Goodfellow et al., ICLR 2015): the gradients of such a classifier, which G learns from, show what people see too
    (Tsipras et al., ICLR 2019).
    """

    adversarial: Literal["wgan-gp", "nonsaturating"] = "wgan-gp"
    lambda_cls: float = 1.0
    lambda_rec: float = 10.0
    lambda_gp: float = 10.0
    lambda_id: float = 0.0
    lambda_stay: float = 0.0
    lambda_light: float = 0.0
    lambda_tint: float = 0.0
    lambda_hue: float = 0.0
    lambda_watch: float = 0.0
    lambda_teach: float = 0.0
    lambda_mask: float = 0.0
    lambda_smooth: float = 0.0
    robust: float = 0.0


@dataclass(frozen=True)
class Batch:
    """One step's pictures of one data set.

    `real` (N, 3, S, S) in [-1, 1]; `source` and `target` are full label vectors (N, label_dim); `source_classes` and
    `target_classes` the labels of this set alone (N, k), whose logits stand at `positions`; `kind` is the set's kind.
    `importance` (N,): how much each real picture counts for D's classification; None for all alike. `push` (k,): how
    much each attribute counts for G's, from 0 up, and where it changes in what is taught; None for 1, and for classes.
    `stays` (N, 1, S, S), of any type: how much each pixel shall stay as it is, from 0 to 1; None for not at all.
    `light_stays` (N, 2, S, S), of any type: how much each pixel belongs, from 0 to 1, to a part whose mean light shall
    stay, and to one where every patch's shall; None for not at all.
    `colour_stays` (N, 1, S, S): how much each pixel shall keep its colour, from 0 to 1; None for not at all.
    `hue_stays` (N, 1, S, S): how far each pixel keeps its hue, from 0 to 1, in what D sees of G's pictures and in what
    is taught; None for not at all.
    `watched` (N, m): further labels, which D learns; `kept` (N, m), from 0 to 1: how much each shall be kept.
    `taught` (N, 3, S, S) in [-1, 1]: what G is to make; None without a teacher.
    """

    real: Tensor
    source: Tensor
    target: Tensor
    source_classes: Tensor
    target_classes: Tensor
    positions: slice
    kind: Literal["attributes", "classes"]
    importance: Tensor | None = None
    push: Tensor | None = None
    stays: Tensor | None = None
    light_stays: Tensor | None = None
    colour_stays: Tensor | None = None
    hue_stays: Tensor | None = None
    watched: Tensor | None = None
    kept: Tensor | None = None
    taught: Tensor | None = None


def classification_loss(
    logits: Tensor, labels: Tensor, kind: Literal["attributes", "classes"], weights: Tensor | None = None
) -> Tensor:
    """Of each picture (N,). Attributes: binary cross-entropy, summed over the attributes. Classes: cross-entropy.

    `logits` and `labels` are (N, k), labels in [0, 1] (one-hot for classes); `weights` (k,) are the attributes'.
    """
    if kind == "classes":
        return F.cross_entropy(logits, labels, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, labels, weights, reduction="none").sum(dim=1)


def gradient_norms(scores: Tensor, pictures: Tensor) -> Tensor:
    """|d sum(scores) / d picture| of each picture (N,), differentiable: the sum runs over the whole patch map."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    norms: Tensor = gradient.float().flatten(1).norm(dim=1)
    return norms


def discriminator_loss(
    discriminator: Discriminator,
    batch: Batch,
    fake: Tensor,
    alpha: Tensor,
    objective: Objective,
    view: View = lambda x: x,
    penalise: float = 1.0,
) -> tuple[Tensor, Parts]:
    """What D minimises. `fake` (N, 3, S, S) carries no graph; `alpha` (N, 1, 1, 1) in [0, 1] mixes real and fake.

    `view` is applied to whatever D sees (augmentation). `penalise` multiplies the gradient penalty; 0 leaves it out.
    """
    real, fake = view(batch.real), view(_in_old_hues(fake, batch))
    count = len(real)
    seen = [real, fake, _moved(discriminator, real, batch, objective)] if objective.robust else [real, fake]
    judgement = discriminator(torch.cat(seen))
    real_score = _score(_rows(judgement, slice(0, count)), batch.source_classes, batch)
    fake_score = _score(_rows(judgement, slice(count, 2 * count)), batch.target_classes, batch)
    learnt_from = slice(-count, None) if objective.robust else slice(0, count)
    classes = _class_loss(judgement.classes[learnt_from], batch.source_classes, batch)
    parts = {"D/cls": (classes if batch.importance is None else classes * batch.importance).mean()}
    if objective.adversarial == "wgan-gp":
        parts |= {"D/real": -real_score.mean(), "D/fake": fake_score.mean()}
    else:
        parts |= {"D/real": F.softplus(-real_score).mean(), "D/fake": F.softplus(fake_score).mean()}
    total = parts["D/real"] + parts["D/fake"] + objective.lambda_cls * parts["D/cls"]
    if batch.watched is not None:
        parts["D/watch"] = _watch_loss(judgement.watched, batch.watched, learnt_from).sum(dim=1).mean()
        total = total + objective.lambda_watch * parts["D/watch"]
    if penalise and objective.adversarial == "wgan-gp":
        mixed = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
        norms = gradient_norms(_score(discriminator(mixed), batch.target_classes, batch), mixed)
        parts["D/gp"] = (norms - 1).square().mean()
        total = total + penalise * objective.lambda_gp * parts["D/gp"]
    elif penalise:
        there = real.detach().requires_grad_(True)
        norms = gradient_norms(_score(discriminator(there), batch.source_classes, batch), there)
        parts["D/gp"] = norms.square().mean()
        total = total + penalise * objective.lambda_gp / 2 * parts["D/gp"]
    return total, parts


def generator_loss(
    generator: Generator,
    discriminator: Discriminator,
    batch: Batch,
    fake: Translation,
    objective: Objective,
    view: View = lambda x: x,
) -> tuple[Tensor, Parts]:
    """What G minimises: fool D, be read as the target, and come back to the input with the source label.

    `fake` is what G makes of `batch.real` and `batch.target`, with its graph.
    """
    seen = _in_old_hues(fake.image, batch)
    judgement = discriminator(view(seen))
    score = _score(judgement, batch.target_classes, batch)
    realness = (-score if objective.adversarial == "wgan-gp" else F.softplus(-score)).flatten(1).mean(dim=1)
    classes = _class_loss(judgement.classes, batch.target_classes, batch, batch.push)
    own = (batch.target_classes == batch.source_classes).all(dim=1)
    if objective.lambda_id:
        realness, classes = realness * ~own, classes * ~own
    parts = {"G/fake": realness.mean(), "G/cls": classes.mean()}
    total = parts["G/fake"] + objective.lambda_cls * parts["G/cls"]
    if objective.lambda_rec:
        parts["G/rec"] = (batch.real - generator(fake.image, batch.source)).abs().mean()
        total = total + objective.lambda_rec * parts["G/rec"]
    if objective.lambda_id:
        parts["G/id"] = ((fake.image - batch.real).abs().mean(dim=(1, 2, 3)) * own).mean()
        total = total + objective.lambda_id * parts["G/id"]
    if batch.kept is not None:
        changes = _watch_loss(judgement.watched, batch.watched) * batch.kept * ~own[:, None]
        parts["G/watch"] = changes.sum(dim=1).mean()
        total = total + objective.lambda_watch * parts["G/watch"]
    if batch.taught is not None:
        missed = (fake.image - _in_old_hues(batch.taught, batch)).abs().mean(dim=(1, 2, 3))
        parts["G/teach"] = (missed * _pushed(batch)).mean()
        total = total + objective.lambda_teach * parts["G/teach"]
    if batch.stays is not None:
        parts["G/stay"] = _counted((fake.image - batch.real).abs() * batch.stays).mean()
        total = total + objective.lambda_stay * parts["G/stay"]
    if batch.light_stays is not None:
        parts["G/light"] = _light(lightness(fake.image - batch.real), batch.light_stays)
        total = total + objective.lambda_light * parts["G/light"]
    if batch.colour_stays is not None:
        change = colour(fake.image - batch.real).abs() * batch.colour_stays
        parts["G/tint"] = _counted(change).mean() + more_unnatural(batch.real, fake.image).mean()
        total = total + objective.lambda_tint * parts["G/tint"]
    if batch.hue_stays is not None:
        parts["G/hue"] = (fake.image - seen).abs().mean()
        total = total + objective.lambda_hue * parts["G/hue"]
    if generator.settings.output == "attention":
        parts["G/mask"] = fake.mask.mean()
        parts["G/smooth"] = total_variation(fake.mask)
        total = total + objective.lambda_mask * parts["G/mask"] + objective.lambda_smooth * parts["G/smooth"]
    return total, parts


def _in_old_hues(changed: Tensor, batch: Batch) -> Tensor:
    """Pictures made of the batch's, or to be made of them, with its hues where these stay."""
    return changed if batch.hue_stays is None else with_hues_of(batch.real, changed, batch.hue_stays)


def _pushed(batch: Batch) -> Tensor | float:
    """How much each picture counts, (N,): as the most pushed of what changes in it does."""
    if batch.push is None:
        return 1.0
    changed = batch.source_classes != batch.target_classes
    return torch.where(changed.any(dim=1), (batch.push * changed).amax(dim=1), 1.0)


def _counted(changes: Tensor) -> Tensor:
    """Changes from 0 up, strong ones for more than several slight ones of the same sum."""
    return changes * (1 + changes / SLIGHT)


def _light(changes: Tensor, stays: Tensor) -> Tensor:
    """Changes of light (N, 1, S, S) and where it stays (N, 2, S, S): what is left of them in the mean, of the whole
    and of patches."""
    side = changes.shape[-1] // PATCHES // 2 * 2 + 1
    patches = F.avg_pool2d(changes, side, stride=1, padding=side // 2, count_include_pad=False)
    whole = (changes * stays[:, :1]).mean(dim=(2, 3))
    return whole.abs().mean() + _counted(patches.abs() * stays[:, 1:]).mean()


def total_variation(mask: Tensor) -> Tensor:
    """Mean absolute difference between neighbours, horizontally plus vertically, of (N, 1, S, S)."""
    return mask.diff(dim=2).abs().mean() + mask.diff(dim=3).abs().mean()


def _rows(judgement: Judgement, rows: slice) -> Judgement:
    agreement = None if judgement.agreement is None else judgement.agreement[rows]
    return Judgement(judgement.realness[rows], judgement.classes[rows], agreement)


def _score(judgement: Judgement, labels: Tensor, batch: Batch) -> Tensor:
    if judgement.agreement is None:
        return judgement.realness.float()
    signs = torch.zeros_like(judgement.classes, dtype=torch.float32)
    signs[:, batch.positions] = 2 * labels - 1
    return judgement.realness_as(signs).float()


def _class_loss(logits: Tensor, labels: Tensor, batch: Batch, weights: Tensor | None = None) -> Tensor:
    return classification_loss(logits[:, batch.positions].float(), labels, batch.kind, weights)


def _watch_loss(logits: Tensor | None, labels: Tensor | None, rows: slice = slice(None)) -> Tensor:
    """Of each picture and label (N, m)."""
    assert logits is not None and labels is not None
    return F.binary_cross_entropy_with_logits(logits[rows].float(), labels, reduction="none")


def _moved(discriminator: Discriminator, pictures: Tensor, batch: Batch, objective: Objective) -> Tensor:
    """Pictures (N, 3, S, S), each moved by `robust` (L2) along the gradient of its classification loss."""
    there = pictures.detach().requires_grad_(True)
    judgement = discriminator(there)
    loss = objective.lambda_cls * _class_loss(judgement.classes, batch.source_classes, batch).sum()
    if batch.watched is not None:
        loss = loss + objective.lambda_watch * _watch_loss(judgement.watched, batch.watched).sum()
    (gradient,) = torch.autograd.grad(loss, there)
    return pictures.detach() + objective.robust * F.normalize(gradient.float().flatten(1), dim=1).view_as(pictures)
