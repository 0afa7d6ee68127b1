"""Which attribute a word means. Case and punctuation are ignored; a word with two meanings is refused."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import NamedTuple

from stargan_cli.errors import UnknownAttributeError, UsageError, WeightsError
from stargan_cli.labels.layout import LabelLayout
from stargan_cli.labels.synonyms import ANTONYMS, SYNONYMS

_NEGATION = re.compile(r"(?:no|not|without)[\s_-]+(.+)", re.IGNORECASE | re.DOTALL)
_SIGNED = re.compile(r"(?:[^:]*:\s*)?([-\u2212\u2013!~].+)", re.DOTALL)
_OTHER_SEPARATORS = re.compile(r"[\s;+&|/]+")
_SHOWN_LENGTH = 60
_ALIKE = 0.75  # of a word and one that is proposed for it: `smile` and `male` have 0.67


class Meaning(NamedTuple):
    """An attribute of one label set; `on` is False for a word that means its opposite (female for Male)."""

    set_index: int
    attribute: str
    on: bool = True


def labels_of(layout: LabelLayout) -> list[Meaning]:
    """All labels, in the order of the label vector."""
    return [Meaning(index, name) for index, label_set in enumerate(layout.sets) for name in label_set.attributes]


def plain(word: str) -> str:
    """The form in which words are compared: letters with their marks, and digits, without case. A word without letters
    and digits is compared as it is."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    kinds = [(letter, unicodedata.category(letter)[0]) for letter in folded]
    if not any(kind in "LN" for _, kind in kinds):
        return folded.strip()
    return "".join(letter for letter, kind in kinds if kind in "LNM")


