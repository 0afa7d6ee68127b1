"""The document of an evaluation as tables for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_SHARES = {"real": "real", "do_nothing": "do nothing", "translated": "translated", "accuracy_of_all": "all pictures"}
_MEANS = {
    "background_change": "background change, 1/255",
    "change_inside_mask": "change inside the mask, 1/255",
    "change_outside_mask": "change outside the mask, 1/255",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
}


def show_document(document: dict[str, Any]) -> None:
    """Print it on stdout, as wide as the terminal."""
    console = Console(highlight=False)
    for one in document["sets"]:
        console.print(_accuracy_table(one))
        console.print(_preservation_table(one))


def _accuracy_table(one: dict[str, Any]) -> Table:
    table = Table(
        title=f"{one['name']}: {one['pictures']:,} pictures; share read as the target, in %", title_justify="left"
    )
    table.add_column("target")
    table.add_column("n", justify="right")
    for heading in _SHARES.values():
        table.add_column(heading, justify="right")
    for row in one["targets"]:
        table.add_row(row["name"], f"{row['translated']['n']:,}", *(_percent(row.get(name)) for name in _SHARES))
    total = one["all_single_changes"]
    table.add_section()
    table.add_row(
        "all single changes", f"{total['translated']['n']:,}", *(_percent(total.get(name)) for name in _SHARES)
    )
    return table


def _preservation_table(one: dict[str, Any]) -> Table:
    table = Table(title="what stays", title_justify="left")
    table.add_column("")
    for heading in _MEANS.values():
        table.add_column(heading, justify="right")
    rows = {row["name"]: row for row in one["targets"]}
    rows |= {
        "own label": one["own_label"],
        f"there and back ({one['there_and_back']['through']})": one["there_and_back"],
    }
    for name, row in rows.items():
        table.add_row(name, *(_number(row.get(metric)) for metric in _MEANS))
    return table


def _percent(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"{100 * found['value']:.1f} ({100 * found['low']:.1f}-{100 * found['high']:.1f})"


def _number(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"{found['value']:.4g}"
