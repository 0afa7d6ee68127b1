"""The bundled weights, as `translate` uses them, do on eight faces what people would see at once if they did not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.evaluate.pixel_metrics import kept_region, psnr
from stargan_cli.labels.vectors import layout_vector
from stargan_cli.pictures.tensors import load_square, to_model, to_pixels
from stargan_cli.train.learning.background import background
from stargan_cli.weights.files import Weights, load

FACES = sorted((Path(__file__).resolve().parents[1] / "examples" / "faces").glob("*.jpg"))
MEN = [False, True, True, False, False, True, True, False]
YOUNG = [True, True, True, True, True, True, True, False]
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
TOP, CHANGED = 40, 12  # rows of 128 that are hair, and by how many levels of 255 a pixel must have moved to count
MOST_IN_THE_FACE = 4.8  # levels of 255, on average; 4.6 was measured
MOST_ON_WALLS = 0.5  # levels of 255, on average; 0.36 was measured, for brown
SHOWN_HAIR = ("Brown_Hair", None, *["Black_Hair"] * 5, "Blond_Hair")  # as one would say it of the eight
FEWEST_DECIBELS = {"hair is not named": 38.6, "hair is named": 33.0}  # 38.9 and 33.3 were measured


@pytest.fixture(scope="module")
def weights() -> Weights:
    return load("celeba-128")


@pytest.fixture(scope="module")
def sources() -> np.ndarray:
    return np.stack([load_square(path, 128).permute(1, 2, 0).numpy() for path in FACES])


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, np.ndarray]:
    """What `translate --set` makes of the faces, (8, 128, 128, 3) for each attribute."""
    fixed = ["--size=model", "--format=png", "--precision=fp32", "--device=cpu"]
    found = {}
    for name in (*HAIR, "Male", "old"):
        out = tmp_path_factory.mktemp(name)
        result = CliRunner().invoke(app, ["translate", *map(str, FACES), f"--set={name}", f"--out={out}", *fixed])
        assert result.exit_code == 0, result.output
        found[name] = np.stack([np.asarray(Image.open(out / f"{path.stem}.png")) for path in FACES])
    return found


def read(weights: Weights, pictures: np.ndarray) -> torch.Tensor:
    """How probable each attribute is, as the weights' own discriminator reads it: (8, 5)."""
    assert weights.discriminator is not None
    with torch.inference_mode():
        squares = to_model(torch.from_numpy(pictures).permute(0, 3, 1, 2))
        return weights.discriminator(squares).classes.sigmoid()


def hair_moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Mean change of lightness, of red and of yellow (CIELAB) where the hair of these faces changed: (3,)."""
    moved = np.abs(after.astype(int) - before)[:, :TOP].mean(axis=3) > CHANGED
    assert moved.mean() > 0.02, "hardly any hair changed"
    difference = rgb2lab(after[:, :TOP]) - rgb2lab(before[:, :TOP])
    return difference[moved].mean(axis=0)


def test_hair_moves_to_the_colour_that_is_asked_for(made, sources):
    blond, black, brown = (hair_moved(sources, made[name]) for name in ("Blond_Hair", "Black_Hair", "Brown_Hair"))
    assert blond[0] > 20 and blond[2] > 2.8 * abs(blond[1]), "blond is lighter, and yellow, neither orange nor green"
    assert black[0] < -10 and black[2] < 0, "black is darker, and no yellower"
    assert 3 < brown[1] < brown[2] < blond[2], "brown is redder, not red, and yellower by less than blond"


def test_new_hair_leaves_the_face(made, sources, weights):
    face = kept_region(128, HAIR, weights.card.preprocessing["landmarks"]).numpy()
    moved = [np.abs(made[name].astype(int) - sources)[:, face].mean() for name in HAIR]
    assert np.mean(moved) < MOST_IN_THE_FACE, moved


def test_walls_beside_new_hair_stay(made, sources):
    walls = background(to_model(torch.from_numpy(sources).permute(0, 3, 1, 2))).permute(0, 2, 3, 1).numpy()
    moved = [(np.abs(made[name].astype(int) - sources) * walls).sum() / (3 * walls.sum()) for name in HAIR]
    assert max(moved) < MOST_ON_WALLS, moved


def test_faces_are_read_as_what_they_are(sources, weights):
    """All but the second woman, whom these weights take for a man, and the last, of 41, whom they take for young."""
    found = read(weights, sources)[:, 3:] > 0.5
    right = found == torch.tensor([MEN, YOUNG]).T
    assert int(right.sum()) >= 2 * len(FACES) - 2, found


def test_labels_reach_the_generator_in_their_order(made, sources, weights):
    before, women = read(weights, sources), [0, 4, 7]
    assert float(read(weights, made["Male"])[women, 3].mean()) > 0.5 > float(before[women, 3].max())
    assert float(read(weights, made["old"])[:, 4].mean()) < 0.5 < float(before[:, 4].mean())
    for column, name in enumerate(HAIR):
        gained = (read(weights, made[name]) - before)[:, : len(HAIR)].mean(dim=0)
        assert int(gained.argmax()) == column, name


@pytest.mark.parametrize("hair", FEWEST_DECIBELS)
def test_a_picture_stays_as_it_is_with_its_own_label(sources, weights, hair):
    shown = [[hair == "hair is named" and name == colour for name in HAIR] for colour in SHOWN_HAIR]
    labels = torch.tensor([[*colours, *rest] for colours, *rest in zip(shown, MEN, YOUNG, strict=True)]).float()
    before = torch.from_numpy(sources).permute(0, 3, 1, 2)
    with torch.inference_mode():
        vectors = layout_vector(labels, weights.card.layout, 0)
        found = psnr(before, to_pixels(weights.generator(to_model(before), vectors)))
    assert float(found.clamp(max=60).mean()) > FEWEST_DECIBELS[hair]
