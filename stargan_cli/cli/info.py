"""`stargan info`: what a weights file can change, and how well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stargan_cli.cli.completion import WEIGHTS
from stargan_cli.cli.options import JsonOption

if TYPE_CHECKING:
    from stargan_cli.labels.vocabulary import Meaning, Vocabulary
    from stargan_cli.weights.files import Weights


def info(
    weights: Annotated[
        str | None,
        typer.Argument(help="A .safetensors file, the name of bundled weights, or hf://owner/repo.", **WEIGHTS),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Also shows networks, training record and every measured number.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what weights can change, the words for --set, the picture size, measured quality and terms of use."""
    from stargan_cli.cli.weights_page import show_history, show_page
    from stargan_cli.weights.files import load
    from stargan_cli.weights.places import DEFAULT_WEIGHTS

    facts = describe(load(DEFAULT_WEIGHTS if weights is None else weights))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    show_page(facts)
    if history:
        show_history(facts)


def describe(weights: Weights) -> dict[str, Any]:
    """The card and facts that follow from it, as plain values for JSON."""
    from stargan_cli.labels import Vocabulary
    from stargan_cli.labels.vocabulary import Meaning
    from stargan_cli.model import parameter_count
    from stargan_cli.weights.places import bundled_names

    card = weights.card
    vocabulary = Vocabulary(card.layout, card.aliases)
    sets = []
    for index, label_set in enumerate(card.layout.sets):
        attributes = []
        for name in label_set.attributes:
            meaning = Meaning(index, name)
            same, opposite = vocabulary.words_for(index, name)
            attributes.append(
                {
                    "name": name,
                    "full_name": vocabulary.full_name(meaning),
                    "word": _word(meaning, same, vocabulary),
                    "aliases": same,
                    "opposites": opposite,
                    "excludes": list(label_set.exclusive_with(name)),
                }
            )
        sets.append({"name": label_set.name, "kind": label_set.kind, "attributes": attributes})
    return {
        "path": str(weights.path),
        "sha256": weights.fingerprint,
        "bytes": weights.path.stat().st_size,
        "image_size": card.model.image_size,
        "generator_parameters": parameter_count(weights.generator),
        "discriminator_parameters": parameter_count(weights.discriminator) if weights.discriminator else None,
        "feature_heads_parameters": sum(tensor.numel() for tensor in (weights.feature_heads or {}).values()) or None,
        "reads_source_labels": weights.discriminator is not None,
        "sets": sets,
        "unset_stays": card.layout.unset_stays,
        "model": card.model.to_dict(),
        "preprocessing": card.preprocessing,
        "training": card.training,
        "quality": card.quality,
        "bundled": bundled_names(),
    }


def _word(meaning: Meaning, same: list[str], vocabulary: Vocabulary) -> str:
    """How `--set` takes an attribute: its name or, for `Blond_Hair` and for a name with a comma, a shorter or another
    word for it."""
    from stargan_cli.labels.changes import is_sayable

    name = vocabulary.full_name(meaning)
    words = [name.lower(), name, *same]
    if "_" in meaning.attribute:
        words.sort(key=len)
    return next((word for word in words if is_sayable(word, meaning, vocabulary)), name)
