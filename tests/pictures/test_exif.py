"""What a file says of camera, date and place comes through as it was written."""

from __future__ import annotations

from pathlib import Path

import corpus
import pytest
from PIL import Image

from stargan_cli.pictures.encoding import write_picture
from stargan_cli.pictures.exif import ORIENTATION, exif_of
from stargan_cli.pictures.reading import read_picture

MAKE, ARTIST, EXPOSURE, PLACE, LENS = 271, 315, 0x8769, 0x8825, 0xA434

LETTERS = {b"A--rg ------": "Jörg 日本".encode(), b"O-ptics": "Öptics".encode()}


def a_photo(name: str, folder: Path) -> Path:
    """Its texts are UTF-8, as programs write them, where Pillow writes ASCII."""
    exif, loaded = Image.Exif(), Image.Exif()
    exif[MAKE], exif[ARTIST], exif[ORIENTATION] = "Maker", "A--rg ------", 3
    exif.get_ifd(EXPOSURE)[LENS] = "O-ptics"
    exif.get_ifd(PLACE)[1] = "N"
    loaded.load(exif.tobytes())
    data = corpus.encoded(corpus.scene(), "TIFF" if name.endswith("tif") else "JPEG", exif=loaded)
    for plain, letters in LETTERS.items():
        assert data.count(plain) == 1 and len(plain) == len(letters)
        data = data.replace(plain, letters)
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("source", ["a.jpg", "a.tif"])
def test_it_is_kept_with_its_letters(source: str, kind: str, tmp_path: Path) -> None:
    picture = read_picture(a_photo(source, tmp_path))
    write_picture(tmp_path / f"out.{kind}", picture.image, exif=picture.exif)
    data = (tmp_path / f"out.{kind}").read_bytes()
    assert all(letters in data for letters in LETTERS.values())
    with Image.open(tmp_path / f"out.{kind}") as image:
        exif = image.getexif()
        assert exif[MAKE] == "Maker"
        assert exif.get_ifd(PLACE)[1] == "N"
        assert ORIENTATION not in exif


def test_a_tiff_that_says_nothing_has_none(tmp_path: Path) -> None:
    corpus.scene().save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert exif_of(image) is None
