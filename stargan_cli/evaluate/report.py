"""The folder that `stargan eval --out` writes: report.md, evaluation.json and contact sheets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from stargan_cli.evaluate.glance import caveats
from stargan_cli.evaluate.measure import Measuring
from stargan_cli.evaluate.names import plain_names
from stargan_cli.evaluate.pictures import pictures_folder, pictures_in, write_rows
from stargan_cli.evaluate.tables import TextTable, set_heading, tables
from stargan_cli.evaluate.values import SetValues, TargetValues
from stargan_cli.files.atomic import replacement
from stargan_cli.files.json_text import parsed_json
from stargan_cli.files.opening import open_regular
from stargan_cli.files.scratch import scratch_folder
from stargan_cli.files.writable import require_file, require_folder, require_place
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.grid import plain_grid

PER_ROW = 6
RESULT_FILE, REPORT_FILE = "evaluation.json", "report.md"
SHEETS = ("random", "worst")


def require_report_folder(folder: Path) -> None:
    """Make the folder if it is missing. An earlier report in it may be replaced. Raises UsageError if other files there
    have the report's names."""
    require_folder(folder)
    for name in ("sheets", "pictures"):
        require_place(folder / name)
    for name in (RESULT_FILE, REPORT_FILE):
        require_file(
            folder / name,
            "--out",
            own=lambda _: _sets_in(folder / RESULT_FILE) is not None,
            overwrite=None,
            hint="`stargan eval` did not write it: give another --out",
        )


def _sets_in(path: Path) -> list[str] | None:
    """The names of the data sets in a report's document; None if stargan did not write it."""
    try:
        with open_regular(path) as file:
            document = parsed_json(file.read())
        names = [str(one["name"]) for one in document["sets"]]
        return names if str(document["program"]).startswith("stargan ") else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def new_report(out: Path) -> Iterator[Path]:
    """A folder to write a report into. At the end of the block its files replace an earlier report in `out`. If the
    block raises, or the process is killed, the earlier report stays as it was. Raises OSError."""
    with scratch_folder(out, "eval") as scratch:
        report = scratch / "report"
        report.mkdir()
        yield report
        _remove(_files_of(out), out)
        for path in sorted(filter(Path.is_file, report.rglob("*")), key=_rank):
            place = out / path.relative_to(report)
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacement(place, sync="nothing" if _rank(path)[0] else "all") as temporary:
                shutil.move(path, temporary)  # copies where `place` is on another file system


def _rank(path: Path) -> tuple[bool, int, Path]:
    """Sorts a report's files after those that name them: evaluation.json, the tables, the pictures. So the next report
    finds and removes whatever a process wrote that is killed between two of them."""
    return path.suffix == ".png", len(path.parts), path


def _files_of(folder: Path) -> set[Path]:
    """The contact sheets of the report in `folder`, and the measured pictures with their tables. Empty if there is no
    report of stargan."""
    names = _sets_in(folder / RESULT_FILE) or []
    found = {folder / _sheet(plain, word) for plain in plain_names(names) for word in SHEETS}
    return found.union(*(pictures_in(pictures_folder(folder, number, name)) for number, name in enumerate(names)))


def _remove(paths: set[Path], folder: Path) -> None:
    """Remove files below `folder`, those that name others last, and the folders that this leaves empty."""
    for path in sorted(paths, key=_rank, reverse=True):
        path.unlink(missing_ok=True)
    emptied = {above for path in paths for above in path.parents if folder in above.parents}
    for above in sorted(emptied, key=lambda one: len(one.parts), reverse=True):
        with suppress(OSError):
            above.rmdir()


def _sheet(name: str, word: str) -> str:
    return f"sheets/{name}-{word}.png"


def write_report(
    folder: Path, pictures: bool, document: dict[str, Any], measured: Sequence[tuple[Measuring, SetValues]]
) -> None:
    """Write the report and, with `pictures`, the tables of the measured pictures. Raises OSError."""
    (folder / "sheets").mkdir()
    for number, (_, values) in enumerate(measured if pictures else ()):
        write_rows(pictures_folder(folder, number, values.labelled_set.name), values)
    names = plain_names([values.labelled_set.name for _, values in measured])
    seed = int(document["settings"]["seed"])
    sheets = [_write_sheets(folder, name, *one, seed) for name, one in zip(names, measured, strict=True)]
    for name, text in (
        (RESULT_FILE, json.dumps(document, indent=2, allow_nan=False)),
        (REPORT_FILE, markdown(document, sheets)),
    ):
        with replacing(folder / name) as file:
            file.write(f"{text.rstrip()}\n".encode("utf-8", "surrogateescape"))


