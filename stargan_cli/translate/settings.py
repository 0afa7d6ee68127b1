"""The settings of `translate`, resolved against weights into a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from stargan_cli.errors import UsageError
from stargan_cli.labels import Change, Variant, Vocabulary, each, parse_set
from stargan_cli.labels.probabilities import Known
from stargan_cli.pictures.formats import WRITABLE, PictureFormat
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import MAX_PIXELS, Picture
from stargan_cli.translate.done_before import Existing, settings_hash
from stargan_cli.translate.face_framing import Faces, FaceSettings
from stargan_cli.translate.framing import CentreAtSourceSize, Framing, ModelSquare
from stargan_cli.translate.outputs.contact_sheet import CONTACT_SHEET
from stargan_cli.translate.source_labels import LabelSource, read_table
from stargan_cli.weights.derived import strengthened
from stargan_cli.weights.files import Weights
from stargan_cli.weights.places import DEFAULT_WEIGHTS

SIZES: dict[str, Callable[[int, int], Framing]] = {"model": ModelSquare, "source": CentreAtSourceSize}


@dataclass(frozen=True)
class TranslationSettings:
    """What is wanted: `spec` as given to `--set`; `strength` as for `strengthened`; `format` is `same` or a name of
    `pictures.formats.WRITABLE`; `size` is a name of SIZES; `batch_size` and `workers` None: chosen for the machine.
    Raises UsageError for values that make no sense.
    """

    spec: str | None = None
    each: bool = False
    weights: str = DEFAULT_WEIGHTS
    labels: Path | None = None
    rest_off: bool = False
    strength: float = 1.0
    size: str = "source"
    faces: FaceSettings = field(default_factory=FaceSettings)
    format: str = "same"
    quality: int = 95
    existing: Existing = "finish"
    provenance: bool = True
    keep_metadata: bool = False
    max_pixels: int = MAX_PIXELS
    batch_size: int | None = None
    device: str = "auto"
    precision: str = "auto"
    engine: str = "torch"
    compiled: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if not self.spec and not self.each:
            raise UsageError("nothing to change", "say what with --set, such as --set blond, or use --each")
        if self.format != "same" and self.format not in WRITABLE:
            raise UsageError(f"unknown format {self.format!r}", f"use same, {', '.join(WRITABLE)}")
        if self.size not in SIZES:
            raise UsageError(f"unknown size {self.size!r}", f"use {' or '.join(SIZES)}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality must be between 1 and 100, not {self.quality}")


@dataclass(frozen=True)
class Plan:
    """What is to be made of each picture: one output for each variant."""

    settings: TranslationSettings
    weights: Weights
    precision: torch.dtype
    framing: Framing
    labels: LabelSource
    variants: tuple[Variant, ...]
    always_read: bool = False

    def fingerprint(self, variant: Variant, format: PictureFormat, known: Known, picture: str) -> str:
        """What one output is made from: whatever changes its bytes goes in. `picture` is the hash of the source."""
        quality = self.settings.quality if format.quality else None
        values = {
            "labels": sorted((*key, value) for key, value in known.items()),
            "file": (format.name, quality, self.settings.keep_metadata),
        }
        return f"{settings_hash(self._values(variant) | values)}-{picture}"

    def fingerprint_of_archive(self, variant: Variant, archive: str) -> str:
        """The same for an archive, of which nothing but its hash is known."""
        settings = self.settings
        table = blake2b(settings.labels.read_bytes()).hexdigest() if settings.labels else None
        values = {
            "labels": (table, settings.rest_off),
            "file": ("tar", settings.format, settings.quality, settings.keep_metadata),
            "faces": (settings.faces.copy_others, settings.max_pixels),
        }
        return f"{settings_hash(self._values(variant) | values)}-{archive}"

    def _values(self, variant: Variant) -> dict[str, Any]:
        return {
            "weights": self.weights.fingerprint,
            "changes": [(c.set_index, c.attribute, c.value) for c in variant.changes],
            "framing": self.framing.name,
            "precision": str(self.precision),
        }

    def note(self, variant: Variant, fingerprint: str, generated: bool = True) -> Note | None:
        """What is written into an output; None where the user wants nothing in it."""
        return self._note(fingerprint, (variant,), generated) if self.settings.provenance else None

    def sheet_note(self) -> Note:
        """What is written into a contact sheet, so that the next one may take its place."""
        return self._note(CONTACT_SHEET, self.variants, self.settings.provenance)

    def _note(self, fingerprint: str, variants: Sequence[Variant], generated: bool) -> Note:
        name = f"{self.weights.path.stem} {self.weights.fingerprint[:12]}"
        words = (", ".join(_in_words(change) for change in variant.changes) for variant in variants)
        return Note(fingerprint, name, "; ".join(words), generated)

    def kept_exif(self, picture: Picture) -> bytes | None:
        """The source's EXIF block, which may hold a location: only where the user wants it kept."""
        return picture.exif if self.settings.keep_metadata else None


def make_plan(
    settings: TranslationSettings, weights: Weights, precision: torch.dtype, always_read: bool = False
) -> Plan:
    """`always_read`: read source labels even where nothing depends on them. Raises UsageError."""
    weights = strengthened(weights, settings.strength)
    layout, aliases = weights.card.layout, weights.card.aliases
    vocabulary = Vocabulary(layout, aliases)
    changes = parse_set(settings.spec, layout, aliases) if settings.spec else ()
    variants = tuple(each(layout, changes)) if settings.each else (Variant("", changes),)
    table = read_table(settings.labels, vocabulary) if settings.labels else None
    labels = LabelSource(layout, vocabulary, weights.discriminator is not None, settings.rest_off, table)
    for variant in variants:
        labels.check(variant.changes)
    framing = _framing(settings, weights)
    return Plan(settings, weights, precision, framing, labels, variants, always_read and labels.can_read)


def _framing(settings: TranslationSettings, weights: Weights) -> Framing:
    size, landmarks = weights.card.model.image_size, settings.faces.landmarks(weights.card)
    if landmarks is not None:
        return Faces(size, settings.faces, landmarks, settings.size == "source", settings.max_pixels)
    return SIZES[settings.size](size, settings.max_pixels)


def _in_words(change: Change) -> str:
    return change.attribute if change.value == 1 else f"{change.attribute}={change.value}"
