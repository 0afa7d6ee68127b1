"""done / skipped / failed -> rows, summary, exit code."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any, Literal

Status = Literal["done", "skipped", "failed"]
STATUSES = ("done", "skipped", "failed")
KEPT_FAILURES = 20
SHOWN = "the picture shows already what was asked"
"""Why an output is all but its source; or was not made, since the picture has one with the opposite target."""
Label = dict[str, float]


@dataclass(frozen=True)
class Row:
    """What became of one picture. `output` is where its result is, or would be; labels map attributes to 0..1;
    `replaced`: the output took the place of a file."""

    source: str
    output: str | None
    status: Status
    reason: str | None = None
    source_label: Label | None = None
    target_label: Label | None = None
    replaced: bool = False

    def to_json(self) -> str:
        """One line of ASCII; bytes of names that are no UTF-8 stand as lone surrogates, as Python has them."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> Row:
        """Raises ValueError where the line is no row."""
        try:
            values = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(values, dict) or values.get("status") not in STATUSES:
            raise ValueError("not a manifest row")
        texts = [values.get(name) for name in ("source", "output", "reason")]
        labels = [values.get(name) for name in ("source_label", "target_label")]
        if not isinstance(texts[0], str) or any(not isinstance(text, (str, type(None))) for text in texts):
            raise ValueError("not a manifest row: source, output and reason are texts")
        if any(not isinstance(label, (dict, type(None))) for label in labels):
            raise ValueError("not a manifest row: labels are objects")
        replaced = values.get("replaced") is True
        return cls(texts[0], texts[1], values["status"], texts[2], labels[0], labels[1], replaced)


@dataclass(frozen=True)
class Settled:
    """What became of one thing that was found: its rows, and the `data` of outputs that belong into an archive.

    `picture`: it counts for the progress. `own_file`: it was no member of an archive.
    """

    rows: list[Row]
    data: dict[PurePath, bytes] = field(default_factory=dict)
    picture: bool = False
    own_file: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether any of its rows has."""
        return any(row.status == "failed" for row in self.rows)


@dataclass
class Report:
    """Counts rows as they come; keeps the first failures for the summary, and of the others the count alone."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Row] = field(default_factory=list)
    interrupted: bool = False

    def add(self, row: Row) -> None:
        """An output that was not made since its opposite was is not counted."""
        self.counts[row.status] += (row.status, row.reason) != ("skipped", SHOWN)
        self.counts["replaced"] += row.replaced and row.status == "done"
        if row.status == "failed" and len(self.failures) < KEPT_FAILURES:
            self.failures.append(row)

    @property
    def done(self) -> int:
        return self.counts["done"]

    @property
    def replaced(self) -> int:
        """Of those done, the ones that took the place of a file."""
        return self.counts["replaced"]

    @property
    def skipped(self) -> int:
        return self.counts["skipped"]

    @property
    def failed(self) -> int:
        return self.counts["failed"]

    @property
    def total(self) -> int:
        return sum(self.counts[status] for status in STATUSES)

    @property
    def exit_code(self) -> int:
        """0 all done or skipped, 1 some failed, 130 interrupted."""
        return 130 if self.interrupted else int(self.failed > 0)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: the counts and the failures kept."""
        kept = [asdict(row) for row in self.failures]
        return {name: self.counts[name] for name in (*STATUSES, "replaced")} | {
            "interrupted": self.interrupted,
            "failures": kept,
        }
