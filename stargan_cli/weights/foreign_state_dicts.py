"""State dicts in PyTorch's own format (`.pth`, `.ckpt`) of other programs. Nothing in the files is run."""

from __future__ import annotations

import errno
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.errors import WeightsError, first_line, reason_of
from stargan_cli.files.opening import open_regular
from stargan_cli.weights.foreign_files import START, stand_in

MOST_OF_A_REASON = 160


def read_state_dict(path: Path, hint: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU: those of the file or of its entry `state_dict`. Raises WeightsError, with `hint`, if
    the file is anything else."""
    try:
        with open_regular(path) as file:
            found = stand_in(file.read(START))
    except OSError as error:
        raise WeightsError(f"{path} is refused: {reason_of(error)}", hint) from error
    if found:
        raise WeightsError(f"{path} is refused: it is {found[0]}", found[1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises almost any type, depending on which bytes are damaged
        raise WeightsError(f"{path} is refused: {_why_not_read(error)}", hint) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"{path} is refused: it holds no state dict", hint)
    for name, value in content.items():
        if isinstance(value, dict):
            alone = f"torch.save(torch.load({path.name!r})[{name!r}], 'alone.ckpt')"
            raise WeightsError(f"{path} is refused: its entry {name!r} is a dict of its own", f"save it alone: {alone}")
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{path} is refused: {name!r} is no tensor", hint)
    return content


def _why_not_read(error: Exception) -> str:
    """Why `torch.load` failed, without its advice to load the file in the unsafe way."""
    text = str(error)
    if found := re.search(r"GLOBAL ([\w.]+)", text):
        return f"it holds more than tensors ({found[1]}), which could run code"
    if "TorchScript" in text:
        return "it is a TorchScript archive, not a state dict"
    unknown_byte = isinstance(error, LookupError)  # all that the unpickler then says is the byte's number
    if unknown_byte or "weights_only" in text:
        return "it is not a state dict, or is damaged"
    if isinstance(error, OSError) and error.errno != errno.EINVAL:  # torch raises EINVAL for truncated zip archives
        return error.strerror or text
    return f"it is damaged or not a PyTorch checkpoint ({first_line(error)})"


def why_not_loaded(error: Exception) -> str:
    """Why `load_state_dict` failed, or a look-up of a tensor. The first line of the former's error says only that."""
    if isinstance(error, KeyError):
        return f"it has no tensor {error.args[0]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[1] if len(lines) > 1 and lines[0].startswith("Error(s) in loading") else " ".join(lines[:1])
    return text if len(text) <= MOST_OF_A_REASON else f"{text[:MOST_OF_A_REASON]}…"
