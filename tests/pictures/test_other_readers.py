"""Files that this program writes, as other programs read them, and files of other programs that are easily misread."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import corpus
import numpy as np
import pytest
from other_programs import read_by
from PIL import Image
from writing_kit import write_picture

from stargan_cli.errors import PictureError
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.provenance import Note, read_fingerprint
from stargan_cli.pictures.reading import Picture, read_picture

NOTE = Note("0123abc", "weights", "Blond_Hair")
PROGRAMS: Sequence[tuple[str, ...]] = (
    ("convert", "-regard-warnings", "{}", "-format", "%w", "info:"),
    ("ffmpeg", "-v", "error", "-i", "{}", "-f", "null", "-"),
    ("bmptopnm", "-quiet", "{}"),
)


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def written(picture: Picture, name: str) -> bytes:
    out = BytesIO()
    whole = {"alpha": picture.alpha, "native": picture.native, "icc": picture.srgb_icc, "lossless": picture.lossless}
    write_picture(out, picture.image, format=WRITABLE[name], note=NOTE, **whole)
    return out.getvalue()


def again(data: bytes, name: str) -> bytes:
    """What is written of a file, nothing of it changed."""
    return written(read_picture(BytesIO(data), native=True), name)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_bmp_file_ends_where_its_header_says(mode: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.bmp", corpus.scene(), note=NOTE)
    data = again(corpus.encoded(corpus.scene().convert(mode), "PNG"), "bmp")
    assert struct.unpack("<I", data[2:6]) == (len(data),)
    assert opened(data).mode == mode
    assert read_fingerprint(tmp_path / "a.bmp") == NOTE.fingerprint


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_other_programs_read_a_bmp_without_a_word(program: tuple[str, ...], mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    path.write_bytes(again(corpus.encoded(corpus.scene().convert(mode), "PNG"), "bmp"))
    done = read_by(program, path)
    assert done.returncode == 0 and not done.stderr.strip()


def grey16_with_key(key: int) -> bytes:
    values = np.full((32, 48), 40_000, np.uint16)
    values[:16] = key
    values[16:, :24] = key + 1  # the same in 8 bits, and not transparent
    data = corpus.encoded(Image.fromarray(values), "PNG")
    return data[:33] + corpus.png_chunk(b"tRNS", struct.pack(">H", key)) + data[33:]


def colour16_with_key(key: tuple[int, int, int], interlaced: bool = False) -> bytes:
    values = np.full((32, 48, 3), 40_000, np.uint16)
    values[:16] = key
    values[16:, :24] = (key[0] + 1, *key[1:])
    data = sixteen_bits.with_pixels(corpus.encoded(Image.new("RGB", (1, 1)), "PNG"), values)
    return data[:33] + corpus.png_chunk(b"tRNS", struct.pack(">HHH", *key)) + data[33:]


@pytest.mark.parametrize("data", [grey16_with_key(12_345), colour16_with_key((12_345, 700, 60_000))])
def test_the_transparent_colour_of_a_16_bit_png_is_kept(data: bytes) -> None:
    for native in (False, True):
        picture = read_picture(BytesIO(data), native=native)
        assert picture.alpha is not None
        assert [picture.alpha.getpixel(place) for place in ((5, 5), (5, 20), (40, 20))] == [0, 255, 255]
    result = read_picture(BytesIO(written(picture, "png")), native=True)
    assert result.native is not None and picture.native is not None
    assert result.native.bits == 16
    assert result.native.alpha is not None and np.array_equal(result.native.alpha, picture.native.alpha)
    assert np.array_equal(result.native.values, picture.native.values)


def test_of_a_transparent_grey_of_8_bits_only_the_low_byte_counts() -> None:
    data = corpus.encoded(Image.fromarray(np.array([[0, 128, 255]], np.uint8)), "PNG")
    for key, alpha in ((0x8080, [255, 0, 255]), (256, [0, 255, 255])):
        picture = read_picture(BytesIO(data[:33] + corpus.png_chunk(b"tRNS", struct.pack(">H", key)) + data[33:]))
        assert picture.alpha is not None and np.asarray(picture.alpha)[0].tolist() == alpha


def test_the_transparent_colour_of_an_interlaced_one_is_found_in_8_bits() -> None:
    colours = corpus.scene(4, 4)
    data = corpus.encoded(colours, "PNG", transparency=tuple(257 * number for number in corpus.RED))
    picture = read_picture(BytesIO(data))
    assert picture.alpha is not None
    assert [picture.alpha.getpixel(place) for place in ((0, 0), (3, 0))] == [0, 255]


def bmp_with_alpha(alpha: int) -> bytes:
    """32 bits with masks for all four channels (BITMAPV4HEADER)."""
    image = corpus.scene()
    image.putalpha(alpha)
    pixels = np.asarray(image)[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, *image.size, 1, 32, 3, len(pixels), 2835, 2835, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<III", 14 + 108 + len(pixels), 0, 14 + 108) + header + pixels


def test_a_bmp_whose_alpha_is_0_throughout_is_opaque() -> None:
    for data in (bmp_with_alpha(0), bmp_with_alpha(0)[14:]):
        picture = read_picture(BytesIO(data), native=True)
        assert picture.alpha is None
        assert np.array_equal(np.asarray(picture.image), np.asarray(corpus.scene()))
    half = read_picture(BytesIO(bmp_with_alpha(128)))
    assert half.alpha is not None and half.alpha.getextrema() == (128, 128)


def test_a_dib_without_file_header_is_read_and_written_with_one(tmp_path: Path) -> None:
    path = tmp_path / "a.dib"
    path.write_bytes(corpus.encoded(corpus.scene(), "BMP")[14:])
    picture = read_picture(path)
    assert np.array_equal(np.asarray(picture.image), np.asarray(corpus.scene()))
    write_picture(path, picture.image)
    assert path.read_bytes()[:2] == b"BM"


@pytest.mark.parametrize("animated", [False, True])
def test_a_lossless_webp_stays_so(animated: bool) -> None:
    scene = corpus.scene()
    scene.putpixel((5, 5), (1, 2, 3))
    more = {"save_all": True, "append_images": [corpus.scene(), scene]} if animated else {}
    data = corpus.encoded(scene, "WEBP", lossless=True, **more)
    assert np.array_equal(np.asarray(opened(again(data, "webp"))), np.asarray(scene))
    lossy = read_picture(BytesIO(corpus.encoded(scene, "WEBP", quality=80)))
    assert not lossy.lossless and b"VP8L" not in written(lossy, "webp")


def with_chunks(image: Image.Image, gamma: float | None, corners: tuple[float, ...] | None, *more: bytes) -> bytes:
    data = corpus.encoded(image, "PNG")
    chunks = list(more)
    if gamma is not None:
        chunks.append(corpus.png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000))))
    if corners is not None:
        chunks.append(corpus.png_chunk(b"cHRM", struct.pack(">8I", *(round(x * 100_000) for x in corners))))
    return data[:33] + b"".join(chunks) + data[33:]


P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


def test_gamma_and_primaries_of_a_png_are_applied_as_a_profile() -> None:
    linear = 255 * (((np.asarray(corpus.scene()) / 255) + 0.055) / 1.055) ** 2.4
    data = with_chunks(Image.fromarray(linear.round().astype(np.uint8)), 1.0, None)
    difference = np.asarray(read_picture(BytesIO(data)).image).astype(int) - np.asarray(corpus.scene())
    assert np.abs(difference).max() <= 4
    wide = read_picture(BytesIO(with_chunks(corpus.in_display_p3(), 1 / 2.2, P3)))
    assert np.abs(np.asarray(wide.image).astype(int) - np.asarray(corpus.scene())).max() <= 8


def test_gamma_of_a_grey_png_is_applied() -> None:
    data = with_chunks(Image.new("L", (48, 32), 55), 1.0, SRGB)
    assert read_picture(BytesIO(data)).image.getpixel((3, 3)) == (128, 128, 128)


@pytest.mark.parametrize(
    "data",
    [
        with_chunks(corpus.scene(), 1 / 2.2, SRGB),
        with_chunks(corpus.scene(), None, SRGB),
        with_chunks(corpus.scene(), 1.0, P3, corpus.png_chunk(b"sRGB", b"\0")),
        with_chunks(corpus.scene(), 0.0, None),
        with_chunks(corpus.scene(), 1.0, (0.3127, 0.0) * 4),
        with_chunks(corpus.scene(), 1.0, (0.3127, 0.329) * 4),
    ],
    ids=["like sRGB", "primaries of sRGB", "sRGB overrides", "no gamma", "no space", "a point"],
)
def test_chunks_that_mean_srgb_or_nothing_change_nothing(data: bytes) -> None:
    picture = read_picture(BytesIO(data), native=True)
    assert np.array_equal(np.asarray(picture.image), np.asarray(corpus.scene()))
    assert picture.icc is None and picture.native is None


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_numbers_and_their_meaning_are_written_again(mode: str) -> None:
    image = corpus.scene().convert(mode)
    data = with_chunks(image, 1.0, P3)
    for name in ("png", "tiff"):
        result = again(data, name)
        assert np.array_equal(np.asarray(opened(result)), np.asarray(image))
        seen = [np.asarray(read_picture(BytesIO(file)).image) for file in (data, result)]
        assert np.array_equal(*seen)


def coded(primaries: int, transfer: int) -> bytes:
    return corpus.png_chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


def test_code_points_of_a_png_are_applied_and_override_everything_else() -> None:
    for more in ((), (corpus.png_chunk(b"sRGB", b"\0"),)):
        data = with_chunks(corpus.in_display_p3(), 1.0, SRGB, coded(12, 13), *more)
        difference = np.asarray(read_picture(BytesIO(data)).image).astype(int) - np.asarray(corpus.scene())
        assert np.abs(difference).max() <= 3
        for name in ("png", "tiff", "jpg", "webp"):
            difference = np.asarray(read_picture(BytesIO(again(data, name))).image).astype(int) - np.asarray(
                corpus.scene()
            )
            assert np.abs(difference).mean() < 4
    data = with_chunks(corpus.scene(), 1.0, P3, coded(1, 13))
    assert np.array_equal(np.asarray(read_picture(BytesIO(data)).image), np.asarray(corpus.scene()))


def with_code_points(image: Image.Image, kind: str, primaries: int, transfer: int) -> bytes:
    if kind == "PNG":
        return with_chunks(image, None, None, coded(primaries, transfer))
    if kind not in Image.SAVE:
        pytest.skip(f"Pillow without {kind}")
    data = corpus.encoded(Image.fromarray(np.asarray(image)), kind, quality=100)
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_code_points_of_avif_and_heif_are_applied(kind: str) -> None:
    picture = read_picture(BytesIO(with_code_points(corpus.in_display_p3(), kind, 12, 13)), native=True)
    assert picture.icc is not None
    assert np.median(np.abs(np.asarray(picture.image).astype(int) - np.asarray(corpus.scene()))) <= 2
    assert opened(written(picture, "png")).info["icc_profile"] == picture.icc
    assert read_picture(BytesIO(with_code_points(corpus.scene(), kind, 1, 13))).icc is None


@pytest.mark.parametrize("kind", ["PNG", "AVIF", "HEIF"])
def test_hdr_is_refused_unless_a_profile_describes_it(kind: str) -> None:
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        with pytest.raises(PictureError, match=f"an HDR picture .{name}.*: export it as SDR"):
            read_picture(BytesIO(with_code_points(corpus.scene(), kind, 9, transfer)))
    profiled = corpus.encoded(corpus.in_display_p3(), "PNG", icc_profile=corpus.display_p3())
    data = profiled[:33] + coded(9, 16) + profiled[33:]
    assert read_picture(BytesIO(data)).icc == corpus.display_p3()


def bmp_with_profile(image: Image.Image, profile: bytes) -> bytes:
    plain = corpus.encoded(image, "BMP")
    pixels = plain[54:]
    extent = struct.pack("<II", 124 + len(pixels), len(profile))
    header = struct.pack("<I", 124) + plain[18:54] + bytes(16) + b"DEBM" + bytes(52) + extent + bytes(4)
    size, start = 14 + 124 + len(pixels) + len(profile), 14 + 124
    return b"BM" + struct.pack("<IHHI", size, 0, 0, start) + header + pixels + profile


def jpeg2000_with_profile(image: Image.Image, profile: bytes) -> bytes:
    plain = corpus.encoded(image, "JPEG2000")
    colr = struct.pack(">I", 11 + len(profile)) + b"colr\2\0\0" + profile
    at = plain.index(b"colr") - 4
    longer = plain[:at] + colr + plain[at + int.from_bytes(plain[at : at + 4], "big") :]
    start = plain.index(b"jp2h") - 4
    length = int.from_bytes(plain[start : start + 4], "big") + len(longer) - len(plain)
    return longer[:start] + struct.pack(">I", length) + longer[start + 4 :]


@pytest.mark.parametrize("made", [bmp_with_profile, jpeg2000_with_profile])
def test_profiles_that_pillow_does_not_hand_over_are_applied(
    made: Callable[[Image.Image, bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(made(corpus.in_display_p3(), corpus.display_p3()))
    picture = read_picture(tmp_path / "a")
    assert picture.icc == corpus.display_p3()
    assert np.abs(np.asarray(picture.image).astype(int) - np.asarray(corpus.scene())).max() <= 4


def adobe_rgb_of_a_camera(index: str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 65_535, 0xA002: 48, 0xA005: {1: index}})
    return corpus.jpeg(Image.new("RGB", (48, 32), (60, 180, 60)), exif=exif.tobytes())


def test_adobe_rgb_that_exif_alone_names_is_applied_and_written_as_a_profile() -> None:
    data = adobe_rgb_of_a_camera("R03")
    picture = read_picture(BytesIO(data), native=True)
    red, green, _ = picture.image.getpixel((9, 9))  # type: ignore[misc]
    assert red == 0 and abs(green - 180) <= 2  # green of Adobe RGB lies outside of sRGB
    result = again(data, "jpg")
    assert opened(result).info["icc_profile"] == picture.icc
    assert abs(opened(result).getpixel((9, 9))[0] - 60) <= 2  # type: ignore[index]
    assert read_picture(BytesIO(adobe_rgb_of_a_camera("R98"))).icc is None
