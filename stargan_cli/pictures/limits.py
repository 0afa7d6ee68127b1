"""Size limits, checked before a picture is decoded."""

from __future__ import annotations

import os
from typing import BinaryIO

from stargan_cli.errors import PictureError
from stargan_cli.pictures.jpeg.segments import SCAN, segments

MAX_BYTES, SLACK_BYTES = 8, 2**26  # of a file: for each allowed pixel, plus a constant; some decoders load all of it
MAX_SCANS = 1000
MAX_SCANNED = 20  # times `max_pixels`: the pixels of all scans of a progressive JPEG; a scan may have few bytes
PIXELS_OF_A_BYTE = 512  # at most, in a JPEG: each block of 8x8 pixels takes at least one bit


def most_bytes(max_pixels: int) -> int:
    """The largest allowed file (bytes)."""
    return MAX_BYTES * max_pixels + SLACK_BYTES


def check_bytes(length: int, max_pixels: int) -> None:
    """Raises PictureError if a file is longer than `most_bytes`."""
    if length > most_bytes(max_pixels):
        raise PictureError(f"too large: the limit of a file is {most_bytes(max_pixels):,} bytes (--max-pixels)")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises PictureError if a picture has no pixels, or more than `max_pixels`."""
    if width < 1 or height < 1:
        raise PictureError(f"it has no pixels: {width}x{height}")
    if width * height > max_pixels:
        raise PictureError(
            f"too large: {width}x{height} is {width * height:,} pixels, the limit is {max_pixels:,} (--max-pixels)"
        )


def check_jpeg_length(file: BinaryIO, width: int, height: int) -> None:
    """Raises PictureError for a JPEG with fewer bytes than its size needs: most of it would come out grey."""
    place = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(place)
    if length * PIXELS_OF_A_BYTE < width * height:
        raise PictureError(f"cut off: {length:,} bytes are too few for {width}x{height} pixels")


def check_scans(file: BinaryIO, pixels: int, max_pixels: int) -> None:
    """Raises PictureError for a progressive JPEG that would take hours: its decoder passes over all pixels in each
    scan."""
    place = file.tell()
    file.seek(0)
    scans = sum(marker == SCAN for marker, _, _ in segments(file.read()))
    file.seek(place)
    if scans > MAX_SCANS or scans * pixels > MAX_SCANNED * max_pixels:
        raise PictureError(f"a progressive JPEG of {scans} scans over {pixels:,} pixels would take too long to decode")
