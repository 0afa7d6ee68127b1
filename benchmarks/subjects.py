"""Test data of the benchmarks: random weights of the paper's network, and a folder of face pictures with a table."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import Weights, load, save

ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
LAYOUT = LabelLayout((LabelSet("celeba", ATTRIBUTES, (ATTRIBUTES[:3],)),))
EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "faces"
SIDE = 178
NOISE = 6  # standard deviation of each colour, in [0, 255]


def random_weights(folder: Path, settings: ModelSettings) -> Weights:
    """Write both networks with random initial values into `folder`/random.safetensors: as fast as trained ones."""
    torch.manual_seed(0)
    path = folder / "random.safetensors"
    card = Card(settings, LAYOUT)
    save(path, card, Generator(settings).state_dict(), Discriminator(settings).state_dict())
    return load(str(path))


def faces(folder: Path, count: int, source: Path | None = None) -> tuple[Path, Path]:
    """Make `count` JPEGs of CelebA's size from the pictures in `source`, in turn, and a table of labels in CelebA's
    format. Returns the folder and the table."""
    pictures, table = folder / "pictures", folder / "list_attr.txt"
    pictures.mkdir()
    originals = sorted(path for path in (source or EXAMPLES).iterdir() if path.suffix.lower() in (".jpg", ".png"))
    rows = [str(count), " ".join(ATTRIBUTES)]
    for number in range(count):
        name = f"{number + 1:06d}.jpg"
        if number < len(originals):
            with Image.open(originals[number]) as opened:
                opened.convert("RGB").resize((SIDE, SIDE)).save(pictures / name, quality=95)
        else:
            shutil.copyfile(pictures / f"{number % len(originals) + 1:06d}.jpg", pictures / name)
        rows.append(" ".join([name, *("1" if (number + bit) % 3 == 0 else "-1" for bit in range(5))]))
    table.write_text("\n".join(rows) + "\n")
    return pictures, table


def enlarged(path: Path, size: tuple[int, int], seed: int) -> Image.Image:
    """A picture enlarged to `size` (px), with noise as in a photo."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(seed).normal(0, NOISE, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


def recode(file: Path | io.BytesIO) -> None:
    """Decode a picture, and encode it as JPEG as `translate` does."""
    with Image.open(file) as image:
        image.convert("RGB").save(io.BytesIO(), "JPEG", quality=95, subsampling=0)