def _write_sheets(folder: Path, name: str, measuring: Measuring, values: SetValues, seed: int) -> list[Sheet]:
    """Write a sheet of random pictures and one of pictures from the worst tenth, with a row for each target."""
    random = torch.Generator().manual_seed(seed)
    chosen = [chosen_rows(one.values["confidence"], random) for one in values.targets]
    sheets = []
    for number, word in enumerate(SHEETS):
        rows = [_row(measuring, one, rows[number]) for one, rows in zip(values.targets, chosen, strict=True)]
        path = _sheet(name, word)
        with replacing(folder / path) as file:
            plain_grid([pictures for pictures, _ in rows]).save(file, format="PNG")
        captions = [(one.target.name, files) for one, (_, files) in zip(values.targets, rows, strict=True)]
        sheets.append(Sheet(path, captions))
    return sheets


def _row(
    measuring: Measuring, one: TargetValues, rows: Sequence[int]
) -> tuple[list[Image.Image], list[tuple[str, float]]]:
    """Each source followed by its result, and the pictures' names with the classifiers' confidence."""
    flat = torch.tensor(rows)
    labels, chosen = measuring.given.asked(one.target)[flat], one.target.pictures[flat]
    pairs = [torch.stack([batch.before, batch.after], 1).cpu() for batch in measuring.translated(chosen, labels)]
    pixels = torch.cat(pairs).flatten(0, 1).movedim(1, -1).numpy()
    files = [measuring.labelled_set.pictures.labelled.files[index] for index in chosen.tolist()]
    confidences = one.values["confidence"][flat].tolist()
    return [Image.fromarray(picture) for picture in pixels], list(zip(files, confidences, strict=True))


def chosen_rows(confidence: Tensor, random: torch.Generator, count: int = PER_ROW) -> tuple[list[int], list[int]]:
    """Confidence (n,) -> the indices of `count` random pictures, and of `count` random ones from the tenth with the
    lowest confidence; fewer if there are fewer pictures."""
    anything = torch.randperm(len(confidence), generator=random)[:count].tolist()
    worst = confidence.argsort(stable=True)[: max(count, len(confidence) // 10)]
    return anything, worst[torch.randperm(len(worst), generator=random)[:count]].tolist()


@dataclass(frozen=True)
class Sheet:
    """A contact sheet: its path, relative to the report, and for each of its rows the target and the pictures' names
    with the classifiers' confidence."""

    path: str
    rows: list[tuple[str, list[tuple[str, float]]]]


def markdown(document: dict[str, Any], sheets: Sequence[Sequence[Sheet]]) -> str:
    """The report as Markdown. `sheets`: for each data set, that of random pictures and that of the worst."""
    return "\n".join(_lines(document, sheets)) + "\n"


def _lines(document: dict[str, Any], sheets: Sequence[Sequence[Sheet]]) -> Iterator[str]:
    yield f"# Evaluation of {_text(document['weights']['path'])}"
    yield f"\nMeasured by {document['program']}; SHA-256 of the weights: {document['weights']['sha256']}."
    yield "Settings: " + "; ".join(f"{name}: {_setting(value)}" for name, value in document["settings"].items()) + "."
    yield "In brackets: the 95 % interval of the mean, by resampling the pictures."
    baseline = document.get("baseline")
    if baseline:
        yield f"Compared with {_text(baseline['weights']['path'])} on the same pictures."
    for number, one in enumerate(document["sets"]):
        yield f"\n## {_text(set_heading(one))}"
        other = (baseline["sets"][number], baseline["difference"][number]) if baseline else (None, None)
        first, *rest = tables(one, document["settings"]["face_network"], *other)
        yield from _table(first)
        yield from _doubts(one)
        yield from _sheets(sheets[number])
        for table in rest:
            yield from _table(table)


def _doubts(one: dict[str, Any]) -> Iterator[str]:
    yield "\n### Where numbers and pictures may disagree\n"
    found = list(caveats(one))
    for sentence in found or ["No two numbers contradict each other here. The pictures below still may."]:
        yield f"- {_text(sentence)}"


def _table(table: TextTable) -> Iterator[str]:
    yield f"\n### {table.title}\n\n{table.note}\n"
    yield "| " + " | ".join(table.head) + " |"
    yield "| --- |" + " ---: |" * (len(table.head) - 1)
    for row in table.rows:
        yield "| " + " | ".join(map(_text, row)) + " |"


def _sheets(sheets: Sequence[Sheet]) -> Iterator[str]:
    titles = ("Pictures at random", "Pictures at random from the worst tenth, by the classifiers' confidence")
    for title, sheet in zip(titles, sheets, strict=True):
        note = "Source and result side by side; the number is the target's probability, by the least sure classifier."
        yield f"\n### {title}\n\n{note}\n"
        yield f"![{title}]({sheet.path})\n"
        for name, captions in sheet.rows:
            yield f"- {_text(name)}: " + ", ".join(f"{_text(file)} ({share:.2f})" for file, share in captions)


def _setting(value: object) -> str:
    return _text(", ".join(map(str, value)) if isinstance(value, list) else value)


def _text(value: object) -> str:
    """Escape a value so that Markdown shows it unchanged; unprintable characters become spaces."""
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return "".join(f"\\{char}" if char in "\\`*[]<>|#" else char for char in text)
