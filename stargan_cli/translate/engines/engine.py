"""An engine runs the generator of `translate`: torch, or another library where one is faster.

Every engine gives the same pictures as torch: in fp32 within 1/255, in bf16 with a PSNR of 40 dB or more. On the same
machine and with the same batch size, an engine always gives the same bytes.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from stargan_cli.device import pick_device, pick_precision
from stargan_cli.errors import UsageError
from stargan_cli.model import Generator, Translation
from stargan_cli.translate.engines.torch_engine import TorchEngine

ENGINES = ("torch", "openvino", "onnxruntime")


class Engine(Protocol):
    def translate(self, pictures: Tensor, labels: Tensor) -> Translation:
        """As `Generator.translate`, for float32 pictures (N, 3, S, S) and labels on the engine's device."""


def pick_engine_device(engine: str, device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """The device and number type of an engine: as `pick_device` and `pick_precision` give. Raises UsageError if it
    does not support them."""
    if engine not in ENGINES:
        raise UsageError(f"unknown engine {engine!r}", f"use {', '.join(ENGINES)}; on the command line, also ray")
    if engine == "torch":
        where = pick_device(device)
        return where, pick_precision(precision, where)
    if device not in ("auto", "cpu"):
        raise UsageError(f"{engine} is used on the CPU alone, not on {device}", "use --engine torch, or --device cpu")
    where = pick_device("cpu")
    if engine == "onnxruntime":
        if precision not in ("auto", "fp32"):
            raise UsageError(f"onnxruntime computes in fp32 on the CPU, not in {precision}", "use another --engine")
        return where, torch.float32
    return where, pick_precision(precision, where)


def make_engine(
    name: str, generator: Generator, device: torch.device, precision: torch.dtype, compiled: bool = False
) -> Engine:
    """Raises UsageError if the engine's packages are missing, and for `compiled` with another engine than torch."""
    if name == "torch":
        return TorchEngine(generator, device, precision, compiled)
    if compiled:
        raise UsageError(f"--compile works with --engine torch alone: not with --engine {name}")
    from stargan_cli.translate.engines.onnx_engines import OnnxRuntimeEngine, OpenVinoEngine  # slow to import

    return (OpenVinoEngine if name == "openvino" else OnnxRuntimeEngine)(generator, precision)
