"""What is measured, and on which pictures: numbers per picture, not yet averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.evaluate.readings import Readers
from stargan_cli.evaluate.same_person import Portraits, Yardstick
from stargan_cli.evaluate.targets import Target, targets_for
from stargan_cli.evaluate.translating.photos import Photos

Values = dict[str, Tensor]
"""Metric -> one number per picture."""
Keep = Callable[[str, Tensor, Tensor], None]
"""Takes measured pictures: their kind (source, own_label, there_and_back, translated/TARGET), their indices in the data
set, int64 (n,), and their pixels, uint8 (n, 3, S, S)."""


@dataclass(frozen=True)
class LabelledSet:
    """Real pictures to measure on, which of the generator's label sets they belong to, the classifiers that read them,
    and the person on each, by its file, as far as they are known. `combinations`: also make several changes at once.
    `photos`: translate the faces in these photos instead of the pictures. `portraits`: of people who have several
    photos in the whole part."""

    set_index: int
    pictures: CachedPictures
    readers: Readers
    people: Mapping[str, str] = field(default_factory=dict)
    combinations: bool = True
    photos: Photos | None = None
    portraits: Portraits | None = None

    @property
    def name(self) -> str:
        return self.pictures.labelled.label_set.name

    @property
    def seen(self) -> CachedPictures:
        """The squares that the generator translates."""
        return self.pictures if self.photos is None else self.photos.squares

    def targets(self) -> list[Target]:
        labelled = self.pictures.labelled
        found = targets_for(labelled.label_set, labelled.labels)
        return [target for target in found if self.combinations or not target.combination]


@dataclass(frozen=True)
class TargetValues:
    """The values of one target. `real`, `do_nothing`, `translated`: bool (n, c), whether each classifier reads a
    picture as wanted, for these rows of the accuracy table. `others_changed` (n, K): which other attributes are read
    differently from before (NaN: attributes that may change). `values`: how the pictures changed. `features`,
    `descriptors`: of the translated pictures."""

    target: Target
    real: Tensor
    do_nothing: Tensor
    translated: Tensor
    others_changed: Tensor
    values: Values
    features: Tensor | None = None
    descriptors: Tensor | None = None


@dataclass(frozen=True)
class SetValues:
    """Everything that was measured on one data set. `own`: each picture translated with its own label; `own_read`
    (N, c, K): the labels that the classifiers then read; `there_and_back`: translated to the last target and back
    (empty for photos); `features`, `descriptors`: of all sources; `yardstick`: the distances between photos of one
    person and of two."""

    labelled_set: LabelledSet
    targets: list[TargetValues]
    own: Values
    there_and_back: Values
    own_read: Tensor = field(repr=False)
    features: Tensor | None = None
    descriptors: Tensor | None = None
    yardstick: Yardstick | None = None
