"""Safetensors files, written tensor by tensor: the header's length, the header in JSON, the tensors' bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from stargan_cli.files.atomic import make_folder, open_new, replacement

TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""Safetensors' names of number types."""


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file under a temporary name beside `path`, with the permissions of any new file, and rename
    it. The tensors are contiguous and on the CPU. Raises OSError.

    The writer of safetensors is not used. It makes a temporary file of its own, which stays for ever if the process is
    killed, with the permissions 0600, which some file systems do not let their users change.
    """
    make_folder(path.parent)
    with replacement(path) as temporary, open_new(temporary, None) as file:
        _write(file, tensors, metadata)


def _write(file: BinaryIO, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    header: dict[str, Any] = {"__metadata__": metadata}
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))  # keeps numbers aligned
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.nbytes
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for _, tensor in ordered:
        file.write(tensor.reshape(-1).view(torch.uint8).numpy().data)
