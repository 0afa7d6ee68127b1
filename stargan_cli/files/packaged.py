"""Files that come with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def packaged(inside: str, in_source: str) -> Path:
    """A folder of the program's files: `inside` the package of an installed wheel, else `in_source` in the source tree.
    An installed package may have neither."""
    folder = Path(str(resources.files("stargan_cli"))) / inside
    return folder if folder.is_dir() else Path(__file__).resolve().parents[2] / in_source
