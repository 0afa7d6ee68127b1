"""Squares in pictures."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
from PIL import Image

from stargan_cli.compositing.placement import Place, centred, cut, fitted
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


def test_beyond_the_border_the_picture_repeats() -> None:
    image = Image.new("RGB", (40, 40), (10, 200, 90))
    for origin in (-30 - 30j, 30 + 30j, 500 + 500j, -500 + 10j):
        assert np.array_equal(cut(image, Place(origin, 50 + 10j), 8), to_array(image)[:, :8, :8])
