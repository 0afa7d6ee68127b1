"""The answers to many searches at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from faces_kit import NETWORKS, exact, find_faces
from PIL import Image
from portraits import PORTRAITS

from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.placement import Place
from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.faces.finding import CLOSE, CLOSE_UP, is_crop, place_of
from stargan_cli.pictures.arrays import to_array

pytestmark = pytest.mark.numeric


def example(number: int, size: int) -> np.ndarray:
    with Image.open(PORTRAITS[number]) as opened:
        return to_array(opened.convert("RGB").resize((size, size)))


def test_questions_of_many_pictures_are_answered_in_their_order_and_to_the_bit_as_alone() -> None:
    asks = [
        FaceQuestion("detector", np.stack([example(0, 128), example(1, 128)])),
        FaceQuestion("landmarks", example(2, CLOSE)[None]),
        FaceQuestion("detector", example(3, 256)[None]),
        FaceQuestion("detector", example(4, 128)[None]),
        FaceQuestion("landmarks", np.stack([example(1, CLOSE), example(0, CLOSE)])),
    ]
    together = NETWORKS.answers(asks)
    assert [answer.shape[0] for answer in together] == [2, 1, 1, 1, 2]
    for ask, answer in zip(asks, together, strict=True):
        assert np.array_equal(NETWORKS.answer(ask), answer)


def test_the_surest_candidate_comes_first() -> None:
    (found,) = NETWORKS.answer(FaceQuestion("detector", example(0, 256)[None]))
    assert (np.diff(found[:, 0]) <= 0).all() and found[0, 0] > 0.9


def test_a_face_and_its_mirror_image_have_mirrored_landmarks() -> None:
    face = example(0, CLOSE)
    own, other = NETWORKS.answer(FaceQuestion("landmarks", np.stack([face, face[:, :, ::-1]])))
    mirrored = other[[1, 0, 2, 4, 3]] * (-1, 1) + (1, 0)
    assert np.abs(own - mirrored).max() < 1e-3


def test_london_faces_are_found_once_and_read_alike_at_every_scale(shared: Path) -> None:
    """Within 4 % of the eye distance: in the whole portrait, in a twelfth of its pixels, and begun a tenth of the eye
    distance off."""
    for path in sorted((shared / "data" / "london" / "neutral_front").glob("*.jpg"))[::9]:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        (found,) = find_faces(image)
        face = exact(image, found)
        eyes = abs(face.points[1] - face.points[0])
        small = image.resize((390, 390), Image.Resampling.BILINEAR)
        (found_small,) = find_faces(small)
        read = [point * image.width / 390 for point in exact(small, found_small).points]
        assert max(abs(a - b) for a, b in zip(face.points, read, strict=True)) < 0.04 * eyes
        close = Place(face.points[0] - CLOSE_UP[0] * eyes / 0.36, complex(eyes / 0.36))
        shifted = Place(close.origin + 0.1 * eyes, close.span)
        (again,) = NETWORKS.answer(FaceQuestion("landmarks", cut(image, shifted, CLOSE)[None]))
        points = [shifted.origin + shifted.span * complex(x, y) for x, y in again.tolist()]
        assert max(abs(a - b) for a, b in zip(face.points, points, strict=True)) < 0.04 * eyes


WHOLE_HEAD = {"left_eye": [0.413, 0.515], "right_eye": [0.592, 0.515]}


def test_a_whole_head_is_laid_out_in_a_portrait_and_in_one_that_cuts_it(shared: Path) -> None:
    for path in sorted((shared / "data" / "london" / "neutral_front").glob("*.jpg"))[::20]:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        face = exact(image, find_faces(image)[0])
        eyes, left = abs(face.points[1] - face.points[0]), face.points[0]
        square = Place(left - eyes * (1 + 1j), 3 * eyes + 0j)
        for picture in (image, image.crop(square.region(*image.size))):
            place = place_of(exact(picture, find_faces(picture)[0]), WHOLE_HEAD)
            again = Image.fromarray(cut(picture, place, 448).transpose(1, 2, 0))
            points = exact(again, find_faces(again)[0]).points
            for point, name in zip(points, ("left_eye", "right_eye"), strict=False):
                assert abs(point / 448 - complex(*WHOLE_HEAD[name])) < 0.02
            assert is_crop(exact(again, find_faces(again)[0]), again.size, WHOLE_HEAD)
        assert not is_crop(face, image.size, WHOLE_HEAD)
