"""Pictures whose labels can be read off their colours, a classifier that does so, and a generator that paints them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from stargan_cli.evaluate.classifiers.classifier import Classifier, ClassifierNetwork, save_classifier
from stargan_cli.evaluate.readings import Readers
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator, Translation
from stargan_cli.model_settings import ModelSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import load, save

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
ATTRIBUTES = (*HAIR, "Male", "Young")
CELEBA = LabelSet("celeba", ATTRIBUTES, (HAIR,))
FACES = LabelSet("faces", ("happy", "sad"), kind="classes")
SIZE = 16
LABELS = torch.tensor(
    [[1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 1, 1]],
    dtype=torch.uint8,
)


def painted(labels: Tensor) -> Tensor:
    """Labels (n, 5) -> uint8 (n, 3, SIZE, SIZE): one grey band per attribute, white where it is on."""
    bands = labels.float().round().to(torch.uint8).repeat_interleave(3, dim=1) * 255
    rows = torch.cat([bands, bands.new_full((len(bands), 1), 128)], dim=1)
    return rows[:, None, :, None].expand(-1, 3, SIZE, SIZE).contiguous()


class ReadsBands(nn.Module):
    """A classifier that is always right about `painted` pictures."""

    name = "bands"

    def features(self, pictures: Tensor) -> Tensor:
        return pictures[:, 0, 1:15:3, 4]

    def forward(self, pictures: Tensor) -> Tensor:
        return 10 * self.features(pictures)


def right_classifier(network: nn.Module | None = None, name: str = "right") -> Classifier:
    perfect = dict.fromkeys(("accuracy", "recall", "specificity"), 1.0)
    accuracy = dict.fromkeys(ATTRIBUTES, perfect)
    return Classifier(network or ReadsBands(), CELEBA, accuracy, name=name)  # type: ignore[arg-type]


def right_readers(*more: Classifier) -> Readers:
    return Readers(CELEBA, (right_classifier(), *more))


class Paints(nn.Module):
    """A generator that always paints the wanted labels; with `strength` 0 it changes nothing."""

    def __init__(self, strength: float = 1.0) -> None:
        super().__init__()
        self.settings = ModelSettings(image_size=SIZE, discriminator_layers=2, output="attention")
        self.strength = strength

    def translate(self, x: Tensor, label: Tensor) -> Translation:
        wanted = painted(label[:, :5]).to(x.dtype) / 127.5 - 1
        mask = (wanted != x).any(dim=1, keepdim=True).to(x.dtype) * self.strength
        return Translation(mask * wanted + (1 - mask) * x, wanted, mask)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return self.translate(x, label).image


def write_celeba(root: Path, copies: int = 4) -> Path:
    """CelebA's layout, `copies` times LABELS for each part."""
    (root / "img_align_celeba").mkdir(parents=True)
    lines, parts = [], []
    for number, row in enumerate(LABELS.repeat(3 * copies, 1).tolist()):
        name = f"{number:06}.png"
        pixels = painted(torch.tensor([row]))[0].permute(1, 2, 0)
        Image.fromarray(pixels.numpy()).save(root / "img_align_celeba" / name)
        lines.append(f"{name} " + " ".join("1" if value else "-1" for value in row))
        parts.append(f"{name} {number // (len(LABELS) * copies)}")
    table = [str(len(lines)), " ".join(ATTRIBUTES), *lines]
    (root / "list_attr_celeba.txt").write_text("\n".join(table) + "\n")
    (root / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return root


def write_weights(
    path: Path,
    *sets: LabelSet,
    seed: int = 0,
    output: str = "attention",
    unset_stays: bool = False,
    size: int = SIZE,
    landmarks: dict[str, list[float]] | None = None,
) -> Path:
    torch.manual_seed(seed)
    layout = LabelLayout(sets or (CELEBA,), unset_stays)
    settings = ModelSettings(
        size,
        layout.label_dim,
        layout.class_dim,
        4,
        1,
        4,
        2,
        output=output,  # type: ignore[arg-type]
    )
    generator, discriminator = Generator(settings), Discriminator(settings)
    card = Card(settings, layout, {"landmarks": landmarks} if landmarks else {})
    save(path, card, generator.state_dict(), discriminator.state_dict())
    return path


def write_classifier(path: Path, label_set: LabelSet = CELEBA, seed: int = 1) -> Path:
    """A classifier file with random weights."""
    torch.manual_seed(seed)
    network = ClassifierNetwork(len(label_set.attributes), 32).eval()
    save_classifier(path, Classifier(network, label_set, {name: {"accuracy": 0.5} for name in label_set.attributes}))
    return path


def write_still_weights(path: Path, size: int, landmarks: dict[str, list[float]]) -> Path:
    """Weights that change no pixel: their mask is 0 everywhere."""
    write_weights(path, size=size, landmarks=landmarks)
    weights = load(str(path))
    last = weights.generator.last
    with torch.no_grad():
        last.weight[3] = 0  # type: ignore[index, operator]
        last.bias[3] = -1000  # type: ignore[index, operator]
    save(path, weights.card, weights.generator.state_dict())
    return path


def one_json(text: str) -> dict:
    return json.loads(text)


def pixels(path: Path) -> NDArray[np.float64]:
    with Image.open(path) as image:
        return np.asarray(image).astype(float)
