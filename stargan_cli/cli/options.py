"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.setting_options import option_of
from stargan_cli.datasets.choice import DataChoice

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
        help="Weights: a .safetensors file, the name of bundled ones, or hf://owner/repo or hf://owner/repo/file.",
        rich_help_panel="Model",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", help="Where the networks compute: auto, cpu, cuda, cuda:1, mps.", rich_help_panel="Machine"
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option("--precision", help="auto, fp32, bf16 or fp16.", rich_help_panel="Machine"),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What runs the network: torch, openvino or onnxruntime; or ray: a Ray cluster, with torch.",
        rich_help_panel="Machine",
    ),
]
CompileOption = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Let torch compile the network first: takes about a minute, and a C++ compiler on a CPU.",
        rich_help_panel="Machine",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Threads that read and write pictures.", rich_help_panel="Machine"),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress on stderr; errors still show.", rich_help_panel="Output")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", rich_help_panel="Output")]
