"""`stargan info`: what a weights file knows."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stargan_cli.cli.messages import shown
from stargan_cli.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.table import Table

    from stargan_cli.weights.files import Weights

PIPE_WIDTH = 120


def info(
    weights: Annotated[
        str | None,
        typer.Argument(metavar="WEIGHTS", help="A .safetensors file, the name of bundled ones, or hf://owner/repo."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what weights know: attributes, size, how they were trained, how good they are."""
    from stargan_cli.weights.files import load
    from stargan_cli.weights.places import DEFAULT_WEIGHTS

    facts = describe(load(weights or DEFAULT_WEIGHTS))
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _show(facts)


def describe(weights: Weights) -> dict[str, Any]:
    """The card with what can be worked out from it, as plain values for JSON."""
    from stargan_cli.labels import Vocabulary
    from stargan_cli.model import parameter_count
    from stargan_cli.weights.places import bundled_names

    card = weights.card
    vocabulary = Vocabulary(card.layout, card.aliases)
    sets = []
    for index, label_set in enumerate(card.layout.sets):
        attributes = []
        for name in label_set.attributes:
            same, opposite = vocabulary.words_for(index, name)
            excludes = label_set.exclusive_with(name)
            attributes.append({"name": name, "aliases": same, "opposites": opposite, "excludes": list(excludes)})
        sets.append({"name": label_set.name, "kind": label_set.kind, "attributes": attributes})
    return {
        "path": str(weights.path),
        "sha256": weights.fingerprint,
        "bytes": weights.path.stat().st_size,
        "image_size": card.model.image_size,
        "generator_parameters": parameter_count(weights.generator),
        "discriminator_parameters": parameter_count(weights.discriminator) if weights.discriminator else None,
        "reads_source_labels": weights.discriminator is not None,
        "sets": sets,
        "unset_stays": card.layout.unset_stays,
        "model": card.model.to_dict(),
        "preprocessing": card.preprocessing,
        "training": card.training,
        "quality": card.quality,
        "bundled": bundled_names(),
    }


def _show(facts: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, markup=False, emoji=False)
    console.print(_pairs(_head(facts)))
    for label_set in facts["sets"]:
        console.print()
        console.print(_attributes(label_set))
    for name, rows_of in (("training", _training), ("quality", _flatten)):
        if facts[name]:
            console.print(f"\n{name}", style="bold")
            console.print(_pairs(rows_of(facts[name])))


def _head(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    side, reads = facts["image_size"], facts["reads_source_labels"]
    yield "file", f"{facts['path']} ({facts['bytes'] / 1e6:.1f} MB)"
    yield "sha256", facts["sha256"]
    yield "pictures", f"{side}x{side} pixels"
    yield "generator", f"{facts['generator_parameters']:,} parameters, output {facts['model']['output']}"
    yield "source labels", "read from the picture" if reads else "not read: give --labels, --rest off or all in --set"
    yield "bundled", ", ".join(facts["bundled"])


def _attributes(label_set: dict[str, Any]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    kind = "one is on" if label_set["kind"] == "classes" else "attributes"
    table = Table(title=Text(f"{shown(label_set['name'])} ({kind})"), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("attribute", "also called", "opposite", "excludes"):
        table.add_column(heading)
    for row in label_set["attributes"]:
        cells = [row["name"]] + [", ".join(row[column]) for column in ("aliases", "opposites", "excludes")]
        table.add_row(*(Text(shown(cell)) for cell in cells))
    return table


def _pairs(rows: Iterator[tuple[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        if value:
            table.add_row(Text(shown(name), style="dim"), Text(shown(value), overflow="fold"))
    return table


def _training(training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The record as rows, then what the weights were made from, and what those were, a row each."""
    yield from _flatten({name: value for name, value in training.items() if name != "started_from"})
    name, origin = "started from", training.get("started_from")
    while isinstance(origin, dict):
        trained = f"{origin.get('iterations', '?')} iterations in {origin.get('hours', '?')} h"
        several = origin.get("mean_of")
        yield name, f"{trained}, a mean of {len(several)}" if isinstance(several, list) else trained
        name, origin = "before that", origin.get("started_from")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A record as rows: {"judge": {"fid": 3, "on": {"Male": 0.9}}} -> ("judge fid", "3"), ("judge on", "Male 0.9")."""
    for name, value in values.items():
        path = f"{prefix} {name}".strip()
        if not isinstance(value, dict):
            yield path, _plain(value)
        elif any(isinstance(inner, dict) for inner in value.values()):
            yield from _flatten(value, path)
        else:
            yield path, ", ".join(f"{inner} {_plain(number)}" for inner, number in value.items())


def _plain(value: Any) -> str:
    return f"[{', '.join(map(_plain, value))}]" if isinstance(value, list) else str(value)
