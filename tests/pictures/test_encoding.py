"""Writing pictures: whole or not at all, the same bytes each time, with or without a note of what they are."""

from __future__ import annotations

import errno
import os
from io import BytesIO
from pathlib import Path

import corpus
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from writing_kit import write_picture

from stargan_cli.errors import OutputError, PictureError
from stargan_cli.files.atomic import temporary_name
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.formats import WRITABLE, written_by_name
from stargan_cli.pictures.provenance import SEARCHED_BYTES, SOFTWARE, SOURCE_TYPE, Note, read_fingerprint

NOTE = Note("k1-0123abcd", "celeba-128 (5f35eac1)", 'set "Blond_Hair" & <no Male>')
NAMES = ["a.png", "a.jpg", "a.webp", "a.bmp", "a.tif"]


def half_transparent() -> Image.Image:
    alpha = Image.new("L", (corpus.WIDTH, corpus.HEIGHT), 255)
    alpha.paste(0, (0, 0, corpus.WIDTH, corpus.HEIGHT // 2))
    return alpha


@pytest.mark.parametrize("name", NAMES)
def test_the_note_is_in_the_file_and_harms_nothing(name: str, tmp_path: Path) -> None:
    write_picture(tmp_path / name, corpus.scene(), note=NOTE)
    assert read_fingerprint(tmp_path / name) == "k1-0123abcd"
    data = (tmp_path / name).read_bytes()
    assert SOURCE_TYPE.encode() in data
    assert SOFTWARE.encode() in data
    assert b"set &quot;Blond_Hair&quot; &amp; &lt;no Male&gt;" in data
    with Image.open(tmp_path / name) as image:
        image.load()
        assert np.abs(np.asarray(image).astype(int) - np.asarray(corpus.scene())).mean() < 3


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_a_large_profile_does_not_hide_the_note(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8))
    write_picture(tmp_path / name, noise, note=NOTE, icc=corpus.display_p3() + rng.bytes(2 * SEARCHED_BYTES))
    assert (tmp_path / name).stat().st_size > 2 * SEARCHED_BYTES
    assert read_fingerprint(tmp_path / name) == "k1-0123abcd"


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_xmp_is_where_other_programs_look_for_it(name: str, tmp_path: Path) -> None:
    write_picture(tmp_path / name, corpus.scene(), note=NOTE)
    with Image.open(tmp_path / name) as image:
        packet = image.info.get("xmp") or image.tag_v2[700]  # type: ignore[attr-defined]
    from xml.etree import ElementTree

    text = packet if isinstance(packet, str) else packet.decode()
    described = next(iter(next(iter(ElementTree.fromstring(text)))))
    assert described.attrib["{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"] == SOURCE_TYPE
    assert described.attrib["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == SOFTWARE


@pytest.mark.parametrize("name", NAMES)
def test_no_note_leaves_nothing(name: str, tmp_path: Path) -> None:
    write_picture(tmp_path / name, corpus.scene())
    assert read_fingerprint(tmp_path / name) is None
    data = (tmp_path / name).read_bytes().lower()
    assert b"stargan" not in data and b"algorithmic" not in data


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_each_time(name: str, tmp_path: Path) -> None:
    first, second = BytesIO(), BytesIO()
    for out in (first, second):
        write_picture(out, corpus.scene(), format=written_by_name(name), note=NOTE, alpha=half_transparent())
    write_picture(tmp_path / name, corpus.scene(), note=NOTE, alpha=half_transparent())
    assert first.getvalue() == second.getvalue() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_alpha_is_kept_or_laid_on_white(name: str, tmp_path: Path) -> None:
    write_picture(tmp_path / name, corpus.scene(), alpha=half_transparent(), quality=100)
    with Image.open(tmp_path / name) as image:
        if name in ("a.jpg", "a.bmp"):
            assert image.mode == "RGB"
            assert all(abs(value - 255) <= 2 for value in image.getpixel((5, 5)))
        else:
            assert image.mode == "RGBA"
            assert image.getpixel((5, 5))[3] == 0
            assert image.getpixel((5, 25)) == (*corpus.BLUE, 255)


def test_quality_and_chroma(tmp_path: Path) -> None:
    from PIL import JpegImagePlugin

    for quality, sampling in ((95, 0), (90, 0), (80, 2)):
        write_picture(tmp_path / "a.jpg", corpus.scene(), quality=quality)
        with Image.open(tmp_path / "a.jpg") as image:
            assert JpegImagePlugin.get_sampling(image) == sampling


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_exif_is_kept_where_it_is_given_and_does_not_hide_the_note(name: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x9286] = b"x" * 60_000
    write_picture(tmp_path / name, corpus.scene(), note=NOTE, exif=exif.tobytes())
    with Image.open(tmp_path / name) as image:
        assert image.getexif()[0x010F] == "Maker"
    assert read_fingerprint(tmp_path / name) == NOTE.fingerprint
    write_picture(tmp_path / name, corpus.scene(), note=NOTE)
    assert b"Maker" not in (tmp_path / name).read_bytes()


def test_kept_exif_does_not_turn_the_picture_twice(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        write_picture(tmp_path / name, corpus.scene(), exif=exif.tobytes())
        with Image.open(tmp_path / name) as image:
            assert image.getexif().get(0x0112, 1) == 1


def test_broken_exif_is_left_out(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "a.webp", "a.tif"):
        write_picture(tmp_path / name, corpus.scene(), exif=b"Exif\0\0" + b"\xff" * 99)
        with Image.open(tmp_path / name) as image:
            image.load()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_or_read_only_disk_stops_the_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="cannot write .*a.png") as caught:
        write_picture(tmp_path / "a.png", corpus.scene())
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="its folder is gone"):
        write_picture(tmp_path / "no" / "a.png", corpus.scene())


def test_a_place_that_is_taken_by_a_folder_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PictureError, match="cannot write .*a.png"):
        write_picture(tmp_path / "a.png", corpus.scene())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_a_symlink_in_the_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.png").write_bytes(b"precious")
    (tmp_path / "a.png").symlink_to("outside.png")
    write_picture(tmp_path / "a.png", corpus.scene())
    assert (tmp_path / "outside.png").read_bytes() == b"precious"
    assert not (tmp_path / "a.png").is_symlink()


