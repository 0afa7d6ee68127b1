"""Reading pictures: every odd kind comes out right, every bad one is refused with its reason."""

from __future__ import annotations

import os
import re
import struct
import threading
import time
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import corpus
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, features

from stargan_cli.errors import PictureError
from stargan_cli.pictures import reading
from stargan_cli.pictures.arrays import to_image, to_square
from stargan_cli.pictures.reading import read_picture
from stargan_cli.pictures.tensors import load_square, to_model, to_pixels
from stargan_cli.translate.pipe import output_name

FILES = list(corpus.files())
GREYS = [
    (round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in (corpus.RED, corpus.GREEN, corpus.BLUE, corpus.WHITE)
]
COLOURS = [corpus.RED, corpus.GREEN, corpus.BLUE, corpus.WHITE]


def quarters(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    places = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    places += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    return [tuple(int(value) for value in pixels[place]) for place in places]


def furthest(image: Image.Image, wanted: list[tuple[int, ...]]) -> int:
    return int(np.abs(np.array(quarters(image)) - np.array(wanted)).max())


def test_the_corpus_is_wide() -> None:
    assert len({name for name, _, _ in FILES}) >= 120


@pytest.mark.parametrize(("name", "data", "outcome"), FILES, ids=[name for name, _, _ in FILES])
def test_corpus(name: str, data: bytes, outcome: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    if outcome not in ("any", "colour", "grey"):
        with pytest.raises(PictureError, match=outcome) as caught:
            read_picture(path)
        assert "\n" not in str(caught.value)
        return
    for square in (None, 16):
        picture = read_picture(path, square=square)
        assert picture.image.mode == "RGB"
        assert picture.image.size == (picture.size if square is None else (square, square))
        assert picture.alpha is None or (picture.alpha.mode, picture.alpha.size) == ("L", picture.image.size)
        if outcome != "any":
            assert furthest(picture.image, COLOURS if outcome == "colour" else GREYS) <= 12


def test_special_files(tmp_path: Path) -> None:
    absent = [(tmp_path / "gone.jpg", "it is not there"), (tmp_path / (300 * "x"), "its path is too long")]
    for path, reason in (*corpus.special_files(tmp_path), *absent):
        with pytest.raises(PictureError, match=reason):
            read_picture(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(corpus.encoded(corpus.scene(), "PNG"))
    path.chmod(0)
    with pytest.raises(PictureError, match="no permission"):
        read_picture(path)


def test_display_p3_is_converted_and_not_only_ignored() -> None:
    native = corpus.in_display_p3()
    assert furthest(native, COLOURS) > 12  # the numbers in the file are others
    picture = read_picture(BytesIO(corpus.encoded(native, "PNG", icc_profile=corpus.display_p3())))
    assert furthest(picture.image, COLOURS) <= 4
    assert picture.icc == corpus.display_p3()


def test_an_srgb_profile_moves_no_byte() -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = corpus.encoded(corpus.scene(), "PNG", icc_profile=profile)
    assert np.array_equal(np.asarray(read_picture(BytesIO(data)).image), np.asarray(corpus.scene()))


def test_alpha_is_kept_and_hidden_colours_are_white() -> None:
    image = corpus.scene()
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 24, 16))
    image.putalpha(alpha)
    picture = read_picture(BytesIO(corpus.encoded(image, "PNG")))
    assert picture.alpha is not None
    assert [picture.alpha.getpixel(place) for place in ((5, 5), (40, 5))] == [0, 255]
    assert quarters(picture.image) == [(255, 255, 255), corpus.GREEN, corpus.BLUE, corpus.WHITE]


def test_opaque_alpha_is_no_alpha() -> None:
    image = corpus.scene()
    image.putalpha(255)
    assert read_picture(BytesIO(corpus.encoded(image, "PNG"))).alpha is None


def test_grey_with_premultiplied_alpha_is_read() -> None:
    out, values = BytesIO(), np.full((8, 8, 2), (60, 120), np.uint8)
    tifffile.imwrite(out, values, photometric="minisblack", extrasamples=["assocalpha"])
    picture = read_picture(BytesIO(out.getvalue()))
    assert picture.alpha is not None and picture.alpha.getpixel((3, 3)) == 120
    assert abs(picture.image.getpixel((3, 3))[0] - 128) <= 1  # type: ignore[index]


def test_palette_and_key_colour_transparency() -> None:
    picture = read_picture(BytesIO(corpus.palette_with_transparency()))
    assert picture.mode == "P"
    picture = read_picture(BytesIO(corpus.encoded(corpus.scene(), "PNG", transparency=corpus.GREEN)))
    assert picture.alpha is not None
    assert [picture.alpha.getpixel(place) for place in ((5, 5), (40, 5))] == [255, 0]


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (4, 1))
    picture = read_picture(BytesIO(corpus.encoded(Image.fromarray(ramp), "PNG")))
    assert np.asarray(picture.image)[0, :, 0].tolist() == list(range(256))


def test_floats_with_nan_and_infinity_come_out() -> None:
    values = np.array([[0.0, 0.5, 1.0, np.nan, np.inf, -3.0]], np.float32)
    picture = read_picture(BytesIO(corpus.encoded(Image.fromarray(values), "TIFF")))
    assert np.asarray(picture.image)[0, :, 0].tolist() == [0, 128, 255, 0, 0, 0]


def test_bright_floats_are_scaled_by_their_own_white() -> None:
    values = np.array([[0.0, 500_000.0, 1_000_000.0]], np.float32)
    picture = read_picture(BytesIO(corpus.encoded(Image.fromarray(values), "TIFF")))
    assert np.asarray(picture.image)[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array([[0, 2**31 - 1]], np.int32), [0, 255]),
        (np.array([[0, 2**31]], np.uint32), [0, 128]),
        (np.array([[0, 102, 255]], np.int32), [0, 102, 255]),
        (np.array([[0, 65535]], np.uint32), [0, 255]),
        (np.array([[0, 32767]], np.int16), [0, 255]),
        (np.array([[0.0] * 2000 + [0.5, 1.0, 1.2]], np.float32), [0] * 2000 + [128, 255, 255]),
        (np.array([[0] * 2000 + [65535, 70000]], np.uint32), [0] * 2000 + [255, 255]),
    ],
    ids=["signed", "unsigned", "of 8 bits", "of 16 bits", "16 bits, signed", "floats above white", "above 16 bits"],
)
def test_white_of_wide_numbers(values: np.ndarray, levels: list[int]) -> None:
    out = BytesIO()
    tifffile.imwrite(out, values)
    picture = read_picture(BytesIO(out.getvalue()))
    assert np.asarray(picture.image)[0, :, 0].tolist() == levels


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_negative_numbers_are_no_levels(dtype: type) -> None:
    out = BytesIO()
    tifffile.imwrite(out, np.array([[-5, 0, 100]], dtype))
    with pytest.raises(PictureError, match="sign"):
        read_picture(BytesIO(out.getvalue()))


