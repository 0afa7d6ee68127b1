"""Decoded pictures in one memory-mapped file, built once: later epochs and runs decode nothing."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError, PictureError, reason_of
from stargan_cli.files.atomic import is_old, remove_unfinished, replacement
from stargan_cli.pictures.tensors import load_square
from stargan_cli.pool import side_by_side
from stargan_cli.progress import Progress, silent

CACHE_VERSION = 1
MAX_UNREADABLE_SHARE = 0.1


def default_cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "stargan"


@dataclass(frozen=True)
class CachedPictures:
    """Pictures (N, 3, size, size) uint8, memory-mapped. `labelled` has those that could be read; `unreadable` says why
    the others could not."""

    labelled: Labelled
    pixels: np.ndarray
    unreadable: dict[str, str]

    def __len__(self) -> int:
        return len(self.labelled)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures uint8 (n, 3, size, size) and labels uint8 (n, k), copied out of the map."""
        return torch.from_numpy(self.pixels[indices.numpy()]), self.labelled.labels[indices]


def cached(
    labelled: Labelled,
    size: int,
    folder: Path | None,
    workers: int,
    progress: Progress = silent,
    most_unreadable: float = MAX_UNREADABLE_SHARE,
) -> CachedPictures:
    """Open the cache of these pictures at `size` px, building it where it is missing; `folder` is by default
    `default_cache_folder()`.

    Pictures that cannot be read are left out and named in `unreadable`. The cache is built again if a picture changed
    (by file size and modification time), if an unreadable one has become readable, or if the file is incomplete. Raises
    DataError where a larger share than `most_unreadable` cannot be read, or where the cache cannot be written or
    mapped into memory.
    """
    folder = folder or default_cache_folder()
    path = folder / f"{_plain(labelled.label_set.name)}-{size}-{_key(labelled, size)}.bin"
    most = most_unreadable * len(labelled)
    try:
        unreadable = _read_notes(path, labelled, size)
        if unreadable is None or len(unreadable) > most:
            folder.mkdir(parents=True, exist_ok=True)
            unreadable = _build(labelled, size, path, most, workers, progress)
        kept = [i for i, file in enumerate(labelled.files) if file not in unreadable]
        readable = labelled.select(kept) if unreadable else labelled
        pixels = np.memmap(path, np.uint8, mode="r", shape=(len(readable), 3, size, size))
    except OSError as error:
        raise DataError(
            f"cannot use the cache of decoded pictures {path}: {reason_of(error)}",
            "give a folder on another disk with --cache DIR",
        ) from error
    return CachedPictures(readable, pixels, unreadable)


def _plain(name: str) -> str:
    """A set's name as part of a file name."""
    return "".join(char if char.isalnum() else "_" for char in name)[:40]


def _key(labelled: Labelled, size: int) -> str:
    digest = hashlib.sha256(f"{CACHE_VERSION} {size} {labelled.folder.resolve()}".encode("utf-8", "surrogateescape"))
    for file, path in zip(labelled.files, labelled.paths(), strict=True):
        try:
            status = path.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError:  # such as a broken link: `_build` finds out why
            state = "unreadable"
        digest.update(f"{file}\0{state}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def _notes(path: Path) -> Path:
    """The file beside a cache with the unreadable pictures and the reasons."""
    return path.with_suffix(".json")


def _read_notes(path: Path, labelled: Labelled, size: int) -> dict[str, str] | None:
    """The unreadable pictures of a complete cache; None if it must be built, also because one of them has become
    readable (new permissions, or a decoder that was missing)."""
    try:
        unreadable: dict[str, str] = dict(json.loads(_notes(path).read_text(encoding="utf-8"))["unreadable"])
        whole = path.stat().st_size == (len(labelled) - len(unreadable)) * 3 * size * size
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    still = all(isinstance(_decode(labelled.folder / file, size), str) for file in unreadable)
    return unreadable if whole and still else None


def _build(labelled: Labelled, size: int, path: Path, most: float, workers: int, progress: Progress) -> dict[str, str]:
    unreadable: dict[str, str] = {}
    remove_unfinished(path.parent, lambda entry, name, _: name.endswith(".bin") and is_old(entry))
    with replacement(path) as temporary:
        with temporary.open("wb") as out, side_by_side(workers, "decode") as pool:
            results = pool.in_order(partial(_decode, size=size), labelled.paths(), progress)
            for file, result in zip(labelled.files, results, strict=True):
                if isinstance(result, str):
                    unreadable[file] = result
                else:
                    out.write(result.numpy().tobytes())
        if len(unreadable) > most:
            file, reason = next(iter(unreadable.items()))
            raise DataError(
                f"{len(unreadable):,} of {len(labelled):,} pictures in {labelled.folder} cannot be read",
                f"more than {most / len(labelled):.0%}: remove or replace them\nthe first: {file}: {reason}",
            )
        _notes(path).write_text(json.dumps({"unreadable": unreadable}), encoding="utf-8")
    return unreadable


def _decode(file: Path, size: int) -> Tensor | str:
    """The picture, or the reason why it cannot be read."""
    try:
        return load_square(file, size)
    except PictureError as error:
        return str(error)
