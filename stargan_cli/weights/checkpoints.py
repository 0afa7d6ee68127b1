"""Checkpoints of a training run: one safetensors file each, written whole, checked when read, the last few kept."""

from __future__ import annotations

import json
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.json_text import parsed_json
from stargan_cli.weights.files import open_tensors
from stargan_cli.weights.writing import save_tensors

CHECKPOINT_KEY, RECORD_CHECKSUM = "stargan_checkpoint", "stargan_checkpoint_crc32"


@dataclass(frozen=True)
class Checkpoint:
    """`tensors` by name, as `Trainer.state` gives them, and `record`: iteration, settings, what the data was."""

    path: Path
    tensors: dict[str, Tensor]
    record: dict[str, Any]


def save_checkpoint(
    folder: Path, iteration: int, tensors: dict[str, Tensor], record: dict[str, Any], keep: int
) -> Path:
    """Write `folder/ITERATION.safetensors`, keep the last `keep` checkpoints up to this one, and remove all others.
    Newer ones are damaged, or the run would have resumed from them. If writing raises OSError, nothing has been
    removed."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path = folder / f"{iteration:08d}.safetensors"
    text = json.dumps({**record, "iteration": iteration, "checksum": _checksum(plain)})
    save_tensors(path, plain, {CHECKPOINT_KEY: text, RECORD_CHECKSUM: _text_checksum(text)})
    kept = [file for file in _files(folder) if file.name <= path.name][-keep:]
    for file in _files(folder):
        if file not in kept:
            file.unlink(missing_ok=True)
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises ValueError with the reason if it is damaged, UsageError if the system does not let it
    be read, which may pass, or if its path is not in UTF-8."""
    try:
        with open_tensors(path) as file:
            metadata = file.metadata() or {}
            text = metadata.get(CHECKPOINT_KEY)
            if text is None:
                raise ValueError("it is not a training checkpoint")
            if metadata.get(RECORD_CHECKSUM, known := _text_checksum(text)) != known:  # earlier versions wrote none
                raise ValueError("the checksum of its record is wrong")
            record: dict[str, Any] = parsed_json(text)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if not _is_record(record) or record["checksum"] != _checksum(tensors):
            raise ValueError("its record is invalid, or its checksum is wrong")
    except (SafetensorError, OSError) as error:
        if isinstance(error, SafetensorError) and "os error" not in str(error):
            raise ValueError(str(error)) from error
        again = "run it again, or move that file away to go on from the checkpoint before it"
        as_owner = "run it as the user who made it, or change its permissions"
        raise UsageError(
            f"cannot read the checkpoint {path}: {reason_of(error)}",
            as_owner if isinstance(error, PermissionError) else again,
        ) from error
    except TypeError as error:
        raise ValueError(str(error)) from error
    return Checkpoint(path, tensors, record)


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict) or type(record.get("iteration")) is not int or record["iteration"] < 0:
        return False
    return "checksum" in record and isinstance(record.get("seconds", 0.0), (int, float))


def latest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest undamaged checkpoint, and what is wrong with the newer ones."""
    complaints: list[str] = []
    for path in reversed(_files(folder)):
        try:
            return load_checkpoint(path), complaints
        except ValueError as error:
            complaints.append(f"the checkpoint {path} is damaged ({error}); trying the one before it")
    return None, complaints


def _files(folder: Path) -> list[Path]:
    """The run's checkpoints, oldest first. Files with other names, such as a user's copies, and folders are ignored."""
    named = (path for path in folder.glob("*.safetensors") if re.fullmatch("[0-9]{8,}", path.stem))
    return sorted(path for path in named if not os.path.isdir(path))


def _checksum(tensors: dict[str, Tensor]) -> int:
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, zlib.crc32(name.encode(), value))
    return value


def _text_checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"