def test_an_orientation_that_only_xmp_names_does_not_count_as_in_viewers() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    data = corpus.encoded(corpus.scene(), "JPEG", xmp=packet)
    with Image.open(BytesIO(data)) as image:
        assert image.getexif()[0x0112] == 6
    assert read_picture(BytesIO(data)).size == (corpus.WIDTH, corpus.HEIGHT)


def test_size_is_upright() -> None:
    picture = read_picture(BytesIO(corpus.turned(6, "JPEG")), square=16)
    assert picture.size == (corpus.WIDTH, corpus.HEIGHT)
    assert (picture.format, picture.mode) == ("JPEG", "RGB")


def test_the_limit_on_pixels_can_be_moved() -> None:
    data = corpus.encoded(corpus.scene(), "PNG")
    with pytest.raises(PictureError, match=r"48x32 is 1,536 pixels, the limit is 1,535 \(--max-pixels\)"):
        read_picture(BytesIO(data), max_pixels=1535)
    read_picture(BytesIO(data), max_pixels=1536)


def test_pillows_limit_is_raised_but_not_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    data = corpus.jpeg()
    for limit, after in ((100, 2000), (5000, 5000), (None, None)):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert output_name(BytesIO(data), "same", 2000) == "picture.jpg"
        assert after == Image.MAX_IMAGE_PIXELS
        read_picture(BytesIO(data), max_pixels=2000)


@pytest.mark.parametrize("chunk", ["zTXt", "iTXt", "iCCP"])
def test_a_png_may_hold_long_texts_and_profiles(chunk: str) -> None:
    start = {"zTXt": b"Comment\0\0", "iTXt": b"XML:com.adobe.xmp\0\1\0\0\0", "iCCP": b"x\0\0"}[chunk]
    plain = corpus.encoded(corpus.scene(), "PNG")
    body = start + zlib.compress(corpus.display_p3() + bytes(3 << 20))
    read_picture(BytesIO(plain[:33] + corpus.png_chunk(chunk.encode(), body) + plain[33:]))


