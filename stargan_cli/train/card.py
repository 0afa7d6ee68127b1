"""The card of the weights that a run writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any

from stargan_cli.datasets.celeba import TERMS
from stargan_cli.faces.eye_places import EyePlaces
from stargan_cli.labels import LabelLayout
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.version import __version__
from stargan_cli.weights.card import Card


def card_of(trainer: Trainer, seconds: float, started_from: dict[str, Any], landmarks: EyePlaces) -> Card:
    """The card of a run's weights after `seconds` of training; `started_from` is what `origin` gave, or empty.

    `landmarks`: the places of the eyes in the training pictures, or empty.
    """
    settings = trainer.settings
    celeba = "celeba" in settings.data
    faces = {"landmarks": landmarks} if landmarks else {}
    terms = {"terms": TERMS} if celeba else {}
    return Card(
        model=trainer.model,
        layout=replace(trainer.layout, unset_stays=settings.keep_unset),
        preprocessing={"crop": "centre", "resize": "bilinear", **faces},
        aliases=dict(settings.aliases),
        training={
            "program": f"stargan {__version__}",
            "iterations": trainer.iteration,
            "hours": round(seconds / 3600, 2),
            "pictures": {one.pictures.labelled.label_set.name: len(one.pictures) for one in trainer.sources},
            **terms,
            **({"started_from": started_from} if started_from else {}),
            "settings": _public(settings, trainer.layout),
        },
    )


def origin(card: Card) -> dict[str, Any]:
    """What the card of weights to start from says about their training time and their own origin."""
    names = ("iterations", "hours", "mean_of", "started_from")
    return {name: card.training[name] for name in names if name in card.training}


def _public(settings: TrainSettings, layout: LabelLayout) -> dict[str, Any]:
    """Settings without paths, which are useless to the users of the weights and reveal details of the machine."""
    values = settings.to_dict()
    del values["root"]
    values["data"] = [label_set.name for label_set in layout.sets]
    values["init_from"] = values["init_from"] and PurePath(values["init_from"]).name
    return values
