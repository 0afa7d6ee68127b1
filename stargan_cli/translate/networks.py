"""Answers the questions of pictures, in batches: reads source labels, sets target labels, translates squares."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import torch

from stargan_cli.compositing.placement import Laying
from stargan_cli.errors import PictureError
from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.files.blobs import path_of
from stargan_cli.labels import SourceLabels, Variant
from stargan_cli.labels.variants import shows
from stargan_cli.lanes import Lanes
from stargan_cli.pictures.tensors import NOT_FINITE
from stargan_cli.progress import Say, unheard
from stargan_cli.translate.engines.engine import pick_engine_device
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.plan import Plan, make_plan
from stargan_cli.translate.questions import Answer, ChangeAnswer, ChangeQuestion, Changes, Question
from stargan_cli.translate.report import SHOWN, Label
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.translate.source_labels import label_source
from stargan_cli.translate.translator import Translated, Translator
from stargan_cli.weights.derived import strengthened
from stargan_cli.weights.files import Weights, load

Batch = Sequence[tuple[Found, ChangeQuestion]]


TRANSLATE = "translate"


def question_kind(question: Question) -> Hashable:
    """Questions of one kind are answered in one batch."""
    return (question.network, question.pixels.shape[-1]) if isinstance(question, FaceQuestion) else TRANSLATE


class _Picture(NamedTuple):
    """A picture's question, with the source labels of each of its squares."""

    found: Found
    question: ChangeQuestion
    labels: list[SourceLabels]

    @property
    def due(self) -> list[Variant]:
        """The variants to make. Of two opposites, this is the one that the first square does not show."""
        return [v for v in self.question.variants if v.opposite is None or not shows(self.labels[0], v.changes)]


