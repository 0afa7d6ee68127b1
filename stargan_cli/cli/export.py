"""`stargan export`: write weights for other programs, and import checkpoints of the reference code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stargan_cli.cli import export_options as option
from stargan_cli.cli.options import JsonOption, QuietOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.errors import UsageError
from stargan_cli.settings import listed

if TYPE_CHECKING:
    from stargan_cli.export.run import Exported


def export(
    source: option.Source,
    to: option.To,
    out: option.Out = None,
    precision: option.Precision = "fp32",
    uint8: option.Uint8 = False,
    no_discriminator: option.NoDiscriminator = False,
    pictures: option.Pictures = None,
    raw: option.Raw = False,
    mean: option.Mean = None,
    strength: option.Strength = 1.0,
    overwrite: option.Overwrite = False,
    attrs: option.Attrs = None,
    classes: option.Classes = None,
    group: option.Group = None,
    discriminator: option.Discriminator = None,
    image_size: option.ImageSize = None,
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

    settings = ExportSettings(
        to, precision, uint8=uint8, discriminator=not no_discriminator, pictures=pictures, overwrite=overwrite
    )
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
