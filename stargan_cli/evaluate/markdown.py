"""The report of an evaluation in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stargan_cli.evaluate.tables import TextTable, tables


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: its place below the report, and for each of its rows the pictures' names with the judge's
    confidence."""

    path: str
    rows: list[list[tuple[str, float]]]


def markdown(document: dict[str, Any], sheets: Sequence[Sequence[Sheet]]) -> str:
    """`sheets`: for each data set, one per target."""
    return "\n".join(_lines(document, sheets)) + "\n"


def _lines(document: dict[str, Any], sheets: Sequence[Sequence[Sheet]]) -> Iterator[str]:
    yield f"# Evaluation of {_text(document['weights']['path'])}"
    yield f"\nMeasured by {document['program']}; SHA-256 of the weights: {document['weights']['sha256']}."
    yield "Settings: " + "; ".join(f"{name}: {_setting(value)}" for name, value in document["settings"].items()) + "."
    yield "In brackets: the interval that holds 95 % of the means of resampled pictures."
    baseline = document.get("baseline")
    if baseline:
        yield f"Compared with {_text(baseline['weights']['path'])} on the same pictures."
    for number, one in enumerate(document["sets"]):
        yield f"\n## {_text(one['name'])}: {one['pictures']:,} pictures"
        other = (baseline["sets"][number], baseline["difference"][number]) if baseline else (None, None)
        for table in tables(one, *other):
            yield from _table(table)
        yield from _sheets(one, sheets[number])


def _table(table: TextTable) -> Iterator[str]:
    yield f"\n### {table.title}\n\n{table.note}\n"
    yield "| " + " | ".join(table.head) + " |"
    yield "| --- |" + " ---: |" * (len(table.head) - 1)
    for row in table.rows:
        yield "| " + " | ".join(map(_text, row)) + " |"


def _sheets(one: dict[str, Any], sheets: Sequence[Sheet]) -> Iterator[str]:
    yield "\n### Contact sheets\n"
    yield "Source and result side by side; in rows the best, the median and the worst by the classifier's confidence."
    for row, sheet in zip(one["targets"], sheets, strict=True):
        yield f"\n#### {_text(row['name'])}\n\n![{_text(row['name'])}]({sheet.path})\n"
        for word, captions in zip(("best", "median", "worst"), sheet.rows, strict=True):
            yield f"- {word}: " + ", ".join(f"{_text(name)} ({chance:.2f})" for name, chance in captions)


def _setting(value: object) -> str:
    return _text(", ".join(map(str, value)) if isinstance(value, list) else value)


def _text(value: object) -> str:
    """Any name as Markdown that shows it as it is."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return "".join(f"\\{char}" if char in "\\`*[]<>|#" else char for char in text)
