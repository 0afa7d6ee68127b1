"""Options that several commands share, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

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
    typer.Option("--device", help="auto, cpu, cuda, cuda:1, mps, ...", rich_help_panel="Machine"),
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


def listed(text: str | None) -> tuple[str, ...]:
    """The names in `Black_Hair, Blond_Hair`; none where nothing was given."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
