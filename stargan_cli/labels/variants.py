"""`--each`: one output per target, in a folder that is named after it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from stargan_cli.labels.changes import Change
from stargan_cli.labels.layout import LabelLayout, SourceLabels
from stargan_cli.labels.synonyms import ANTONYMS, SYNONYMS

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|%\ud800-\udfff]|^\.|[. ]$')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)
_LONGEST_FOLDER = 200
"""Bytes; file systems take 255."""


@dataclass(frozen=True)
class Variant:
    """One of the outputs of a picture.

    `target` says in words what it is to show, and `folder` is the same as a folder's name, unique among the variants.
    `opposite`: the folder of the variant with the opposite target. A picture gets only one of the two: the one that it
    does not show already.
    """

    folder: str
    changes: tuple[Change, ...]
    target: str = ""
    opposite: str | None = None

    @property
    def depends_on(self) -> tuple[Change, ...]:
        """Changes that need the same source labels as this variant; with an opposite, also its own attribute's."""
        return tuple(replace(change, value="flip") for change in self.changes) if self.opposite else self.changes


def each(layout: LabelLayout, changes: Sequence[Change] = ()) -> list[Variant]:
    """One variant per change, or two opposites for a change that flips. Without changes, one per member of an exclusive
    group, and two opposites for any other attribute."""
    pairs = [_both(change) for change in changes or _every(layout)]
    targets = iter(_folders([_target(change, layout) for pair in pairs for change in pair]))
    variants: list[Variant] = []
    for pair in pairs:
        named = [next(targets) for _ in pair]
        folders = [folder for _, folder in named]
        opposites = reversed(folders) if len(pair) == 2 else [None]
        for change, (target, folder), opposite in zip(pair, named, opposites, strict=True):
            variants.append(Variant(folder, (change,), target, opposite))
    return variants


def _both(change: Change) -> list[Change]:
    """The two opposite changes for a change that flips; any other change alone."""
    return [replace(change, value=value) for value in (1.0, 0.0)] if change.value == "flip" else [change]


def shows(known: SourceLabels, changes: Sequence[Change]) -> bool:
    """Whether a picture with these source labels already shows what all the changes ask for."""
    values = [(known.get((change.set_index, change.attribute)), change.value) for change in changes]
    return all(now is not None and wanted in (0, 1) and (now > 0.5) == (wanted == 1) for now, wanted in values)


def folder_name(target: str) -> str:
    """A folder name for any text. Letters of all scripts stay. Characters that some file system forbids are
    percent-encoded as in URLs (`a:b` is a%3Ab). A name that is too long is cut and ends in a hash."""
    name = _FORBIDDEN.sub(lambda found: _percent(found[0]), target)
    name = _DEVICES.sub(lambda found: _percent(found[0][0]) + found[0][1:], name) if _DEVICES.match(name) else name
    if len(name.encode()) <= _LONGEST_FOLDER:
        return name
    digest = blake2b(target.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{name.encode()[:_LONGEST_FOLDER].decode('utf-8', 'ignore')}~{digest}"


def _percent(letters: str) -> str:
    try:
        data = letters.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = letters.encode("utf-8", "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def _every(layout: LabelLayout) -> list[Change]:
    return [
        Change(index, name, 1.0 if label_set.group_of(name) else "flip", name)
        for index, label_set in enumerate(layout.sets)
        for name in label_set.attributes
    ]


def _folders(targets: Sequence[str]) -> list[tuple[str, str]]:
    """Targets with their folder names, all distinct even if a file system ignores case."""
    taken: set[str] = set()
    named = []
    for target in targets:
        plain = name = folder_name(target)
        number = 2
        while (folded := unicodedata.normalize("NFC", name).casefold()) in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(folded)
        named.append((target, name))
    return named


def _target(change: Change, layout: LabelLayout) -> str:
    """What the change asks for in a word, such as blond, old or no-eyeglasses. Other attributes keep their names."""
    on, off = _words(change.attribute)
    if sum(change.attribute in label_set.attributes for label_set in layout.sets) > 1:
        on, off = (f"{layout.sets[change.set_index].name}-{word}" for word in (on, off))
    if change.value in (0, 1):
        return on if change.value else off
    return f"{on}-{change.value:g}"


def _words(attribute: str) -> tuple[str, str]:
    if attribute not in SYNONYMS:
        return attribute, f"no-{attribute}"
    on = attribute.lower().removesuffix("_hair")
    return on, next(iter(ANTONYMS.get(attribute, ())), f"no-{on}").replace(" ", "_")
