"""The resolution of a picture (pixels an inch) is that of its output, so that it prints as large."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import corpus
import pytest
from PIL import Image

from stargan_cli.pictures.encoding import FrameEncoder, encode_picture
from stargan_cli.pictures.formats import read_as
from stargan_cli.pictures.frames import FrameSequence, opened_frames
from stargan_cli.pictures.reading import Wanted, read_picture
from stargan_cli.pictures.save_options import Extras

KINDS = ["PNG", "JPEG", "BMP", "TIFF"]


def again(data: bytes, kind: str, **changed: Any) -> Image.Image:
    picture = replace(read_picture(BytesIO(data), native=True), **changed)
    return Image.open(BytesIO(encode_picture(picture, read_as(kind), Extras())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_a_resolution_is_kept_in_any_format(source: str, kind: str) -> None:
    made = again(corpus.encoded(corpus.scene(), source, dpi=(300, 150)), kind)
    assert made.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_a_picture_on_its_side_has_its_resolutions_exchanged() -> None:
    lying = corpus.encoded(corpus.scene(), "JPEG", dpi=(300, 150), exif=corpus.orientation_exif(6))
    made = again(lying, "PNG")
    assert made.size == (corpus.HEIGHT, corpus.WIDTH)
    assert made.info["dpi"] == pytest.approx((150, 300), abs=0.1)


def test_a_picture_of_another_size_has_no_resolution() -> None:
    made = again(corpus.encoded(corpus.scene(), "PNG", dpi=(300, 300)), "PNG", image=corpus.scene(16, 16), native=None)
    assert "dpi" not in made.info


@pytest.mark.parametrize("dpi", [(0, 0), (1e9, 1e9)])
def test_a_resolution_that_cannot_be_is_left_out(dpi: tuple[float, float]) -> None:
    read = read_picture(BytesIO(corpus.encoded(corpus.scene(), "TIFF", dpi=dpi)))
    assert read.dpi is None


def test_a_tiff_that_names_no_resolution_has_none() -> None:
    """Pillow reads one of 1 pixel an inch from it, at which a photo would print tens of metres wide."""
    assert read_picture(BytesIO(corpus.encoded(corpus.scene(), "TIFF"))).dpi is None


@pytest.mark.parametrize("tags", [{}, {282: 30.0}, {283: 30.0}])
def test_a_tiff_that_names_a_unit_or_one_direction_alone_has_none(tags: dict[int, float]) -> None:
    centimetres = {296: 3}
    read = read_picture(BytesIO(corpus.encoded(corpus.scene(), "TIFF", tiffinfo=centimetres | tags)))
    assert read.dpi is None


def test_every_page_keeps_its_own() -> None:
    pages = BytesIO()
    scene = corpus.scene()
    second = scene.copy()
    second.encoderinfo = {"dpi": (600, 600)}
    scene.save(pages, "TIFF", dpi=(300, 300), save_all=True, append_images=[second])
    with opened_frames(BytesIO(pages.getvalue()), Wanted(native=True)) as opened:
        assert isinstance(opened, FrameSequence)
        encoder = FrameEncoder(read_as("TIFF"), opened, Extras())
        for frame in opened.frames:
            encoder.add(frame.picture, frame.duration)
    with Image.open(BytesIO(encoder.file())) as made:
        found = []
        for page in range(2):
            made.seek(page)
            found.append(made.info["dpi"])
    assert found == [(300, 300), (600, 600)]
