"""The options of `stargan translate`, as its help shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CHANGE, FACES, FILES, RUN = "What to change", "Faces", "Files", "Run"

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Pictures, tars and folders of them, URLs such as s3://bucket/folder too, and rows of them: "
        "'shards/{0000..0099}.tar'; - is one picture from stdin to stdout.",
    ),
]
Spec = Annotated[
    str | None,
    typer.Option("--set", "-s", metavar="NAME,…", help="blond, no-young, blond=0.5, ...", rich_help_panel=CHANGE),
]
Each = Annotated[
    bool,
    typer.Option(
        "--each",
        help="An output per attribute of --set (without it: of the weights), in a subfolder each.",
        rich_help_panel=CHANGE,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="What the pictures show now: CelebA's list_attr, CSV or JSONL with a path or name column. "
        "Without it, the weights' own classifier reads it.",
        metavar="FILE",
        rich_help_panel=CHANGE,
    ),
]
Rest = Annotated[
    str | None,
    typer.Option(help="off: take whatever is neither in --set nor in --labels for off.", rich_help_panel=CHANGE),
]
Strength = Annotated[
    float,
    typer.Option(help="How far changes go: 1 as trained, 2 more, 0.5 less.", rich_help_panel=CHANGE),
]
Faces = Annotated[
    str,
    typer.Option(
        help="auto: find faces, but take a picture that is a face crop as it is; always: find faces in every "
        "picture; off: take each picture's centred square.",
        rich_help_panel=FACES,
    ),
]
Face = Annotated[str, typer.Option(help="Which faces of a picture to change: all or largest.", rich_help_panel=FACES)]
MaxFaces = Annotated[
    int | None, typer.Option(min=1, help="At most so many faces a picture, the largest.", rich_help_panel=FACES)
]
MinFace = Annotated[
    int, typer.Option(min=1, help="Leave smaller faces alone: height in pixels.", rich_help_panel=FACES)
]
CopyOthers = Annotated[bool, typer.Option("--copy-others", help="Copy pictures without a face.", rich_help_panel=FACES)]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        help="Output folder, or its URL; by default FOLDER-translated for one folder, else translated, where you are.",
        metavar="DIR|URL",
        rich_help_panel=FILES,
    ),
]
Format = Annotated[str, typer.Option(help="same, png, jpg, webp, bmp or tiff.", rich_help_panel=FILES)]
Quality = Annotated[int, typer.Option(min=1, max=100, help="For JPEG and WebP (100: lossless).", rich_help_panel=FILES)]
Size = Annotated[
    str,
    typer.Option(
        help="source: the change is put into the picture at its own size; model: the network's own square.",
        rich_help_panel=FILES,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Make every output anew, whatever is there.", rich_help_panel=FILES)
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Skip by name alone. Otherwise an output counts as done when it was made from the same picture with "
        "the same weights and settings, and is not older; and what stargan did not write is left alone.",
        rich_help_panel=FILES,
    ),
]
InPlace = Annotated[
    bool,
    typer.Option("--in-place", help="Let --out be the input folder: replaces your pictures.", rich_help_panel=FILES),
]
NoProvenance = Annotated[
    bool,
    typer.Option(
        "--no-provenance",
        help="Write no note into the outputs that they are generated; later runs then leave them as they are.",
        rich_help_panel=FILES,
    ),
]
KeepMetadata = Annotated[
    bool,
    typer.Option(
        "--keep-metadata",
        help="Copy the source's EXIF block: camera, date, and the location, where it has one.",
        rich_help_panel=FILES,
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Refuse larger pictures, which may be made to fill the memory; by default 200 million.",
        rich_help_panel=FILES,
    ),
]
Grid = Annotated[
    Path | None,
    typer.Option(help="Contact sheet: sources and results side by side.", metavar="FILE", rich_help_panel=RUN),
]
Gallery = Annotated[
    Path | None,
    typer.Option(help="HTML page with a before and after slider a picture.", metavar="FILE", rich_help_panel=RUN),
]
Manifest = Annotated[
    Path | None,
    typer.Option(help="JSONL, one row per output: labels, status, reason.", metavar="FILE", rich_help_panel=RUN),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written; write nothing.", rich_help_panel=RUN)
]
Shard = Annotated[
    str | None,
    typer.Option(
        help="The third of sixteen shares of the pictures, so that sixteen runs do one job side by side; "
        "auto: as torchrun (without this option too) or the Slurm array numbers them. A --manifest gets the "
        "shard's number into its name.",
        metavar="3/16|auto",
        rich_help_panel=RUN,
    ),
]
MergeManifests = Annotated[
    Path | None,
    typer.Option(
        help="Make one manifest of those of the shards, given as INPUTs, and translate nothing.",
        metavar="FILE",
        rich_help_panel=RUN,
    ),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first picture that fails.", rich_help_panel=RUN)
]
PrintPaths = Annotated[
    bool, typer.Option("--print", help="The written paths on stdout, one a line.", rich_help_panel="Output")
]
Print0 = Annotated[
    bool, typer.Option("--print0", help="The same, ended by NUL: for xargs -0.", rich_help_panel="Output")
]
BatchSize = Annotated[
    str,
    typer.Option(help="Pictures at once, or auto; halved when memory runs out.", rich_help_panel="Machine"),
]
