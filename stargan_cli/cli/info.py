"""`stargan info`: what a weights file knows."""

from __future__ import annotations

from typing import Annotated

import typer

from stargan_cli.cli.options import JsonOption


def info(
    weights: Annotated[
        str, typer.Argument(metavar="[WEIGHTS]", help="A .safetensors file, a bundled name or hf://owner/repo.")
    ] = "celeba-128",
    as_json: JsonOption = False,
) -> None:
    """Show what weights know: attributes, size, how they were trained, how good they are."""
    from stargan_cli.weights import load

    typer.echo(load(weights).card.to_json())
