"""Files that PyTorch runs, from Python and C++: `pt2` (an archive of torch.export) and TorchScript."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import torch

from stargan_cli.export.check import Runtime
from stargan_cli.export.job import ExportJob
from stargan_cli.graphs.interfaces import example_inputs, export_program, interface

ALIGNMENT, ENTRY_HEADER = 64, 30  # bytes


def in_memory(write: Callable[[BytesIO], object]) -> bytes:
    """The bytes that torch writes. Into a file, torch ends the process if the disk is full, and warns of some names."""
    with BytesIO() as file:
        write(file)
        return file.getvalue()


def write_pt2(job: ExportJob, paths: tuple[Path, ...]) -> None:
    program = export_program(job.weights.generator, job.uint8)
    paths[0].write_bytes(in_memory(lambda file: torch.export.save(program, file, extra_files=dict(job.metadata))))


def open_pt2(path: Path) -> Runtime:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch 2.4 warns of how it calls torch.load itself
        module = torch.export.load(BytesIO(path.read_bytes())).module()
    return lambda image, label: module(image, label)


def write_torchscript(job: ExportJob, paths: tuple[Path, ...]) -> None:
    generator = job.weights.generator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.jit is deprecated, and of checks of shapes in torch's layers
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            interface(generator, job.uint8), example_inputs(generator, job.uint8), check_trace=False
        )
        whole = in_memory(lambda file: torch.jit.save(traced, file, _extra_files=dict(job.metadata)))
        paths[0].write_bytes(_without_call_stacks(whole))


def _without_call_stacks(archive: bytes) -> bytes:
    """The TorchScript archive without the call stacks of its tracing, which name folders of this machine. As in torch's
    archives, the header of each entry is padded, so that data begin at multiples of ALIGNMENT."""
    with ZipFile(BytesIO(archive)) as whole, BytesIO() as kept:
        with ZipFile(kept, "w") as copy:
            for entry in whole.infolist():
                if not entry.filename.endswith(".debug_pkl"):
                    begins = kept.tell() + ENTRY_HEADER + len(entry.filename.encode()) + 4
                    padding = -begins % ALIGNMENT
                    entry.extra = b"FB" + padding.to_bytes(2, "little") + bytes(padding)
                    copy.writestr(entry, whole.read(entry))
        return kept.getvalue()


def open_torchscript(path: Path) -> Runtime:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    return lambda image, label: module(image, label)
