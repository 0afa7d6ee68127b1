"""The measured quality of weights, written into their own header, where `stargan info` shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import load
from torch import Tensor

from stargan_cli.errors import OutputError, WeightsError, reason_of
from stargan_cli.files.writable import require_file
from stargan_cli.weights.files import Weights, is_weights, open_tensors, require_utf8
from stargan_cli.weights.writing import save_tensors

SETTINGS = ("at", "part", "split", "precision")
"""The settings of an evaluation that its record keeps."""


def prepare_record(target: Path, measured: Weights, inputs: Iterable[Path]) -> Callable[[dict[str, Any]], None]:
    """A function that writes a copy of the measured weights with the chief numbers of an evaluation to `target`.

    The tensors are read now: a running training replaces the file meanwhile. They stay as they are. Raises UsageError
    if `target` is one of `inputs` or anything but an earlier copy of these weights, WeightsError if the measured file
    has already been replaced since it was loaded. The function raises OutputError.
    """
    require_utf8(target)
    tensors = _stored(measured)
    require_file(
        target,
        "--record",
        inputs=inputs,
        own=lambda path: is_weights(path) and _holds(path, tensors),
        overwrite=None,
        hint="only an earlier copy of the same weights is replaced: give another name",
    )

    def write(document: dict[str, Any]) -> None:
        card = replace(measured.card, quality=quality_of(document))
        try:
            save_tensors(target, tensors, {"stargan": card.to_json()})
        except OSError as error:
            hint = "make room or give another --record, and run it again"
            raise OutputError(f"cannot write {target}: {reason_of(error)}", hint) from error

    return write


def _stored(weights: Weights) -> dict[str, Tensor]:
    """The tensors of a loaded file with the types that they are stored in."""
    try:
        content = weights.path.read_bytes()
    except OSError as error:
        raise WeightsError(f"cannot read {weights.path}: {reason_of(error)}") from error
    if hashlib.sha256(content).hexdigest() != weights.fingerprint:
        raise WeightsError(f"{weights.path} was replaced while it was read", "run it again")
    tensors: dict[str, Tensor] = load(content)
    return tensors


def _holds(path: Path, tensors: dict[str, Tensor]) -> bool:
    with open_tensors(path) as file:
        return set(file.keys()) == tensors.keys() and all(
            (found := file.get_tensor(name)).dtype == tensor.dtype and found.equal(tensor)
            for name, tensor in tensors.items()
        )


def quality_of(document: dict[str, Any]) -> dict[str, Any]:
    """The shares and means of each data set, without their intervals, and how they were measured: numbers that were
    measured in another way do not compare. `translated_pictures`: how many the share of each target is of."""
    settings = {name: document["settings"][name] for name in SETTINGS}
    found: dict[str, Any] = {"measured_by": document["program"], "settings": settings}
    for one in document["sets"]:
        found[one["name"]] = {
            "test_pictures": one["pictures"],
            "classifiers": {classifier["name"]: classifier["network"] for classifier in one["classifiers"]},
            "read_as_target": {row["name"]: row["translated"]["value"] for row in one["targets"]},
            "translated_pictures": {row["name"]: row["translated"]["n"] for row in one["targets"]},
            "all_single_changes": {row: values["value"] for row, values in one["all_single_changes"].items() if values},
            "own_label": {metric: values["value"] for metric, values in one["own_label"].items() if values},
        }
    return found
