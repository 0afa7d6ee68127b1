"""Faces are found, and laid out as the weights expect them."""

from __future__ import annotations

import cmath
import math
from pathlib import Path

import numpy as np
import pytest
from faces_kit import NETWORKS, exact, find_faces
from PIL import Image
from portraits import LANDMARKS, PORTRAITS, photograph, put, truth

from stargan_cli.compositing.placement import Place
from stargan_cli.faces import canvases
from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.faces.finding import is_crop, place_of
from stargan_cli.pictures.arrays import to_array

pytestmark = pytest.mark.numeric

EYES = ("left_eye", "right_eye")


def eye_error(found: Place, true: Place) -> float:
    """The larger of both eyes' distances from where they should be, in eye distances."""
    apart = abs(truth(true, "left_eye") - truth(true, "right_eye"))
    return max(abs(truth(found, name) - truth(true, name)) for name in EYES) / apart


def turned(origin: complex, side: float, degrees: float) -> Place:
    return Place(origin, cmath.rect(side, math.radians(degrees)))


@pytest.mark.parametrize("path", PORTRAITS, ids=lambda path: path.stem)
def test_tight_portraits_are_crops_already(path: Path) -> None:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    face = exact(image, find_faces(image)[0])
    assert is_crop(face, image.size, LANDMARKS)
    assert eye_error(place_of(face, LANDMARKS), Place(0j, complex(image.width))) < 0.05


def test_a_looser_crop_is_no_crop() -> None:
    image = photograph(Place(60 + 60j, 380 + 0j), size=(500, 500))
    face = exact(image, find_faces(image)[0])
    assert abs(face.points[0] - (0.379 + 0.432j) * 500) < 0.05 * 500
    assert not is_crop(face, image.size, LANDMARKS)


@pytest.mark.parametrize(
    ("side", "degrees", "origin"),
    [(130, 0, 60 + 500j), (300, 25, 300 + 100j), (420, -35, 200 + 260j), (640, 8, 150 + 8j)],
)
def test_a_face_anywhere_is_laid_out_within_five_percent(side: float, degrees: float, origin: complex) -> None:
    place = turned(origin, side, degrees)
    image = photograph(place)
    (face,) = find_faces(image)
    assert eye_error(place_of(exact(image, face), LANDMARKS), place) < 0.05
    assert not is_crop(face, image.size, LANDMARKS)


@pytest.mark.parametrize("degrees", [-135, -45, -38, 38, 45, 52, 140])
@pytest.mark.parametrize("number", [1, 4])
def test_a_face_half_way_between_two_quarter_turns_is_not_taken_for_one_on_its_side(degrees: int, number: int) -> None:
    span = cmath.rect(300, math.radians(degrees))
    place = Place(350 + 300j - span * (0.5 + 0.5j), span)
    canvas = Image.new("RGB", (700, 600), (120, 130, 140))
    put(canvas, PORTRAITS[number], place)
    face = find_faces(canvas)[0]
    assert eye_error(place_of(exact(canvas, face), LANDMARKS), place) < 0.06


@pytest.mark.parametrize(("degrees", "origin"), [(90, 600 + 150j), (180, 650 + 550j), (-90, 250 + 550j)])
def test_a_picture_on_its_side_or_head_is_turned(degrees: float, origin: complex) -> None:
    place = turned(origin, 400, degrees)
    image = photograph(place)
    face = find_faces(image)[0]
    assert eye_error(place_of(exact(image, face), LANDMARKS), place) < 0.05


def test_several_faces_the_largest_first_and_small_ones_left_alone() -> None:
    places = [Place(30 + 30j, 200 + 0j), Place(400 + 200j, 420 + 0j), Place(60 + 480j, 120 + 0j)]
    image = photograph(*places)
    faces = find_faces(image, min_face=30)
    assert len(faces) == 3
    errors = [eye_error(place_of(exact(image, f), LANDMARKS), places[i]) for f, i in zip(faces, (1, 0, 2), strict=True)]
    assert max(errors) < 0.05
    assert len(find_faces(image, min_face=100)) == 2


def test_a_small_face_that_is_half_turned_is_found_at_a_finer_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [turned(complex(500, 300), 150, degrees) for degrees in (-50, 45, 130)]
    pictures = [photograph(place, size=(1800, 1200)) for place in places]
    found = [find_faces(picture) for picture in pictures]
    assert all(found)
    for picture, faces, place in zip(pictures, found, places, strict=True):
        assert eye_error(place_of(exact(picture, faces[0]), LANDMARKS), place) < 0.05
    monkeypatch.setattr(canvases, "FINER", 1)
    assert not any(find_faces(picture) for picture in pictures)


def test_no_face_where_there_is_none() -> None:
    assert find_faces(photograph()) == []
    noise = np.random.default_rng(0).integers(0, 256, (120, 300, 3), dtype=np.uint8)
    assert find_faces(Image.fromarray(noise)) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (33, 31)])
def test_tiny_and_narrow_pictures(size: tuple[int, int]) -> None:
    assert find_faces(Image.new("RGB", size)) == []


def test_the_detector_is_that_of_opencv() -> None:
    """OpenCV's FaceDetectorYN gives these numbers for the same picture and weights."""
    with Image.open(PORTRAITS[0]) as opened:
        (found,) = NETWORKS.answer(FaceQuestion("detector", to_array(opened.convert("RGB"))[None]))
    assert found[0, 0] == pytest.approx(0.9448, abs=1e-3)
    assert found[0, 1:5].tolist() == pytest.approx([65.98, 60.22, 182.1, 208.51], abs=0.05)
    assert found[0, 5:].tolist() == pytest.approx(
        [96.3, 115.0, 152.51, 116.99, 124.19, 146.93, 95.82, 169.43, 145.91, 171.21], abs=0.05
    )
