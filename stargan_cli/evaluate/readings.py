"""What several classifiers read from the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.errors import UsageError
from stargan_cli.evaluate.classifiers.classifier import FIT, Classifier
from stargan_cli.labels import HAIR_COLOURS, LabelSet
from stargan_cli.labels.probabilities import decisions
from stargan_cli.pictures.tensors import to_model


@dataclass(frozen=True)
class Readers:
    """The classifiers that know every attribute of `label_set`. A change counts as read only if all of them read it:
    one classifier alone may be fooled, as by an adversarial example."""

    label_set: LabelSet
    classifiers: tuple[Classifier, ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that all of them read: those of the label set, followed by any others that all know."""
        own = self.label_set.attributes
        if self.label_set.kind == "classes":
            return own
        first, *rest = (one.label_set.attributes for one in self.classifiers)
        return (*own, *(name for name in first if name not in own and all(name in other for other in rest)))

    @torch.inference_mode()
    def probabilities(self, pictures: Tensor) -> Tensor:
        """uint8 pictures (n, 3, S, S) -> probabilities (n, c, K) on the CPU: a row per classifier, a column for each of
        `attributes`."""
        squares = to_model(pictures)
        rows = [one.probabilities(squares).cpu()[:, one.columns(self.attributes)] for one in self.classifiers]
        return torch.stack(rows, dim=1)

    def decide(self, found: Tensor) -> Tensor:
        """Probabilities (n, c, K) -> labels uint8 (n, c, K)."""
        return decisions(found.flatten(0, 1), self.label_set).view(found.shape)

    def own(self, found: Tensor) -> Tensor:
        """The columns of the label set: (..., K) -> (..., k)."""
        return found[..., : len(self.label_set.attributes)]

    def others_changed(self, before: Tensor, after: Tensor, moved: Tensor) -> Tensor:
        """Labels as read (n, c, K), before and after a change -> float (n, K): 1 if every classifier reads the
        attribute differently from before, else 0; NaN for attributes that the change may move. `moved`, bool (k,):
        these, in the label set; if a hair colour is among them, all hair colours may move."""
        changed = (before != after).all(dim=1).float()
        may_move = {name for name, moves in zip(self.label_set.attributes, moved.tolist(), strict=True) if moves}
        if not may_move.isdisjoint(HAIR_COLOURS):
            may_move |= set(HAIR_COLOURS)
        changed[:, [name in may_move for name in self.attributes]] = float("nan")
        return changed


def readers_for(label_set: LabelSet, classifiers: Sequence[Classifier]) -> Readers:
    """The classifiers that know this label set. Raises UsageError if none does."""
    fitting = tuple(one for one in classifiers if one.knows(label_set))
    if fitting:
        return Readers(label_set, fitting)
    known = "; ".join(", ".join(one.label_set.attributes) for one in classifiers)
    raise UsageError(
        f"no classifier for {label_set.name}: {', '.join(label_set.attributes)} (given: {known or 'none'})",
        FIT,
    )
