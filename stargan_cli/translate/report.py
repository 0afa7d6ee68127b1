"""The result of each output as a row, and the counts and the exit code of a run."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, Literal, get_args

from stargan_cli.files.json_text import parsed_json

Status = Literal["done", "skipped", "failed"]
STATUSES: tuple[Status, ...] = get_args(Status)
KEPT_FAILURES = 20

# Reasons of rows:
# an output was made, and its source is an output of this program
GENERATED = "itself an output of stargan"
# an output was skipped, because a file is there
EXISTS, DONE_BEFORE = "exists", "done before"
FOREIGN = "a file without stargan's note (another program's, or a copy) is in the way; --overwrite replaces it"
# an output was made, although the discriminator read the source so; or was skipped in favour of its opposite variant
SHOWN = "the picture already shows what was asked for"
# a picture was not translated, but copied: the last word of the reason
COPIED = "copied"

NOT_WRITTEN = ("archive", "stale")
"""Fields of a row that neither manifests nor `--json` have: only the program itself uses them."""
Label = dict[str, float]


@dataclass(frozen=True)
class Row:
    """The result of one output of a picture. `output` is its path, even if it was not made. Labels map attributes to
    0..1. `replaced`: the output replaced a file. `archive`: the path of the archive that holds the output. `stale`: the
    output was not made, but one of earlier settings is there."""

    source: str
    output: str | None
    status: Status
    reason: str | None = None
    source_label: Label | None = None
    target_label: Label | None = None
    replaced: bool = False
    archive: str | None = field(default=None, compare=False)
    stale: bool = field(default=False, compare=False)

    @property
    def is_there(self) -> bool:
        """Whether the output was skipped because it is there."""
        return self.status == "skipped" and self.reason in (DONE_BEFORE, EXISTS)

    @property
    def in_the_way(self) -> bool:
        """Whether the output was skipped because of a file that stargan did not write."""
        return self.status == "skipped" and self.reason == FOREIGN

    @property
    def not_due(self) -> bool:
        """Whether the output was skipped in favour of its opposite variant."""
        return self.status == "skipped" and self.reason == SHOWN

    @property
    def copied(self) -> bool:
        """Whether the output is a copy of a picture that was not translated."""
        return self.status == "skipped" and (self.reason or "").endswith(f": {COPIED}")

    @property
    def remarks(self) -> list[str]:
        """What is to be said of an output that was made."""
        return self.reason.split("; ") if self.status == "done" and self.reason else []

    def to_dict(self) -> dict[str, Any]:
        """The row for manifests and `--json`: all but NOT_WRITTEN."""
        return {name: value for name, value in asdict(self).items() if name not in NOT_WRITTEN}

    def to_json(self) -> str:
        """One line of ASCII. Bytes of names that are not UTF-8 become lone surrogates, as in Python."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, line: str | bytes) -> Row:
        """Raises ValueError if the line is no row."""
        values = parsed_json(line)
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
    """The result of one found item: its rows, and the `data` of outputs that are to be written into an archive.

    `picture`: the item counts as a picture in the progress. `own_file`: it is not a member of an archive.
    """

    rows: list[Row]
    data: dict[PurePath, bytes] = field(default_factory=dict)
    picture: bool = False
    own_file: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether any of its rows failed."""
        return any(row.status == "failed" for row in self.rows)


def row_key(row: Row) -> bytes:
    """A hash of what a row is about: its output, or its source if it has none."""
    return _hash(row.source if row.output is None else f"{row.source}\0{row.output}")


def _hash(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()


class Failing:
    """Which failures still hold, where later runs or passes try the same pictures again."""

    def __init__(self) -> None:
        self._of: dict[bytes, set[bytes]] = {}  # hash of a source -> keys of its rows that say failed

    def ended_by(self, row: Row) -> set[bytes]:
        """Take note of a row, and return the keys of the failures that it ends.

        A row ends the failure of the same output. One that is not itself a failure also ends an earlier failure to read
        the row's source at all, and the failures of the folders and archives that the source lies in.
        """
        failed = row.status == "failed"
        if not self._of and not failed:
            return set()
        source, key = _hash(row.source), row_key(row)
        own = self._of.pop(source, set())
        ended = own & ({key} if failed else {key, source})
        own = own - ended | ({key} if failed else set())
        if own:
            self._of[source] = own
        parts = row.source.replace(os.sep, "/").split("/")
        for length in range(1, len(parts)) if not failed else ():
            ended |= self._of.pop(_hash("/".join(parts[:length])), set())
        return ended


@dataclass
class Report:
    """Counts rows as they come. Keeps the first KEPT_FAILURES failures, and only counts later ones. With `failing`,
    failures that later rows end are no longer counted."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Row] = field(default_factory=list)
    interrupted: bool = False
    failing: Failing | None = None

    def add(self, row: Row) -> None:
        """Count a row, unless it is not due."""
        for key in self.failing.ended_by(row) if self.failing is not None else ():
            self.counts["failed"] -= 1
            self.failures = [failure for failure in self.failures if row_key(failure) != key]
        self.counts[row.status] += not row.not_due
        self.counts["replaced"] += row.replaced and row.status == "done"
        self.counts["copied"] += row.copied
        if row.status == "failed" and len(self.failures) < KEPT_FAILURES:
            self.failures.append(row)

    @property
    def done(self) -> int:
        return self.counts["done"]

    @property
    def replaced(self) -> int:
        """How many of the outputs that are done replaced a file."""
        return self.counts["replaced"]

    @property
    def skipped(self) -> int:
        return self.counts["skipped"]

    @property
    def copied(self) -> int:
        """How many of the outputs that are skipped are copies of their pictures."""
        return self.counts["copied"]

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
        """For `--json`: the counts, the failures kept, and how many were not."""
        kept = [row.to_dict() for row in self.failures]
        return {name: self.counts[name] for name in (*STATUSES, "replaced", "copied")} | {
            "interrupted": self.interrupted,
            "failures": kept,
            "failures_left_out": self.failed - len(kept),
        }
