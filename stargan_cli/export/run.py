"""`export`: weights -> files that other programs run, and other programs' checkpoints -> weights.

A file is moved to its place only after its runtime has reproduced the source's outputs, within the format's tolerance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.errors import DataError, ExportError, OutputError, PictureError, UsageError, reason_of
from stargan_cli.export.check import BATCHES, Check, Tolerance, compare, compare_discriminators, random_pictures
from stargan_cli.export.facts import facts_of, metadata_of
from stargan_cli.export.formats import EXPORT_FORMATS, ExportFormat
from stargan_cli.export.job import ExportJob
from stargan_cli.files.atomic import sync_file, sync_folder
from stargan_cli.files.packaged import packaged
from stargan_cli.files.scratch import scratch_folder
from stargan_cli.files.writable import require_file
from stargan_cli.pictures.listing import pictures_below
from stargan_cli.pictures.tensors import load_square
from stargan_cli.progress import Progress, silent
from stargan_cli.weights.files import Weights

MOST_EXAMPLES = 100


@dataclass(frozen=True)
class ExportSettings:
    """What to write. `pictures` is a folder of real pictures, to compare on and to calibrate int8 on."""

    format: str
    precision: str = "fp32"
    _: KW_ONLY
    uint8: bool = False
    discriminator: bool = True
    pictures: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for settings that exclude each other."""
        if self.format not in EXPORT_FORMATS:
            raise UsageError(f"unknown format {self.format!r}", f"use one of: {', '.join(EXPORT_FORMATS)}")
        kind = EXPORT_FORMATS[self.format]
        if self.precision not in kind.precisions:
            raise UsageError(
                f"{self.format} cannot be written in {self.precision}", f"use one of: {', '.join(kind.precisions)}"
            )
        if self.uint8 and not kind.runs:
            raise UsageError(f"{self.format} holds tensors alone: it has no input that could take bytes (--uint8)")
        if self.precision == "int8" and self.pictures is None:
            raise UsageError(
                "int8 is calibrated on real pictures",
                "give a folder of pictures like those to translate, with --pictures",
            )


@dataclass(frozen=True)
class Exported:
    """`files` are the written files, the generator's first. `checks` compare them with `weights`."""

    files: tuple[Path, ...]
    weights: Weights
    settings: ExportSettings
    calibration_pictures: int
    tolerance: Tolerance
    checks: tuple[Check, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON document. The files must be in their places."""
        return {"files": [{"path": str(path), "bytes": path.stat().st_size} for path in self.files], **self.about()}

    def about(self) -> dict[str, Any]:
        """What `to_dict` says besides the files."""
        return {
            **facts_of(self.weights),
            "format": self.settings.format,
            "precision": self.settings.precision,
            "uint8": self.settings.uint8,
            "calibration_pictures": self.calibration_pictures,
            "tolerance": str(self.tolerance),
            "checks": [asdict(check) for check in self.checks],
        }


def default_name(source: Path, settings: ExportSettings, strength: float = 1) -> str:
    """`celeba-128-strength-2-fp16.onnx` for celeba-128.safetensors with `--strength 2` in fp16."""
    parts = [
        source.stem,
        *([] if strength == 1 else [f"strength-{strength:g}"]),
        *([] if settings.precision == "fp32" else [settings.precision]),
        *(["uint8"] if settings.uint8 else []),
    ]
    return "-".join(parts) + EXPORT_FORMATS[settings.format].suffix


def export(weights: Weights, settings: ExportSettings, out: Path, progress: Progress = silent) -> Exported:
    """Write `weights` to `out`, and the results of its checks to `out`.json, which is there before `out` is.

    Raises ExportError if the file differs by more than its format allows: then `out` is not written.
    """
    kind = EXPORT_FORMATS[settings.format]
    targets = _targets(weights, settings, out)
    size = weights.card.model.image_size
    shown = settings.pictures or packaged("_faces", "examples/faces")
    pixels = load_pictures(shown, size) if settings.pictures or shown.is_dir() else None
    progress(0, 3, "writing")
    with _temporary_folder(out) as folder:
        written = tuple(folder / target.name for target in targets)
        precision, uint8 = settings.precision, settings.uint8
        job = ExportJob(weights, precision, uint8, settings.discriminator, metadata_of(weights), pixels)
        kind.write(job, written)
        progress(1, 3, "checking")
        checks = _check(kind, job, written)
        tolerance = kind.tolerance(precision, uint8)
        progress(2, 3, "checking")
        _refuse_differences(checks, tolerance, out)
        calibration = len(pixels) if pixels is not None and settings.precision == "int8" else 0
        result = Exported(targets, weights, settings, calibration, tolerance, tuple(checks))
        record = {"files": [target.name for target in targets], **result.about()}
        _record(folder / out.name).write_text(f"{json.dumps(record, indent=2)}\n", encoding="utf-8")
        _put(folder, (_record(out), *reversed(targets)))
    progress(3, 3)
    return result


def load_pictures(folder: Path, size: int) -> Tensor:
    """The first hundred readable pictures of a folder: uint8 (N, 3, size, size). Raises DataError without any."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder" if folder.exists() else f"no such folder: {folder}")
    pictures: list[Tensor] = []
    for path in pictures_below(folder):
        with suppress(PictureError):
            pictures.append(load_square(path, size))
        if len(pictures) == MOST_EXAMPLES:
            break
    if not pictures:
        raise DataError(f"no readable picture in {folder}")
    return torch.stack(pictures)


