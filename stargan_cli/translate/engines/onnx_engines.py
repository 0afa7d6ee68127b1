"""The engines that run an ONNX file of the generator, on the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.graphs.interfaces import INPUTS
from stargan_cli.graphs.onnx_graph import write_parts
from stargan_cli.model import Generator, Translation, blended
from stargan_cli.packages import import_package


class _OnnxEngine:
    """Runs the generator from an ONNX file, whose outputs are colours and masks, and blends them with the pictures.

    Raises UsageError if `packages` are not installed.
    """

    packages: tuple[str, ...]
    extra: str

    def __init__(self, generator: Generator, precision: torch.dtype) -> None:
        for package in self.packages:
            import_package(package, f"--engine {self.packages[-1]}", f"stargan-cli[{self.extra}]")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "generator.onnx"
            write_parts(generator, path)
            self._run = self._open(path, precision)

    def _open(self, path: Path, precision: torch.dtype) -> Callable[[dict[str, Any]], Any]:
        raise NotImplementedError

    def translate(self, pictures: Tensor, labels: Tensor) -> Translation:
        values = dict(zip(INPUTS, (pictures.contiguous().numpy(), labels.contiguous().numpy()), strict=True))
        # copied: the library may use the same memory for the next batch
        colour, mask = (torch.from_numpy(part).clone() for part in self._run(values))
        return blended(pictures, colour, mask)


class OpenVinoEngine(_OnnxEngine):
    """OpenVINO's convolutions, for Intel and other x86 processors."""

    packages, extra = ("onnx", "onnxscript", "openvino"), "openvino"

    def _open(self, path: Path, precision: torch.dtype) -> Callable[[dict[str, Any]], Any]:
        import openvino

        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision is torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        core = openvino.Core()
        request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()

        def run(values: dict[str, Any]) -> Any:
            found = request.infer(values)
            return [found[number] for number in range(2)]

        return run


class OnnxRuntimeEngine(_OnnxEngine):
    """ONNX Runtime's convolutions, in fp32."""

    packages, extra = ("onnx", "onnxscript", "onnxruntime"), "onnx"

    def _open(self, path: Path, precision: torch.dtype) -> Callable[[dict[str, Any]], Any]:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        # threads that spin while they wait would take CPU time from decoding and encoding
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda values: session.run(None, values)
