"""Options that several commands share, declared once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from stargan_cli.cli.completion import one_of, weights_names
from stargan_cli.cli.setting_options import option_of
from stargan_cli.datasets.choice import DataChoice
from stargan_cli.errors import UsageError
from stargan_cli.files.local import require_local
from stargan_cli.settings import DATA, LARGEST_SEED, MACHINE, MODEL, OUTPUT


def _file(text: str) -> Path:
    if text.endswith((os.sep, os.altsep or os.sep)):  # which a Path drops
        raise UsageError(f"{text} is the name of a folder", "give the name of a file")
    return _path(text)


def _path(text: str | Path) -> Path:  # a default comes as a Path
    return Path(require_local(str(text)))


FILE: dict[str, Any] = {"parser": _file, "metavar": "FILE"}
"""Arguments for `typer.Option`: the path of a file. The name of a folder (`reports/`) and a URL are UsageErrors."""
DIR: dict[str, Any] = {"parser": _path, "metavar": "DIR"}
"""Likewise, the path of a folder. A URL is a UsageError."""
DataOption = Annotated[list[str] | None, option_of(DataChoice, "data")]
RootOption = Annotated[Path | None, option_of(DataChoice, "root")]
SplitOption = Annotated[str, option_of(DataChoice, "split")]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Folder for decoded pictures. By default the folder stargan in the user's cache folder.",
        rich_help_panel=DATA,
        **DIR,
    ),
]

WeightsOption = Annotated[
    str,
    typer.Option(
        "--weights",
        "-w",
        metavar="FILE|NAME|hf://…",
        autocompletion=weights_names,
        help="A .safetensors file, the name of bundled weights, hf://owner/repo (its weights.safetensors "
        "or model.safetensors) or hf://owner/repo/file (with the extra hub).",
        rich_help_panel=MODEL,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        help="Device of the networks; auto takes a GPU if there is one. cuda:1 is the second GPU.",
        **one_of("auto", "cpu", "cuda", "mps"),
        rich_help_panel=MACHINE,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Threads or processes that read and write pictures. By default chosen for the machine.",
        rich_help_panel=MACHINE,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of all random numbers.")]
StandaloneOption = Annotated[
    bool,
    typer.Option(
        "--standalone",
        help="Ignores RANK, WORLD_SIZE and torchrun's other variables: this process does the whole job.",
        rich_help_panel=MACHINE,
    ),
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Shows no progress on stderr; errors still show.", rich_help_panel=OUTPUT),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Prints the result as one JSON document on stdout.", rich_help_panel=OUTPUT)
]


def given(context: typer.Context) -> dict[str, str]:
    """The parameters that the command line names, and the option of each, such as `--set`."""
    options = {str(parameter.name): parameter.opts[0] for parameter in context.command.params}
    sources = {name: context.get_parameter_source(name) for name in options}
    return {name: options[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}
