"""The folder that `stargan eval --out` writes: report.md, evaluation.json and contact sheets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from stargan_cli.errors import UsageError
from stargan_cli.evaluate.measure import Measuring, SetValues, TargetValues
from stargan_cli.evaluate.pictures import plain_names
from stargan_cli.evaluate.tables import TextTable, tables
from stargan_cli.evaluate.translate_batches import translate_all
from stargan_cli.files.writable import require_folder
from stargan_cli.files.writing import replacing

PER_ROW = 4
RESULT, REPORT = "evaluation.json", "report.md"


def require_report_folder(folder: Path) -> None:
    """Make it where it is missing. A former report there will be replaced; a `report.md` of another kind is not.
    Raises UsageError."""
    require_folder(folder)
    if (folder / REPORT).exists() and not _is_result(folder / RESULT):
        raise UsageError(f"{folder / REPORT} is there, and no `stargan eval` wrote it", "give another --out")


def _is_result(path: Path) -> bool:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["program"]).startswith("stargan ")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def write_report(folder: Path, document: dict[str, Any], measured: Sequence[tuple[Measuring, SetValues]]) -> None:
    """Write everything whole or not at all, file by file. Raises UsageError where the folder cannot be made."""
    require_folder(folder / "sheets")
    every = [(measuring, one) for measuring, values in measured for one in values.targets]
    names = plain_names(
        [f"{one.labelled_set.pictures.labelled.label_set.name}-{target.target.name}" for one, target in every]
    )
    written = iter([_write_sheet(folder, name, *one) for name, one in zip(names, every, strict=True)])
    sheets = [[next(written) for _ in values.targets] for _, values in measured]
    for name, text in ((RESULT, json.dumps(document, indent=2)), (REPORT, markdown(document, sheets))):
        with replacing(folder / name) as file:
            file.write(f"{text.rstrip()}\n".encode("utf-8", "surrogateescape"))


def _write_sheet(folder: Path, name: str, measuring: Measuring, one: TargetValues) -> Sheet:
    """Three rows (best, median, worst by the judge's confidence) of source and result side by side."""
    rows = chosen_rows(one.values["confidence"])
    flat = torch.tensor([index for row in rows for index in row])
    pictures = measuring.labelled_set.pictures
    labels = measuring.asked(one.target)[flat]
    batches = list(translate_all(measuring.generator, pictures, one.target.pictures[flat], labels, measuring.machine))
    before, after = (torch.cat([getattr(batch, name).cpu() for batch in batches]) for name in ("before", "after"))
    path = f"sheets/{name}.png"
    with replacing(folder / path) as file:
        Image.fromarray(_drawn(before, after, len(rows)).numpy()).save(file, format="PNG")
    files = [pictures.labelled.files[int(one.target.pictures[index])] for index in flat]
    confidences = one.values["confidence"][flat].tolist()
    captions = list(zip(files, confidences, strict=True))
    size = len(rows[0])
    return Sheet(path, [captions[start : start + size] for start in range(0, len(captions), size)])


def chosen_rows(confidence: Tensor, count: int = PER_ROW) -> list[list[int]]:
    """Confidence (n,) -> the indices of the `count` best, of those around the median, and of the worst (worst last);
    fewer each where there are not enough for three rows."""
    order = confidence.argsort(descending=True, stable=True).tolist()
    count = max(1, min(count, len(order) // 3))
    middle = (len(order) - count) // 2
    return [order[:count], order[middle : middle + count], order[-count:]]


def _drawn(before: Tensor, after: Tensor, rows: int) -> Tensor:
    """uint8 (n, 3, S, S) twice -> (rows * S, columns * S, 3)."""
    pairs = torch.stack([before, after], dim=1)
    n, two, channels, height, width = pairs.shape
    grid = pairs.view(rows, n // rows * two, channels, height, width)
    return grid.permute(0, 3, 1, 4, 2).reshape(rows * height, n // rows * two * width, channels)


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
