"""The label vectors that the generator is given: those of `translate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.evaluate.targets import Target
from stargan_cli.evaluate.translating.batches import Machine
from stargan_cli.labels import Change, LabelLayout
from stargan_cli.labels.probabilities import Known, as_read
from stargan_cli.labels.vectors import layout_vector, pass_vectors
from stargan_cli.pictures.tensors import to_model


@dataclass(frozen=True)
class GivenLabels:
    """Label vectors for the pictures of one data set, which is the generator's label set `set_index`. `read`, if the
    weights have a discriminator, gives its logits (n, class_dim) for pictures (n, 3, S, S) in [-1, 1]; `pictures` are
    what it reads: the squares that the generator gets."""

    layout: LabelLayout
    set_index: int
    pictures: CachedPictures
    machine: Machine
    read: Callable[[Tensor], Tensor] | None = None

    def asked(self, target: Target) -> Tensor:
        """The vectors (n, label_dim) for a target: those of `translate` where `--set` names its attributes."""
        names, vectors = self.pictures.labelled.label_set.attributes, []
        for row, wanted, named in zip(
            target.pictures.tolist(), target.wanted.tolist(), target.named.tolist(), strict=True
        ):
            set_to = [(name, float(value)) for name, value, chosen in zip(names, wanted, named, strict=True) if chosen]
            changes = [Change(self.set_index, name, value, name) for name, value in set_to]
            vectors += pass_vectors(self.layout, self.shown[row], changes)
        return torch.tensor(vectors)

    def own(self, rows: Tensor) -> Tensor:
        """The vectors (n, label_dim) of these pictures, int64 (n,): everything named, as the data set says."""
        labels = self.pictures.labelled.labels[rows].float()
        return layout_vector(labels, self.layout, self.set_index)

    @cached_property
    def shown(self) -> list[Known]:
        """What each picture shows, as `translate` knows it: as the weights' own discriminator reads it or, without one,
        as the data set says."""
        labelled = self.pictures.labelled
        if self.read is None:
            rows = labelled.labels.float().tolist()
            names = [(self.set_index, name) for name in labelled.label_set.attributes]
            return [dict(zip(names, row, strict=True)) for row in rows]
        known: list[Known] = []
        with torch.inference_mode():
            for batch in torch.arange(len(self.pictures)).split(self.machine.batch_size):  # type: ignore[no-untyped-call]
                logits = self.read(to_model(self.pictures.batch(batch)[0].to(self.machine.device)))
                known += [as_read(self.layout, row) for row in logits.tolist()]
        return known
