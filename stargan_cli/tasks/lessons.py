"""What a generator is to make of pictures, where a run has a teacher."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stargan_cli.attributes import LabelLayout
from stargan_cli.data.cache import CachedPictures
from stargan_cli.data.hair import DARKEST, LIGHTEST, LOOKS, recoloured, where_hair_is
from stargan_cli.data.prototypes import Prototypes
from stargan_cli.data.stains import without_stains
from stargan_cli.losses import Batch
from stargan_cli.tasks.label_vectors import layout_vector


class Lessons:
    """For one data set: some attributes change its faces as prototypes do (`strengths`), its hair is recoloured, and
    all else is what the teacher makes, without its stains."""

    def __init__(
        self,
        teacher: Callable[[Tensor, Tensor], Tensor],
        layout: LabelLayout,
        index: int,
        pictures: CachedPictures,
        strengths: dict[str, float],
        recolour: bool,
    ) -> None:
        """`teacher`: pictures (N, 3, S, S) and label vectors (N, label_dim) -> pictures."""
        self.teacher, self.layout, self.index = teacher, layout, index
        self.names = layout.sets[index].attributes
        known = {name: strength for name, strength in strengths.items() if name in self.names}
        self.prototypes = Prototypes(pictures, known) if known else None
        recolour = recolour and {DARKEST, LIGHTEST} <= set(self.names)
        self.hair = [place for place, name in enumerate(self.names) if name in LOOKS and recolour]
        shown = [place for place, name in enumerate(self.names) if name in known]
        self.elsewhere = self.hair + shown

    @torch.no_grad()
    def of(self, batch: Batch) -> Tensor:
        """(N, 3, S, S) in [-1, 1]."""
        labels, targets = batch.source_classes, batch.target_classes
        own = targets.clone()
        own[:, self.elsewhere] = labels[:, self.elsewhere]
        taught = batch.real
        if len(self.elsewhere) < len(self.names):
            made = self.teacher(batch.real, layout_vector(own, self.layout, self.index))
            taught = without_stains(batch.real, made, labels, own, self.names)
        new_hair = (labels != targets)[:, self.hair].any(dim=1)
        if new_hair.any():
            taught = taught.clone()
            taught[new_hair] = self._recoloured(batch, taught, new_hair)
        if self.prototypes is None:
            return taught
        return (taught + self.prototypes.changes(batch.real, labels, targets)).clamp(-1, 1)

    def _recoloured(self, batch: Batch, taught: Tensor, rows: Tensor) -> Tensor:
        pictures, labels = batch.real[rows], batch.source_classes[rows]
        made = []
        for name in (DARKEST, LIGHTEST):
            asked = labels.clone()
            asked[:, self.hair] = 0
            asked[:, self.names.index(name)] = 1
            made.append(self.teacher(pictures, layout_vector(asked, self.layout, self.index)))
        hair = where_hair_is(pictures, *made)
        return recoloured(taught[rows], hair, batch.target_classes[rows], self.names)
