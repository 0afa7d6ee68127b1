"""How `stargan translate` runs: the options about reports, what it prints, and the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import one_of
from stargan_cli.cli.options import FILE
from stargan_cli.settings import MACHINE, OUTPUT, RUN

Grid = Annotated[
    Path | None,
    typer.Option(help="Writes a contact sheet: sources and results side by side.", rich_help_panel=RUN, **FILE),
]
Gallery = Annotated[
    Path | None,
    typer.Option(
        help="Writes an HTML page with a before and after slider for each picture; with --size model, both side by "
        "side.",
        rich_help_panel=RUN,
        **FILE,
    ),
]
GalleryAssets = Annotated[
    bool,
    typer.Option(
        "--gallery-assets",
        help="Puts all pictures of --gallery into a folder beside the page. By default the page holds the first 1000.",
        rich_help_panel=RUN,
    ),
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        help="Writes a JSONL file, one row per output: source, output, status, reason, labels. Has all "
        "failures; --json has the first 20.",
        rich_help_panel=RUN,
        **FILE,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Says what would be written, and writes nothing.", rich_help_panel=RUN)
]
Shard = Annotated[
    str | None,
    typer.Option(
        help="Translates one share of the pictures: 3/16 is the third of sixteen, so that sixteen runs share one job. "
        "auto takes the share from torchrun (also the default there) or the Slurm array. The name of --manifest gets "
        "the shard's number.",
        metavar="3/16|auto",
        rich_help_panel=RUN,
    ),
]
MergeManifests = Annotated[
    Path | None,
    typer.Option(
        help="Joins the manifests of shards, given as INPUTs, into one; translates nothing.",
        rich_help_panel=RUN,
        **FILE,
    ),
]
Watch = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Keeps running, and translates pictures as they arrive in the INPUT folders, until Ctrl-C. The exit code "
        "is 0, or 1 if a picture failed and was not translated later.",
        rich_help_panel=RUN,
    ),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Stops at the first picture that fails.", rich_help_panel=RUN)
]
PrintPaths = Annotated[
    bool,
    typer.Option("--print", help="Prints the path of every output on stdout, one a line.", rich_help_panel=OUTPUT),
]
Print0 = Annotated[
    bool,
    typer.Option("--print0", help="Like --print, but ends each path with NUL, for xargs -0.", rich_help_panel=OUTPUT),
]
NewOnly = Annotated[
    bool,
    typer.Option(
        "--new-only",
        help="Limits --print, --print0 and --json to outputs that this call made; by default they also list those of "
        "earlier calls. `--print new` is short for --print --new-only: an INPUT called new is written ./new there.",
        rich_help_panel=OUTPUT,
    ),
]
BatchSize = Annotated[
    str,
    typer.Option(
        help="Pictures in a batch (1 or more, or auto); halved when memory runs out.", rich_help_panel=MACHINE
    ),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Number type that the networks compute in; auto takes bf16 if an x86 processor or a GPU has "
        "instructions for it, else fp32. fp16 is for GPUs.",
        **one_of("auto", "fp32", "bf16", "fp16"),
        rich_help_panel=MACHINE,
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="Library that runs the network; ray runs torch on all machines of a Ray cluster. All but torch need "
        "the extra of their name (onnxruntime: onnx).",
        **one_of("torch", "openvino", "onnxruntime", "ray"),
        rich_help_panel=MACHINE,
    ),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile",
        help="Lets torch compile the network first. This takes about a minute, and on a CPU needs a C++ compiler.",
        rich_help_panel=MACHINE,
    ),
]
