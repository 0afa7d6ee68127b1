"""Messages of `stargan translate`: results on stdout, failures and the summary on stderr."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stargan_cli.cli.messages import say, shown

if TYPE_CHECKING:
    from stargan_cli.translate.inputs.remote import RemotePath
    from stargan_cli.translate.report import Report, Row


NAMED = 20  # at most this many outputs with a foreign file in the way are named; the others are only counted


class Voice:
    """Prints the rows of a run as they come: paths on stdout, failed and skipped pictures with the reason on stderr.

    `results`: `print` and `print0` print the paths of outputs, `json` collects them in `outputs`. `new_only` limits
    both to outputs that this run made.
    """

    def __init__(self, results: str, dry: bool, new_only: bool = False) -> None:
        from stargan_cli.translate.done_before import DONE_BEFORE, EXISTS, FOREIGN
        from stargan_cli.translate.report import SHOWN

        self.results, self.dry, self.new_only = results, dry, new_only
        self.outputs: list[str] = []
        self._there, self._foreign, self._shown = (DONE_BEFORE, EXISTS), FOREIGN, SHOWN
        self.foreign = self.shown = 0
        self.remarks: Counter[str] = Counter()
        self._last_said: tuple[str, str | None] | None = None
        self._archives: set[str] = set()

    def __call__(self, row: Row) -> None:
        for remark in row.reason.split("; ") if row.status == "done" and row.reason else ():
            if remark == self._shown:
                self.shown += 1
            else:
                self.remarks[remark] += 1
        if row.status == "done" or (row.reason in self._there and not self.new_only):
            self._give(row)
        if row.status == "failed":
            self._say_once(row)
        elif row.status == "skipped" and row.reason == self._foreign:
            self.foreign += 1
            if self.foreign <= NAMED:
                self._say_once(row)
        elif row.status == "skipped" and row.reason not in (*self._there, self._shown):
            self._say_once(row)
        elif self.dry and not self.results:
            remark = f"  (skipped: {row.reason})" if row.status == "skipped" else "  (replaced)" if row.replaced else ""
            typer.echo(f"{shown(row.source)} -> {shown(row.output)}{remark}")

    def _give(self, row: Row) -> None:
        """Name the output's file, an archive only once."""
        output = _file_of(row)
        if output != row.output:
            if output in self._archives:
                return
            self._archives.add(output)
        if self.results == "json":
            self.outputs.append(output)
        elif self.results:
            sys.stdout.buffer.write(os.fsencode(output) + (b"\0" if self.results == "print0" else b"\n"))
            sys.stdout.buffer.flush()

    def _say_once(self, row: Row) -> None:
        """Print a row's reason once for each picture, however many outputs the picture has."""
        if (row.source, row.reason) != self._last_said:
            self._last_said = (row.source, row.reason)
            say(f"{row.status}: {shown(row.source)}: {shown(row.reason)}")


def _file_of(row: Row) -> str:
    """The output's file: of a member of an archive, the archive."""
    from stargan_cli.translate.inputs.finding import is_archive

    source, output = row.source.split("/"), str(row.output).split("/")
    for members in range(min(len(source), len(output)) - 1, 0, -1):
        archive = "/".join(source[:-members])
        if is_archive(source[-members - 1]) and not os.path.isdir(archive):
            return "/".join(output[:-members])
    return str(row.output)


def summary(report: Report, out: Path | RemotePath, dry: bool) -> str:
    would = "would be " if dry else ""
    replaced = f" ({report.replaced:,} {would}replaced)" if report.replaced else ""
    parts = [f"{report.done:,} {would}translated{replaced}"]
    parts += [f"{report.skipped:,} skipped"] if report.skipped else []
    parts += [f"{report.failed:,} failed"] if report.failed else []
    end = "; interrupted: the same command finishes the rest" if report.interrupted else ""
    return f"{', '.join(parts)}: {shown(out)}{end}"
