"""What Pillow reads as something else than it is, or leaves undone."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from stargan_cli.errors import PictureError

BITS, PHOTOMETRIC, PLANES = 258, 262, 284  # tags of TIFF
GREY_STEPS = {"L;2": 85, "L;4": 17}  # by PNG's raw mode, which names a grey by its number in the file


def refuse_misread(image: Image.Image) -> None:
    """Raises PictureError for a picture, opened but not loaded, that would come out as another one."""
    tags = _tags(image)
    if tags.get(PLANES) == 2 and max(tags.get(BITS, (8,))) > 8:
        raise PictureError("a TIFF with more than 8 bits in separate planes, which cannot be decoded: save it without")
    if image.mode == "P" and image.format == "PNG" and image.palette is None:
        raise PictureError("damaged: it has no palette")


def transparent_grey(image: Image.Image) -> int | None:
    """The 8-bit grey that a PNG, opened but not loaded, declares transparent."""
    if image.mode not in ("1", "L") or not isinstance(image.info.get("transparency"), int):
        return None
    tiles: list[Any] = getattr(image, "tile", [])
    raw = tiles[0][3] if tiles else ""
    key: int = GREY_STEPS.get(raw if isinstance(raw, str) else "", 1) * image.info["transparency"]
    return key


def as_seen(image: Image.Image, transparent: int | None) -> Image.Image:
    """A loaded picture with `transparent_grey` in its pixels' own numbers, and, in 16-bit TIFF too, white bright."""
    info = image.info
    if transparent is not None:
        image = image.convert("L")
        image.info = {**info, "transparency": transparent}
    elif image.mode.startswith("I;16") and _tags(image).get(PHOTOMETRIC) == 0:
        image = Image.fromarray(65535 - np.asarray(image).astype(np.uint16))
        image.info = info
    return image


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})
