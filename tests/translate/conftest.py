"""Fixtures of the tests of `translate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from translation_kit import FACES, MOODS, draw, make_weights


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
    """Weights without a discriminator, with the paper's output."""
    return make_weights(folder / "imported.safetensors", output="tanh", discriminator=False)


@pytest.fixture(scope="session")
def joint(folder: Path) -> Path:
    return make_weights(folder / "joint.safetensors", (FACES, MOODS))


@pytest.fixture(scope="session")
def face_weights(folder: Path) -> Path:
    """Weights that expect faces laid out as in CelebA."""
    eyes = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
    return make_weights(folder / "laid-out.safetensors", landmarks=eyes)


@pytest.fixture(scope="session")
def tiny(folder: Path) -> str:
    """The path of the weights that `faults` uses too: two attributes, four channels."""
    return str(faults.tiny_weights(folder / "tiny.safetensors"))


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
