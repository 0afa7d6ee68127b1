"""Measure one generator on one labelled data set: numbers per picture, not yet averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from stargan_cli.device import autocast
from stargan_cli.evaluate.distances import Features
from stargan_cli.evaluate.pixel_metrics import (
    WINDOW,
    change_by_mask,
    corner_change,
    kept_region,
    psnr,
    psnr_within,
    ssim,
)
from stargan_cli.evaluate.targets import Target, confidence, successes
from stargan_cli.evaluate.translating.batches import Machine, TranslatedBatch, require_finite, translate_all
from stargan_cli.evaluate.translating.given_labels import GivenLabels
from stargan_cli.evaluate.values import Keep, LabelledSet, SetValues, TargetValues, Values
from stargan_cli.model import Generator
from stargan_cli.pictures.tensors import to_model, to_pixels

Comparison = Callable[[Tensor, Tensor, Tensor], Tensor]
"""uint8 pictures before and after (n, 3, S, S), and the region that should not change, bool (S, S) -> (n,)."""
Advance = Callable[[int], None]


def keep_nothing(kind: str, rows: Tensor, pictures: Tensor) -> None:
    """The default of `Measuring.keep`."""


@dataclass(frozen=True)
class Measuring:
    """A generator on one data set, and the label vectors that it is given. `advance` gets the number of pictures that
    have just been translated. `features` gives the features for distances, `describe` the face descriptors, both of
    uint8 pictures; None measures neither. `comparisons`: further metrics of a picture and its translation. `landmarks`:
    where the eyes are in the pictures, as in a weights card. `keep` gets every measured picture."""

    generator: Generator
    given: GivenLabels
    labelled_set: LabelledSet
    machine: Machine
    advance: Advance = lambda pictures: None
    features: Features | None = None
    describe: Features | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    landmarks: Mapping[str, Sequence[float]] | None = None
    keep: Keep = keep_nothing

    @torch.inference_mode()
    def run(self) -> SetValues:
        """Translate to every target, with the pictures' own labels, and to the last target and back."""
        readers, looks = self.labelled_set.readers, self._look_at_real()
        real = readers.decide(looks["probabilities"])
        targets = [self._one_target(target, real) for target in self.labelled_set.targets()]
        everything = torch.arange(len(real))
        own = self._collect("own_label", everything, self.given.own(everything), self._own)
        own_read = readers.decide(own.pop("probabilities"))
        last, back = targets[-1].target, {}
        if self.labelled_set.photos is None:
            back = self._collect(None, last.pictures, self.given.asked(last), self._there_and_back(last))
        portraits = self.labelled_set.portraits
        yardstick = portraits.yardstick(self.describe, self.machine) if portraits and self.describe else None
        looked = looks.get("features"), looks.get("descriptors"), yardstick
        return SetValues(self.labelled_set, targets, own, back, own_read, *looked)

    def translated(self, chosen: Tensor, asked: Tensor) -> Iterator[TranslatedBatch]:
        """Translate the pictures `chosen`, int64 (n,), with the label vectors `asked`, float (n, label_dim)."""
        pictures, photos = self.labelled_set.pictures, self.labelled_set.photos
        return translate_all(self.generator, pictures, chosen, asked, self.machine, photos)

    def _batches(self) -> Sequence[Tensor]:
        everything = torch.arange(len(self.labelled_set.pictures))
        return everything.split(self.machine.batch_size)  # type: ignore[no-any-return, no-untyped-call]

    def _one_target(self, target: Target, real: Tensor) -> TargetValues:
        readers, labels = self.labelled_set.readers, self.labelled_set.pictures.labelled.labels
        measuring = replace(self, features=None, describe=None) if target.combination else self
        observe = partial(measuring._changes, measuring._kept(target))
        values = self._collect(f"translated/{target.name}", target.pictures, self.given.asked(target), observe)
        found, features, descriptors = (values.pop(key, None) for key in ("probabilities", "features", "descriptors"))
        assert found is not None
        read, before = readers.decide(found), real[target.pictures]
        values["confidence"] = confidence(readers.own(found), target.wanted, target.named)
        return TargetValues(
            target,
            successes(readers.own(real[target.real]), labels[target.real], target.real_named),
            successes(readers.own(before), target.wanted, target.named),
            successes(readers.own(read), target.wanted, target.named),
            readers.others_changed(before, read, target.moved),
            values,
            features,
            descriptors,
        )

    def _collect(
        self, kind: str | None, chosen: Tensor, asked: Tensor, observe: Callable[[TranslatedBatch], Values]
    ) -> Values:
        parts: list[Values] = []
        for batch in self.translated(chosen, asked):
            parts.append({name: values.cpu() for name, values in observe(batch).items()})
            if kind is not None:
                self.keep(kind, chosen[batch.rows], batch.after)
            self.advance(len(batch.after))
        return _joined(parts)

    def _kept(self, target: Target) -> Tensor:
        names = self.labelled_set.pictures.labelled.label_set.attributes
        moved = [name for name, moves in zip(names, target.moved.tolist(), strict=True) if moves]
        return kept_region(self.labelled_set.pictures.pixels.shape[-1], moved, self.landmarks)

    def _changes(self, kept: Tensor, batch: TranslatedBatch) -> Values:
        values = self._looks(batch.after, batch.faces[1])
        values["background_change"] = corner_change(batch.before, batch.after)
        values["kept_psnr"] = psnr_within(*batch.faces, kept.to(batch.before.device))
        if batch.mask is not None:
            inside, outside = change_by_mask(batch.before, batch.after, batch.mask)
            values |= {"change_inside_mask": inside, "change_outside_mask": outside}
        return values | {name: compare(*batch.faces, kept) for name, compare in self.comparisons.items()}

    def _own(self, batch: TranslatedBatch) -> Values:
        found = self.labelled_set.readers.probabilities(batch.after)
        return {"probabilities": found} | likeness(batch.before, batch.after)

    def _there_and_back(self, target: Target) -> Callable[[TranslatedBatch], Values]:
        labels = self.given.own(target.pictures).to(self.machine.device)

        def observe(batch: TranslatedBatch) -> Values:
            with autocast(self.machine.device, self.machine.dtype):
                made = self.generator(to_model(batch.after), labels[batch.rows])
            require_finite(made)
            back = to_pixels(made)
            self.keep("there_and_back", target.pictures[batch.rows], back)
            return likeness(batch.before, back)

        return observe

    def _look_at_real(self) -> Values:
        pictures, device = self.labelled_set.pictures, self.machine.device
        parts = []
        for rows in self._batches():
            real = pictures.batch(rows)[0].to(device)
            self.keep("source", rows, real)
            parts.append(self._looks(real, self.labelled_set.seen.batch(rows)[0].to(device)))
        return _joined(parts)

    def _looks(self, pictures: Tensor, faces: Tensor) -> Values:
        values = {"probabilities": self.labelled_set.readers.probabilities(pictures)}
        for name, look, seen in (("features", self.features, pictures), ("descriptors", self.describe, faces)):
            if look is not None:
                values[name] = look(seen)
        return values


def _joined(parts: list[Values]) -> Values:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def likeness(before: Tensor, after: Tensor) -> Values:
    """PSNR, and SSIM if the pictures are large enough for its window."""
    values = {"psnr": psnr(before, after)}
    if before.shape[-1] >= WINDOW:
        values["ssim"] = ssim(before, after)
    return values


def pictures_to_translate(labelled_set: LabelledSet) -> int:
    """How many pictures `Measuring.run` will translate, as `advance` counts them."""
    targets = labelled_set.targets()
    back = len(targets[-1].pictures) if labelled_set.photos is None else 0
    return sum(len(target.pictures) for target in targets) + len(labelled_set.pictures) + back
