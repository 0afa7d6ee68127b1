"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import one_of, weights_names
from stargan_cli.cli.setting_options import option_of
from stargan_cli.datasets.choice import DataChoice
from stargan_cli.settings import LARGEST_SEED

DataOption = Annotated[list[str] | None, option_of(DataChoice, "data")]
RootOption = Annotated[Path | None, option_of(DataChoice, "root")]
AttributesOption = Annotated[str | None, option_of(DataChoice, "attributes")]
SplitOption = Annotated[str, option_of(DataChoice, "split")]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        help="Folder for decoded pictures. By default stargan in the user's cache folder.",
        metavar="DIR",
        rich_help_panel="Data",
    ),
]

WeightsOption = Annotated[
    str,
    typer.Option(
        "--weights",
        "-w",
        metavar="FILE|NAME|hf://…",
        autocompletion=weights_names,
        help="Weights: a .safetensors file, the name of bundled ones, or hf://owner/repo or hf://owner/repo/file.",
        rich_help_panel="Model",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        help="Device of the networks; auto takes a GPU if there is one. cuda:1 is the second GPU.",
        **one_of("auto", "cpu", "cuda", "mps"),
        rich_help_panel="Machine",
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Arithmetic of the networks; auto takes bf16 where the processor multiplies it.",
        **one_of("auto", "fp32", "bf16", "fp16"),
        rich_help_panel="Machine",
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Library that runs the network; ray spreads the pictures over a Ray cluster, with torch.",
        **one_of("torch", "openvino", "onnxruntime", "ray"),
        rich_help_panel="Machine",
    ),
]
CompileOption = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Lets torch compile the network first: takes about a minute, and a C++ compiler on a CPU.",
        rich_help_panel="Machine",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Threads or processes that read and write pictures.",
        rich_help_panel="Machine",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of everything random.")]
StandaloneOption = Annotated[
    bool,
    typer.Option(
        "--standalone",
        help="Ignores RANK, WORLD_SIZE and what else torchrun sets: this process does the whole job.",
        rich_help_panel="Machine",
    ),
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress on stderr; errors still show.", rich_help_panel="Output")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", rich_help_panel="Output")]
