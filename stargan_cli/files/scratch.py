"""Hidden folders for temporary files. One that a killed process left is removed by the next process."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stargan_cli.files.locks import LOCK_NAME, excludes, locked

YOUNG_SECONDS = 60
"""A folder that is younger may not be locked yet."""
_open: set[Path] = set()


@contextmanager
def scratch_folder(parent: Path, purpose: str) -> Iterator[Path]:
    """A new folder in `parent`, removed at the end of the block. Folders that killed processes left there for the same
    purpose are removed first: those whose lock nobody holds. On file systems without locks they stay: one may be in
    use. Raises OSError."""
    prefix = f".stargan-{purpose}-"
    for left in parent.glob(f"{prefix}*"):
        with suppress(OSError):  # BlockingIOError: it is in use
            if time.time() - left.stat().st_mtime > YOUNG_SECONDS:
                with locked(left / LOCK_NAME):
                    is_left = excludes(left / LOCK_NAME)
                if is_left:
                    shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    _open.add(folder)
    try:
        with locked(folder / LOCK_NAME):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _open.remove(folder)


def remove_scratch_folders() -> None:
    """Remove the scratch folders of this process, which is about to end within their blocks."""
    for folder in _open:
        shutil.rmtree(folder, ignore_errors=True)
