"""The turns of the data sets in a training iteration, and the batch of each: pictures with labels and targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stargan_cli.datasets import augment
from stargan_cli.datasets.draws import Draws
from stargan_cli.device import memory_layout
from stargan_cli.labels import LabelLayout
from stargan_cli.labels.vectors import layout_vector
from stargan_cli.pictures.tensors import to_model
from stargan_cli.train.learning.batches import BatchSource, feed
from stargan_cli.train.learning.losses import Batch
from stargan_cli.train.learning.targets import TargetRule
from stargan_cli.train.recipe.settings import TrainSettings


class Turns:
    """`order` names the data set of each turn, by its index: each as often as `--mix` says."""

    def __init__(
        self,
        layout: LabelLayout,
        sources: Sequence[BatchSource],
        settings: TrainSettings,
        rows: slice,
        device: torch.device,
        read: Callable[[Tensor], Tensor],
    ) -> None:
        """`rows` are this process's of each batch. `read` gives the probabilities (N, class_dim) that D reads from
        pictures (N, 3, S, S)."""
        self.layout, self.settings, self.rows, self._read = layout, settings, rows, read
        mix = settings.mix or (1,) * len(sources)
        self.order = tuple(index for index, share in enumerate(mix) for _ in range(share))
        self.feeds = [feed(one, self.order.count(index), rows, device) for index, one in enumerate(sources)]
        self._rules = [TargetRule.of(label_set, device, settings) for label_set in layout.sets]
        self._layout_in_memory = memory_layout(device)

    def load(self, iteration: int) -> None:
        """Do the work on the host that the batches of an iteration need."""
        for one in self.feeds:
            one.load(iteration)

    def batch(self, turn: int, iteration: Tensor, draws: Draws) -> Batch:
        """The batch of a turn. `iteration` (int64 ()) must have been loaded."""
        index, earlier = self.order[turn], self.order[:turn]
        pixels, importance, labels = self.feeds[index].drawn(earlier.count(index), iteration)
        label_set, rule = self.layout.sets[index], self._rules[index]
        targets = rule.targets(labels, draws)[self.rows]
        labels = labels[self.rows]
        real = self._changed(to_model(pixels).contiguous(memory_format=self._layout_in_memory), draws)
        given = targets
        if self.settings.keep_unset and label_set.kind == "attributes":
            all_named = draws.uniform(1).T < 0.5
            given = rule.asked(labels, targets, self._read(real)[:, self.layout.positions(index)], all_named)
        return Batch(
            real=real,
            source=layout_vector(labels, self.layout, index),
            target=layout_vector(given, self.layout, index),
            source_classes=labels,
            target_classes=targets,
            positions=self.layout.positions(index),
            kind=label_set.kind,
            importance=importance if self.settings.weigh_classes else None,
        )

    def _changed(self, pictures: Tensor, draws: Draws) -> Tensor:
        if self.settings.flip:
            pictures = augment.flip(pictures, draws)
        if self.settings.jitter:
            pictures = augment.jitter(pictures, self.settings.jitter, draws)
        if self.settings.colour_jitter:
            pictures = augment.colour_jitter(pictures, self.settings.colour_jitter, draws)
        return pictures
