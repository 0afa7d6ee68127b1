"""How faces lie in a set of pictures is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from portraits import LANDMARKS, PORTRAITS, put
from training_kit import class_folders

from stargan_cli.compositing.placement import Place
from stargan_cli.faces import eye_places
from stargan_cli.faces.eye_places import alike, measured_landmarks

pytestmark = pytest.mark.numeric


def framed(folder: Path, places: list[Place]) -> list[Path]:
    """The example faces, one in each place of a picture of 240 x 320 px: its centred square begins at 40 px."""
    folder.mkdir()
    paths = []
    for index, place in enumerate(places):
        canvas = Image.new("RGB", (240, 320), (90, 110, 120))
        put(canvas, PORTRAITS[index % len(PORTRAITS)], place)
        paths.append(folder / f"{index}.png")
        canvas.save(paths[-1])
    return paths


@pytest.mark.parametrize(("x", "y", "side"), [(0, 40, 240), (30, 100, 180)])
def test_eyes_are_measured_where_they_stand(tmp_path: Path, x: int, y: int, side: int) -> None:
    found = measured_landmarks(framed(tmp_path / "d", [Place(complex(x, y), complex(side))] * len(PORTRAITS)))
    for name, (left, top) in LANDMARKS.items():
        expected = ((x + left * side) / 240, (y - 40 + top * side) / 240)
        assert found[name] == pytest.approx(expected, abs=0.02)


def test_faces_anywhere_have_no_common_place(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    places = [Place(complex(*random.uniform(0, 100, 2)), complex(random.uniform(100, 140))) for _ in range(8)]
    assert measured_landmarks(framed(tmp_path / "d", places)) == {}


def test_pictures_without_faces_have_none(tmp_path: Path) -> None:
    paths = sorted(class_folders(tmp_path / "d", {"a": 4, "b": 4}).rglob("*.png"))
    (tmp_path / "broken.png").write_bytes(b"nothing")
    assert measured_landmarks([*paths, tmp_path / "broken.png", tmp_path / "missing.png"]) == {}
    assert measured_landmarks([]) == {}


def test_pictures_from_all_over_a_set_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(eye_places, "_eyes", lambda path, networks: seen.append(path))
    measured_landmarks([tmp_path / f"{number}.png" for number in range(60)])
    assert len(seen) == 32 and seen[-1] == tmp_path / "58.png"


def test_frames_are_alike_within_a_twentieth_of_the_side() -> None:
    near = {name: [x + 0.03, y - 0.03] for name, (x, y) in LANDMARKS.items()}
    far = {name: [x, y + 0.08] for name, (x, y) in LANDMARKS.items()}
    assert alike(LANDMARKS, near) and not alike(LANDMARKS, far) and not alike(LANDMARKS, {})
