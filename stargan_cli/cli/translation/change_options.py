"""What `stargan translate` changes: the options about targets and faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import one_of, set_words
from stargan_cli.cli.options import FILE

CHANGE, FACES = "What to change", "Faces"

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Pictures, folders or tar archives, also as URLs (s3://bucket/folder). {0000..0099} stands for a row of "
        "names: 'shards/{0000..0099}.tar'. - translates one picture from stdin to stdout.",
    ),
]
Spec = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME,…",
        help="Sets attributes: blond, no-young, blond=0.5, male=flip. `stargan info` lists them.",
        autocompletion=set_words,
        rich_help_panel=CHANGE,
    ),
]
Each = Annotated[
    bool,
    typer.Option(
        "--each",
        help="Writes one output for each name in --set, or for each attribute of the weights, in folders named after "
        "the targets (blond, old). Without --set, gender, age and the like are turned into their opposite.",
        rich_help_panel=CHANGE,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="What the pictures show now: CSV from Excel, LibreOffice, pandas or R, CelebA's list_attr, or JSONL, with "
        "a column called path or name. Without it, the weights' discriminator reads the pictures.",
        rich_help_panel=CHANGE,
        **FILE,
    ),
]
Rest = Annotated[
    str | None,
    typer.Option(
        help="off: treat attributes given by neither --set nor --labels as absent.",
        **one_of("off"),
        rich_help_panel=CHANGE,
    ),
]
Strength = Annotated[
    float,
    typer.Option(
        help="Strength of the changes (above 0; 1 is as trained). Values other than 1 need weights with a mask.",
        rich_help_panel=CHANGE,
    ),
]
Faces = Annotated[
    str,
    typer.Option(
        help="auto finds faces, but translates a picture that already is a face crop as a whole; always finds faces in "
        "every picture; off translates the centred square of every picture.",
        **one_of("auto", "always", "off"),
        rich_help_panel=FACES,
    ),
]
Face = Annotated[
    str, typer.Option(help="Changes all faces, or the largest.", **one_of("all", "largest"), rich_help_panel=FACES)
]
MaxFaces = Annotated[
    int | None,
    typer.Option(
        min=1, help="Changes at most this many faces of a picture, the largest ones (1 or more).", rich_help_panel=FACES
    ),
]
MinFace = Annotated[
    int, typer.Option(min=1, help="Leaves faces below this height alone (px, 1 or more).", rich_help_panel=FACES)
]
CopyOthers = Annotated[
    bool,
    typer.Option(
        "--copy-others",
        help="Copies pictures without a face to the output folder: the same file, with all its metadata, if the format "
        "stays, else converted as outputs are. They count as skipped; one that the new format cannot hold fails.",
        rich_help_panel=FACES,
    ),
]