def lossless_jpeg(width: int, height: int) -> bytes:
    """A grey JPEG of process 14 (ITU-T T.81, annex H), every pixel like the one before: one bit, 0, for each."""
    table = b"\xff\xc4" + struct.pack(">HB16sB", 20, 0, b"\1" + bytes(15), 0)
    frame = b"\xff\xc3" + struct.pack(">HBHHBBBB", 11, 8, height, width, 1, 1, 0x11, 0)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 0, 0)
    return b"\xff\xd8" + table + frame + scan + bytes(width * height // 8) + b"\xff\xd9"


@pytest.mark.skipif((features.version("libjpeg_turbo") or "") < "3", reason="it decodes lossless JPEG from 3.0 on")
def test_a_lossless_jpeg_is_read_as_a_square_too() -> None:
    data = lossless_jpeg(128, 64)
    assert read_picture(BytesIO(data)).image.getextrema() == ((128, 128),) * 3
    assert read_picture(BytesIO(data), square=16).image.getextrema() == ((128, 128),) * 3


def test_a_progressive_jpeg_of_endless_scans_is_refused_at_once() -> None:
    whole = corpus.jpeg(progressive=True)
    last = whole.rindex(b"\xff\xda")
    with pytest.raises(PictureError, match="too long to decode"):
        read_picture(BytesIO(whole[:-2] + whole[last:-2] * 2000 + b"\xff\xd9"))


def test_a_video_behind_a_progressive_jpeg_has_no_scans() -> None:
    data = corpus.jpeg(progressive=True) + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 2000
    assert read_picture(BytesIO(data)).size == (corpus.WIDTH, corpus.HEIGHT)


def test_large_jpegs_are_decoded_small_with_nearly_the_same_result() -> None:
    pixels = np.asarray(corpus.scene(1600, 1200).resize((1600, 1200)))
    y, x = np.mgrid[0:1200, 0:1600]
    waves = (pixels * (0.8 + 0.2 * np.sin(x / 40)[..., None] * np.cos(y / 60)[..., None])).astype(np.uint8)
    data = corpus.jpeg(Image.fromarray(waves))
    with Image.open(BytesIO(data)) as image:
        image.draft(None, (128, 128))
        assert image.size == (200, 150)  # that is, the short way is taken below
    short = np.asarray(read_picture(BytesIO(data), square=64).image).astype(int)
    full = to_square(read_picture(BytesIO(data)).image, 64).transpose(1, 2, 0).astype(int)
    assert np.abs(short - full).mean() < 1.0
    assert np.abs(short - full).max() < 24


def test_very_large_pictures_are_shrunk_before_they_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    image = corpus.scene(640, 480)
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda value: max(value, 1)))
    data = corpus.encoded(image, "PNG")
    plain = read_picture(BytesIO(data), square=16)
    monkeypatch.setattr(reading, "LARGE_PIXELS", 1000)
    shrunk = read_picture(BytesIO(data), square=16)
    assert shrunk.size == plain.size == (640, 480)
    assert furthest(shrunk.image, quarters(plain.image)) <= 2
    assert shrunk.alpha is not None and plain.alpha is not None
    assert np.abs(np.asarray(shrunk.alpha).astype(int) - np.asarray(plain.alpha)).max() <= 3


def test_no_warning_escapes_from_a_thread(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def read_all() -> None:
        for _, data, _ in FILES:
            try:
                read_picture(BytesIO(data), square=16)
            except PictureError:
                continue
            except BaseException as error:
                caught.append(error)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        thread = threading.Thread(target=read_all)
        thread.start()
        thread.join()
    assert caught == []
    assert [str(warning.message) for warning in seen] == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_a_cut_file_is_refused_or_whole(kind: str) -> None:
    """Wherever a file is cut off: either it is refused, or all that it lacks is metadata behind the picture."""
    data = corpus.encoded(corpus.scene(), kind)
    whole = np.asarray(read_picture(BytesIO(data)).image)
    refused = 0
    for end in range(0, len(data), max(1, len(data) // 150)):
        try:
            picture = read_picture(BytesIO(data[:end]))
        except PictureError:
            refused += 1
        else:
            assert np.array_equal(np.asarray(picture.image), whole), f"cut at {end} of {len(data)}"
    assert refused > 100


SMALL = [data for name, data, outcome in FILES if len(data) < 4000 and outcome in ("any", "colour", "grey")]


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_damaged_files_are_read_or_refused(draw: st.DataObject) -> None:
    data = bytearray(draw.draw(st.sampled_from(SMALL)))
    for place, value in draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=12)):
        data[place] = value
    check_fuzzed(bytes(data[: draw.draw(st.integers(1, len(data)))]))


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=200), st.sampled_from([data[:12] for data in SMALL] + [b""]))
def test_noise_is_refused(noise: bytes, start: bytes) -> None:
    check_fuzzed(start + noise)


