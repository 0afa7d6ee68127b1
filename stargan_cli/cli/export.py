"""`stargan export`: write weights for other programs, and import checkpoints of the reference code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stargan_cli.cli.completion import WEIGHTS, attribute_names, one_of
from stargan_cli.cli.options import DIR, FILE, JsonOption, QuietOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.errors import UsageError
from stargan_cli.settings import listed

if TYPE_CHECKING:
    from stargan_cli.export.run import Exported


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="A .safetensors file, a bundled name, hf://owner/repo, or N-G.ckpt of StarGAN's reference code.",
            **WEIGHTS,
        ),
    ],
    to: Annotated[
        str,
        typer.Option("--to", help="Format of the file.", **one_of("onnx", "pt2", "torchscript", "safetensors", "ckpt")),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File to write. By default named after WEIGHTS, in the current folder.", **FILE
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="Number type: fp32 in every format; safetensors also fp16, bf16; onnx also fp16, int8.",
            **one_of("fp32", "fp16", "bf16", "int8"),
        ),
    ] = "fp32",
    uint8: Annotated[
        bool,
        typer.Option("--uint8", help="For onnx, pt2, torchscript: input and output are RGB bytes (N, S, S, 3)."),
    ] = False,
    no_discriminator: Annotated[
        bool,
        typer.Option(
            "--no-discriminator",
            help="For safetensors and ckpt: leaves out the discriminator, which reads source labels.",
        ),
    ] = False,
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures",
            help="Folder of real pictures on which the file is compared with WEIGHTS, and int8 is calibrated.",
            **DIR,
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="For RUN/checkpoints/N.safetensors: exports the trained generator, not its moving average."
        ),
    ] = False,
    mean: Annotated[
        list[str] | None,
        typer.Option(
            "--mean",
            help="Exports the mean of WEIGHTS and these weights, which must be of the same model. Repeat it for more; "
            "weights that are given twice count twice.",
            **WEIGHTS,
        ),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(
            "--strength", help="Strength of the changes: multiplies the odds of the mask (above 0; 1 is as trained)."
        ),
    ] = 1.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replaces files that exist.")] = False,
    attrs: Annotated[
        str | None,
        typer.Option(
            "--attrs",
            metavar="A,B,...",
            help="Attributes of the reference code's checkpoint, in the order of training.",
            autocompletion=attribute_names,
            rich_help_panel="Checkpoints",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="A,B,...",
            help="Exclusive classes of the checkpoint, such as RaFD's expressions. They follow --attrs in the label if "
            "it has both.",
            rich_help_panel="Checkpoints",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="A,B,...",
            help="Attributes of which at most one is on; hair colours are known already. Repeat it for more groups.",
            autocompletion=attribute_names,
            rich_help_panel="Checkpoints",
        ),
    ] = None,
    discriminator: Annotated[
        Path | None,
        typer.Option(
            "--discriminator",
            help="Discriminator of the checkpoint (N-D.ckpt).",
            rich_help_panel="Checkpoints",
            **FILE,
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            "--image-size",
            help="Side of the checkpoint's pictures (px). By default 128 or, with --discriminator, the least that its "
            "tensors allow: with six layers, the next multiple of 64 below.",
            rich_help_panel="Checkpoints",
        ),
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write weights for other programs (ONNX Runtime, browsers, C++), or exchange checkpoints with the reference code.

    To import a checkpoint: stargan export 200000-G.ckpt --to safetensors --attrs Black_Hair,Blond_Hair,...

    Before a file is put in its place, its own runtime opens it, and its results are compared with those of WEIGHTS.
    """
    from stargan_cli.export.run import ExportSettings, default_name
    from stargan_cli.export.run import export as run
    from stargan_cli.export.sources import layout_of, open_source
    from stargan_cli.weights.derived import averaged, strengthened

    settings = ExportSettings(to, precision, uint8, not no_discriminator, pictures, overwrite)
    layout = layout_of(listed(attrs), listed(classes), [listed(text) for text in group or ()])
    if mean and discriminator:
        raise UsageError(
            "--discriminator is that of one checkpoint: not with --mean",
            "import each checkpoint with --to safetensors, then export the mean of these weights",
        )
    weights, *others = (open_source(each, layout, discriminator, image_size, raw) for each in (source, *(mean or ())))
    if others:
        weights = averaged([weights, *others])
    weights = strengthened(weights, strength)
    with show_progress("export", "steps", quiet) as progress:
        exported = run(weights, settings, out or Path(default_name(weights.path, settings, strength)), progress)
    typer.echo(json.dumps(exported.to_dict(), indent=2) if as_json else "\n".join(_lines(exported)))


def _lines(exported: Exported) -> list[str]:
    lines = [f"{path}  {path.stat().st_size / 2**20:.1f} MiB" for path in exported.files]
    if exported.calibration_pictures:
        lines.append(f"calibrated on {exported.calibration_pictures} pictures")
    unit = "levels of 255" if exported.settings.uint8 else "units of [-1, 1]"
    lines.append(f"differs from {exported.weights.path.stem}, in {unit} ({exported.tolerance} allowed):")
    for check in exported.checks:
        level = "identical" if check.psnr is None else f"{check.psnr:.1f} dB"
        lines.append(
            f"  {check.pictures} pictures, batch {check.batch}: at most {check.maximum:.3g}, "
            f"mean {check.mean:.3g}, {level}"
        )
    return lines
