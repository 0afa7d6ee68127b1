"""The card says how faces lie in the training pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from portraits import LANDMARKS, PORTRAITS
from training_kit import class_folders, run_training, settings

from stargan_cli.train.data import load_data, prepare
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


def trained(folder: Path, *data: Path) -> tuple[Card, list[str]]:
    """The card of weights trained on `data`, and what there is to say of the framing."""
    chosen = settings(data=tuple(map(str, data)), iterations=1)
    run_training(folder / "run", chosen, folder / "c")
    notes = prepare(chosen, *load_data(chosen), cache=folder / "c", workers=1).framing_notes()
    return read_card(folder / "run" / "weights.safetensors"), notes


def test_faces_of_class_folders_are_laid_out_as_they_lie(tmp_path: Path) -> None:
    card, notes = trained(tmp_path, faces(tmp_path / "faces"))
    found = card.preprocessing["landmarks"]
    assert notes == []
    assert found.keys() == LANDMARKS.keys()
    assert all(found[name] == pytest.approx(place, abs=0.02) for name, place in LANDMARKS.items())


def test_sets_that_frame_faces_otherwise_are_named(tmp_path: Path) -> None:
    card, notes = trained(tmp_path, faces(tmp_path / "tight"), faces(tmp_path / "wide", margin=0.4))
    assert len(notes) == 1 and "faces are placed differently in wide than in tight" in notes[0]
    assert card.preprocessing["landmarks"]["left_eye"] == pytest.approx(LANDMARKS["left_eye"], abs=0.02)


def test_sets_without_aligned_faces_are_named(tmp_path: Path) -> None:
    moods = class_folders(tmp_path / "moods", {"a": 3, "b": 3}, parts=())
    said = "faces are not aligned in moods, or too few are found: translate will"
    card, notes = trained(tmp_path / "alone", moods)
    assert "landmarks" not in card.preprocessing
    assert notes == [f"{said} take the centred square of each picture"]
    _, notes = trained(tmp_path / "joint", moods, faces(tmp_path / "tight"))
    assert notes == [f"{said} place them as in tight"]
