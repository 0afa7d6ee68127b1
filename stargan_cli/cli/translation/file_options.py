"""Which files `stargan translate` writes: the options about outputs."""

from __future__ import annotations

from typing import Annotated

import typer

from stargan_cli.cli.completion import one_of

FILES = "Files"

Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        help="Output folder, or output file for a single picture; also as a URL. By default a folder in the current "
        "one: FOLDER-translated if the only INPUT is FOLDER, else translated.",
        metavar="DIR|FILE|URL",
        rich_help_panel=FILES,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        help="File format of the outputs; same keeps each picture's own.",
        **one_of("same", "png", "jpg", "webp", "bmp", "tiff", "gif"),
        rich_help_panel=FILES,
    ),
]
Frames = Annotated[
    str,
    typer.Option(
        help="all changes every frame of an animation and every page of a file; first writes only the first one.",
        **one_of("all", "first"),
        rich_help_panel=FILES,
    ),
]
Quality = Annotated[
    int,
    typer.Option(
        min=1, max=100, help="Quality of JPEG and WebP (1..100; WebP at 100 is lossless).", rich_help_panel=FILES
    ),
]
Size = Annotated[
    str,
    typer.Option(
        help="source puts the change into the picture at its own size; model writes only the network's square.",
        **one_of("source", "model"),
        rich_help_panel=FILES,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replaces outputs and reports that exist, even if stargan did not write them. Never replaces an INPUT. "
        "--manifest never replaces a file that is no manifest.",
        rich_help_panel=FILES,
    ),
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Skips every output whose file exists. By default, an existing output is skipped if stargan made it from "
        "the same picture, weights and settings and it is not older than the picture, or if stargan did not write it.",
        rich_help_panel=FILES,
    ),
]
InPlace = Annotated[
    bool,
    typer.Option(
        "--in-place",
        help="Replaces the pictures in the INPUT folder, which must also be --out. Keeps their EXIF block without the "
        "camera's own note, but neither other metadata nor links and extended attributes of the files.",
        rich_help_panel=FILES,
    ),
]
NoProvenance = Annotated[
    bool,
    typer.Option(
        "--no-provenance",
        help="Leaves out the note that outputs are generated. Later runs then leave the outputs alone, as files that "
        "stargan did not write.",
        rich_help_panel=FILES,
    ),
]
KeepMetadata = Annotated[
    bool,
    typer.Option(
        "--keep-metadata",
        help="Copies the source's EXIF block: camera, date, and location if there is one, but not the camera's own "
        "note. BMP and GIF cannot hold it, nor can JPEG if it is above 64 KiB. It is not read from JPEG 2000.",
        rich_help_panel=FILES,
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Refuses pictures with more pixels (1 or more; default 200 million).",
        rich_help_panel=FILES,
    ),
]
