"""The pictures below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from stargan_cli.pictures.formats import is_picture


def pictures_below(folder: Path) -> list[Path]:
    """Regular files named like pictures, in sub-folders too, sorted by path. Hidden files are none: macOS leaves some
    that look like pictures.

    Raises OSError for a folder that cannot be read.
    """
    files = (
        Path(place, name) for place, _, names in os.walk(folder, onerror=_raise) for name in names if is_picture(name)
    )
    return [file for file in sorted(files) if os.path.isfile(file)]


def _raise(error: OSError) -> None:
    raise error
