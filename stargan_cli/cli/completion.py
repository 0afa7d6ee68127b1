"""Values for shell completion, found without importing torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer


def one_of(*values: str) -> dict[str, Any]:
    """Arguments for `typer.Option`: the help lists the values, and the shell completes them."""
    return {"metavar": "|".join(values), "autocompletion": lambda: list(values)}


def weights_names() -> list[str]:
    """The names of the bundled weights. The shell itself completes files."""
    from stargan_cli.weights.places import bundled_names

    return bundled_names()


def set_words(context: typer.Context, incomplete: str) -> list[str]:
    """Words for `--set` from the card of the chosen weights. The text up to the last comma is kept."""
    before, comma, begun = incomplete.rpartition(",")
    chosen = str(context.params.get("weights") or "")
    try:
        words = sorted(set(_words(chosen)))
    except Exception:  # an error message would land in the line that the user is typing
        return []
    return [f"{before}{comma}{word}" for word in words if word.startswith(begun.lower())]


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
            yield from (word for word in (name.lower(), *same, *opposite) if " " not in word)
