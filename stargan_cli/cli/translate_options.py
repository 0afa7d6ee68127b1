"""The options of `stargan translate`, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import one_of, set_words
from stargan_cli.cli.options import FILE
from stargan_cli.train.recipe.settings import MACHINE

CHANGE, FACES, FILES, RUN = "What to change", "Faces", "Files", "Run"

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
    typer.Option("--print", help="Prints the path of every output on stdout, one a line.", rich_help_panel="Output"),
]
Print0 = Annotated[
    bool,
    typer.Option("--print0", help="Like --print, but ends each path with NUL, for xargs -0.", rich_help_panel="Output"),
]
NewOnly = Annotated[
    bool,
    typer.Option(
        "--new-only",
        help="Limits --print, --print0 and --json to outputs that this call made; by default they also list those of "
        "earlier calls. `--print new` is short for --print --new-only: an INPUT called new is written ./new there.",
        rich_help_panel="Output",
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
