"""16-bit PNG files, read and written without Pillow's help."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import corpus
import numpy as np
import pytest
from PIL import Image

from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.png.chunks import SIGNATURE

COLOURS = {2: 4, 3: 2, 4: 6}


def filtered(values: np.ndarray, filters: list[int]) -> bytes:
    """The rows as PNG's five filters put them (specification, 9.2), byte by byte."""
    height, width, channels = values.shape
    step = 2 * channels
    raw = values.astype(">u2").view(np.uint8).reshape(height, width * step).astype(int)
    out = bytearray()
    for y, kind in enumerate(filters):
        out.append(kind)
        for x in range(width * step):
            left = int(raw[y, x - step]) if x >= step else 0
            above = int(raw[y - 1, x]) if y else 0
            corner = int(raw[y - 1, x - step]) if y and x >= step else 0
            nearest = min((left, above, corner), key=lambda value: abs(value - (left + above - corner)))
            guess = (0, left, above, (left + above) // 2, nearest)[kind]
            out.append((int(raw[y, x]) - guess) % 256)
    return bytes(out)


def png(rows: bytes, width: int, height: int, channels: int, interlaced: int = 0, before: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 16, COLOURS[channels], 0, 0, interlaced)
    packed = zlib.compress(rows)
    chunk, half = corpus.png_chunk, len(packed) // 2
    data = chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return SIGNATURE + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


def read(data: bytes) -> np.ndarray | None:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return sixteen_bits.read(BytesIO(data), image)


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(7, 5), (5, 17), (1, 4), (9, 1), (16, 16)])
def test_every_filter_in_every_order(channels: int, height: int, width: int) -> None:
    random = np.random.default_rng(height * width)
    values = random.integers(0, 65536, (height, width, channels)).astype(np.uint16)
    for filters in ([kind] * height for kind in range(5)):
        found = read(png(filtered(values, filters), width, height, channels))
        assert found is not None and np.array_equal(found, values)
    mixed = random.integers(0, 5, height).tolist()
    found = read(png(filtered(values, mixed), width, height, channels))
    assert found is not None and np.array_equal(found, values)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_what_is_written_is_read_again_here_and_by_pillow(channels: int) -> None:
    values = np.random.default_rng(1).integers(0, 65536, (30, 21, channels)).astype(np.uint16)
    frame = corpus.encoded(Image.new({2: "LA", 3: "RGB", 4: "RGBA"}[channels], (1, 1)), "PNG", icc_profile=b"profile")
    data = sixteen_bits.with_pixels(frame, values)
    found = read(data)
    assert found is not None and np.array_equal(found, values)
    with Image.open(BytesIO(data)) as image:
        assert image.info["icc_profile"] == b"profile"
        assert np.abs(np.asarray(image)[..., 0].astype(int) - values[..., 0] // 257).max() <= 1


def test_other_pngs_are_left_to_pillow() -> None:
    values = np.zeros((4, 4, 3), np.uint16)
    rows = filtered(values, [0] * 4)
    assert read(png(rows, 4, 4, 3)) is not None
    assert read(corpus.encoded(corpus.scene(), "PNG")) is None
    assert read(corpus.encoded(corpus.sixteen_bit_grey(), "PNG")) is None
    with Image.open(BytesIO(corpus.jpeg())) as image:
        assert sixteen_bits.read(BytesIO(corpus.jpeg()), image) is None


def test_interlaced_and_cut_ones_too() -> None:
    whole = Image.open(BytesIO(png(filtered(np.zeros((4, 4, 3), np.uint16), [0] * 4), 4, 4, 3)))
    assert sixteen_bits.read(BytesIO(png(b"", 4, 4, 3, interlaced=1)), whole) is None
    assert sixteen_bits.read(BytesIO(png(bytes(20), 4, 4, 3)), whole) is None
