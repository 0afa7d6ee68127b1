"""Which of the bundled weights know an attribute."""

from __future__ import annotations

from stargan_cli.labels import Vocabulary
from stargan_cli.weights.files import read_card
from stargan_cli.weights.places import bundled_folder, bundled_names


def bundled_that_know(word: str) -> list[str]:
    """Names of the bundled weights in which `word` has a meaning. Raises WeightsError if one of them is damaged."""
    cards = {name: read_card(bundled_folder() / f"{name}.safetensors") for name in bundled_names()}
    return [name for name, card in cards.items() if Vocabulary(card.layout, card.aliases).search(word)]
