"""What `stargan translate` says: results on stdout, failures and the summary on stderr."""

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


NAMED = 20  # outputs that are not made because somebody else's file stands there: the others are counted


class Voice:
    """What a run says while it goes: paths on stdout; what failed or was left out, and why, on stderr.

    `results`: `print` or `print0` the outputs that are there, `json` to collect them; `new_only`: those that this run
    made.
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

    def __call__(self, row: Row) -> None:
        for remark in row.reason.split("; ") if row.status == "done" and row.reason else ():
            if remark == self._shown:
                self.shown += 1
            else:
                self.remarks[remark] += 1
        if row.status == "done" or (row.reason in self._there and not self.new_only):
            self._give(str(row.output))
        if row.status == "failed":
            self._say_once(row)
        elif row.status == "skipped" and row.reason == self._foreign:
            self.foreign += 1
            if self.foreign <= NAMED:
                self._say_once(row)
        elif row.status == "skipped" and row.reason not in (*self._there, self._shown):
            self._say_once(row)
        elif self.dry and not self.results:
            skipped = f"  (skipped: {row.reason})" if row.status == "skipped" else ""
            typer.echo(f"{shown(row.source)} -> {shown(row.output)}{skipped}")

    def _give(self, output: str) -> None:
        if self.results == "json":
            self.outputs.append(output)
        elif self.results:
            sys.stdout.buffer.write(os.fsencode(output) + (b"\0" if self.results == "print0" else b"\n"))
            sys.stdout.buffer.flush()

    def _say_once(self, row: Row) -> None:
        """However many outputs a picture has."""
        if (row.source, row.reason) != self._last_said:
            self._last_said = (row.source, row.reason)
            say(f"{row.status}: {shown(row.source)}: {shown(row.reason)}")


def summary(report: Report, out: Path | RemotePath, dry: bool) -> str:
    verb = "would be translated" if dry else "translated"
    parts = [f"{report.done:,} {verb}" + (f" ({report.replaced:,} replaced)" if report.replaced else "")]
    parts += [f"{report.skipped:,} skipped"] if report.skipped else []
    parts += [f"{report.failed:,} failed"] if report.failed else []
    end = "; interrupted: the same command finishes the rest" if report.interrupted else ""
    return f"{', '.join(parts)}: {shown(out)}{end}"
