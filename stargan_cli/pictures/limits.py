"""What is too much, or too little, to be a picture: found out before anything is decoded."""

from __future__ import annotations

import os
from typing import BinaryIO

from stargan_cli.errors import PictureError

MAX_BYTES, SLACK_BYTES = 8, 2**26  # for each allowed pixel, and for all else in a file: some decoders read it whole
MAX_SCANS = 1000
MAX_SCANNED = 20  # times `max_pixels`: what a progressive JPEG's scans may add up to; a few bytes can make a scan
PIXELS_OF_A_BYTE = 512  # of a JPEG, at most: each block of 8x8 takes a bit, however plain the picture


def most_bytes(max_pixels: int) -> int:
    """Of a file."""
    return MAX_BYTES * max_pixels + SLACK_BYTES


def check_bytes(length: int, max_pixels: int) -> None:
    """Raises PictureError where a file has more than `most_bytes`."""
    if length > most_bytes(max_pixels):
        raise PictureError(f"too large: the limit of a file is {most_bytes(max_pixels):,} bytes (--max-pixels)")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raises PictureError where a picture has no pixels or more than `max_pixels`."""
    if width < 1 or height < 1:
        raise PictureError(f"it has no pixels: {width}x{height}")
    if width * height > max_pixels:
        raise PictureError(
            f"too large: {width}x{height} is {width * height:,} pixels, the limit is {max_pixels:,} (--max-pixels)"
        )


def check_jpeg_length(file: BinaryIO, width: int, height: int) -> None:
    """Raises PictureError for a JPEG too short for its size, most of which would come out grey."""
    place = file.tell()
    length = file.seek(0, os.SEEK_END)
    file.seek(place)
    if length * PIXELS_OF_A_BYTE < width * height:
        raise PictureError(f"cut off: {length:,} bytes are too few for {width}x{height} pixels")


def check_scans(file: BinaryIO, pixels: int, max_pixels: int) -> None:
    """Raises PictureError for a progressive JPEG made to keep its decoder busy for hours: each scan is a pass over all
    pixels."""
    place, scans = file.tell(), 0
    file.seek(0)
    while block := file.read(2**20):
        scans += block.count(b"\xff\xda")
    file.seek(place)
    if scans > MAX_SCANS or scans * pixels > MAX_SCANNED * max_pixels:
        raise PictureError(f"a progressive JPEG of {scans} scans over {pixels:,} pixels would take too long to decode")
