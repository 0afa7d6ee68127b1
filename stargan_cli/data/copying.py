"""Pictures that are passed on as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

from stargan_cli.data.provenance import Note
from stargan_cli.data.reading import MAX_PIXELS, read_picture
from stargan_cli.data.writing import OUTPUT_SUFFIXES, replacing, write_picture
from stargan_cli.errors import PictureError


def copy_picture(
    source: Path, target: Path, quality: int = 95, max_pixels: int = MAX_PIXELS, note: Note | None = None
) -> None:
    """Copy a picture file, byte for byte where the target has the same format by its extension, else rewritten, with
    the note.

    Raises PictureError, and OutputError where nothing more can be written.
    """
    if source.exists() and target.exists() and source.samefile(target):
        return
    kinds = (OUTPUT_SUFFIXES.get(path.suffix.lower()) for path in (source, target))
    if len(set(kinds)) > 1:
        picture = read_picture(source, max_pixels=max_pixels, stored=True)
        image, alpha, stored, icc = picture.image, picture.alpha, picture.stored, picture.srgb_icc
        write_picture(target, image, alpha=alpha, stored=stored, icc=icc, quality=quality, note=note)
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror or error}") from error
    with file, replacing(target) as copy:
        shutil.copyfileobj(file, copy)
