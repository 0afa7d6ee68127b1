"""Corrections of what Pillow reads wrongly, and of what it leaves to its caller."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from stargan_cli.errors import PictureError
from stargan_cli.pictures.modes import split
from stargan_cli.pictures.png import sixteen_bits

BITS, PHOTOMETRIC, PLANES = 258, 262, 284  # tags of TIFF
MISREAD_IN_PLANES = ("LA", "La", "LAB")
GREY_STEPS = {"L;2": 85, "L;4": 17}  # by PNG's raw mode, which names a grey by its number in the file


def silence_libtiff() -> None:
    """libtiff writes what is wrong with a file to stderr, besides the error that Pillow raises. It can be told not to
    where it is a shared library: not on Windows."""
    pillow = find_spec("PIL._imaging")
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(pillow.origin if pillow is not None else None)  # and what it is linked with
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def loaded(file: BinaryIO, image: Image.Image, deep: bool) -> tuple[Image.Image, np.ndarray | None]:
    """Decode a picture that Pillow has opened from `file`: corrected, and with `deep`, or where the correction needs
    them, the numbers of `sixteen_bits.read`. Raises PictureError for what Pillow cannot decode, or would decode to
    another picture."""
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
        kind = f"a {image.format} with its pixels in an order that cannot be decoded"
        raise PictureError(f"{kind}: save it in another way") from error


def _refuse_misread(image: Image.Image) -> None:
    """Raises PictureError for an opened picture that Pillow would decode to another one."""
    tags = _tags(image)
    if tags.get(PLANES) == 2 and (max(tags.get(BITS, (8,))) > 8 or image.mode in MISREAD_IN_PLANES):
        raise PictureError("a TIFF with such pixels in separate planes, which cannot be decoded: save it without")
    if image.mode == "P" and image.format == "PNG" and image.palette is None:
        raise PictureError("damaged: it has no palette")


def _transparent_grey(image: Image.Image) -> int | None:
    """The grey (0..255) that an opened PNG of 1 to 8 bits declares transparent; None where there is none."""
    if image.mode not in ("1", "L") or not isinstance(image.info.get("transparency"), int):
        return None
    tiles: list[Any] = getattr(image, "tile", [])
    raw = tiles[0][3] if tiles else ""
    key: int = GREY_STEPS.get(raw if isinstance(raw, str) else "", 1) * image.info["transparency"]
    return key


def _as_seen(image: Image.Image, transparent: int | None, deep: np.ndarray | None) -> Image.Image:
    """A loaded picture, corrected. `transparent` is that of `_transparent_grey`, `deep` that of `sixteen_bits.read`.

    A colour that the file declares transparent is found in pixels of every depth. A 16-bit TIFF whose white is 0 is
    inverted. A deep PGM, which Pillow gives 32 bits, has the 16 that it holds. A BMP whose alpha is 0 throughout is
    opaque: programs that know no alpha leave that byte empty.
    """
    info = image.info
    if deep is not None and "transparency" in info:
        image = split(image)[0] if image.mode.startswith("I;16") else image.copy()
        image.putalpha(Image.fromarray((deep[..., -1] >> 8).astype(np.uint8)))
        image.info = {name: value for name, value in info.items() if name != "transparency"}
    elif transparent is not None:
        image = image.convert("L")
        image.info = {**info, "transparency": transparent}
    elif image.mode.startswith("I;16") and _tags(image).get(PHOTOMETRIC) == 0:
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
    """The colour that a file declares transparent. Of 16-bit PNG it has 16 bits, even where Pillow gives 8."""
    key = info.get("transparency")
    return key if isinstance(key, tuple) else (0,)


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})
