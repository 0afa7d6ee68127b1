"""Tables of an evaluation on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stargan_cli.cli.messages import shown
from stargan_cli.cli.stdout import stdout_console
from stargan_cli.evaluate.glance import caveats
from stargan_cli.evaluate.tables import GLANCE, TextTable, classifier_table, set_heading, tables

PIPE_WIDTH, WIDEST = 140, 10_000


def show_document(document: dict[str, Any]) -> None:
    """Print an evaluation on stdout, as wide as the terminal; 140 columns if stdout is not a terminal."""
    console = stdout_console(PIPE_WIDTH)
    baseline = document.get("baseline")
    for number, one in enumerate(document["sets"]):
        console.print(Text(shown(set_heading(one)), style="bold"))
        other = (baseline["sets"][number], baseline["difference"][number]) if baseline else (None, None)
        for table in tables(one, document["settings"]["face_network"], *other):
            console.print()
            _show(console, table)
            if table.title == GLANCE:
                for sentence in caveats(one):
                    console.print(Text(f"- {shown(sentence)}"))


def show_classifier(classifier: dict[str, Any]) -> None:
    """Print the accuracy of a fitted classifier on stdout."""
    _show(stdout_console(PIPE_WIDTH), classifier_table(classifier))


def _show(console: Console, table: TextTable) -> None:
    drawn = _drawn(table)
    if console.measure(drawn, options=console.options.update(width=WIDEST)).maximum > console.width:
        drawn = _drawn(table, narrow=True)
    console.print(Text(shown(table.title), style="italic"))
    console.print(drawn)
    console.print(Text(table.note, style="dim"))


def _drawn(table: TextTable, narrow: bool = False) -> Table:
    """With `narrow`, intervals are below their numbers."""
    drawn = Table(box=None, padding=(0, 1 if narrow else 2, 0, 0))
    for number, heading in enumerate(table.head):
        drawn.add_column(heading, justify="right" if number else "left", overflow="fold")
    for name, *cells in table.rows:
        drawn.add_row(Text(shown(name)), *(_below(shown(cell)) if narrow else Text(shown(cell)) for cell in cells))
    return drawn


def _below(cell: str) -> Text:
    value, bracket, interval = cell.partition(" (")
    return Text(value).append(f"\n{interval.rstrip(')')}", style="dim") if bracket else Text(cell)
