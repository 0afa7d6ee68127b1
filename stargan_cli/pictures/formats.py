"""Which files are pictures, by their names."""

from __future__ import annotations

import os

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif", ".heic", ".heif"),
)
"""What is taken for a picture inside a folder. A file named on the command line is taken whatever its name."""


def is_picture(name: str) -> bool:
    """By its name, as a file inside a folder or an archive."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES
