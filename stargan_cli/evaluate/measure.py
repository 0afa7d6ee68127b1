"""One generator on one labelled data set: every number per picture, before anything is averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.device import autocast
from stargan_cli.evaluate.accuracy import confidence, successes
from stargan_cli.evaluate.classifier import Classifier
from stargan_cli.evaluate.distances import Features
from stargan_cli.evaluate.pixel_metrics import WINDOW, change_by_mask, corner_change, psnr, ssim
from stargan_cli.evaluate.targets import Target, targets_for
from stargan_cli.evaluate.translate_batches import Machine, Translated, translate_all
from stargan_cli.labels import Change, LabelLayout
from stargan_cli.labels.probabilities import Known, as_read, decisions
from stargan_cli.labels.vectors import layout_vector, pass_vectors
from stargan_cli.model import Generator
from stargan_cli.pictures.tensors import to_model, to_pixels

Values = dict[str, Tensor]
"""Metric -> one number per picture."""
Comparison = Callable[[Tensor, Tensor], Tensor]
"""uint8 pictures before and after (n, 3, S, S) -> (n,)."""


@dataclass(frozen=True)
class LabelledSet:
    """Real pictures to measure on, which of the generator's label sets they belong to, and who judges them."""

    set_index: int
    pictures: CachedPictures
    classifier: Classifier

    def targets(self) -> list[Target]:
        labelled = self.pictures.labelled
        return targets_for(labelled.label_set, labelled.labels)

    def judge(self, pictures: Tensor) -> Tensor:
        """uint8 pictures (n, 3, S, S) -> probabilities (n, k) on the CPU, a column per attribute of the data set."""
        chances = self.classifier.probabilities(to_model(pictures)).cpu()
        return chances[:, self.classifier.columns(self.pictures.labelled.label_set.attributes)]


@dataclass(frozen=True)
class TargetValues:
    """One target: 0 or 1 per picture for each row of the accuracy table, and how its pictures changed."""

    target: Target
    real: Tensor
    do_nothing: Tensor
    translated: Tensor
    values: Values
    features: Tensor | None = None


@dataclass(frozen=True)
class SetValues:
    """Everything that was measured on one data set. `own`: translated with its own label; `there_and_back`: through
    the last target and back again."""

    labelled_set: LabelledSet
    targets: list[TargetValues]
    own: Values
    there_and_back: Values
    own_read: Tensor = field(repr=False)
    features: Tensor | None = None


Advance = Callable[[int], None]
Keep = Callable[[str, Tensor, Tensor], None]
"""Is given every picture that is measured: what it is (source, own_label, there_and_back, translated/TARGET), int64
(n,) which ones of the data set, and uint8 (n, 3, S, S)."""


def keep_nothing(kind: str, rows: Tensor, pictures: Tensor) -> None:
    """The default."""


