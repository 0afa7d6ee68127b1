"""Squares in pictures."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from PIL import Image

from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.placement import Place, centred, fitted
from stargan_cli.pictures.arrays import to_array, to_square

pytestmark = pytest.mark.numeric


def soft(width: int, height: int) -> Image.Image:
    small = np.random.default_rng(5).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def test_two_points_fit_exactly_and_more_in_the_mean() -> None:
    place = Place(100 + 50j, cmath.rect(40, 0.3))
    units = [0.38 + 0.43j, 0.6 + 0.43j, 0.5 + 0.6j]
    points = [place.origin + place.span * unit for unit in units]
    for number in (2, 3):
        found = fitted(points[:number], units[:number])
        assert found.origin == pytest.approx(place.origin)
        assert found.span == pytest.approx(place.span)
    assert place.to_unit(points[2]) == pytest.approx(units[2])
    with pytest.raises(ValueError, match="two different"):
        fitted(points[:1], units[:1])


def test_the_centred_square_is_what_the_plain_way_takes() -> None:
    image = soft(70, 51)
    assert np.array_equal(cut(image, centred(70, 51), 16), to_square(image, 16))


def test_a_square_that_is_not_turned_equals_a_resized_crop() -> None:
    image = soft(200, 150)
    wanted = to_array(image.crop((30, 20, 126, 116)).resize((32, 32), Image.Resampling.BOX))
    assert np.abs(cut(image, Place(30 + 20j, 96 + 0j), 32).astype(int) - wanted).mean() < 1


def test_a_quarter_turn() -> None:
    image = soft(120, 120)
    upright = cut(image, Place(20 + 20j, 64 + 0j), 32)
    turned = cut(image.rotate(-90), Place(100 + 20j, 64j), 32)
    assert np.abs(upright.astype(int) - turned).max() <= 2


def test_beyond_the_border_of_a_plain_picture_it_goes_on() -> None:
    image = Image.new("RGB", (40, 40), (10, 200, 90))
    for origin in (-30 - 30j, 30 + 30j, 500 + 500j, -500 + 10j, 10**9 + 0j):
        assert np.array_equal(cut(image, Place(origin, 50 + 10j), 8), to_array(image)[:, :8, :8])


@pytest.mark.parametrize("origin", [-12 + 30j, 30 - 12j, 92 + 30j, 30 + 92j])
def test_just_beyond_the_border_lies_the_mirror_image(origin: complex) -> None:
    image = soft(180, 180)
    padded = Image.fromarray(np.pad(np.asarray(image), ((40, 40), (40, 40), (0, 0)), mode="symmetric"))
    found, wanted = cut(image, Place(origin, 100 + 0j), 50), cut(padded, Place(origin + 40 + 40j, 100 + 0j), 50)
    off = np.abs(found.astype(int) - wanted).max(axis=0)
    outside = [(i, j) for i in range(50) for j in range(50) if not _within(origin + 2 * complex(j, i) + 1 + 1j, 180)]
    near = [at for at in outside if _within(origin + 2 * complex(at[1], at[0]) + 1 + 1j, 180, 3)]
    assert len(near) >= 50 and max(off[at] for at in near) < 30
    off[tuple(zip(*outside, strict=True))] = 0
    assert off.max() <= 2


def _within(point: complex, size: int, margin: int = 0) -> bool:
    return all(-margin <= value <= size + margin for value in (point.real, point.imag))


def test_far_beyond_the_border_there_is_no_second_picture_but_its_colours() -> None:
    """A face that fills the picture, in the frame of a whole head: the network must not see another one above it."""
    noise = np.random.default_rng(1).integers(0, 2, (100, 100, 1), dtype=np.uint8) * 200
    image = Image.fromarray(noise.repeat(3, axis=2))
    square = cut(image, Place(-60 - 110j, 220 + 0j), 110).astype(float)
    assert square[:, 60:100, 35:75].std() > 40
    assert square[:, :35].std() < 25 and square[:, :35].mean() == pytest.approx(100, abs=25)
