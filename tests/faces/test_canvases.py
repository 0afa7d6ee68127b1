"""Scales and canvases: nothing of a picture is left out, and little is looked at twice."""

from __future__ import annotations

import numpy as np
import pytest
from faces_kit import find_faces
from PIL import Image
from portraits import photograph

from stargan_cli.compositing.placement import Place
from stargan_cli.faces.asking import FaceQuestion, answered
from stargan_cli.faces.candidates import turned_back
from stargan_cli.faces.canvases import PART, SHARED, SINGLE, canvases, finer_scales, scales_of
from stargan_cli.faces.finding import find_faces as search


@pytest.mark.parametrize(
    ("size", "count", "side"),
    [
        ((178, 218), 1, 256),
        ((300, 500), 1, 512),
        ((1350, 1350), 1, 512),
        ((1920, 1080), 1, 640),
        ((4000, 3000), 10, 512),
        ((3440, 1440), 4, 512),
        ((16_000, 1000), 18, 512),
        ((1000, 16_000), 18, 512),
        ((800_000, 2), 27, 512),
    ],
)
def test_how_many_canvases_a_picture_lies_on(size: tuple[int, int], count: int, side: int) -> None:
    found = canvases(Image.new("RGB", size), scales_of(size, 48))
    assert [canvas.pixels.shape for canvas in found] == [(3, side, side)] * count


def test_the_smallest_faces_asked_for_are_sixteen_pixels_high() -> None:
    assert scales_of((4000, 3000), 48) == pytest.approx([1 / 3, 512 / 4000])
    assert scales_of((4000, 3000), 10) == pytest.approx([1920 / 4000, 512 / 4000])
    assert scales_of((200, 200), 48) == [1.0]
    assert scales_of((16_000, 1000), 48)[0] == scales_of((1000, 16_000), 48)[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("wide", "high"), [(1, 1), (4, 3), (3, 2), (16, 9)])
def test_the_longer_side_of_an_ordinary_photo_is_searched_at_1920_px_at_most(wide: int, high: int) -> None:
    for longer in (2016, 4032, 8064):
        scales = scales_of((longer, longer * high // wide), 1)
        assert scales == pytest.approx([1920 / longer, 512 / longer], rel=1e-3)
        assert finer_scales((longer, longer * high // wide), [1000 / longer]) == pytest.approx(scales)


@pytest.mark.parametrize("ratio", [1, 2, 3, 4, 6, 10, 20, 100, 1000])
def test_a_panorama_lies_on_few_canvases(ratio: int) -> None:
    image = Image.new("RGB", (100_000, 100_000 // ratio) if ratio > 9 else (7000, 7000 // ratio))
    assert len(canvases(image, scales_of(image.size, 1))) <= 28


def test_the_faces_of_a_panorama_are_found_whether_small_or_large() -> None:
    places = [Place(complex(1900 * number + 300, 40), 130 + 0j) for number in range(7)]
    places.append(Place(complex(14_000, 0), 600 + 0j))
    found = find_faces(photograph(*places, size=(16_000, 600)))
    assert len(found) == len(places)


@pytest.mark.parametrize(("width", "height"), [(3000, 2200), (4100, 1000), (2000, 3999)])
def test_every_pixel_is_on_a_canvas_and_every_face_is_whole_on_one_that_owns_it(width: int, height: int) -> None:
    ramp = np.indices((height, width)) // 16 % 256
    image = Image.fromarray(np.stack([ramp[1], ramp[0], ramp[0]], axis=-1).astype(np.uint8))
    found = canvases(image, scales_of(image.size, 48))
    parts, whole = found[:-1], found[-1]
    assert max(image.size) / max(whole.factors) <= PART < SINGLE[-1]
    level = (round(width / parts[0].factors[0]), round(height / parts[0].factors[1]))
    for x, y in np.random.default_rng(0).uniform(0, 1, (500, 2)) * level:
        owners = [
            part
            for part in parts
            if part.across[0] <= x - part.origin[0] < part.across[1]
            and part.down[0] <= y - part.origin[1] < part.down[1]
        ]
        assert 1 <= len(owners) <= 4
        for part in owners:
            for at, origin, end in ((x, part.origin[0], level[0]), (y, part.origin[1], level[1])):
                assert max(0, at - SHARED / 2 + 8) >= origin and min(end, at + SHARED / 2 - 8) <= origin + PART


def test_faces_on_the_borders_of_parts_are_found_once() -> None:
    places = [Place(complex(x, y), 210 + 0j) for y in (1130, 1960) for x in (1090, 2330, 700, 3160)]
    image = photograph(*places, size=(4000, 2800))
    found = find_faces(image)
    assert len(found) == len(places)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_what_is_seen_on_a_turned_square_is_turned_back(turns: int) -> None:
    row = np.array([0.9, 10, 20, 40, 60, 15, 30, 35, 30, 25, 40, 18, 50, 32, 50], np.float32)
    at = row[1:].reshape(7, 2) - 50
    turned = (at[:, 0] + 1j * at[:, 1]) * (-1j) ** turns
    rows = np.concatenate([row[:1], np.stack([turned.real + 50, turned.imag + 50], axis=1).ravel()])[None]
    score, box, points = turned_back(rows.astype(np.float32), turns, 100)
    assert score[0] == row[0]
    assert box[0].tolist() == pytest.approx([10, 20, 40, 60]) and points[0] == pytest.approx(row[5:].reshape(5, 2))


def test_a_picture_without_faces_is_asked_for_four_times_at_each_scale() -> None:
    asked: list[FaceQuestion] = []

    def nothing(question: FaceQuestion) -> np.ndarray:
        asked.append(question)
        return np.zeros((len(question.pixels), 4, 15), np.float32)

    assert answered(search(Image.new("RGB", (1350, 900))), nothing) == []
    assert [question.pixels.shape[0] for question in asked] == [1] * 4 + [7] * 4
