"""The label vectors that the generator is given in an evaluation, made as `translate` makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.evaluate.targets import Target
from stargan_cli.evaluate.translating.batches import Machine
from stargan_cli.labels import Change, LabelLayout, SourceLabels
from stargan_cli.labels.probabilities import as_read
from stargan_cli.labels.vectors import layout_vector, pass_vectors
from stargan_cli.pictures.tensors import to_model


@dataclass(frozen=True)
class GivenLabels:
    """Label vectors for the pictures of one data set, the generator's label set `set_index`. `pictures`: the squares
    that the generator translates. `read`: pictures (n, 3, S, S) in [-1, 1] -> the discriminator's logits (n,
    class_dim); None if the weights have no discriminator."""

    layout: LabelLayout
    set_index: int
    pictures: CachedPictures
    machine: Machine
    read: Callable[[Tensor], Tensor] | None

    def asked(self, target: Target) -> Tensor:
        """The vectors (n, label_dim) for a target: those of `translate` if `--set` names the target's attributes."""
        names, vectors = self.pictures.labelled.label_set.attributes, []
        for row, wanted, named in zip(
            target.pictures.tolist(), target.wanted.tolist(), target.named.tolist(), strict=True
        ):
            set_to = [(name, float(value)) for name, value, chosen in zip(names, wanted, named, strict=True) if chosen]
            changes = [Change(self.set_index, name, value, name) for name, value in set_to]
            vectors += pass_vectors(self.layout, self.shown[row], changes)
        return torch.tensor(vectors)

    def own(self, rows: Tensor) -> Tensor:
        """The vectors (n, label_dim) of the data set's own labels for the pictures `rows`, int64 (n,)."""
        labels = self.pictures.labelled.labels[rows].float()
        return layout_vector(labels, self.layout, self.set_index)

    @cached_property
    def shown(self) -> list[SourceLabels]:
        """The source labels of each picture: as the weights' own discriminator reads them, or, without one, those of
        the data set."""
        labelled = self.pictures.labelled
        if self.read is None:
            rows = labelled.labels.float().tolist()
            names = [(self.set_index, name) for name in labelled.label_set.attributes]
            return [dict(zip(names, row, strict=True)) for row in rows]
        known: list[SourceLabels] = []
        with torch.inference_mode():
            for batch in torch.arange(len(self.pictures)).split(self.machine.batch_size):  # type: ignore[no-untyped-call]
                logits = self.read(to_model(self.pictures.batch(batch)[0].to(self.machine.device)))
                known += [as_read(self.layout, row) for row in logits.tolist()]
        return known
