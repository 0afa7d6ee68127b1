"""Metadata: a picture's orientation and resolution, and EXIF of camera, date and place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from stargan_cli.pictures.tiff_pages import tags_of

PIXEL_TAGS = (*range(254, 270), 273, 274, *range(277, 280), 284, 317, 320, *range(322, 326), 330, 339, 513, 514)
BLOCK_TAGS = (700, 33723, 34377, 34675)  # XMP, IPTC, Photoshop, ICC: other metadata, with thumbnails and face regions
THUMBNAIL, MAKER_NOTE = 0x501B, 0x927C  # the note has previews, and offsets from the start of the old block
MOST_DPI = 65_535  # what JPEG holds
IN_PNG_TEXT = "Raw profile type exif"  # as ImageMagick writes it: two lines, and the block in hex digits
TIFF_TEXTS = (270, 271, 272, 305, 306, 315, 316, 33432)  # description, camera, program, date, artist, host, copyright
EXPOSURE, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005  # sub-directories; the last is within the first
EXIF_FOLDERS = (EXPOSURE, GPS)
COLOUR_SPACE, UNCALIBRATED, ADOBE_RGB = 0xA001, 65_535, "R03"  # the last is tag 1 of the interoperability directory
EXPOSURE_PIXEL_TAGS = (COLOUR_SPACE, 0xA002, 0xA003, INTEROPERABILITY)  # with width and height
NOT_KEPT = (*PIXEL_TAGS, *BLOCK_TAGS, THUMBNAIL, MAKER_NOTE, *EXPOSURE_PIXEL_TAGS)
ORIENTATION = 0x0112
RESOLUTION = (282, 283)  # pixels a unit, in a row and in a column


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
        return block if isinstance(block, bytes) else _from_text(image.info.get(IN_PNG_TEXT))
    try:
        own, found = image.getexif(), Image.Exif()
        found.update(_as_read({tag: own[tag] for tag in TIFF_TEXTS if tag in own}))
        found.update({tag: _as_read(own.get_ifd(tag)) for tag in EXIF_FOLDERS if tag in own})
        return found.tobytes() if len(found) else None
    except Exception:  # Pillow raises nearly anything on broken EXIF, which is then not worth keeping
        return None


def _from_text(text: Any) -> bytes | None:
    try:
        return bytes.fromhex("".join(str(text).split("\n")[3:])) or None
    except ValueError:
        return None


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where the EXIF block is broken. One that XMP alone names does not count, as in
    viewers."""
    try:
        if image.format == "TIFF":  # Pillow turns these itself, and then forgets the orientation here
            return _integer(image.getexif().get(ORIENTATION, 1))
        return _integer(_loaded(image).get(ORIENTATION, 1))
    except Exception:  # a broken EXIF block is no reason to lose the picture
        return 1


def _integer(value: Any) -> int:
    """The value of a tag that should have type SHORT: some programs write others, and Pillow reads BYTE as bytes."""
    return value[0] if isinstance(value, bytes) else int(value)


def names_adobe_rgb(image: Image.Image) -> bool:
    """Whether EXIF says that the colours are those of Adobe RGB, as cameras do instead of embedding a profile (DCF
    2.0)."""
    try:
        if ADOBE_RGB.encode() not in (exif_of(image) or b""):
            return False  # at once: to parse the block takes longer than to search it
        exif = _loaded(image)
        uncalibrated = exif.get_ifd(EXPOSURE).get(COLOUR_SPACE) == UNCALIBRATED
        return uncalibrated and str(exif.get_ifd(INTEROPERABILITY).get(1)).startswith(ADOBE_RGB)
    except Exception:  # as above
        return False


def _loaded(image: Image.Image) -> Image.Exif:
    exif = Image.Exif()
    exif.load(exif_of(image) or b"")
    return exif


def dpi_of(image: Image.Image) -> tuple[float, float] | None:
    """Pixels an inch, in a row and in a column, as the file names them (above 1, at most MOST_DPI); else None."""
    try:
        if image.format == "TIFF" and not all(tag in tags_of(image) for tag in RESOLUTION):
            return None  # Pillow takes 1 a unit for what the file does not name
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 < across <= MOST_DPI and 1 < down <= MOST_DPI else None


def kept_exif(raw: bytes) -> Image.Exif | None:
    """Return a source's EXIF block without the camera's own note and the tags that describe its pixels, such as
    orientation, size and colour space. None if the block is broken or empty."""
    exif = Image.Exif()
    try:
        exif.load(raw)
        for values in (exif, *(exif.get_ifd(tag) for tag in EXIF_FOLDERS if tag in exif)):
            for tag in NOT_KEPT:
                values.pop(tag, None)
            values.update(_as_read(values))
        exif.tobytes()  # raises an error where the block cannot be written
        return exif if len(exif) else None
    except Exception:  # Pillow raises nearly anything on broken EXIF, which is then not worth keeping
        return None
