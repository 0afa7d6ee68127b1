"""Data sets whose pictures are still packed: in archives, or in the tables of Hugging Face."""

from __future__ import annotations

from pathlib import Path

_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst")
_TABLES = (".parquet", ".arrow")


def how_to_unpack(folder: Path) -> str | None:
    """What to do with the first packed file in a folder or in one of its folders; None if there is none."""
    for path in [*sorted(folder.glob("*")), *sorted(folder.glob("*/*"))]:
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in _ARCHIVES:
            return f"unpack {name}"
        if path.suffix.lower() in _TABLES:
            return f"{name} may hold pictures: save each of them as a file"
    return None
