"""Tiny weights, pictures and calls for the tests of `translate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from stargan_cli.cli.app import app
from stargan_cli.faces.asking import answered
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.reading import read_picture
from stargan_cli.translate.framing import Framed, Framing
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import save

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
FACES = LabelSet("celeba", (*HAIR, "Male", "Young"), (HAIR,))
MOODS = LabelSet("moods", ("neutral", "happy"), kind="classes")
SIZE = 16


def make_weights(
    path: Path,
    sets: tuple[LabelSet, ...] = (FACES,),
    output: str = "attention",
    discriminator: bool = True,
    seed: int = 0,
    landmarks: dict[str, list[float]] | None = None,
    downscale: int = 1,
) -> Path:
    """Random weights whose output depends visibly on the label."""
    layout = LabelLayout(sets)
    settings = ModelSettings(
        image_size=SIZE,
        label_dim=layout.label_dim,
        class_dim=layout.class_dim,
        width=4,
        blocks=1,
        discriminator_width=4,
        discriminator_layers=2,
        output=output,  # type: ignore[arg-type]
        downscale=downscale,
    )
    torch.manual_seed(seed)
    generator, reader = Generator(settings), Discriminator(settings)
    for module in generator.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            torch.nn.init.normal_(module.bias, std=0.3)
    card = Card(settings, layout, {"landmarks": landmarks} if landmarks else {})
    save(path, card, generator.state_dict(), reader.state_dict() if discriminator else None)
    return path


def call(*args: object, stdin: bytes | None = None) -> Result:
    """Call `stargan translate` with these arguments, in this process."""
    return CliRunner().invoke(app, ["translate", *map(str, args)], input=stdin)


def framed(framing: Framing, source: Path) -> Framed:
    """Read and frame a picture file, as `translate` does."""
    search = framing.prepare(read_picture(source, **asdict(framing.wanted)))
    return answered(search, FaceNetworks(torch.device("cpu")).answer)


def draw(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
    """A picture of soft random colours, different for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
    return path