def test_a_symlink_in_the_temporary_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"precious")
    (tmp_path / temporary_name("a.png")).symlink_to("outside")
    write_picture(tmp_path / "a.png", corpus.scene())
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.png", "outside"]


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, os.fsdecode(b"\xff" * 200), "[red]\n\x1b[31m 'q\" "])
def test_names_of_any_kind_and_length(stem: str, tmp_path: Path) -> None:
    path = tmp_path / f"{stem}.png"
    write_picture(path, corpus.scene(), note=NOTE)
    assert list(tmp_path.iterdir()) == [path]
    assert read_fingerprint(path) == NOTE.fingerprint


def test_no_fingerprint_in_what_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(corpus.encoded(corpus.scene(), "PNG"))
    assert read_fingerprint(tmp_path / "a.png") is None
    assert read_fingerprint(tmp_path / "none.png") is None
    assert read_fingerprint(tmp_path) is None


def test_a_fingerprint_is_plain_letters() -> None:
    with pytest.raises(ValueError, match="not a fingerprint"):
        Note('a" b', "", "").xmp()


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_may_stand_in_a_note(weights: str, settings: str) -> None:
    from xml.etree import ElementTree

    note = Note("f", weights, settings)
    ElementTree.fromstring(note.xmp().decode())
    out = BytesIO()
    for name in ("png", "jpg"):
        write_picture(out, Image.new("RGB", (2, 2)), format=WRITABLE[name], note=note)


def test_nothing_of_the_source_file_is_written_but_the_pixels(tmp_path: Path) -> None:
    image = Image.open(BytesIO(corpus.encoded(corpus.scene(), "JPEG", comment=b"my address")))
    write_picture(tmp_path / "a.jpg", image)
    assert b"my address" not in (tmp_path / "a.jpg").read_bytes()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    image = Image.open(BytesIO(corpus.encoded(noise, "TIFF", compression="jpeg")))
    before = np.asarray(image)
    write_picture(tmp_path / "a.tif", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.tif")), before)


@pytest.mark.parametrize(("name", "longest"), [("a.webp", "16,383"), ("a.jpg", "65,500"), ("a.gif", "65,535")])
def test_a_side_that_the_format_cannot_hold(name: str, longest: str, tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=f"66,000 x 2, the limit is {longest} a side: --format png"):
        write_picture(tmp_path / name, Image.new("RGB", (66_000, 2)))
    assert not (tmp_path / name).exists()
