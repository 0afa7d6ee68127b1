"""Functions that make, read and compare animations."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import corpus
import numpy as np
from PIL import Image, ImageDraw

from stargan_cli.pictures.encoding import FrameEncoder
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.frames import Frame, FrameSequence, opened_frames
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import Picture, Wanted
from stargan_cli.pictures.save_options import Extras

NOTE = Note("0123abc", "weights", "Blond_Hair")
DURATIONS = [100, 250, 250, 40]
KINDS = {"gif": "GIF", "png": "PNG", "webp": "WEBP"}


def drawn(number: int, clear: bool = True) -> Image.Image:
    """Frame `number` (0..3) of a yellow square that moves, and with `clear` a transparent one."""
    image = corpus.scene().convert("RGBA")
    draw = ImageDraw.Draw(image)
    left = 6 * min(number, 2) if number < 3 else 30
    draw.rectangle((left, 10, left + 9, 19), fill=(255, 255, 0, 255))
    if clear:
        draw.rectangle((40 - left, 24, 47 - left, 31), fill=(0, 0, 0, 0))
    return image


def by_hand(name: str, clear: bool = True, plays: int = 0, poster: bool = False) -> bytes:
    """An encoded animation of four frames that all differ."""
    given = FrameSequence("animation", 4, plays, poster, clear, None, iter(()))
    encoder = FrameEncoder(WRITABLE[name], given, Extras())
    for number, duration in enumerate(DURATIONS):
        image = drawn(number, clear)
        alpha = image.getchannel("A") if clear else None
        encoder.add(
            Picture(image.convert("RGB"), alpha, image.size, "PNG", "RGBA", None, None, lossless=True), duration
        )
    return encoder.file()


def read(data: bytes, **wanted: Any) -> tuple[FrameSequence, list[Frame]]:
    with opened_frames(BytesIO(data), Wanted(native=True, **wanted)) as found:
        assert isinstance(found, FrameSequence)
        return found, list(found.frames)


def again(data: bytes, name: str, note: Note | None = NOTE) -> bytes:
    """The file that is written if no frame of `data` is changed."""
    with opened_frames(BytesIO(data), Wanted(native=True)) as found:
        assert isinstance(found, FrameSequence)
        encoder = FrameEncoder(WRITABLE[name], found, Extras(100, note=note))
        for frame in found.frames:
            encoder.add(frame.picture, frame.duration)
        return encoder.file()


def pixels(picture: Picture) -> np.ndarray:
    """RGBA, with fully transparent pixels set to 0."""
    alpha = picture.alpha or Image.new("L", picture.image.size, 255)
    image = picture.image.copy()
    image.putalpha(alpha)
    values = np.asarray(image).copy()
    values[values[..., 3] == 0] = 0
    return values


def same(first: list[Frame], second: list[Frame]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(pixels(one.picture), pixels(two.picture)) for one, two in zip(first, second, strict=True)
    )


def pages(number: int) -> bytes:
    """A TIFF file of `number` equal pages."""
    images = number * [corpus.scene()]
    return corpus.encoded(images[0], "TIFF", save_all=True, append_images=images[1:])
