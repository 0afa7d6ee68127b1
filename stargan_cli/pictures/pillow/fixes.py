"""Corrections of pictures that Pillow decodes wrongly or incompletely."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from stargan_cli.errors import PictureError
from stargan_cli.pictures.modes import BITS, SAMPLE_FORMAT, SIGNED, split
from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.tiff_pages import tags_of

PHOTOMETRIC, PLANES = 262, 284  # tags of TIFF
MISREAD_IN_PLANES = ("LA", "La", "LAB")
GREY_STEPS = {"L;2": 85, "L;4": 17}  # by PNG's raw mode: levels (of 255) for each step of a stored grey


def loaded(file: BinaryIO, image: Image.Image, deep: bool) -> tuple[Image.Image, np.ndarray | None]:
    """Decode and correct a picture that Pillow has opened from `file`. With `deep`, or if the correction needs it, also
    return the result of `sixteen_bits.read`. Raises PictureError for a picture that Pillow cannot decode, or would
    decode wrongly."""
    _refuse_misread(image)
    key = _transparent_grey(image)
    _load(image)
    numbers = sixteen_bits.read(file, image) if deep or "transparency" in image.info else None
    return _as_seen(image, key, numbers), numbers


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except ValueError as error:
        if "unknown raw mode" not in str(error):
            raise
        kind = f"a {image.format} file that stores its pixels in an order that cannot be decoded"
        raise PictureError(f"{kind}: save it in another format") from error


def _refuse_misread(image: Image.Image) -> None:
    """Raises PictureError for an opened picture that Pillow would decode wrongly."""
    tags = tags_of(image)
    if tags.get(PLANES) == 2 and (max(tags.get(BITS, (8,))) > 8 or image.mode in MISREAD_IN_PLANES):
        raise PictureError("this kind of TIFF with separate planes cannot be decoded: save it with interleaved pixels")
    if SIGNED in tags.get(SAMPLE_FORMAT, ()) and max(tags.get(BITS, (8,))) == 8:
        raise PictureError("its numbers have 8 bits with sign: save it without sign")
    if image.mode == "P" and image.format == "PNG" and image.palette is None:
        raise PictureError("damaged: it has no palette")


def _transparent_grey(image: Image.Image) -> int | None:
    """The grey (0..255) that an opened PNG of 1 to 8 bits declares transparent; None if there is none."""
    if image.mode not in ("1", "L") or not isinstance(image.info.get("transparency"), int):
        return None
    tiles: list[Any] = getattr(image, "tile", [])
    raw = tiles[0][3] if tiles else ""
    key: int = image.info["transparency"]
    if raw == "1":  # Pillow 12.1 gives a level, older ones the step
        return 255 * bool(key)
    step = GREY_STEPS.get(raw if isinstance(raw, str) else "", 1)
    return step * (key & 255 // step)  # only the low bits count: as many as a grey has


def _as_seen(image: Image.Image, transparent: int | None, deep: np.ndarray | None) -> Image.Image:
    """Return a loaded picture, corrected. `transparent` is from `_transparent_grey`, `deep` from `sixteen_bits.read`.

    A colour that the file declares transparent is matched at any bit depth. A 16-bit TIFF whose white is 0 is inverted.
    A 16-bit PGM, which Pillow decodes to 32 bits, is brought back to 16. A BMP whose alpha is 0 throughout is opaque:
    programs that do not support alpha leave that byte 0.
    """
    info = image.info
    if deep is not None and "transparency" in info:
        image = split(image)[0] if image.mode.startswith("I;16") else image.copy()
        image.putalpha(Image.fromarray((deep[..., -1] >> 8).astype(np.uint8)))
        image.info = {name: value for name, value in info.items() if name != "transparency"}
    elif transparent is not None:
        image = image.convert("L")
        image.info = {**info, "transparency": transparent}
    elif image.mode.startswith("I;16") and tags_of(image).get(PHOTOMETRIC) == 0:
        image = Image.fromarray(65535 - np.asarray(image).astype(np.uint16))
        image.info = info
    elif image.format == "PPM" and image.mode == "I":
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
        image.info = info
    elif image.format in ("BMP", "DIB") and image.mode == "RGBA" and image.getchannel("A").getextrema()[1] == 0:
        image = image.convert("RGB")
    elif image.mode == "RGB" and max(_key(info)) > 255:
        image.info["transparency"] = tuple(number >> 8 for number in _key(info))
    return image


def _key(info: dict[Any, Any]) -> tuple[int, ...]:
    """The colour that a file declares transparent. In a 16-bit PNG it has 16 bits, even if Pillow decodes only 8."""
    key = info.get("transparency")
    return key if isinstance(key, tuple) else (0,)
