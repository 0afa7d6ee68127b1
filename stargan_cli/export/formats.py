"""The export formats: how each is written, how its runtime opens it, and how far it may differ from its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from stargan_cli.device import PRECISIONS
from stargan_cli.errors import UsageError
from stargan_cli.export.check import Runtime, Tolerance
from stargan_cli.export.job import ExportJob
from stargan_cli.export.onnx_file import OTHER_ENCODINGS, open_onnx, write_onnx
from stargan_cli.export.reference_format import (
    read_reference,
    reference_discriminator,
    reference_generator,
    require_reference_layout,
)
from stargan_cli.export.torch_files import in_memory, open_pt2, open_torchscript, write_pt2, write_torchscript
from stargan_cli.model import Discriminator, Generator
from stargan_cli.weights.files import load, save

REFERENCE_ENDING = "-G.ckpt"
_LOSSY = {"fp16": Tolerance(psnr=40), "bf16": Tolerance(psnr=30), "int8": Tolerance(psnr=25, only="real")}


@dataclass(frozen=True)
class OpenedFile:
    """A written file, opened by its runtime, and the discriminator that it holds, if any."""

    runtime: Runtime
    discriminator: Discriminator | None = None


@dataclass(frozen=True)
class ExportFormat:
    """One export format.

    `precisions` are the number types that it can be written in. `runs`: the file is a program with inputs and outputs,
    not tensors alone. `exact` is the greatest difference of an fp32 file from its source, on the scale [-1, 1].
    `misread`: suffixes by which programs take a file of this format for another.
    """

    suffix: str
    precisions: tuple[str, ...]
    runs: bool
    exact: float
    write: Callable[[ExportJob, tuple[Path, ...]], None]
    open: Callable[[ExportJob, tuple[Path, ...]], OpenedFile]
    misread: tuple[str, ...] = ()

    def targets(self, out: Path, discriminator: bool) -> tuple[Path, ...]:
        """The files to write for `out`; the reference has a file for each of the two networks. Raises UsageError."""
        if self.suffix != REFERENCE_ENDING:
            return (out,)
        if not out.name.endswith(REFERENCE_ENDING):
            raise UsageError(
                f"the reference implementation would not look for a checkpoint named {out}",
                f"end it in {REFERENCE_ENDING}: 200000-G.ckpt is what its --test_iters 200000 and --resume_iters read",
            )
        second = out.with_name(out.name.removesuffix(REFERENCE_ENDING) + "-D.ckpt")
        return (out, second) if discriminator else (out,)

    def tolerance(self, precision: str, uint8: bool) -> Tolerance:
        if precision != "fp32":
            return _LOSSY[precision]
        return Tolerance(maximum=1.0 if uint8 else self.exact)


def _network(generator: Generator) -> Runtime:
    return lambda image, label: generator(image, label)


def _write_safetensors(job: ExportJob, paths: tuple[Path, ...]) -> None:
    discriminator = job.exported_discriminator.state_dict() if job.exported_discriminator is not None else None
    given, heads = job.weights, job.weights.feature_heads if job.discriminator else None
    save(paths[0], given.card, given.generator.state_dict(), discriminator, PRECISIONS[job.precision], heads)


def _open_safetensors(job: ExportJob, paths: tuple[Path, ...]) -> OpenedFile:
    weights = load(str(paths[0]))
    return OpenedFile(_network(weights.generator), weights.discriminator)


def _write_reference(job: ExportJob, paths: tuple[Path, ...]) -> None:
    states = [reference_generator(job.weights.generator)]
    if job.exported_discriminator is not None:
        states.append(reference_discriminator(job.exported_discriminator))
    require_reference_layout(job.weights.card.layout)
    for state, path in zip(states, paths, strict=True):
        path.write_bytes(in_memory(partial(torch.save, state)))


def _open_reference(job: ExportJob, paths: tuple[Path, ...]) -> OpenedFile:
    card = job.weights.card
    model = read_reference(paths[0], paths[1] if len(paths) > 1 else None, card.layout, card.model.image_size)
    generator, discriminator = model.networks()
    return OpenedFile(_network(generator), discriminator)


def _opened_by(open: Callable[[Path], Runtime]) -> Callable[[ExportJob, tuple[Path, ...]], OpenedFile]:
    return lambda job, paths: OpenedFile(open(paths[0]))


EXPORT_FORMATS = {
    "safetensors": ExportFormat(
        ".safetensors", ("fp32", "fp16", "bf16"), False, 1e-5, _write_safetensors, _open_safetensors
    ),
    "ckpt": ExportFormat(REFERENCE_ENDING, ("fp32",), False, 1e-5, _write_reference, _open_reference),
    "onnx": ExportFormat(
        ".onnx", ("fp32", "fp16", "int8"), True, 1e-4, write_onnx, _opened_by(open_onnx), OTHER_ENCODINGS
    ),
    "pt2": ExportFormat(".pt2", ("fp32",), True, 1e-5, write_pt2, _opened_by(open_pt2)),
    "torchscript": ExportFormat(".pt", ("fp32",), True, 1e-5, write_torchscript, _opened_by(open_torchscript)),
}
