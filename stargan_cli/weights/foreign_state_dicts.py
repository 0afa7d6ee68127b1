"""State dicts in PyTorch's own format (`.pth`, `.ckpt`) of other programs. Nothing in the files is run."""

from __future__ import annotations

import errno
import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.errors import WeightsError, reason_of
from stargan_cli.files.opening import require_regular

MOST_OF_A_REASON = 160


def read_state_dict(path: Path, hint: str) -> dict[str, Tensor]:
    """Tensors by name, on the CPU. Raises WeightsError, with `hint`, where the file is anything else."""
    try:
        require_regular(path)
    except OSError as error:
        raise WeightsError(f"{path} is refused: {reason_of(error)}", hint) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load has no error of its own: what it raises depends on where the bytes break
        raise WeightsError(f"{path} is refused: {_why_not_read(error)}", hint) from error
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"{path} is refused: it holds no state dict", hint)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{path} is refused: {name!r} is no tensor", hint)
    return content


def _why_not_read(error: Exception) -> str:
    """The reason of `torch.load`, in words that do not tempt anyone to run the file."""
    text = str(error)
    if found := re.search(r"GLOBAL ([\w.]+)", text):
        return f"it holds more than tensors ({found[1]}), which could run code"
    if "TorchScript" in text:
        return "it is a TorchScript archive, not a state dict"
    if "weights_only" in text:
        return "it is not a state dict, or is damaged"
    if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which it raises for zip archives that are cut
        return error.strerror or text
    first = text.splitlines()[0] if text else type(error).__name__
    return f"it is damaged or not a PyTorch checkpoint ({first})"


def why_not_loaded(error: Exception) -> str:
    """The reason of `load_state_dict`, whose first line only says that something is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[1] if len(lines) > 1 and lines[0].startswith("Error(s) in loading") else " ".join(lines[:1])
    return text if len(text) <= MOST_OF_A_REASON else f"{text[:MOST_OF_A_REASON]}…"