def check_fuzzed(data: bytes) -> None:
    for square in (None, 8):
        try:
            picture = read_picture(BytesIO(data), square=square, max_pixels=4_000_000)
        except PictureError as error:
            assert str(error)
        else:
            assert picture.image.mode == "RGB"


def test_load_square_crops_the_middle(tmp_path: Path) -> None:
    corpus.scene().save(tmp_path / "a.png")
    square = load_square(tmp_path / "a.png", 32)
    assert square.shape == (3, 32, 32)
    assert to_image(square.numpy()).tobytes() == corpus.scene().crop((8, 0, 40, 32)).tobytes()


def test_there_and_back_is_exact() -> None:
    import torch

    pixels = torch.arange(256, dtype=torch.uint8)
    assert to_model(pixels).min() == -1 and to_model(pixels).max() == 1
    assert torch.equal(to_pixels(to_model(pixels)), pixels)
    assert to_pixels(torch.tensor([-9.0, 9.0])).tolist() == [0, 255]


def test_reasons_are_plain_words() -> None:
    for name, data, outcome in FILES:
        if outcome in ("any", "colour", "grey"):
            continue
        with pytest.raises(PictureError) as caught:
            read_picture(BytesIO(data))
        assert not re.search(r"object at 0x|Traceback|<_io", str(caught.value)), name


@pytest.mark.parametrize(
    ("brand", "missing", "words"),
    [
        (b"heic", "HEIF", "HEIF files: pip install 'stargan-cli[heif]'"),
        (b"avif", "AVIF", "Pillow that is built with libavif"),
    ],
)
def test_a_format_without_its_decoder_says_what_decodes_it(
    brand: bytes, missing: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(Image.OPEN, missing)
    with pytest.raises(PictureError, match=re.escape(words)):
        read_picture(BytesIO(corpus.heic().replace(b"heic", brand)))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_the_grey_that_is_transparent_is_found_at_every_depth(depth: int) -> None:
    picture = read_picture(BytesIO(corpus.grey_with_key(depth)), native=True)
    assert picture.alpha is not None
    assert [picture.alpha.getpixel((9, y)) for y in (3, 29)] == ([0, 255] if depth > 1 else [0, 0])
    assert picture.native is not None and picture.native.alpha is not None
    assert picture.native.alpha[3, 9] == 0


@pytest.mark.parametrize("options", [{}, {"progressive": True, "optimize": True}, {"subsampling": 2, "quality": 1}])
def test_no_plain_jpeg_is_too_short_for_its_size(options: dict[str, object]) -> None:
    for mode in ("L", "RGB"):
        picture = read_picture(BytesIO(corpus.jpeg(Image.new(mode, (4096, 4096)), **options)))
        assert picture.size == (4096, 4096)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    class Endless(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None and 0 <= size < 10**9
            return bytes(size)

    with pytest.raises(PictureError, match="too large: the limit of a file"):
        read_picture(Endless(), max_pixels=100)
    whole = corpus.encoded(corpus.scene(), "WEBP")
    (tmp_path / "sparse.webp").write_bytes(whole)
    os.truncate(tmp_path / "sparse.webp", 10**13)
    began = time.monotonic()
    with pytest.raises(PictureError, match="too large: the limit of a file"):
        read_picture(tmp_path / "sparse.webp")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_lzw"])
def test_no_library_writes_to_stderr(compression: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(corpus.encoded(Image.effect_noise((64, 64), 80), "TIFF", compression=compression))
    data[8:200] = bytes(range(192))
    with pytest.raises(PictureError, match="damaged or cut off"):
        read_picture(BytesIO(bytes(data)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("Unsupported BMP bitfields layout"), "read: Unsupported BMP bitfields layout"),
        (SyntaxError("not a PNG\n  file"), "read: not a PNG file"),
        (IndexError("index out of range"), "read"),
        (OSError(), "read"),
    ],
)
def test_a_reason_is_what_is_wrong_with_the_file_and_not_with_the_decoders_code(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(reading, "_header", fail)
    with pytest.raises(PictureError) as caught:
        read_picture(BytesIO(corpus.encoded(corpus.scene(), "PNG")))
    assert str(caught.value) == f"damaged or cut off, or of a kind that only other programs {reason}"


def test_a_reason_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError(10_000 * "x")

    monkeypatch.setattr(reading, "decode", fail)
    with pytest.raises(PictureError) as caught:
        read_picture(BytesIO(corpus.jpeg()))
    assert len(str(caught.value)) < 300