@dataclass(frozen=True)
class Measuring:
    """A generator on one data set. `read`, if the weights have a discriminator, gives its logits (n, class_dim) for
    pictures (n, 3, S, S) in [-1, 1]. `advance` is told how many pictures have just been translated; `features`, where
    distances are wanted, takes uint8 pictures; `comparisons` are further metrics of a picture and its translation;
    `keep` is shown every picture."""

    generator: Generator
    layout: LabelLayout
    labelled_set: LabelledSet
    machine: Machine
    read: Callable[[Tensor], Tensor] | None = None
    advance: Advance = lambda pictures: None
    features: Features | None = None
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    keep: Keep = keep_nothing

    @torch.inference_mode()
    def run(self) -> SetValues:
        """Translate to every target, with the own label, and there and back."""
        labelled = self.labelled_set.pictures.labelled
        real_values = self._look_at_real()
        real = decisions(real_values["chances"], labelled.label_set)
        targets = [self._one_target(target, real) for target in self.labelled_set.targets()]
        everything = torch.arange(len(labelled))
        own = self._collect("own_label", everything, self._own_labels(everything), self._own)
        own_read = decisions(own.pop("chances"), labelled.label_set)
        last = targets[-1].target
        back = self._collect(None, last.pictures, self.asked(last), self._there_and_back(last))
        return SetValues(self.labelled_set, targets, own, back, own_read, real_values.get("features"))

    def asked(self, target: Target) -> Tensor:
        """The label vectors (n, label_dim) that the generator is given for a target: those of `translate` where `--set`
        names what is judged."""
        names, index = self.labelled_set.pictures.labelled.label_set.attributes, self.labelled_set.set_index
        vectors = []
        for row, wanted, judged in zip(
            target.pictures.tolist(), target.wanted.tolist(), target.judged.tolist(), strict=True
        ):
            set_to = [(name, float(value)) for name, value, named in zip(names, wanted, judged, strict=True) if named]
            changes = [Change(index, name, value, name) for name, value in set_to]
            vectors += pass_vectors(self.layout, self.shown[row], changes)
        return torch.tensor(vectors)

    @cached_property
    def shown(self) -> list[Known]:
        """What each picture shows, as `translate` knows it: as the weights' own discriminator reads it or, without one,
        as the data set says."""
        pictures, index = self.labelled_set.pictures, self.labelled_set.set_index
        labelled = pictures.labelled
        if self.read is None:
            rows = labelled.labels.float().tolist()
            names = [(index, name) for name in labelled.label_set.attributes]
            return [dict(zip(names, row, strict=True)) for row in rows]
        known: list[Known] = []
        for batch in self._batches():
            logits = self.read(to_model(pictures.batch(batch)[0].to(self.machine.device)))
            known += [as_read(self.layout, row) for row in logits.tolist()]
        return known

    def _own_labels(self, rows: Tensor) -> Tensor:
        """The label vectors (n, label_dim) of these pictures, int64 (n,): everything named, as the data set says."""
        labels = self.labelled_set.pictures.labelled.labels[rows].float()
        return layout_vector(labels, self.layout, self.labelled_set.set_index)

    def _batches(self) -> Sequence[Tensor]:
        everything = torch.arange(len(self.labelled_set.pictures))
        return everything.split(self.machine.batch_size)  # type: ignore[no-any-return, no-untyped-call]

    def _one_target(self, target: Target, real: Tensor) -> TargetValues:
        labelled = self.labelled_set.pictures.labelled
        observe = replace(self, features=None)._changes if target.combination else self._changes
        values = self._collect(f"translated/{target.name}", target.pictures, self.asked(target), observe)
        chances, features = values.pop("chances"), values.pop("features", None)
        values["confidence"] = confidence(chances, target.wanted, target.judged)
        return TargetValues(
            target,
            successes(real[target.real], labelled.labels[target.real], target.real_judged),
            successes(real[target.pictures], target.wanted, target.judged),
            successes(decisions(chances, labelled.label_set), target.wanted, target.judged),
            values,
            features,
        )

    def _collect(
        self, kind: str | None, chosen: Tensor, asked: Tensor, observe: Callable[[Translated], Values]
    ) -> Values:
        parts: list[Values] = []
        for batch in translate_all(self.generator, self.labelled_set.pictures, chosen, asked, self.machine):
            parts.append({name: values.cpu() for name, values in observe(batch).items()})
            if kind is not None:
                self.keep(kind, chosen[batch.rows], batch.after)
            self.advance(len(batch.after))
        return _joined(parts)

    def _changes(self, batch: Translated) -> Values:
        values = self._looks(batch.after) | {"background_change": corner_change(batch.before, batch.after)}
        if self.generator.settings.output == "attention":
            inside, outside = change_by_mask(batch.before, batch.after, batch.mask)
            values |= {"change_inside_mask": inside, "change_outside_mask": outside}
        return values | {name: compare(batch.before, batch.after) for name, compare in self.comparisons.items()}

    def _own(self, batch: Translated) -> Values:
        return {"chances": self.labelled_set.judge(batch.after)} | likeness(batch.before, batch.after)

    def _there_and_back(self, target: Target) -> Callable[[Translated], Values]:
        labels = self._own_labels(target.pictures).to(self.machine.device)

        def observe(batch: Translated) -> Values:
            with autocast(self.machine.device, self.machine.dtype):
                back = to_pixels(self.generator(to_model(batch.after), labels[batch.rows]))
            self.keep("there_and_back", target.pictures[batch.rows], back)
            return likeness(batch.before, back)

        return observe

    def _look_at_real(self) -> Values:
        pictures, device = self.labelled_set.pictures, self.machine.device
        parts = []
        for rows in self._batches():
            real = pictures.batch(rows)[0].to(device)
            self.keep("source", rows, real)
            parts.append(self._looks(real))
        return _joined(parts)

    def _looks(self, pictures: Tensor) -> Values:
        values = {"chances": self.labelled_set.judge(pictures)}
        if self.features is not None:
            values["features"] = self.features(pictures)
        return values


def _joined(parts: list[Values]) -> Values:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def likeness(before: Tensor, after: Tensor) -> Values:
    """PSNR, and SSIM where the pictures are large enough for its window."""
    values = {"psnr": psnr(before, after)}
    if before.shape[-1] >= WINDOW:
        values["ssim"] = ssim(before, after)
    return values


def steps(labelled_set: LabelledSet) -> int:
    """How many pictures a measuring will translate, as `advance` counts them."""
    targets = labelled_set.targets()
    return sum(len(target.pictures) for target in targets) + len(labelled_set.pictures) + len(targets[-1].pictures)
