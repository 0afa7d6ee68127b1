"""Messages of `stargan translate`: results on stdout, failures and the summary on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stargan_cli.cli.messages import note, say, shown, warn
from stargan_cli.errors import StarganError, counted
from stargan_cli.translate.report import SHOWN, Report, Row

if TYPE_CHECKING:
    from stargan_cli.translate.inputs.remote import RemotePath


NAMED = 20  # at most this many outputs with a foreign file in the way are named; the others are only counted


class Voice:
    """Prints the rows of a run as they come: paths on stdout, failed and skipped pictures with the reason on stderr.

    `results`: `print` and `print0` print the paths of outputs, `json` collects them for `print_json`. `new_only` limits
    both to outputs that this run made. With `watch`, an output may be made several times.
    """

    def __init__(self, results: str, dry: bool, new_only: bool, watch: bool) -> None:
        self.results, self.dry, self.new_only = results, dry, new_only
        self._given: dict[str, None] = {}  # a set in the order of its paths
        self._keeps_given = watch or results == "json"
        self.stale, self._stale_one = 0, ""
        self.foreign = self.shown = 0
        self.remarks: Counter[str] = Counter()
        self._last_said: tuple[str, str | None] | None = None

    def __call__(self, row: Row) -> None:
        for remark in row.remarks:
            if remark == SHOWN:
                self.shown += 1
            else:
                self.remarks[remark] += 1
        if row.status == "done" or row.copied or (row.is_there and not self.new_only):
            self._give(row)
        if row.stale:
            self.stale, self._stale_one = self.stale + 1, self._stale_one or str(row.output)
        if row.status == "failed":
            self._say_once(row)
        elif row.in_the_way:
            self.foreign += 1
            if self.foreign <= NAMED:
                self._say_once(row)
        elif row.status == "skipped" and not (row.is_there or row.not_due):
            self._say_once(row)
        elif self.dry and not self.results:
            remark = f"  (skipped: {row.reason})" if row.status == "skipped" else "  (replaced)" if row.replaced else ""
            typer.echo(f"{shown(row.source)} -> {shown(row.output)}{remark}")

    def _give(self, row: Row) -> None:
        """Name the output's file. An archive, and an output that is there already, is named only the first time."""
        output = row.archive or str(row.output)
        if not self.results or (output in self._given and (row.archive or row.status == "skipped")):
            return
        if self._keeps_given or row.archive:
            self._given[output] = None
        if self.results != "json":
            sys.stdout.buffer.write(os.fsencode(output) + (b"\0" if self.results == "print0" else b"\n"))
            sys.stdout.buffer.flush()

    def _say_once(self, row: Row) -> None:
        """Print a row's reason once for each picture, however many outputs the picture has."""
        if (row.source, row.reason) != self._last_said:
            self._last_said = (row.source, row.reason)
            say(f"{row.status}: {shown(row.source)}: {shown(row.reason)}")

    def sum_up(self, quiet: bool) -> None:
        """Print on stderr what was only counted."""
        for remark, count in self.remarks.items():
            warn(f"{counted(count, 'output')} whose picture is {remark}")
        if self.shown and not quiet:
            note(
                f"{counted(self.shown, 'output')} whose picture already shows what was asked, as it was read "
                "(--manifest FILE lists them); if it was read wrongly, give its labels with --labels FILE"
            )
        if self.foreign:
            warn(
                f"{counted(self.foreign, 'output')} not made: files without stargan's note (other programs', or "
                "copies) are in the way; --overwrite replaces them"
            )
        if self.stale:
            warn(
                f"{counted(self.stale, 'output')} of earlier settings left in place, such as {self._stale_one}: with "
                "these settings none is made there; remove what you do not want"
            )

    def print_json(self, report: Report, out: Path | RemotePath, problem: StarganError | None) -> None:
        """Print the document of `--json`. `problem`: the error that ended the run."""
        error = None if problem is None else str(problem)
        document = {"out": str(out), "dry_run": self.dry, **report.to_dict(), "error": error}
        typer.echo(json.dumps(document | {"outputs": list(self._given)}, indent=2))


def summary(report: Report, out: Path | RemotePath, dry: bool) -> str:
    would = "would be " if dry else ""
    replaced = f" ({report.replaced:,} {would}replaced)" if report.replaced else ""
    parts = [f"{report.done:,} {would}translated{replaced}"]
    parts += [skipped(report)] if report.skipped else []
    parts += [f"{report.failed:,} failed"] if report.failed else []
    end = "; interrupted: the same command finishes the rest" if report.interrupted else ""
    return f"{', '.join(parts)}: {shown(out)}{end}"


def skipped(report: Report) -> str:
    copied = f" ({report.copied:,} copied)" if report.copied else ""
    return f"{report.skipped:,} skipped{copied}"
