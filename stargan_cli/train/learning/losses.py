"""StarGAN's losses (Choi et al., CVPR 2018, section 3): pure functions that return tensors, (total, named parts)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.model import Discriminator, DiscriminatorOutput, Generator
from stargan_cli.train.learning.background import background
from stargan_cli.train.recipe.objective import Objective

Parts = dict[str, Tensor]
View = Callable[[Tensor], Tensor]

BACKGROUND = 30
"""The weight of a change of the background in `G/self`; elsewhere it is 1."""


@dataclass(frozen=True)
class Batch:
    """One step's pictures of one data set.

    `real` (N, 3, S, S) in [-1, 1]; `source` and `target` are full label vectors (N, label_dim); `source_classes` and
    `target_classes` the labels of this set alone (N, k), whose logits are at `positions`; `kind` is the set's kind.
    `importance` (N,): the weight of each real picture in the discriminator's classification; None: all have 1.
    """

    real: Tensor
    source: Tensor
    target: Tensor
    source_classes: Tensor
    target_classes: Tensor
    positions: slice
    kind: Literal["attributes", "classes"]
    importance: Tensor | None = None


def weighted_sum(parts: Parts, objective: Objective) -> Tensor:
    """The sum of the parts: `G/rec` has the weight `lambda_rec`, and so on; a part without such a setting has 1."""
    first, *others = (getattr(objective, f"lambda_{name[2:]}", 1.0) * part for name, part in parts.items())
    return sum(others, first)


def classification_loss(logits: Tensor, labels: Tensor, kind: Literal["attributes", "classes"]) -> Tensor:
    """The loss of each picture (N,): binary cross-entropy summed over attributes, or cross-entropy for classes.

    `logits` and `labels` are (N, k), labels in [0, 1] (one-hot for classes).
    """
    if kind == "classes":
        return F.cross_entropy(logits, labels, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(dim=1)


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

    If D is conditional (`projection`), real pictures with a label that they do not show also count as fakes, and make
    one half of `D/fake`: D must not ignore the label (Reed et al., ICML 2016, section 4.2).

    `view` augments all that D sees. `penalise` multiplies the gradient penalty; 0 leaves it out. The part `D/sign` is
    no loss: the mean sign of D's output on real pictures, -1..1 (Karras et al., NeurIPS 2020, section 3.1).
    """
    real, fake = view(batch.real), view(fake)
    output = discriminator(torch.cat([real, fake]))
    parts = {f"D/{name}": part for name, part in _discriminator_parts(output, batch, objective).items()}
    total = weighted_sum(parts, objective)
    if penalise:
        weight, parts["D/gp"] = _gradient_penalty(discriminator, batch, real, fake, alpha, objective)
        total = total + penalise * weight * parts["D/gp"]
    if objective.adversarial == "nonsaturating":
        of_real = _rows(output, slice(0, len(real)))
        parts["D/sign"] = _score(of_real, batch.source_classes, batch).sign().mean()
    return total, parts


def feature_discriminator_loss(
    discriminator: Callable[[Tensor], list[DiscriminatorOutput]],
    batch: Batch,
    fake: Tensor,
    objective: Objective,
    view: View = lambda x: x,
) -> tuple[Tensor, Parts]:
    """What the discriminator on fixed features minimises: the parts of `discriminator_loss` without a penalty, averaged
    over its stages and added with weight 1."""
    outputs = discriminator(torch.cat([view(batch.real), view(fake)]))
    found = [_discriminator_parts(output, batch, objective) for output in outputs]
    parts = {f"F/{name}": _mean([one[name] for one in found]) for name in found[0]}
    return _sum(parts), parts


def generator_loss(
    generator: Generator,
    discriminator: Discriminator,
    batch: Batch,
    fake: Tensor,
    objective: Objective,
    view: View = lambda x: x,
    features: Callable[[Tensor], list[DiscriminatorOutput]] | None = None,
) -> tuple[Tensor, Parts]:
    """What G minimises: the adversarial loss, the classification as the target, and the reconstruction of the input.

    `fake` (N, 3, S, S) is G's output for `batch.real` and `batch.target`, with its graph. The discriminator on fixed
    features, if there is one, adds its adversarial and classification losses, averaged over its stages: `G/features`.
    """
    parts = {f"G/{name}": part for name, part in _generator_parts(discriminator(view(fake)), batch, objective).items()}
    if features is not None:
        outputs = features(view(fake))
        parts["G/features"] = _mean([_sum(_generator_parts(one, batch, objective)) for one in outputs])
    if objective.lambda_rec:
        parts["G/rec"] = (batch.real - generator(fake, batch.source)).abs().mean()
    change = (fake - batch.real).abs()
    if objective.lambda_id:
        parts["G/id"] = (change.mean(dim=(1, 2, 3)) * _own(batch)).mean()
    if objective.lambda_self:
        parts["G/self"] = (change * (1 + (BACKGROUND - 1) * background(batch.real))).mean()
    return weighted_sum(parts, objective), parts


