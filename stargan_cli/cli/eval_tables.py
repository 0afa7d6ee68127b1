"""An evaluation on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stargan_cli.cli.messages import shown
from stargan_cli.tasks.eval_tables import TextTable, tables

PLAIN_WIDTH = 120


def show_document(document: dict[str, Any]) -> None:
    """Print it on stdout: as wide as the terminal, 120 columns where there is none."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    baseline = document.get("baseline")
    for number, one in enumerate(document["sets"]):
        console.print(Text(f"{shown(one['name'])}: {one['pictures']:,} pictures", style="bold"))
        other = (baseline["sets"][number], baseline["difference"][number]) if baseline else (None, None)
        for table in tables(one, *other):
            console.print()
            console.print(_drawn(table))
            console.print(Text(table.note, style="dim"))


def _drawn(table: TextTable) -> Table:
    drawn = Table(title=table.title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for number, heading in enumerate(table.head):
        drawn.add_column(heading, justify="right" if number else "left")
    for row in table.rows:
        drawn.add_row(*(Text(shown(cell)) for cell in row))
    return drawn
