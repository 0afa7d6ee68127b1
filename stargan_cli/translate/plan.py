"""What is made of each picture, derived from the settings and the weights. Importing this loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from stargan_cli.errors import UnknownAttributeError
from stargan_cli.labels import Change, SourceLabels, Variant, Vocabulary, each, parse_set
from stargan_cli.labels.vocabulary import quoted
from stargan_cli.pictures.formats import PictureFormat
from stargan_cli.pictures.provenance import Note
from stargan_cli.translate.done_before import settings_hash
from stargan_cli.translate.face_framing import Faces, expected_landmarks
from stargan_cli.translate.framing import Centre, Framing
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.weights.places import bundled_folder, bundled_names

if TYPE_CHECKING:
    from stargan_cli.weights.files import Weights


@dataclass(frozen=True)
class Plan:
    """What is made of each picture: one output for each variant. Small, and sent to each worker process.

    `weights` is the name of the weights file without its suffix, `precision` the name of the networks' number type.
    """

    settings: TranslationSettings
    weights: str
    weights_fingerprint: str
    precision: str
    framing: Framing
    variants: tuple[Variant, ...]
    in_place: bool

    def fingerprint(self, variant: Variant, format: PictureFormat, known: SourceLabels, picture: str) -> str:
        """The hash of what decides an output's bytes. `picture` is the hash of the source."""
        quality = self.settings.quality if format.quality else None
        values = {
            "labels": sorted((*key, value) for key, value in known.items()),
            "file": (format.name, quality, self.settings.keep_metadata, self.settings.frames),
        }
        return f"{settings_hash(self._values(variant) | values, self.in_place)}-{picture}"

    def fingerprint_of_archive(self, variant: Variant, archive: str) -> str:
        """The same for an archive, whose members are not known yet. `archive` is its hash."""
        settings = self.settings
        table = blake2b(settings.labels.read_bytes()).hexdigest() if settings.labels else None
        values = {
            "labels": (table, settings.rest_off),
            "file": ("tar", settings.format, settings.quality, settings.keep_metadata, settings.frames),
            "faces": (settings.faces.copy_others, settings.max_pixels),
        }
        return f"{settings_hash(self._values(variant) | values)}-{archive}"

    def _values(self, variant: Variant) -> dict[str, Any]:
        # without provenance, an earlier output that has a note is made again; with it, earlier hashes stay valid
        unmarked = {} if self.settings.provenance else {"provenance": False}
        return {
            **unmarked,
            "weights": self.weights_fingerprint,
            "changes": [(c.set_index, c.attribute, c.value) for c in variant.changes],
            "framing": self.framing.name,
            "precision": self.precision,
        }

    def notes(self) -> list[str]:
        """One sentence for each folder of `--each` whose name differs from its target, and one if `--faces auto` cannot
        look for faces."""
        found = [f"{v.target!r} is in the folder {v.folder}" for v in self.variants if v.folder != v.target]
        if self.settings.faces.mode == "auto" and not isinstance(self.framing, Faces):
            found.append(
                "these weights do not say where they expect a face: the centred square of each picture is taken"
            )
        return found

    def note(self, variant: Variant, fingerprint: str, generated: bool = True) -> Note | None:
        """What is written into an output's metadata; None with `--no-provenance`."""
        return self._note(fingerprint, (variant,), generated) if self.settings.provenance else None

    def overview_note(self, fingerprint: str) -> Note:
        """What is written into the metadata of a contact sheet or of a gallery's pictures."""
        return self._note(fingerprint, self.variants, self.settings.provenance)

    def _note(self, fingerprint: str, variants: Sequence[Variant], generated: bool) -> Note:
        name = f"{self.weights} {self.weights_fingerprint[:12]}"
        words = (", ".join(_in_words(change) for change in variant.changes) for variant in variants)
        return Note(fingerprint, name, "; ".join(words), generated)

    def heading(self) -> str:
        """What a run sets, and with which weights."""
        changes = ", ".join(filter(None, (self.settings.spec, "each attribute" * self.settings.each)))
        return f"{changes} ({self.weights})"


def make_plan(settings: TranslationSettings, weights: Weights, precision: str, in_place: bool = False) -> Plan:
    """Raises UsageError for attributes that the weights do not have, and if `expected_landmarks` does."""
    changes = _changes(settings.spec, weights) if settings.spec else ()
    variants = tuple(each(weights.card.layout, changes)) if settings.each else (Variant("", changes),)
    framing = _framing(settings, weights)
    return Plan(settings, weights.path.stem, weights.fingerprint, precision, framing, variants, in_place)


def _changes(spec: str, weights: Weights) -> tuple[Change, ...]:
    try:
        return parse_set(spec, weights.card.layout, weights.card.aliases)
    except UnknownAttributeError as error:
        others = [f"--weights {name}" for name in _bundled_that_know(error.word)]
        if not others:
            raise
        hint = f"{error.hint}\nfor {error.word.strip()}, use {' or '.join(others)}"
        raise UnknownAttributeError(f"unknown attribute {quoted(error.word)}", hint, error.word) from error


def _bundled_that_know(word: str) -> list[str]:
    """Names of the bundled weights in which `word` has a meaning. Raises WeightsError if one of them is damaged."""
    from stargan_cli.weights.files import read_card

    cards = {name: read_card(bundled_folder() / f"{name}.safetensors") for name in bundled_names()}
    return [name for name, card in cards.items() if Vocabulary(card.layout, card.aliases).search(word)]


def _framing(settings: TranslationSettings, weights: Weights) -> Framing:
    size, at_source_size = weights.card.model.image_size, settings.size == "source"
    landmarks = expected_landmarks(settings.faces, weights.card)
    if landmarks is not None:
        return Faces(size, settings.faces, landmarks, at_source_size, settings.max_pixels)
    return Centre(size, at_source_size, settings.max_pixels)


def _in_words(change: Change) -> str:
    return change.attribute if change.value == 1 else f"{change.attribute}={change.value}"
