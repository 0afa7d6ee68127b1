"""Archives of small pictures."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from translation_kit import draw


def pack(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def unpack(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]


def samples(tmp_path: Path, numbers: range) -> dict[str, bytes]:
    """Samples in the layout of WebDataset: a class, a picture and a description each."""
    found = {}
    for number in numbers:
        picture = draw(tmp_path / "pictures" / f"{number:04d}.png", number).read_bytes()
        name = f"{number:04d}"
        found |= {f"{name}.cls": b"1", f"{name}.png": picture, f"{name}.txt": name.encode()}
    return found