class Vocabulary:
    """The words that a weights file understands.

    `aliases` come with the weights: word -> attribute, or `no-attribute` for a word that means the opposite, either
    with `set:` before it if several sets have such an attribute. An attribute's own name has precedence over aliases,
    and an alias over the common synonyms.
    """

    def __init__(self, layout: LabelLayout, aliases: Mapping[str, str] | None = None) -> None:
        self.layout = layout
        self._aliases = tuple(aliases or ())
        self._full_names = dict(self._named())
        self._layers: list[dict[str, set[Meaning]]] = [{}, {}, {}, {}]
        exact, own, given, common = self._layers
        for meaning, words in self._common():
            _add(exact, meaning.attribute, meaning)
            _add(own, plain(meaning.attribute), meaning)
            for on, same in enumerate(reversed(words)):
                for word in same:
                    _add(common, plain(word), meaning._replace(on=bool(on)))
        for word, target in (aliases or {}).items():
            found = self.search(str(target))
            if len(found) != 1:
                raise WeightsError(
                    f"these weights say that {word!r} means {target!r}, which is none of their attributes"
                )
            given[plain(word)] = found

    def _common(self) -> Iterator[tuple[Meaning, tuple[tuple[str, ...], tuple[str, ...]]]]:
        """Each attribute with its synonyms and its antonyms."""
        tables = tuple({plain(name): words for name, words in table.items()} for table in (SYNONYMS, ANTONYMS))
        for index, label_set in enumerate(self.layout.sets):
            for attribute in label_set.attributes:
                name = plain(attribute)
                same, opposite = (table.get(name, ()) for table in tables)
                shortened = (name.removesuffix("hair"),) if name.endswith("hair") and name != "hair" else ()
                yield Meaning(index, attribute), (same + shortened, opposite)

    def find(self, word: str) -> Meaning:
        """The meaning of a word. Raises UnknownAttributeError for a word that these weights do not know, and UsageError
        for one with two meanings, or with a sign that is not part of the attribute's name: `-male` would mean Male."""
        found, signed, exact = self.search(word), _SIGNED.fullmatch(word.strip()), self._layers[0]
        if found and signed and word.strip() not in exact and signed[1] not in exact:
            raise UsageError(f"{quoted(word)} does not say whether it is to be on or off", "for off, write no-NAME")
        if len(found) == 1:
            return next(iter(found))
        if found:
            choices = sorted(self.full_name(meaning) for meaning in found)
            raise UsageError(f"{quoted(word)} has more than one meaning", f"write one of: {', '.join(choices)}")
        raise UnknownAttributeError(f"unknown attribute {quoted(word)}{self._nearest(word)}", self.listing(), word)

    def search(self, word: str) -> set[Meaning]:
        """All meanings of a word, `no-` and `set:` before it included; empty for an unknown one."""
        word = word.strip()
        return self._search_qualified(word) or _search_negated(word, self._search_qualified)

    def _search_qualified(self, word: str) -> set[Meaning]:
        found = self._search_plain(word)
        if found or ":" not in word:
            return found
        prefix, rest = (part.strip() for part in word.split(":", 1))
        for index, label_set in enumerate(self.layout.sets):
            if plain(label_set.name) == plain(prefix):
                inside = partial(self._search_plain, set_index=index)
                found |= inside(rest) or _search_negated(rest, inside)
        return found

    def _search_plain(self, word: str, set_index: int | None = None) -> set[Meaning]:
        for number, layer in enumerate(self._layers):
            found = layer.get(word if number == 0 else plain(word), set())
            if set_index is not None:
                found = {meaning for meaning in found if meaning.set_index == set_index}
            if found:
                return set(found)
        return set()

    def _nearest(self, word: str) -> str:
        if word.strip(" %").isdecimal():
            return "; decimals have a point: blond=0.5"
        parts = _OTHER_SEPARATORS.split(word.strip())
        if all(map(self.search, parts)):
            return f"; separate names with commas: {','.join(parts)}"
        known = {text: meanings for layer in self._layers[1:] for text, meanings in layer.items()}
        close = difflib.get_close_matches(plain(word[:_SHOWN_LENGTH]), known, n=1, cutoff=_ALIKE)
        if not close:
            return ""
        meaning = min(known[close[0]])
        name = f"{'' if meaning.on else 'no-'}{self.full_name(meaning)}"
        return f"; did you mean {name if close[0] == plain(meaning.attribute) else f'{close[0]} ({name})'}?"

    def full_name(self, meaning: Meaning) -> str:
        """The attribute's own name, with its set before it if several sets have such an attribute."""
        return self._full_names[meaning.set_index, meaning.attribute]

    def _named(self) -> Iterator[tuple[tuple[int, str], str]]:
        names = [set(map(plain, label_set.attributes)) for label_set in self.layout.sets]
        for index, label_set in enumerate(self.layout.sets):
            for attribute in label_set.attributes:
                alone = sum(plain(attribute) in others for others in names) == 1
                yield (index, attribute), attribute if alone else f"{label_set.name}:{attribute}"

    def listing(self) -> str:
        """All attributes, with the aliases that the weights have for them; a line for each set."""
        several = len(self.layout.sets) > 1
        return "\n".join(
            f"{label_set.name if several else 'these weights'} can set: "
            f"{', '.join(self._with_aliases(Meaning(index, name)) for name in label_set.attributes)}"
            for index, label_set in enumerate(self.layout.sets)
        )

    def _with_aliases(self, meaning: Meaning) -> str:
        words = self._aliases_by_meaning.get(meaning)
        return f"{meaning.attribute} ({', '.join(words)})" if words else meaning.attribute

    def words_for(self, set_index: int, attribute: str) -> tuple[list[str], list[str]]:
        """Synonyms and antonyms of one attribute, as people would write them, for `stargan info`."""
        meant = Meaning(set_index, attribute)
        same = [word for word in SYNONYMS.get(attribute, ()) if self.search(word) == {meant}]
        opposite = [word for word in ANTONYMS.get(attribute, ()) if self.search(word) == {meant._replace(on=False)}]
        same += self._aliases_by_meaning.get(meant, ())
        opposite += self._aliases_by_meaning.get(meant._replace(on=False), ())
        return list(dict.fromkeys(same)), list(dict.fromkeys(opposite))

    @cached_property
    def _aliases_by_meaning(self) -> dict[Meaning, list[str]]:
        words: dict[Meaning, list[str]] = {}
        for word in self._aliases:
            if len(found := self.search(word)) == 1:
                words.setdefault(found.pop(), []).append(word)
        return words


def _add(layer: dict[str, set[Meaning]], word: str, meaning: Meaning) -> None:
    layer.setdefault(word, set()).add(meaning)


def _search_negated(word: str, search: Callable[[str], set[Meaning]]) -> set[Meaning]:
    match = _NEGATION.fullmatch(word)
    return {meaning._replace(on=not meaning.on) for meaning in search(match[1].strip())} if match else set()


def quoted(word: str) -> str:
    """A user's word in quotes, cut to a length that fits into a message."""
    return repr(word if len(word) <= _SHOWN_LENGTH else word[:_SHOWN_LENGTH] + "…")
