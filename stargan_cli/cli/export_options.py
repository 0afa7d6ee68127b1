"""The options of `stargan export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import WEIGHTS, attribute_names, one_of
from stargan_cli.cli.options import DIR, FILE

CHECKPOINTS = "Checkpoints"

Source = Annotated[
    str,
    typer.Argument(
        help="A .safetensors file, a bundled name, hf://owner/repo, or N-G.ckpt of StarGAN's reference code.",
        **WEIGHTS,
    ),
]
To = Annotated[
    str,
    typer.Option("--to", help="Format of the file.", **one_of("onnx", "pt2", "torchscript", "safetensors", "ckpt")),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="File to write. By default named after WEIGHTS, in the current folder.", **FILE),
]
Precision = Annotated[
    str,
    typer.Option(
        "--precision",
        help="Number type: fp32 in every format; safetensors also fp16, bf16; onnx also fp16, int8.",
        **one_of("fp32", "fp16", "bf16", "int8"),
    ),
]
Uint8 = Annotated[
    bool,
    typer.Option("--uint8", help="For onnx, pt2, torchscript: input and output are RGB bytes (N, S, S, 3)."),
]
NoDiscriminator = Annotated[
    bool,
    typer.Option(
        "--no-discriminator",
        help="For safetensors and ckpt: leaves out the discriminator, which reads source labels.",
    ),
]
Pictures = Annotated[
    Path | None,
    typer.Option(
        "--pictures",
        help="Folder of real pictures on which the file is compared with WEIGHTS, and int8 is calibrated.",
        **DIR,
    ),
]
Raw = Annotated[
    bool,
    typer.Option(
        "--raw", help="For RUN/checkpoints/N.safetensors: exports the trained generator, not its moving average."
    ),
]
Mean = Annotated[
    list[str] | None,
    typer.Option(
        "--mean",
        help="Exports the mean of WEIGHTS and these weights, which must be of the same model. Repeat it for more; "
        "weights that are given twice count twice.",
        **WEIGHTS,
    ),
]
Strength = Annotated[
    float,
    typer.Option(
        "--strength", help="Strength of the changes: multiplies the odds of the mask (above 0; 1 is as trained)."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replaces files that exist.")]
Attrs = Annotated[
    str | None,
    typer.Option(
        "--attrs",
        metavar="A,B,...",
        help="Attributes of the reference code's checkpoint, in the order of training.",
        autocompletion=attribute_names,
        rich_help_panel=CHECKPOINTS,
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        "--classes",
        metavar="A,B,...",
        help="Exclusive classes of the checkpoint, such as RaFD's expressions. They follow --attrs in the label if "
        "it has both.",
        rich_help_panel=CHECKPOINTS,
    ),
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="A,B,...",
        help="Attributes of which at most one is on; hair colours are known already. Repeat it for more groups.",
        autocompletion=attribute_names,
        rich_help_panel=CHECKPOINTS,
    ),
]
Discriminator = Annotated[
    Path | None,
    typer.Option(
        "--discriminator",
        help="Discriminator of the checkpoint (N-D.ckpt).",
        rich_help_panel=CHECKPOINTS,
        **FILE,
    ),
]
ImageSize = Annotated[
    int | None,
    typer.Option(
        "--image-size",
        help="Side of the checkpoint's pictures (px). By default 128 or, with --discriminator, the least that its "
        "tensors allow: with six layers, the next multiple of 64 below.",
        rich_help_panel=CHECKPOINTS,
    ),
]
