"""Presets: named changes of the paper's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stargan_cli.errors import UsageError
from stargan_cli.train.recipe.settings import TrainSettings


@dataclass(frozen=True)
class Preset:
    """`reason`: what it is for, in a line."""

    reason: str
    changes: dict[str, Any]


DEFAULT_PRESET = "paper"

_FAST: dict[str, Any] = {
    "iterations": 10_000,
    "width": 32,
    "discriminator_width": 32,
    "output": "attention",
    "upsampling": "resize",
    "projection": True,
    "adversarial": "nonsaturating",
    "lr": 2e-4,
    "d_lr": 4e-4,
    "beta2": 0.99,
    "n_critic": 1,
    "head_start": 300,
    "balance": True,
    "lambda_cls": 0.5,
    "lambda_rec": 3.0,
    "lambda_gp": 0.002,
    "penalty_every": 4,
    "jitter": 0.03,
    "augment_target": 0.6,
}

_FACES: dict[str, Any] = {
    **_FAST,
    "iterations": 8_000,
    "batch_size": 64,
    "width": 64,
    "discriminator_width": 48,
    "discriminator_layers": 5,
    "weigh_classes": True,
    "keep_unset": True,
    "own_share": 0.125,
    "single_share": 0.4,
    "n_critic": 2,
    "lambda_cls": 0.7,
    "lambda_id": 10.0,
}

PRESETS = {
    "paper": Preset("the paper's values, for days on a GPU", {}),
    "small": Preset(
        "the paper's losses, with networks at a quarter of the cost",
        {
            "iterations": 40_000,
            "width": 32,
            "discriminator_width": 32,
            "output": "attention",
            "lr": 2e-4,
            "d_lr": 2e-4,
            "n_critic": 2,
        },
    ),
    "fast": Preset("networks as in small, with losses that need fewer steps, for CPUs", _FAST),
    "faces": Preset("as fast, with the paper's width and batches of 64, for a large GPU", _FACES),
}
"""What was tried for `fast` and `faces` is in docs/decisions/training-recipe.md."""


def preset_changes(name: str) -> dict[str, Any]:
    """What a preset changes of the paper's settings. Raises UsageError."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", f"there are: {', '.join(PRESETS)}")
    return PRESETS[name].changes


def preset(name: str, **changes: Any) -> TrainSettings:
    """The settings of a preset with some of them changed. Raises UsageError."""
    return TrainSettings(**{**preset_changes(name), **changes})
