"""Frames that hold a part of the picture, put together as browsers do."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import corpus
import numpy as np
import pytest
from animations_kit import pixels, read
from PIL import Image

from stargan_cli.errors import PictureError
from stargan_cli.pictures.png.chunks import SIGNATURE, chunk, chunks

Stored = tuple[str, int, str, bool]  # the colours of its pixels, its left edge, what becomes of it, and whether over
COLOURS = {"r": (255, 0, 0, 255), "g": (0, 255, 0, 255), "b": (0, 0, 255, 255), ".": (0, 0, 0, 0)}
WIDTH = 4


def row(letters: str) -> Image.Image:
    return Image.fromarray(np.array([[COLOURS[letter] for letter in letters]], np.uint8))


def apng(*frames: Stored, width: int = WIDTH) -> bytes:
    header = struct.pack(">IIBBBBB", width, 1, 8, 6, 0, 0, 0)
    out = [chunk(b"IHDR", header), chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    number = 0
    for letters, left, after, over in frames:
        how = ("keep", "clear", "restore").index(after)
        control = struct.pack(">IIIIIHHBB", number, len(letters), 1, left, 0, 1, 10, how, over)
        out.append(chunk(b"fcTL", control))
        (body,) = (body for kind, body in chunks(corpus.encoded(row(letters), "PNG")) if kind == b"IDAT")
        first = number == 0
        number += 1
        out.append(chunk(b"IDAT", body) if first else chunk(b"fdAT", struct.pack(">I", number) + body))
        number += not first
    return SIGNATURE + b"".join([*out, chunk(b"IEND", b"")])


def gif(*frames: Stored, width: int = WIDTH) -> bytes:
    palette = bytes(number for letter in "rgb." for number in COLOURS[letter][:3])
    out = [b"GIF89a" + struct.pack("<HHBBB", width, 1, 0x81, 0, 0) + palette]
    for letters, left, after, _ in frames:
        image = Image.new("P", (len(letters), 1))
        image.putdata(["rgb.".index(letter) for letter in letters])
        image.putpalette(palette)
        alone = corpus.encoded(image, "GIF", optimize=False, interlace=0)
        start = alone.index(b"," + bytes(4)) + 10
        how = ("", "keep", "clear", "restore").index(after)
        out.append(b"!\xf9\x04" + struct.pack("<BHB", how << 2 | 1, 10, 3) + b"\0")
        out.append(b"," + struct.pack("<HHHHB", left, 0, len(letters), 1, 0) + alone[start:-1])
    return b"".join([*out, b";"])


def seen(data: bytes) -> list[str]:
    letters = {colour: letter for letter, colour in COLOURS.items()}
    return [
        "".join(letters[tuple(int(number) for number in pixel)] for pixel in pixels(frame.picture)[0])
        for frame in read(data)[1]
    ]


@pytest.mark.parametrize("make", [apng, gif])
@pytest.mark.parametrize(
    ("frames", "wanted"),
    [
        ([("rrrr", 0, "keep", True), ("g", 1, "keep", True), ("b", 2, "keep", True)], ["rrrr", "rgrr", "rgbr"]),
        ([("rrrr", 0, "keep", True), ("gg", 1, "clear", True), ("b", 3, "keep", True)], ["rrrr", "rggr", "r..b"]),
        ([("rrrr", 0, "keep", True), ("gg", 1, "restore", True), ("b", 3, "keep", True)], ["rrrr", "rggr", "rrrb"]),
        (
            [("rrrr", 0, "keep", True), ("gg", 0, "restore", True), ("bb", 1, "restore", True), ("g", 3, "keep", True)],
            ["rrrr", "ggrr", "rbbr", "rrrg"],
        ),
        ([("rrrr", 0, "restore", True), ("g", 1, "restore", True), ("b", 2, "keep", True)], ["rrrr", ".g..", "..b."]),
        ([("rrrr", 0, "clear", True), (".g", 1, "keep", True), ("b..", 0, "keep", True)], ["rrrr", "..g.", "b.g."]),
        ([("rrrr", 0, "keep", True), (".g", 1, "keep", True)], ["rrrr", "rrgr"]),
    ],
    ids=["keep", "clear", "restore", "restore twice", "restore first", "clear first", "over"],
)
def test_what_frames_leave(make: Any, frames: list[Stored], wanted: list[str]) -> None:
    assert seen(make(*frames)) == wanted


def test_an_apng_frame_may_replace_what_is_below() -> None:
    assert seen(apng(("rrrr", 0, "keep", False), (".g.", 1, "keep", False))) == ["rrrr", "r.g."]


def test_frames_beyond_the_picture_are_cut_off_or_refused() -> None:
    assert seen(gif(("rrrr", 0, "keep", True), ("gggg", 2, "keep", True))) == ["rrrr", "rrgg"]
    with pytest.raises(PictureError, match="a frame of 20x1 is far larger than the picture"):
        read(gif(("rrrr", 0, "keep", True), (20 * "g", 0, "keep", True)))
    with pytest.raises(PictureError, match="a frame reaches beyond the picture"):
        read(apng(("rrrr", 0, "keep", True), ("gggg", 2, "keep", True)))


def test_an_apng_with_fewer_frames_than_it_says_is_refused() -> None:
    data = apng(("rrrr", 0, "keep", True), ("g", 0, "keep", True)).replace(
        chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"acTL", struct.pack(">II", 3, 0))
    )
    with pytest.raises(PictureError, match="damaged or cut off"):
        read(data)


def test_a_colour_that_an_animation_of_16_bits_declares_transparent_is_so() -> None:
    grey = [np.full((1, 2), value, np.uint16) for value in (500, 60_000)]
    files = [corpus.encoded(Image.fromarray(values), "PNG") for values in grey]
    bodies = [body for file in files for kind, body in chunks(file) if kind == b"IDAT"]
    out = [chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0))]
    out += [chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"tRNS", struct.pack(">H", 500))]
    control = struct.pack(">IIIIHHBB", 2, 1, 0, 0, 1, 10, 0, 0)
    out += [chunk(b"fcTL", bytes(4) + control), chunk(b"IDAT", bodies[0])]
    out += [chunk(b"fcTL", struct.pack(">I", 1) + control)]
    out += [chunk(b"fdAT", struct.pack(">I", 2) + bodies[1]), chunk(b"IEND", b"")]
    with Image.open(BytesIO(SIGNATURE + b"".join(out))) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
    _, frames = read(SIGNATURE + b"".join(out))
    assert [pixels(frame.picture)[0, 0].tolist() for frame in frames] == [[0, 0, 0, 0], [233, 233, 233, 255]]
