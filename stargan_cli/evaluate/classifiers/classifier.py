"""A classifier of attributes, fitted on real pictures independently of the discriminator, and its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.backbones import DEFAULT_NETWORK, backbone
from stargan_cli.errors import UsageError, WeightsError, first_line
from stargan_cli.evaluate.names import told_apart
from stargan_cli.files.json_text import parsed_json
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.probabilities import probabilities
from stargan_cli.weights.card_checks import check_plain
from stargan_cli.weights.files import fingerprint, opened_safetensors
from stargan_cli.weights.writing import save_tensors

FIT = (
    "fit one into the user's cache folder with: stargan eval --fit-classifier --data ..., with the call's --root, "
    "--split and --attrs; --classifier FILE names another file, for eval alone"
)
CARD_KEY = "stargan_classifier"
CLASSIFIER_FORMAT = 2
SIZES = (32, 1024)
"""The least and the largest side of its pictures (px)."""


class ClassifierNetwork(nn.Module):
    """A backbone and one linear layer: pictures (N, 3, S, S) in [-1, 1] of any size -> logits (N, k).

    Pictures are resized to `image_size` first (bilinear, antialiased). `features` gives the input of the last layer,
    (N, d). `with_weights`: the backbone has ImageNet weights, see `backbones.backbone`.
    """

    def __init__(
        self, outputs: int, image_size: int, network: str = DEFAULT_NETWORK, with_weights: bool = False
    ) -> None:
        super().__init__()
        self.image_size, self.name = image_size, network
        self.backbone = backbone(network, with_weights)
        self.head = nn.Linear(self.backbone.width, outputs)

    def features(self, pictures: Tensor) -> Tensor:
        if pictures.shape[-1] != self.image_size:
            size = (self.image_size, self.image_size)
            pictures = F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
        found: Tensor = self.backbone(pictures)
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(pictures))
        return logits


@dataclass(frozen=True)
class Classifier:
    """A fitted classifier. `accuracy` holds, per attribute, its results on the real pictures of the test part that it
    was fitted with: `accuracy`, `recall` (pictures with the attribute) and `specificity` (pictures without it), each in
    [0, 1]. `training["measured_on"]` says which pictures these are; it is missing in older files."""

    network: ClassifierNetwork
    label_set: LabelSet
    accuracy: dict[str, dict[str, float]]
    training: dict[str, Any] = field(default_factory=dict)
    name: str = "classifier"

    def probabilities(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] -> (N, k) in [0, 1], fp32, calibrated."""
        return probabilities(self.network(pictures), self.label_set)

    def knows(self, label_set: LabelSet) -> bool:
        """Whether the classifier reads every attribute of a label set, and is of its kind (attributes or classes)."""
        return self.label_set.kind == label_set.kind and set(label_set.attributes) <= set(self.label_set.attributes)

    @property
    def read_right(self) -> float | None:
        """Of classes, the share of test pictures that are read as their class. A wrong reading lowers the accuracy of
        two of them: of the picture's class, and of the class that is read. None for attributes, and if it is not known.
        """
        shares = [one["accuracy"] for one in self.accuracy.values() if "accuracy" in one]
        if self.label_set.kind != "classes" or len(shares) < len(self.accuracy):
            return None
        return round(1 - sum(1 - share for share in shares) / 2, 4)

    def quality(self, attributes: Sequence[str]) -> dict[str, Any]:
        """How well it reads these attributes, as plain values."""
        return {
            "name": self.name,
            "network": self.network.name,
            "kind": self.label_set.kind,
            "accuracy": {name: self.accuracy[name] for name in attributes},
            "read_right": self.read_right,
            "measured_on": self.training.get("measured_on"),
        }

    def columns(self, attributes: tuple[str, ...]) -> list[int]:
        """The columns of these attributes in its output. Raises WeightsError if it does not know one."""
        known = self.label_set.attributes
        for name in attributes:
            if name not in known:
                raise WeightsError(
                    f"the classifier does not know {name}; it knows {', '.join(known)}",
                    "fit one with: stargan eval --fit-classifier --attrs ...",
                )
        return [known.index(name) for name in attributes]

    def card(self) -> dict[str, str]:
        """The metadata of its file, from which `load_classifier` rebuilds it."""
        values = {
            "format_version": CLASSIFIER_FORMAT,
            "layout": LabelLayout((self.label_set,)).to_dict(),
            "network": self.network.name,
            "image_size": self.network.image_size,
            "accuracy": self.accuracy,
            "training": self.training,
        }
        return {CARD_KEY: json.dumps(values)}


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write the classifier's file, whole or not at all; `load_classifier` reads it back."""
    tensors = {name: tensor.to("cpu").contiguous() for name, tensor in classifier.network.state_dict().items()}
    save_tensors(path, tensors, classifier.card())


