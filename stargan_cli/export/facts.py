"""What users of an exported file need to know of its weights."""

from __future__ import annotations

import json
from typing import Any

from stargan_cli.weights.files import Weights


def facts_of(weights: Weights) -> dict[str, Any]:
    """Plain values for a JSON document.

    `sources`: the files that the weights were made from. `attributes`: their names in the order of `label`. If there
    are several label sets (`sets`), `label` ends with one more number for each of them.
    """
    card = weights.card
    return {
        "sources": [{"name": path.name, "sha256": sha256} for path, sha256 in weights.sources],
        "strength": card.training.get("strength", 1),
        "image_size": card.model.image_size,
        "label_dim": card.model.label_dim,
        "attributes": [name for label_set in card.layout.sets for name in label_set.attributes],
        "sets": [list(label_set.attributes) for label_set in card.layout.sets],
        "unset_stays": card.layout.unset_stays,
    }


def metadata_of(weights: Weights) -> dict[str, str]:
    """The same, each value as JSON, with the exclusive groups and the whole card."""
    card = weights.card
    groups = [list(group) for label_set in card.layout.sets for group in label_set.all_groups]
    values = {name: json.dumps(value) for name, value in facts_of(weights).items()}
    return values | {"groups": json.dumps(groups), "stargan": card.to_json()}