@contextmanager
def _temporary_folder(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out`, so that a finished file is renamed, not copied. Raises OutputError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(out.parent, "export") as folder:
            yield folder
    except OSError as error:
        raise OutputError(f"cannot write {out}: {reason_of(error)}", "give another --out") from error


def _put(folder: Path, targets: tuple[Path, ...]) -> None:
    """Move the files of `folder` to their places, one right after the other."""
    for target in targets:
        sync_file(folder / target.name)
    for target in targets:
        os.replace(folder / target.name, target)
    sync_folder(targets[0].parent)


def _record(out: Path) -> Path:
    return out.with_name(f"{out.name}.json")


def _targets(weights: Weights, settings: ExportSettings, out: Path) -> tuple[Path, ...]:
    kind, lower = EXPORT_FORMATS[settings.format], out.name.lower()
    targets = kind.targets(out, settings.discriminator and weights.discriminator is not None)
    inputs = [*(path for path, _ in weights.sources), *([settings.pictures] if settings.pictures else [])]
    for name, other in EXPORT_FORMATS.items():
        if name != settings.format and lower.endswith(other.suffix.lower()):
            raise UsageError(
                f"--out {out} has the suffix of {name}, but is to be written as {settings.format}",
                f"end it in {kind.suffix}, or use --to {name}",
            )
    if lower.endswith(kind.misread):
        raise UsageError(
            f"--out {out} has a suffix by which programs expect something else than {settings.format}",
            f"end it in {kind.suffix}",
        )
    if out.is_dir():
        raise UsageError(f"cannot write --out {out}: it is a folder", "give the name of a file")
    for target in (*targets, _record(out)):
        require_file(
            target,
            "--out",
            inputs=inputs,
            own=lambda path: False,
            overwrite=settings.overwrite,
            hint="give another --out",
        )
    return targets


def _check(kind: ExportFormat, job: ExportJob, written: tuple[Path, ...]) -> list[Check]:
    pictures = {"random": random_pictures(job.weights.card.model.image_size)}
    if job.pixels is not None:
        pictures["real"] = job.pixels[torch.arange(max(BATCHES)) % len(job.pixels)]
    opened = kind.open(job, written)
    checks = compare(opened.runtime, job.weights.generator, pictures, job.uint8)
    if opened.discriminator is not None and job.exported_discriminator is not None:
        checks += compare_discriminators(opened.discriminator, job.exported_discriminator, pictures)
    return checks


def _refuse_differences(checks: list[Check], tolerance: Tolerance, out: Path) -> None:
    for check in checks:
        if not tolerance.allows(check):
            level = "identical" if check.psnr is None else f"{check.psnr:.1f} dB"
            raise ExportError(
                f"{out} was not written: on {check.pictures} pictures, batch {check.batch}, it differs by up to "
                f"{check.maximum:.3g} ({level}); {tolerance} is allowed",
                "another --precision is closer to the source",
            )