def _gradient_penalty(
    discriminator: Discriminator, batch: Batch, real: Tensor, fake: Tensor, alpha: Tensor, objective: Objective
) -> tuple[float, Tensor]:
    """The weight and the gradient penalty: at points between real and fake with WGAN-GP, at real pictures with R1."""
    if objective.adversarial == "wgan-gp":
        points, labels = alpha * real + (1 - alpha) * fake, batch.target_classes
    else:
        points, labels = real, batch.source_classes
    points = points.detach().requires_grad_(True)
    output = discriminator.forward(points)  # not the compiled call, which cannot be differentiated twice
    norms = gradient_norms(_score(output, labels, batch), points)
    if objective.adversarial == "wgan-gp":
        return objective.lambda_gp, (norms - 1).square().mean()
    return objective.lambda_gp / 2, norms.square().mean()


def _discriminator_parts(output: DiscriminatorOutput, batch: Batch, objective: Objective) -> Parts:
    """A discriminator's losses on real pictures (`real`), on fakes (`fake`) and on the labels of real ones (`cls`).
    `output` is for both, the real pictures first."""
    count = len(batch.real)
    of_real, of_fake = _rows(output, slice(0, count)), _rows(output, slice(count, 2 * count))
    real, fake = _score(of_real, batch.source_classes, batch), _score(of_fake, batch.target_classes, batch)
    parts = {"real": _as_real(real, objective).mean(), "fake": _as_real(-fake, objective).mean()}
    if output.agreement is not None:
        mismatched = _as_real(-_score(of_real, batch.target_classes, batch), objective)
        parts["fake"] = (parts["fake"] + (mismatched * ~_own(batch)).mean()) / 2
    classes = _class_loss(of_real.classes, batch.source_classes, batch)
    parts["cls"] = (classes if batch.importance is None else classes * batch.importance).mean()
    return parts


def _generator_parts(output: DiscriminatorOutput, batch: Batch, objective: Objective) -> Parts:
    """The generator's losses, given a discriminator's `output` for fakes: adversarial (`fake`) and classification as
    the target (`cls`). With the identity loss, a picture whose target is its own label does not count."""
    realness = _as_real(_score(output, batch.target_classes, batch), objective)
    classes = _class_loss(output.classes, batch.target_classes, batch)
    if objective.lambda_id:
        realness, classes = realness * ~_own(batch), classes * ~_own(batch)
    return {"fake": realness.mean(), "cls": classes.mean()}


def _own(batch: Batch) -> Tensor:
    """The pictures whose target is their own label: bool (N,)."""
    return (batch.target_classes == batch.source_classes).all(dim=1)


def _sum(parts: Parts) -> Tensor:
    return torch.stack(list(parts.values())).sum()


def _mean(numbers: list[Tensor]) -> Tensor:
    return torch.stack(numbers).mean()


def _rows(output: DiscriminatorOutput, rows: slice) -> DiscriminatorOutput:
    agreement = None if output.agreement is None else output.agreement[rows]
    return DiscriminatorOutput(output.realness[rows], output.classes[rows], agreement)


def _score(output: DiscriminatorOutput, labels: Tensor, batch: Batch) -> Tensor:
    if output.agreement is None:
        return output.realness.float()
    signs = torch.zeros_like(output.classes, dtype=torch.float32)
    signs[:, batch.positions] = 2 * labels - 1
    return output.realness_as(signs).float()


def _as_real(score: Tensor, objective: Objective) -> Tensor:
    """The adversarial loss of score maps (N, 1, h, w) whose label is real: the mean of each map (N,)."""
    return (-score if objective.adversarial == "wgan-gp" else F.softplus(-score)).flatten(1).mean(dim=1)


def _class_loss(logits: Tensor, labels: Tensor, batch: Batch) -> Tensor:
    return classification_loss(logits[:, batch.positions].float(), labels, batch.kind)
