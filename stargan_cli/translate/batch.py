"""Loaded pictures -> translated squares: source labels read, target labels set, all variants in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

import torch
from torch import Tensor

from stargan_cli.errors import PictureError
from stargan_cli.labels import Variant
from stargan_cli.labels.probabilities import Known
from stargan_cli.translate.framing import Prepared, Square
from stargan_cli.translate.report import Label, Row
from stargan_cli.translate.settings import Plan
from stargan_cli.translate.translator import Translated, Translator


@dataclass(frozen=True)
class Job:
    """One output to make: its variant, its place below the output folder, and what it is made from."""

    variant: Variant
    output: PurePath
    fingerprint: str


@dataclass(frozen=True)
class Loaded:
    """A picture that is read, with its source labels as far as they are known, the outputs to make of it, and the
    rows of those that are settled already."""

    prepared: Prepared
    known: Known
    jobs: tuple[Job, ...]
    settled: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Result:
    """One job's translated squares, one for each of the picture's; the labels are those of the first."""

    job: Job
    squares: tuple[Square, ...]
    source_label: Label | None
    target_label: Label


@dataclass(frozen=True)
class Made:
    """A picture's results, one for each of its jobs."""

    loaded: Loaded
    results: tuple[Result, ...]


def translate_batch(batch: Sequence[Loaded], plan: Plan, translator: Translator) -> list[Made | Exception]:
    """One entry per picture, in order; a PictureError in the place of one for which the network gave no numbers.

    Each picture has at least one job and one square.
    """
    sources = _source_labels(batch, plan, translator)
    pixels: list[Tensor] = []
    vectors: list[list[list[float]]] = []
    for loaded, labels in zip(batch, sources, strict=True):
        for job in loaded.jobs:
            pixels.append(loaded.prepared.squares)
            vectors += [plan.labels.vectors(known, job.variant.changes) for known in labels]
    translated = translator.translate(torch.cat(pixels), torch.tensor(vectors), plan.framing.needs_parts)
    squares, remaining = iter(_one_by_one(translated)), iter(vectors)
    made: list[Made | Exception] = []
    for loaded, labels in zip(batch, sources, strict=True):
        results = []
        for job in loaded.jobs:
            own = tuple(next(squares) for _ in labels)
            asked = [next(remaining) for _ in labels]
            target = plan.labels.target(asked[0], job.variant.changes)
            results.append(Result(job, own, plan.labels.named(labels[0]) or None, target))
        if all(square.finite for result in results for square in result.squares):
            made.append(Made(loaded, tuple(results)))
        else:
            made.append(PictureError("the network gave no numbers for it (NaN): try --precision fp32"))
    return made


def _source_labels(batch: Sequence[Loaded], plan: Plan, translator: Translator) -> list[list[Known]]:
    """For each picture, for each of its squares; the classifier reads the pictures that need it."""
    reads = [_needs_reading(loaded, plan) for loaded in batch]
    squares = [loaded.prepared.squares for loaded, read in zip(batch, reads, strict=True) if read]
    logits = iter(translator.read_labels(torch.cat(squares)).tolist() if squares else ())
    return [
        [plan.labels.completed(loaded.known, next(logits) if read else None) for _ in loaded.prepared.squares]
        for loaded, read in zip(batch, reads, strict=True)
    ]


def _needs_reading(loaded: Loaded, plan: Plan) -> bool:
    if not plan.labels.can_read:
        return False
    return plan.always_read or any(plan.labels.lacks(loaded.known, job.variant.changes) for job in loaded.jobs)


def _one_by_one(result: Translated) -> list[Square]:
    nothing = (None,) * len(result.pixels)
    parts = (nothing if part is None else part.unbind() for part in (result.add, result.keep))
    return [Square(*one) for one in zip(result.pixels.unbind(), result.finite.tolist(), *parts, strict=True)]
