"""The page of `stargan info`, and the history of a weights file."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stargan_cli.cli.messages import shown
from stargan_cli.cli.stdout import stdout_console

PIPE_WIDTH = 100


def show_page(facts: dict[str, Any]) -> None:
    """Print what the weights can change, how well, the terms of use, and commands that use them."""
    name, console = _callable_name(facts), stdout_console(PIPE_WIDTH)
    console.print(shown(f"{Path(facts['path']).name} ({facts['bytes'] / 1e6:.1f} MB)"), style="bold")
    _print_pairs(console, _what(facts))
    measured = list(_measured(facts["quality"], facts["sets"]))
    if measured:
        console.print("\nhow well", style="bold")
        _print_pairs(console, measured)
        _print(
            console, "% of test pictures in which all separate classifiers, trained on real pictures, read the target."
        )
    console.print("\nuse", style="bold")
    word = shlex.quote(facts["sets"][0]["attributes"][0]["word"])
    rest = "" if facts["reads_source_labels"] else " --rest off"
    _print(console, f"stargan translate photos --weights {name} --set {word}{rest}")
    _print(console, f"stargan translate photos --weights {name} --each{rest}")
    _print(console, f"stargan info {name} --history")


def show_history(facts: dict[str, Any]) -> None:
    """Print the networks, the training record with the weights that it started from, and every measured number."""
    console = stdout_console(PIPE_WIDTH)
    sections: tuple[tuple[str, Iterator[tuple[str, str]]], ...] = (
        ("file", iter((("path", facts["path"]), ("sha256", facts["sha256"])))),
        ("networks", _networks(facts)),
        ("preprocessing", _flatten(facts["preprocessing"])),
        ("training", _training(facts["training"])),
        ("quality", _flatten(facts["quality"])),
    )
    for title, rows in sections:
        console.print(f"\n{title}", style="bold")
        _print_pairs(console, rows)


def _callable_name(facts: dict[str, Any]) -> str:
    from stargan_cli.weights.places import bundled_folder

    path = Path(facts["path"])
    of_program = path.stem in facts["bundled"] and path.resolve().parent == bundled_folder().resolve()
    return path.stem if of_program else shown(shlex.quote(facts["path"]))


def _what(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for label_set in facts["sets"]:
        for thing in _things(label_set):
            yield "sets" if len(facts["sets"]) == 1 else f"sets ({label_set['name']})", thing
    side = facts["image_size"]
    yield "frame", f"{side}x{side} px{_frame(facts['preprocessing'].get('landmarks', {}))}"
    reads = facts["reads_source_labels"]
    needed = "--labels, --rest off, or all attributes in --set"
    yield "not in --set", "read from the picture, and kept" if reads else f"cannot be read: give {needed}"
    yield "terms", str(facts["training"].get("terms", ""))
    others = [name for name in facts["bundled"] if name != _callable_name(facts)]
    yield "also bundled", ", ".join(others)


def _things(label_set: dict[str, Any]) -> Iterator[str]:
    """One line for each thing that can change: an exclusive group, all classes, or an attribute with its opposite."""
    attributes = {one["name"]: one for one in label_set["attributes"]}
    while attributes:
        name, one = next(iter(attributes.items()))
        group = [name, *one["excludes"]]
        words = [attributes.pop(member)["word"] for member in group]
        if len(group) > 1:
            yield f"{' | '.join(words)} (one{'' if label_set['kind'] == 'classes' else ' at most'})"
        else:
            yield f"{words[0]} | {one['opposites'][0] if one['opposites'] else f'no-{words[0]}'}"


def _frame(landmarks: Mapping[str, Any]) -> str:
    """How much of the head the square shows, by the card's eye positions; the centred square if it has none."""
    from stargan_cli.faces.finding import landmarks_of

    eyes = {name: landmarks[name] for name in ("left_eye", "right_eye") if name in landmarks}
    if landmarks_of({"landmarks": eyes}) is None:
        return ", the centred square of a picture"
    (left, top), (right, bottom) = eyes.values()
    distance = math.hypot(right - left, bottom - top)
    return f", {1 / distance:.1f} eye distances wide, {(top + bottom) / 2 / distance:.1f} of them above the eyes"


def _measured(quality: Mapping[str, Any], sets: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    named = set()
    for measured_set, record in quality.items():
        read = record.get("read_as_target") if isinstance(record, dict) else None
        if isinstance(read, dict) and all(isinstance(share, (int, float)) for share in read.values()):
            counts = record.get("translated_pictures")
            known = counts if isinstance(counts, dict) else {}
            label_set, words = _set_of(measured_set, read, sets)
            shares = (
                f"{words.get(name, name.lower().replace('_', ' '))} {round(100 * share)}%"
                f"{f' of {known[name]}' if name in known else ''}"
                for name, share in read.items()
            )
            name = measured_set if label_set in named else label_set  # two data sets may be of one label set
            named.add(name)
            yield name, ", ".join(shares)


def _set_of(measured_set: str, read: Mapping[str, Any], sets: list[dict[str, Any]]) -> tuple[str, dict[str, str]]:
    """The name of the weights' label set that was measured on the data set `measured_set`, which may have another name,
    and the word for each of its attributes. Without a common attribute: `measured_set`, and no words."""
    words = {one["name"]: {attribute["name"]: attribute["word"] for attribute in one["attributes"]} for one in sets}
    name = max(words, key=lambda name: (len(words[name].keys() & read.keys()), name == measured_set))
    return (name, words[name]) if words[name].keys() & read.keys() else (measured_set, {})


def _networks(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "generator", f"{facts['generator_parameters']:,} parameters"
    count = facts["discriminator_parameters"]
    yield "discriminator", "none" if count is None else f"{count:,} parameters"
    if heads := facts["feature_heads_parameters"]:
        yield "discriminator on features", f"{heads:,} parameters in its heads"
    yield from _flatten(facts["model"])


def _training(training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The record as rows, then one row for the weights that the training started from, and one for each before them."""
    yield from _flatten({name: value for name, value in training.items() if name != "started_from"})
    name, origin = "started from", training.get("started_from")
    while isinstance(origin, dict):
        trained = f"{origin.get('iterations', '?')} iterations in {origin.get('hours', '?')} h"
        several = origin.get("mean_of")
        yield name, f"{trained}, a mean of {len(several)}" if isinstance(several, list) else trained
        name, origin = "before that", origin.get("started_from")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """A record as rows: {"celeba": {"psnr": 3, "on": {"Male": 0.9}}} -> ("celeba psnr", "3"), ("celeba on", ...)."""
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


def _print(console: Console, text: str) -> None:
    """Print a line without wrapping it, so that commands can be copied."""
    console.print(Text(f"  {shown(text)}"), soft_wrap=True)


def _print_pairs(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    """Print names in a column beside their values. A name that repeats the one above it is left out."""
    table, before = Table.grid(padding=(0, 2)), ""
    for name, value in rows:
        if value:
            label = "" if name == before else shown(name)
            table.add_row(Text(label, style="dim"), Text(shown(value), overflow="fold"))
            before = name
    console.print(Padding(table, (0, 0, 0, 2)))
