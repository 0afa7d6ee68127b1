"""Where the outputs of one call are written: a folder or, for a single input, a file that --out names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.errors import UsageError
from stargan_cli.pictures.formats import WRITABLE, written_by_name
from stargan_cli.pictures.listing import has_picture_suffix
from stargan_cli.translate.inputs.finding import is_archive, is_archive_file, is_folder
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.inputs.tar_reading import PACKED_SUFFIXES, TAR_SUFFIX


@dataclass(frozen=True)
class Destination:
    """The output folder and, if --out names a single file, its `name` in the folder."""

    folder: Path | RemotePath
    name: str | None = None


def destination(inputs: Sequence[Path | RemotePath], out: Path | RemotePath, each: bool, format: str) -> Destination:
    """Whether `out` is a file: it has a picture's suffix (for a tar, a tar's), and is not an existing folder.

    `each` and `format` are those of `TranslationSettings`. Raises UsageError if several outputs would be one file, if
    the file's suffix is not that of the format, or if pictures would become an archive.
    """
    archive = len(inputs) == 1 and is_archive_file(inputs[0])
    file = is_archive(out.name) if archive else has_picture_suffix(out.name)
    packed = not archive and out.name.lower().endswith((TAR_SUFFIX, *PACKED_SUFFIXES))
    if not (file or packed) or is_folder(out):
        return Destination(out)
    if packed:
        raise UsageError(f"--out {out} is the name of an archive, and pictures become a folder", "give a folder")
    if each or len(inputs) != 1 or is_folder(inputs[0]):
        raise UsageError(f"--out {out} is the name of one file, and there may be several outputs", "give a folder")
    if not archive:
        _check_format(out, format)
    return Destination(out.parent, out.name)


def _check_format(out: Path | RemotePath, format: str) -> None:
    row = written_by_name(out.name)
    if row is None:
        suffixes = ", ".join(row.suffixes[0] for row in WRITABLE.values())
        raise UsageError(f"--out {out}: {os.path.splitext(out.name)[1]} files cannot be written", f"use {suffixes}")
    if format not in ("same", row.option):
        raise UsageError(f"--out {out} is not a {format} file, but --format says {format}", "leave out --format")
