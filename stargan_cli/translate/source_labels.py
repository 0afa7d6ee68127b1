"""Source labels (what a picture shows) from the labels file and the discriminator; target labels from `--set`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from stargan_cli.errors import PictureError, UsageError, counted
from stargan_cli.labels import Change, LabelLayout, SourceLabels, Variant, Vocabulary, passes, require_said, unsaid
from stargan_cli.labels.layout import several_shown
from stargan_cli.labels.probabilities import as_read
from stargan_cli.labels.variants import shows
from stargan_cli.labels.vectors import pass_vectors
from stargan_cli.labels.vocabulary import Meaning
from stargan_cli.progress import Say
from stargan_cli.translate.label_table import LabelTable, read_labels
from stargan_cli.translate.report import SHOWN
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.weights.files import Weights


@dataclass(frozen=True)
class LabelSource:
    """Gives source labels: from the table, else 0 with `rest_off`, else from the discriminator of the weights."""

    layout: LabelLayout
    vocabulary: Vocabulary
    can_read: bool
    rest_off: bool
    table: LabelTable | None

    def check(self, changes: Sequence[Change]) -> None:
        """Raises UsageError if the changes need a source label that this source cannot give for any picture."""
        if self.can_read or self.rest_off:
            return
        if self.table is None:
            require_said(self.layout, changes)
            return
        listed = {meaning for column in self.table.columns for meaning in self.vocabulary.search(column)}
        covered = {(meaning.set_index, meaning.attribute) for meaning in listed}
        missing = [name for index, name in _needed(self.layout, changes) if (index, name) not in covered]
        if missing:
            raise UsageError(
                f"{self.table.path} has no column for {', '.join(missing)}, and these weights cannot read it",
                "name it in --set, or treat it as off with --rest off",
            )

    def known(self, picture: PurePath | None) -> SourceLabels:
        """A picture's labels from the table; with `rest_off`, all others are 0."""
        known: SourceLabels = {}
        if self.rest_off:
            known = {(i, name): 0.0 for i, label_set in enumerate(self.layout.sets) for name in label_set.attributes}
        if self.table is not None and picture is not None:
            for column, value in (self.table.find(picture) or {}).items():
                (meaning,) = self.vocabulary.search(column)
                known[meaning.set_index, meaning.attribute] = value if meaning.on else 1.0 - value
        return known

    def of_others(self, known: SourceLabels) -> SourceLabels:
        """What is known of a picture's other faces if `known` is the largest face's: without the table's labels, unless
        nothing else can give theirs."""
        return self.known(None) if self.can_read or self.rest_off else known

    def lacks(self, known: SourceLabels, changes: Sequence[Change]) -> list[str]:
        """The attributes whose source labels the changes need and `known` does not have."""
        return [name for index, name in _needed(self.layout, changes) if (index, name) not in known]

    def require(self, known: SourceLabels, changes: Sequence[Change]) -> None:
        """Raises PictureError if the changes need source labels that are not known and cannot be read."""
        missing = [] if self.can_read else self.lacks(known, changes)
        if missing:
            place = self.table.path.name if self.table else "--labels"
            raise PictureError(f"{place} has no value for {', '.join(missing)}")

    def remark(self, picture: PurePath, labels: Sequence[SourceLabels], changes: Sequence[Change]) -> str | None:
        """The reason for a picture's row: the table does not name the picture, or names an earlier one with it, or all
        its squares already show what is asked for, as their source `labels` say."""
        remarks = []
        if self.table is not None and self.table.find(picture) is None:
            how = "treated as off" if self.rest_off else "read by the discriminator"
            remarks.append(f"not in {self.table.path.name}: its labels were {how}")
        elif self.table is not None and self.table.is_of_another(picture):
            remarks.append(f"labelled by a row of {self.table.path.name} that names another picture too")
        if not self.rest_off and all(shows(known, changes) for known in labels):
            remarks.append(SHOWN)
        return "; ".join(remarks) or None

    def notes(self) -> list[str]:
        """How the table was read, and how many of its rows contradict themselves."""
        table = self.table
        if table is None:
            return []
        taken = []
        for column in table.columns:
            (meaning,) = self.vocabulary.search(column)
            name = f"{'' if meaning.on else 'no-'}{self.vocabulary.full_name(meaning)}"
            taken.append(name if name == column else f"{name} from {column!r}")
        read = f"{table.path}: {counted(len(table), 'picture')} ({table.reading}): {', '.join(taken)}"
        return [read, *self._several_shown(table)]

    def _several_shown(self, table: LabelTable) -> Iterator[str]:
        meanings = {column: meaning for column in table.columns for meaning in self.vocabulary.search(column)}
        groups = [(index, group) for index, label_set in enumerate(self.layout.sets) for group in label_set.all_groups]
        for index, group in groups:
            own = {column: m.on for column, m in meanings.items() if m.set_index == index and m.attribute in group}
            if count := table.several_on(own):
                yield f"{table.path}: {several_shown(group, count)}"

    def completed(self, known: SourceLabels, logits: Sequence[float] | None) -> SourceLabels:
        """`known`, completed from the discriminator's logits (class_dim numbers)."""
        if logits is None:
            return known
        return as_read(self.layout, logits) | known

    def vectors(self, known: SourceLabels, changes: Sequence[Change]) -> list[list[float]]:
        """One label vector (label_dim numbers) for each pass."""
        return pass_vectors(self.layout, known, changes)

    def named(self, labels: Mapping[tuple[int, str], float]) -> dict[str, float]:
        """For manifests: labels by the full names of attributes."""
        return {self.vocabulary.full_name(Meaning(*key)): value for key, value in sorted(labels.items())}

    def target(self, vectors: Sequence[Sequence[float]], changes: Sequence[Change]) -> dict[str, float]:
        """For manifests: the target labels of all passes, from their label vectors."""
        asked: dict[tuple[int, str], float] = {}
        for (index, _), vector in zip(passes(self.layout, changes), vectors, strict=True):
            names = self.layout.sets[index].attributes
            values = vector[self.layout.positions(index)]
            asked |= {(index, name): round(value, 6) for name, value in zip(names, values, strict=True)}
        return self.named(asked)


def label_source(
    settings: TranslationSettings, weights: Weights, variants: Sequence[Variant], tell: Say
) -> LabelSource:
    """The `LabelSource` of this call. `tell` is called while a table is read. Raises UsageError if it cannot give a
    source label that some variant needs."""
    vocabulary = Vocabulary(weights.card.layout, weights.card.aliases)
    table = read_table(settings.labels, vocabulary, tell) if settings.labels else None
    can_read = weights.discriminator is not None
    labels = LabelSource(weights.card.layout, vocabulary, can_read, settings.rest_off, table)
    for variant in variants:
        labels.check(variant.depends_on)
    return labels


def read_table(path: Path, vocabulary: Vocabulary, tell: Say) -> LabelTable:
    """Read a labels file, with the columns that the vocabulary knows; `tell` is that of `read_labels`. Raises
    UsageError if two mean one attribute."""
    table = read_labels(path, lambda column: len(vocabulary.search(column)) == 1, tell)
    columns: dict[tuple[int, str], str] = {}
    for column in table.columns:
        (meaning,) = vocabulary.search(column)
        other = columns.setdefault((meaning.set_index, meaning.attribute), column)
        if other != column:
            raise UsageError(f"{path}: the columns {other} and {column} both mean {meaning.attribute}")
    return table


def _needed(layout: LabelLayout, changes: Sequence[Change]) -> list[tuple[int, str]]:
    return [(index, name) for index, values in passes(layout, changes) for name in unsaid(layout, index, values)]
