"""What several classifiers read from the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.errors import UsageError
from stargan_cli.evaluate.classifiers.classifier import Classifier
from stargan_cli.labels import HAIR_COLOURS, LabelSet
from stargan_cli.labels.probabilities import decisions
from stargan_cli.pictures.tensors import to_model


@dataclass(frozen=True)
class Readers:
    """The classifiers that know every attribute of `label_set`. A change counts as read where all of them read it:
    what only one reads may be made to please that one. Raises UsageError without any."""

    label_set: LabelSet
    classifiers: tuple[Classifier, ...]

    @property
    def attributes(self) -> tuple[str, ...]:
        """What all of them read: the label set's attributes, and behind them whatever else all know."""
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
        """Of anything (..., K) the columns (..., k) of the label set."""
        return found[..., : len(self.label_set.attributes)]

    def others_changed(self, before: Tensor, after: Tensor, moved: Tensor) -> Tensor:
        """Labels as read (n, c, K), before and after a change that may move the label set's attributes `moved`, bool
        (k,) -> float (n, K): 1 where every classifier reads an attribute otherwise than before, NaN where it may move.
        """
        changed = (before != after).all(dim=1).float()
        may_move = {name for name, moves in zip(self.label_set.attributes, moved.tolist(), strict=True) if moves}
        if not may_move.isdisjoint(HAIR_COLOURS):
            may_move |= set(HAIR_COLOURS)
        changed[:, [name in may_move for name in self.attributes]] = float("nan")
        return changed


def readers_for(label_set: LabelSet, classifiers: Sequence[Classifier]) -> Readers:
    """Those of the classifiers that know this label set. Raises UsageError where none does."""
    fitting = tuple(one for one in classifiers if one.knows(label_set))
    if fitting:
        return Readers(label_set, fitting)
    known = "; ".join(", ".join(one.label_set.attributes) for one in classifiers)
    raise UsageError(
        f"no classifier for {label_set.name}: {', '.join(label_set.attributes)} (given: {known or 'none'})",
        "fit one with: stargan eval --fit-classifier --classifier FILE --data ... --attrs ...",
    )
