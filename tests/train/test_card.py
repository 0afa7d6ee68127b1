"""The card says how faces lie in the training pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from portraits import LANDMARKS, PORTRAITS
from training_kit import run_training, settings

from stargan_cli.weights.card import Card
from stargan_cli.weights.files import read_card

pytestmark = pytest.mark.numeric


def faces(folder: Path, margin: float = 0) -> Path:
    """Class folders of the example faces, with `margin` of their width of grey all around."""
    for index, path in enumerate(PORTRAITS):
        place = folder / ("one" if index % 2 else "two") / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
        if margin:
            with Image.open(path) as face:
                border = round(margin * face.width)
                size = face.width + 2 * border
                wider = Image.new("RGB", (size, size), (90, 110, 120))
                wider.paste(face, (border, border))
            wider.save(place)
    return folder


def trained(folder: Path, *data: Path, said: list[str] | None = None) -> Card:
    chosen = settings(data=tuple(map(str, data)), iterations=1)
    run_training(folder / "run", chosen, folder / "c", say=(said if said is not None else []).append)
    return read_card(folder / "run" / "weights.safetensors")


def test_faces_of_class_folders_are_laid_out_as_they_lie(tmp_path: Path) -> None:
    found = trained(tmp_path, faces(tmp_path / "faces")).preprocessing["landmarks"]
    assert found.keys() == LANDMARKS.keys()
    assert all(found[name] == pytest.approx(place, abs=0.02) for name, place in LANDMARKS.items())


def test_sets_that_frame_faces_otherwise_are_named(tmp_path: Path) -> None:
    said: list[str] = []
    card = trained(tmp_path, faces(tmp_path / "tight"), faces(tmp_path / "wide", margin=0.4), said=said)
    assert any("faces are placed differently in wide than in tight" in text for text in said)
    assert card.preprocessing["landmarks"]["left_eye"] == pytest.approx(LANDMARKS["left_eye"], abs=0.02)