def load_classifier(path: Path) -> Classifier:
    """Load a file that `save_classifier` wrote: eval mode, fp32, on the CPU. Raises WeightsError, or UsageError if the
    Python package of its network is missing."""
    try:
        with opened_safetensors(path, FIT) as file:
            text = (file.metadata() or {}).get(CARD_KEY)
            if text is None:
                raise WeightsError(
                    f"{path} is no classifier file", "give one that `stargan eval --fit-classifier` wrote"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        card = parsed_json(text)
        label_set = _label_set_of(card)
        network = ClassifierNetwork(len(label_set.attributes), int(card["image_size"]), str(card["network"]))
        network.load_state_dict(tensors)
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("it holds NaN or infinite numbers")
    except UsageError as error:
        raise UsageError(f"{path}: {error}", error.hint) from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path} is refused: {first_line(error)}", "fit it again with: stargan eval --fit-classifier"
        ) from error
    network.eval().requires_grad_(False)
    return Classifier(network, label_set, card["accuracy"], card["training"], path.stem)


def load_classifiers(paths: Sequence[Path]) -> list[Classifier]:
    """Load each file; of equal files only the first, since a classifier always agrees with its copy. Files of the same
    name in different folders get a number: `lite0`, `lite0 (2)`. Raises as `load_classifier` does."""
    loaded: dict[str, Classifier] = {}
    for path in paths:
        one = load_classifier(path)
        loaded.setdefault(fingerprint(path), one)
    names = told_apart(one.name for one in loaded.values())
    return [replace(one, name=name) for one, name in zip(loaded.values(), names, strict=True)]


def _label_set_of(card: dict[str, Any]) -> LabelSet:
    """The label set of a card. Raises ValueError or TypeError if the card is of another version, lacks a field,
    or has a field of the wrong type or out of range."""
    check_plain(card)
    for name, kind in {"layout": dict, "accuracy": dict, "training": dict, "image_size": int, "network": str}.items():
        if name not in card:
            raise ValueError(f"its card has no {name}")
        if type(card[name]) is not kind:
            raise ValueError(f"its card says {name} {card[name]!r}: it must be {kind.__name__}")
    for name, shares in card["accuracy"].items():
        if not isinstance(shares, dict) or not all(type(share) in (int, float) for share in shares.values()):
            raise ValueError(f"its card says accuracy {name} {shares!r}: it must be an object of numbers")
    if not isinstance(card["training"].get("measured_on", {}), dict):
        raise ValueError("its card does not say properly which pictures it was measured on")
    if card.get("format_version") != CLASSIFIER_FORMAT:
        version = card.get("format_version")
        raise ValueError(f"its format version is {version!r}; this program reads {CLASSIFIER_FORMAT}")
    least, most = SIZES
    if not least <= card["image_size"] <= most:
        raise ValueError(f"its card says image_size {card['image_size']}: it must be from {least} to {most}")
    label_set = LabelLayout.from_dict(card["layout"]).sets[0]
    if missing := set(label_set.attributes) - set(card["accuracy"]):
        raise ValueError(f"its card has no accuracy for {min(missing)}")
    return label_set
