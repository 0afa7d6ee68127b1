"""The measured quality of weights, written into their own header, where `stargan info` shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from stargan_cli.weights.files import open_tensors, read_card, save_tensors


def record_quality(source: Path, target: Path, document: dict[str, Any]) -> None:
    """Write a copy of a weights file with the chief numbers of its evaluation; the tensors stay as they are."""
    card = replace(read_card(source), quality=quality_of(document))
    with open_tensors(source) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    save_tensors(target, tensors, {"stargan": card.to_json()})


def quality_of(document: dict[str, Any]) -> dict[str, Any]:
    """The shares and means of each data set, without their intervals."""
    found: dict[str, Any] = {"measured_by": document["program"]}
    for one in document["sets"]:
        found[one["name"]] = {
            "test_pictures": one["pictures"],
            "read_as_target": {row["name"]: row["translated"]["value"] for row in one["targets"]},
            "all_single_changes": {row: values["value"] for row, values in one["all_single_changes"].items() if values},
            "own_label": {metric: values["value"] for metric, values in one["own_label"].items() if values},
        }
    return found
