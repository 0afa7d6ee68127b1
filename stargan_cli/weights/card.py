"""The card: what a weights file says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from stargan_cli.files.json_text import parsed_json
from stargan_cli.labels import LabelLayout
from stargan_cli.model_settings import ModelSettings
from stargan_cli.weights.card_checks import FIELDS, check_fields, check_plain

CARD_VERSION = 1


@dataclass(frozen=True)
class Card:
    """What a weights file says of itself.

    `preprocessing`: how a picture becomes the network's input (`crop`, `resize`) and, for faces, where the training
    pictures have the landmarks, as fractions of the square's side (`landmarks`: name -> [x, y]).
    `training` and `quality` are free-form records for people and `stargan info`.
    """

    model: ModelSettings
    layout: LabelLayout
    preprocessing: dict[str, Any] = field(default_factory=lambda: {"crop": "centre", "resize": "bilinear"})
    aliases: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    quality: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(
            {
                "format_version": CARD_VERSION,
                "model": self.model.to_dict(),
                "layout": self.layout.to_dict(),
                "preprocessing": self.preprocessing,
                "aliases": self.aliases,
                "training": self.training,
                "quality": self.quality,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Raises ValueError if the text is no card, or if the card contradicts itself."""
        try:
            values = parsed_json(text)
        except ValueError as error:
            raise ValueError(f"its card is not JSON ({error})") from error
        if not isinstance(values, dict):
            raise ValueError("its card is not a JSON object")
        check_plain(values)
        version = values.get("format_version")
        if type(version) is not int or version != CARD_VERSION:
            raise ValueError(f"its format version is {version!r}; this program reads {CARD_VERSION}")
        parts: dict[str, dict[str, Any]] = {}
        for name in ("model", "layout", "preprocessing", "aliases", "training", "quality"):
            if name not in values:
                raise ValueError(f"its card has no {name!r}")
            part = values[name]
            if not isinstance(part, dict):
                raise ValueError(f"its card says {name} {part!r}: it must be an object")
            if name in FIELDS:
                check_fields(name, part)
            parts[name] = part
        model = ModelSettings.from_dict(parts.pop("model"))
        layout = LabelLayout.from_dict(parts.pop("layout"))
        if (layout.label_dim, layout.class_dim) != (model.label_dim, model.class_dim):
            raise ValueError(
                f"its label layout has {layout.label_dim} numbers and {layout.class_dim} classes, "
                f"its model {model.label_dim} and {model.class_dim}"
            )
        return cls(model, layout, **parts)
