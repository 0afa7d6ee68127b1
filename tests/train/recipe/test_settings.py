"""The settings of a run: ranges and presets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from training_kit import settings

from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES
from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.train.recipe.presets import PRESETS, preset
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import model_settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": 0}, "--iterations must be at least 1, not 0"),
        ({"lr": 0.0}, "--lr must be above 0 and below 1"),
        ({"ema": 1.0}, "--ema must be at least 0 and below 1"),
        ({"lambda_gp": float("nan")}, "--lambda-gp must be a finite number, not nan"),
        ({"own_share": 1.0}, "--own-share must be at least 0 and below 1"),
        ({"single_share": -0.1}, "--single-share must be at least 0 and below 1"),
        ({"own_share": 0.5, "single_share": 0.6}, "--own-share and --single-share must not add up to more than 1"),
        ({"lambda_id": -1.0}, "--lambda-id must be at least 0"),
        ({"lambda_self": -1.0}, "--lambda-self must be at least 0"),
        ({"colour_jitter": 0.6}, "--colour-jitter must be"),
        ({"augment": 0.9}, "--augment must be from 0 to 0.8"),
        ({"augment_target": 0.6}, "--augment-target needs --adversarial nonsaturating"),
        ({"mix": (1, 2)}, "--mix has 2 shares for 1 data sets"),
        ({"precision": "fp8"}, "--precision must be one of"),
    ],
)
def test_settings_refuse_nonsense(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(**changes)


def test_the_presets() -> None:
    paper = preset("paper")
    assert (paper.iterations, paper.batch_size, paper.lr, paper.n_critic) == (200_000, 16, 1e-4, 5)
    assert (paper.lambda_cls, paper.lambda_rec, paper.lambda_gp, paper.width) == (1, 10, 10, 64)
    assert TrainSettings.from_dict(json.loads(json.dumps(preset("small").to_dict()))) == preset("small")
    fast = preset("fast")
    assert fast.balance and fast.projection and fast.n_critic < paper.n_critic
    faces = preset("faces")
    assert (faces.width, faces.batch_size, faces.keep_unset) == (64, 64, True) and faces.lambda_id > 0
    with pytest.raises(UsageError, match="unknown preset 'large'"):
        preset("large")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_builds_its_networks(name: str) -> None:
    layout = LabelLayout((LabelSet("celeba", DEFAULT_ATTRIBUTES),))
    assert model_settings(preset(name), layout).image_size == 128
    assert PRESETS[name].reason and preset(name).iterations <= preset("paper").iterations
