"""Values for shell completion, found without importing torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import typer


def one_of(*values: str) -> dict[str, Any]:
    """Arguments for `typer.Option`: the help lists the values, and the shell completes them."""
    return {"metavar": "|".join(values), "autocompletion": lambda: list(values)}


def weights_names() -> list[str]:
    """The names of the bundled weights. The shell itself completes files."""
    from stargan_cli.weights.places import bundled_names

    return bundled_names()


WEIGHTS: dict[str, Any] = {"metavar": "WEIGHTS", "autocompletion": weights_names}
"""Arguments for `typer.Option` and `typer.Argument`: a file of weights, or the name of bundled weights."""


def set_words(context: typer.Context, incomplete: str) -> list[str]:
    """Words for `--set` from the card of the chosen weights."""
    chosen = os.path.expanduser(str(context.params.get("weights") or ""))
    try:
        words = sorted(set(_words(chosen)))
    except Exception:  # an error message would land in the line that the user is typing
        return []
    return _continued(incomplete, words)


def attribute_names(incomplete: str) -> list[str]:
    """CelebA's attributes, for a list of them."""
    from stargan_cli.labels.synonyms import SYNONYMS

    return _continued(incomplete, SYNONYMS)


def _continued(incomplete: str, words: Iterable[str]) -> list[str]:
    """The lists that `incomplete` can become: its text up to the last comma is kept, and case does not count."""
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{word}" for word in words if word.lower().startswith(begun.lower())]


def _words(weights: str) -> Iterator[str]:
    from safetensors import safe_open

    from stargan_cli.labels import LabelLayout, Vocabulary
    from stargan_cli.weights.places import DEFAULT_WEIGHTS, resolve

    with safe_open(resolve(weights or DEFAULT_WEIGHTS), framework="np") as file:
        card = json.loads(file.metadata()["stargan"])
    layout = LabelLayout.from_dict(card["layout"])
    vocabulary = Vocabulary(layout, card["aliases"])
    for index, label_set in enumerate(layout.sets):
        for name in label_set.attributes:
            same, opposite = vocabulary.words_for(index, name)
            yield from (word for word in (name.lower(), *same, *opposite) if not set(" ,=") & set(word))
