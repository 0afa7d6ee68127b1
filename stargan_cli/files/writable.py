"""Whether a result can be written, asked before the hours that it takes."""

from __future__ import annotations

import os
from pathlib import Path

from stargan_cli.errors import UsageError


def require_folder(folder: Path) -> None:
    """Make it where it is missing. Raises UsageError where that fails or nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(folder, os.W_OK) else "no right to write there"
    except OSError as error:
        reason = error.strerror or str(error)
    if reason:
        raise UsageError(f"cannot write into the folder {folder}: {reason}", "give another place")


def require_place(folder: Path) -> None:
    """Make nothing. Raises UsageError where the folder, or the nearest one above it that is there, is not writable."""
    there = folder
    while not os.path.exists(there) and there != there.parent:
        there = there.parent
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {folder}: no right to write in {there}", "give another place")


def require_file_place(path: Path) -> None:
    """The same for a file: its folder, and no folder of its own name."""
    require_folder(path.parent)
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder", "give the name of a file")
