"""The judge of attributes: a ResNet-18 trained apart from the discriminator, on real pictures, and its file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torchvision.models import resnet18  # type: ignore[import-untyped]

from stargan_cli.errors import WeightsError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.probabilities import probabilities

CARD_KEY = "stargan_classifier"
FORMAT_VERSION = 1


class ClassifierNetwork(nn.Module):
    """ResNet-18 (He et al., CVPR 2016): pictures (N, 3, S, S) in [-1, 1] of any size -> logits (N, k).

    Pictures are brought to `image_size` first (bilinear, antialiased). `features` gives (N, 512), what the last
    layer sees.
    """

    def __init__(self, outputs: int, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.body = resnet18(weights=None)
        self.head = nn.Linear(self.body.fc.in_features, outputs)
        self.body.fc = nn.Identity()

    def features(self, pictures: Tensor) -> Tensor:
        if pictures.shape[-1] != self.image_size:
            size = (self.image_size, self.image_size)
            pictures = F.interpolate(pictures, size, mode="bilinear", antialias=True, align_corners=False)
        found: Tensor = self.body(pictures.contiguous(memory_format=torch.channels_last))
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(pictures))
        return logits


@dataclass(frozen=True)
class Classifier:
    """A trained judge. `accuracy` holds, per attribute, what it reaches on real pictures of the test part:
    `accuracy`, `recall` (of pictures that show it) and `specificity` (of those that do not), all in [0, 1]."""

    network: ClassifierNetwork
    label_set: LabelSet
    accuracy: dict[str, dict[str, float]]
    training: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] -> (N, k) in [0, 1], fp32."""
        return probabilities(self.network(pictures), self.label_set)

    def columns(self, attributes: tuple[str, ...]) -> list[int]:
        """Where these attributes stand in its answer. Raises WeightsError where it does not know one."""
        known = self.label_set.attributes
        for name in attributes:
            if name not in known:
                raise WeightsError(
                    f"the classifier does not know {name}; it knows {', '.join(known)}",
                    "fit one with: stargan eval --fit-classifier --attrs ...",
                )
        return [known.index(name) for name in attributes]

    def card(self) -> dict[str, str]:
        """The metadata that makes its file describe itself."""
        values = {
            "format_version": FORMAT_VERSION,
            "layout": LabelLayout((self.label_set,)).to_dict(),
            "image_size": self.network.image_size,
            "accuracy": self.accuracy,
            "training": self.training,
        }
        return {CARD_KEY: json.dumps(values)}


def load_classifier(path: Path) -> Classifier:
    """Read what `fit_classifier` wrote: eval mode, fp32, on the CPU. Raises WeightsError."""
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(CARD_KEY)
            if text is None:
                raise WeightsError(
                    f"{path} is no classifier file", "give one that `stargan eval --fit-classifier` wrote"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        card = json.loads(text)
        if card["format_version"] != FORMAT_VERSION:
            raise ValueError(f"its format version is {card['format_version']!r}; this program reads {FORMAT_VERSION}")
        label_set = LabelLayout.from_dict(card["layout"]).sets[0]
        if missing := set(label_set.attributes) - set(card["accuracy"]):
            raise ValueError(f"it does not say how well it reads {min(missing)}")
        network = ClassifierNetwork(len(label_set.attributes), int(card["image_size"]))
        network.load_state_dict(tensors)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"cannot read the classifier {path}: {error}",
            "fit one with: stargan eval --fit-classifier --classifier FILE --data ... --attrs ...",
        ) from error
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} is refused: {str(error).splitlines()[0]}") from error
    network.eval().requires_grad_(False)
    return Classifier(network, label_set, card["accuracy"], card["training"])
