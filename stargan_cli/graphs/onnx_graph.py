"""The generator as an ONNX graph."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from stargan_cli.graphs.interfaces import INPUTS, PartsInterface, as_program
from stargan_cli.model import Generator

OPSET, IR_VERSION = 18, 8
"""The lowest opset that torch writes without conversion, and the file version of its time. ONNX Runtime 1.14 (2023) and
TensorRT 8.6 read them, and later ones."""


def as_onnx(program: ExportedProgram, outputs: list[str]) -> Any:
    with quiet():
        made = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, input_names=list(INPUTS), output_names=outputs, verbose=False
        )
    assert made is not None
    return made.model_proto


def write_parts(generator: Generator, path: Path) -> None:
    """Write an ONNX file with PartsInterface, for the engines of `translate`."""
    import onnx

    program = as_program(PartsInterface(generator).eval(), generator)
    onnx.save(as_onnx(program, ["colour", "mask"]), path)


@contextmanager
def quiet() -> Iterator[None]:
    """Without log lines: the exporter and the quantiser log advice for their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
