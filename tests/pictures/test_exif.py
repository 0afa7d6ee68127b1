"""What a file says of camera, date and place comes through as it was written."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import corpus
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from writing_kit import write_picture

from stargan_cli.pictures.exif import BLOCK_TAGS, MAKER_NOTE, ORIENTATION, THUMBNAIL, exif_of
from stargan_cli.pictures.provenance import SOFTWARE, Note, read_fingerprint
from stargan_cli.pictures.reading import read_picture
from stargan_cli.pictures.save_options import LONGEST_SEGMENT

CAPTION, MAKE, PROGRAM, ARTIST, EXPOSURE, PLACE, LENS = 270, 271, 305, 315, 0x8769, 0x8825, 0xA434

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


def test_it_does_not_describe_the_pixels_of_the_source(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[MAKE] = "Maker"
    exif.get_ifd(EXPOSURE).update({LENS: "Lens", 0xA001: 65_535, 0xA002: 6000, 0xA003: 4000, 0xA005: {1: "R03"}})
    write_picture(tmp_path / "a.jpg", corpus.scene(), exif=exif.tobytes())
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.getexif().get_ifd(EXPOSURE) == {LENS: "Lens"}


def test_a_block_behind_the_pixels_of_a_png_is_read() -> None:
    exif = Image.Exif()
    exif[MAKE] = "Maker"
    data = corpus.encoded(corpus.scene(), "PNG")
    behind = data[:-12] + corpus.png_chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:]
    assert b"Maker" in (read_picture(BytesIO(behind)).exif or b"")


def test_caption_and_program_of_a_tiff_stay_beside_the_note(tmp_path: Path) -> None:
    exif, note = Image.Exif(), Note("0123abc", "weights", "Blond_Hair")
    exif[CAPTION] = "At the lake"
    write_picture(tmp_path / "a.tif", corpus.scene(), note=note, exif=exif.tobytes())
    with Image.open(tmp_path / "a.tif") as image:
        assert image.getexif()[CAPTION] == "At the lake"
        assert image.getexif()[PROGRAM] == SOFTWARE
    assert read_fingerprint(tmp_path / "a.tif") == note.fingerprint


def test_the_note_is_found_beside_a_very_long_caption(tmp_path: Path) -> None:
    exif, note = Image.Exif(), Note("0123abc", "weights", "Blond_Hair")
    exif[CAPTION] = "x" * 300_000
    write_picture(tmp_path / "a.tif", corpus.scene(400, 300), note=note, exif=exif.tobytes())
    assert read_fingerprint(tmp_path / "a.tif") == note.fingerprint


def test_a_tiff_that_says_nothing_has_none(tmp_path: Path) -> None:
    corpus.scene().save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert exif_of(image) is None


def test_the_cameras_own_note_and_old_thumbnails_are_not_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.update({MAKE: "Maker", **dict.fromkeys((THUMBNAIL, *BLOCK_TAGS), b"of the source")})
    exif.get_ifd(EXPOSURE).update({LENS: "Lens", MAKER_NOTE: b"of the source"})
    for kind in ("jpg", "png", "webp", "tif"):
        write_picture(tmp_path / f"a.{kind}", corpus.scene(), exif=exif.tobytes())
        assert b"of the source" not in (tmp_path / f"a.{kind}").read_bytes()
        with Image.open(tmp_path / f"a.{kind}") as image:
            assert image.getexif()[MAKE] == "Maker"
            assert image.getexif().get_ifd(EXPOSURE) == {LENS: "Lens"}


@pytest.mark.parametrize("less", [0, 100])
def test_a_block_that_a_jpeg_cannot_hold_is_left_out(less: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[CAPTION] = "x" * (LONGEST_SEGMENT - less)
    write_picture(tmp_path / "a.jpg", corpus.scene(), exif=exif.tobytes())
    with Image.open(tmp_path / "a.jpg") as image:
        assert (CAPTION in image.getexif()) == bool(less)


def test_a_block_in_a_text_of_a_png_is_read(tmp_path: Path) -> None:
    exif, texts = Image.Exif(), PngInfo()
    exif[MAKE] = "Maker"
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes()):8d}\n{exif.tobytes().hex()}\n")
    corpus.scene().save(tmp_path / "a.png", pnginfo=texts)
    with Image.open(tmp_path / "a.png") as image:
        assert exif_of(image) == exif.tobytes()


def with_byte_orientation(kind: str) -> bytes:
    """The scene, lying on its side, with an orientation of type BYTE, as IrfanView writes it."""
    image, entry = corpus.scene().transpose(Image.Transpose.ROTATE_90), struct.pack("<HHIB3x", ORIENTATION, 1, 1, 6)
    if kind != "TIFF":
        return corpus.encoded(image, kind, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4))
    data = corpus.encoded(image, kind, tiffinfo={ORIENTATION: 6})
    return data.replace(struct.pack("<HHIH2x", ORIENTATION, 3, 1, 6), entry)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_of_another_type_turns_the_picture(kind: str) -> None:
    picture = read_picture(BytesIO(with_byte_orientation(kind)))
    assert picture.size == picture.image.size == (corpus.WIDTH, corpus.HEIGHT)
