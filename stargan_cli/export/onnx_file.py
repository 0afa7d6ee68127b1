"""ONNX files: fp32, fp16 and statically quantised int8, for ONNX Runtime on servers, phones and web pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.export.check import Runtime, file_input, random_labels
from stargan_cli.export.job import ExportJob
from stargan_cli.graphs.interfaces import OUTPUT, export_program
from stargan_cli.graphs.onnx_graph import IR_VERSION, as_onnx, quiet
from stargan_cli.packages import import_package

OTHER_ENCODINGS = (".json", ".onnxjson", ".onnxtext", ".onnxtxt", ".ort", ".pbtxt", ".prototxt", ".textproto", ".txtpb")
"""Suffixes by which the package onnx, or ONNX Runtime, expects another encoding than that of .onnx files."""


def require_onnx() -> None:
    """Raises UsageError where the packages that write and run ONNX files are not installed."""
    for package in ("onnx", "onnxruntime", "onnxscript"):
        import_package(package, "writing ONNX files", "stargan-cli[export]")


def write_onnx(job: ExportJob, paths: tuple[Path, ...]) -> None:
    """Write an ONNX file; int8 is calibrated on the job's pictures. Raises UsageError."""
    require_onnx()
    import onnx

    (path,) = paths
    model = as_onnx(export_program(job.weights.generator, job.uint8), [OUTPUT])
    if job.precision == "fp16":
        model = _half(model)
    elif job.precision == "int8":
        assert job.pixels is not None
        onnx.save(model, path)
        _quantise(path, job.pixels, job.weights.card.model.label_dim, job.uint8)
        model = onnx.load(path)
    _tidy(model, job.metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def open_onnx(path: Path) -> Runtime:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(image: Tensor, label: Tensor) -> Tensor:
        (picture,) = session.run([OUTPUT], {"image": image.numpy(), "label": label.numpy()})
        return torch.from_numpy(picture)

    return run


def _half(model: Any) -> Any:
    """Convert weights and arithmetic to fp16. Inputs and outputs stay fp32, and so does instance normalisation, whose
    sums overflow fp16."""
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    half = convert_float_to_float16(model, keep_io_types=True, op_block_list=["InstanceNormalization", "Resize"])
    ordered = OnnxModel(half)
    ordered.topological_sort()
    return ordered.model


def _quantise(path: Path, pixels: Tensor, label_dim: int, uint8: bool) -> None:
    """Quantise weights and activations of the convolutions to 8 bits, in place. The first and the last convolution stay
    fp32: they hold under 1 % of the weights, and their rounding errors are visible in the picture."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Pictures(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            labels = random_labels(len(pixels), label_dim)
            self.pairs = iter(zip(pixels[:, None], labels[:, None], strict=True))

        def get_next(self) -> dict[str, Any] | None:
            pair = next(self.pairs, None)
            return pair and {"image": file_input(pair[0], uint8).numpy(), "label": pair[1].numpy()}

    with quiet():
        quantize_static(
            path,
            path,
            Pictures(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "ConvTranspose"],
            nodes_to_exclude=_outer_convolutions(path),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def _outer_convolutions(path: Path) -> list[str]:
    import onnx

    names = [node.name for node in onnx.load(path).graph.node if node.op_type == "Conv"]
    return [names[0], names[-1]]


def _tidy(model: Any, metadata: dict[str, str]) -> None:
    """Name the batch dimension, add `metadata`, and remove the exporter's notes about source lines."""
    from onnx import helper

    model.ir_version = IR_VERSION
    graph = model.graph
    for item in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer, graph):
        del item.metadata_props[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]
    model.producer_name, model.producer_version = "stargan", ""
    helper.set_model_props(model, metadata)
