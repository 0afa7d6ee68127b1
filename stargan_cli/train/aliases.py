"""Other words for labels: those of `--alias`, and those of the weights that a run starts from."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout, Vocabulary
from stargan_cli.labels.changes import is_sayable
from stargan_cli.labels.vocabulary import Meaning, labels_of, plain
from stargan_cli.train.initialise import same_labels
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.weights.files import read_card
from stargan_cli.weights.places import resolve


def with_aliases_of_weights(settings: TrainSettings, layout: LabelLayout) -> TrainSettings:
    """The settings with the aliases of the weights that the run starts from, for labels that are carried over. A word
    that `settings` or `layout` give a meaning keeps it. Raises UsageError and WeightsError."""
    if not settings.init_from:
        return settings
    card, vocabulary = read_card(resolve(settings.init_from)), Vocabulary(layout)
    words = Vocabulary(card.layout, card.aliases)
    before, here = labels_of(card.layout), labels_of(layout)
    pairs = same_labels(layout, card.layout)
    given = {plain(word) for word, _ in settings.aliases}
    carried = []
    for word, name in card.aliases.items():
        (meant,) = words.search(name)
        now = [here[place] for place, there in pairs if before[there] == meant._replace(on=True)]
        if plain(word) not in given and len(now) == 1:
            name = f"{'' if meant.on else 'no-'}{vocabulary.full_name(now[0])}"
            with suppress(UsageError):
                meaning = _meaning(word, name, vocabulary)
                _require_sayable(word, name, meaning, vocabulary, Vocabulary(layout, {word: name}))
                carried.append((word, name))
    return replace(settings, aliases=(*carried, *settings.aliases))


def check_aliases(aliases: tuple[tuple[str, str], ...], layout: LabelLayout) -> None:
    """Raises UsageError for an alias that `--set` could not use, and for a label that it could not name."""
    own, words = Vocabulary(layout), dict(aliases)
    for word, name in aliases:
        if words[word] != name:
            raise UsageError(f"--alias {word} means {name} and {words[word]}", "give it one meaning")
    meanings = {word: _meaning(word, name, own) for word, name in aliases}
    with_aliases = Vocabulary(layout, words)
    for word, name in aliases:
        _require_sayable(word, name, meanings[word], own, with_aliases)
    for label in labels_of(layout):
        full_name = own.full_name(label)
        if label not in meanings.values() and not is_sayable(full_name, label, own):
            raise UsageError(
                f"--set could not name {label.attribute!r} of {layout.sets[label.set_index].name}: it separates "
                "names with commas, and values with an equals sign",
                f"rename its folder, or give another word for it: --alias 'WORD={full_name}'",
            )


def _meaning(word: str, name: str, own: Vocabulary) -> Meaning:
    """What the alias `word` of `name` means. Raises UsageError if `name` is no label."""
    try:
        return own.find(name)
    except UsageError as error:
        raise UsageError(f"--alias {word}={name}: {error}", error.hint) from error


def _require_sayable(word: str, name: str, meaning: Meaning, own: Vocabulary, with_aliases: Vocabulary) -> None:
    """Raises UsageError if `--set` cannot use the alias."""
    if meaning.on and not is_sayable(word, meaning, with_aliases):
        if own.search(word) - {meaning}:
            raise UsageError(f"--alias {word}={name}: {word} has a meaning already", own.listing())
        raise UsageError(f"--alias {word}={name}: --set cannot take this word", "use letters, digits, - and _")