class Networks:
    """The weights of one call and its plan; after `start`, also the networks on their device."""

    def __init__(
        self,
        settings: TranslationSettings,
        always_read: bool = False,
        in_place: bool = False,
        weights: Weights | None = None,
        tell: Say = unheard,
    ) -> None:
        """`always_read`: read source labels even if no variant depends on them. `weights`: already loaded, to use in
        place of those that the settings name; `start` may move them to the device. `tell` is called while `--labels`
        is read. Raises UsageError, WeightsError."""
        self._device, self._precision = pick_engine_device(settings.engine, settings.device, settings.precision)
        self._weights = strengthened(weights or load(settings.weights), settings.strength)
        self.plan: Plan = make_plan(settings, self._weights, str(self._precision), in_place)
        self.labels = label_source(settings, self._weights, self.plan.variants, tell)
        self._always_read = always_read and self.labels.can_read
        self._started: Translator | None = None

    def start(self, warn: Say = unheard) -> None:
        """Put the networks on their device. `warn` is called with whatever makes them slower."""
        settings = self.plan.settings
        lanes = Lanes(self._device, warn)
        self.faces = FaceNetworks(self._device, lanes)
        self._started = Translator(
            self._weights,
            self._device,
            self._precision,
            settings.batch_size,
            warn=warn,
            engine=settings.engine,
            compiled=settings.compiled,
            lanes=lanes,
        )

    @property
    def translator(self) -> Translator:
        if self._started is None:
            raise ValueError("the networks are not started")
        return self._started

    def with_known(self, found: Found) -> Found:
        """The found item, with the source labels that `--labels` and `--rest` give."""
        known = self.labels.known(path_of(found.source))
        return replace(found, known=known) if known else found

    def answer(self, batch: Sequence[tuple[Found, Question]]) -> Sequence[Answer | Exception]:
        """One answer for each picture, in order. All questions must be of one kind (see `question_kind`).

        The answer is a PictureError if source labels are needed and unknown, or if the network's output is not finite.
        """
        about_faces = [question for _, question in batch if isinstance(question, FaceQuestion)]
        if about_faces:
            return self.faces.answers(about_faces)
        about_changes = [(found, question) for found, question in batch if isinstance(question, ChangeQuestion)]
        return self._answers_about_changes(about_changes)

    def batch_size(self, kind: Hashable) -> int:
        """How many questions of a kind to answer at once. On a CPU, larger batches do not find faces faster."""
        return self.translator.batch_size if kind in (TRANSLATE, None) or self._device.type != "cpu" else 1

    @torch.inference_mode()
    def _answers_about_changes(self, batch: Batch) -> list[ChangeAnswer | Exception]:
        refused = [self._refusal(*asked) for asked in batch]
        answers = iter(self._translated([asked for asked, error in zip(batch, refused, strict=True) if error is None]))
        return [next(answers) if error is None else error for error in refused]

    def _refusal(self, found: Found, question: ChangeQuestion) -> PictureError | None:
        try:
            for variant in question.variants:
                self.labels.require(found.known, variant.depends_on)
        except PictureError as error:
            return error
        return None

    def _translated(self, batch: Batch) -> list[ChangeAnswer | Exception]:
        if not batch:
            return []
        pictures = [
            _Picture(found, question, labels)
            for (found, question), labels in zip(batch, self._source_labels(batch), strict=True)
        ]
        vectors = [self._vectors(picture) for picture in pictures]
        flat = [one for of_picture in vectors for of_variant in of_picture for one in of_variant]
        if not flat:
            return [self._answer(picture, [], None) for picture in pictures]
        asking = [picture.question for picture in pictures for _ in picture.due]
        pixels = torch.cat([torch.from_numpy(question.squares) for question in asking])
        layings = [question.laying for question in asking if question.laying is not None]
        made = self.translator.translate(
            pixels, torch.tensor(flat, dtype=torch.float32), Laying.joined(layings) if layings else None
        )
        answers: list[ChangeAnswer | Exception] = []
        place = 0
        for picture, asked in zip(pictures, vectors, strict=True):
            end = place + len(picture.labels) * len(picture.due)
            answers.append(self._answer(picture, asked, made.part(place, end)))
            place = end
        return answers

    def _vectors(self, picture: _Picture) -> list[list[list[list[float]]]]:
        """For each variant that is due, for each square, for each pass: a label vector."""
        return [[self.labels.vectors(known, variant.changes) for known in picture.labels] for variant in picture.due]

    def _answer(
        self, picture: _Picture, vectors: list[list[list[list[float]]]], made: Translated | None
    ) -> ChangeAnswer | Exception:
        read = (value for known in picture.labels for value in known.values())
        if not all(map(math.isfinite, read)) or (made is not None and not bool(made.finite.all())):
            return PictureError(f"{NOT_FINITE}: try --precision fp32")
        source, due = self.labels.named(picture.labels[0]) or None, picture.due
        asked, place = iter(vectors), path_of(picture.found.source)
        labels: list[tuple[Label | None, Label | None]] = []
        remarks: list[str | None] = []
        for variant in picture.question.variants:
            is_due = variant in due
            labels.append((source, self.labels.target(next(asked)[0], variant.changes) if is_due else None))
            remarks.append(self.labels.remark(place, picture.labels, variant.changes) if is_due else SHOWN)
        return ChangeAnswer(_changes(made, len(due)), tuple(labels), tuple(picture.labels), tuple(remarks))

    def _source_labels(self, batch: Batch) -> list[list[SourceLabels]]:
        """The source labels of each square of each picture. The discriminator reads only the pictures that need it."""
        reads = [self._needs_reading(*asked) for asked in batch]
        squares = [torch.from_numpy(question.squares) for (_, question), read in zip(batch, reads, strict=True) if read]
        logits = iter(self.translator.read_labels(torch.cat(squares)).tolist() if squares else ())
        return [
            self._labels_of(found, question, [next(logits) if read else None for _ in question.squares])
            for (found, question), read in zip(batch, reads, strict=True)
        ]

    def _labels_of(
        self, found: Found, question: ChangeQuestion, logits: list[list[float] | None]
    ) -> list[SourceLabels]:
        """The source labels of each square of a question. One person's squares share the mean of their logits."""
        given = self._given(found, question)
        if question.people is None:
            return [self.labels.completed(own, one) for own, one in zip(given, logits, strict=True)]
        labels: dict[int, SourceLabels] = {}
        for person, own, known in zip(question.people, given, question.known, strict=True):
            if person not in labels:
                read = [one for one, other in zip(logits, question.people, strict=True) if other == person and one]
                mean = [sum(values) / len(read) for values in zip(*read, strict=True)] or None
                labels[person] = self.labels.completed(own, mean) if known is None else known
        return [labels[person] for person in question.people]

    def _given(self, found: Found, question: ChangeQuestion) -> list[SourceLabels]:
        """The labels of each square that need no reading. The table's are those of the largest face, which is first."""
        others = self.labels.of_others(found.known)
        return [found.known if number in question.firsts else others for number in range(len(question.squares))]

    def _needs_reading(self, found: Found, question: ChangeQuestion) -> bool:
        if not self.labels.can_read:
            return False
        if self._always_read:
            return True
        given = zip_longest(self._given(found, question), question.known)
        unread = [known for known, earlier in given if earlier is None]
        return any(self.labels.lacks(known, v.depends_on) for known in unread for v in question.variants)


def _changes(made: Translated | None, variants: int) -> Changes:
    if made is None:
        return np.empty((0, 0), np.uint8)
    changes = made.changes.numpy()
    return changes.reshape(variants, -1, *changes.shape[1:])
