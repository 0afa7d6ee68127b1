"""Tiny weights and pictures for the tests of `translate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stargan_cli.attributes import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator, ModelSettings
from stargan_cli.weights import Card, save

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
FACES = LabelSet("celeba", (*HAIR, "Male", "Young"), (HAIR,))
MOODS = LabelSet("moods", ("neutral", "happy"), kind="classes")
SIZE = 16


def make_weights(
    path: Path, sets: tuple[LabelSet, ...] = (FACES,), output: str = "attention", classifier: bool = True, seed: int = 0
) -> Path:
    """Random weights whose label visibly matters."""
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
    )
    torch.manual_seed(seed)
    generator, discriminator = Generator(settings), Discriminator(settings)
    for module in generator.modules():
        if isinstance(module, torch.nn.InstanceNorm2d):
            torch.nn.init.normal_(module.bias, std=0.3)
    save(path, Card(settings, layout), generator.state_dict(), discriminator.state_dict() if classifier else None)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="session")
def weights(folder: Path) -> Path:
    return make_weights(folder / "faces.safetensors")


@pytest.fixture(scope="session")
def other_weights(folder: Path) -> Path:
    return make_weights(folder / "other.safetensors", seed=1)


@pytest.fixture(scope="session")
def imported(folder: Path) -> Path:
    """Weights without a classifier, with the paper's output."""
    return make_weights(folder / "imported.safetensors", output="tanh", classifier=False)


@pytest.fixture(scope="session")
def joint(folder: Path) -> Path:
    return make_weights(folder / "joint.safetensors", (FACES, MOODS))


def draw(path: Path, seed: int, size: tuple[int, int] = (24, 20)) -> Path:
    """A picture of soft random colours, different for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder `in` with five pictures, two of them in a subfolder."""
    source = tmp_path / "in"
    for number, name in enumerate(("a.png", "b.jpg", "c.png", "sub/a.png", "sub/d.webp")):
        draw(source / name, number)
    return source


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """All files below a folder, by relative name."""
    return lambda root: {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
