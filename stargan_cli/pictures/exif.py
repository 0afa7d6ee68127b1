"""EXIF: a picture's orientation, and its metadata of camera, date and place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

PIXEL_TAGS = (*range(254, 270), 273, 274, *range(277, 280), 284, 317, 320, *range(322, 326), 330, 339, 513, 514)
MAX_EXIF_BYTES = 65_000  # what a JPEG segment holds
TIFF_TEXTS = (270, 271, 272, 305, 306, 315, 316, 33432)  # description, camera, program, date, artist, host, copyright
EXIF_FOLDERS = (0x8769, 0x8825)  # sub-directories: exposure and GPS
ORIENTATION = 0x0112


class _AsRead(str):
    """An EXIF text that is written as the bytes it was read from (mostly UTF-8).

    Pillow reads them as Latin-1, and would write ASCII.
    """

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return super().encode("latin-1")


def _as_read(values: Mapping[int, Any]) -> dict[int, Any]:
    return {tag: _AsRead(value) if isinstance(value, str) else value for tag, value in values.items()}


def exif_of(image: Image.Image) -> bytes | None:
    """Return the raw EXIF block of an opened file, or None. TIFF has no block: one is made from the file's own tags."""
    if image.format != "TIFF":
        block = image.info.get("exif")
        return block if isinstance(block, bytes) else None
    try:
        own, found = image.getexif(), Image.Exif()
        found.update(_as_read({tag: own[tag] for tag in TIFF_TEXTS if tag in own}))
        found.update({tag: _as_read(own.get_ifd(tag)) for tag in EXIF_FOLDERS if tag in own})
        return found.tobytes() if len(found) else None
    except Exception:  # Pillow raises nearly anything on broken EXIF, which is then not worth keeping
        return None


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where the EXIF block is broken."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block is no reason to lose the picture
        return 1


def kept_exif(raw: bytes) -> Image.Exif | None:
    """Return a source's EXIF block without the tags that describe its pixels, such as the orientation.

    None if the block is broken, empty or longer than MAX_EXIF_BYTES.
    """
    exif = Image.Exif()
    try:
        exif.load(raw)
        for tag in PIXEL_TAGS:
            if tag in exif:
                del exif[tag]
        for values in (exif, *(exif.get_ifd(tag) for tag in EXIF_FOLDERS if tag in exif)):
            values.update(_as_read(values))
        return exif if 0 < len(exif.tobytes()) <= MAX_EXIF_BYTES else None
    except Exception:  # Pillow raises nearly anything on broken EXIF, which is then not worth keeping
        return None
