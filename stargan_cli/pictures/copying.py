"""Pictures that are passed on as they are."""

from __future__ import annotations

from io import BytesIO

from stargan_cli.errors import PictureError
from stargan_cli.files.blobs import Source, bytes_of, place_of, readable
from stargan_cli.pictures.encoding import OUTPUT_SUFFIXES, write_picture
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import MAX_PIXELS, read_picture


def copied(
    source: Source, suffix: str, quality: int = 95, max_pixels: int = MAX_PIXELS, note: Note | None = None
) -> bytes:
    """A picture's file, byte for byte where `suffix` means the same format as its own, else rewritten, with the note.

    Raises PictureError.
    """
    kind = OUTPUT_SUFFIXES[suffix.lower()]
    if OUTPUT_SUFFIXES.get(place_of(source).suffix.lower()) == kind:
        try:
            return bytes_of(source)
        except OSError as error:
            raise PictureError(f"cannot be read: {error.strerror or error}") from error
    picture, file = read_picture(readable(source), max_pixels=max_pixels, stored=True), BytesIO()
    image, alpha, stored, icc = picture.image, picture.alpha, picture.stored, picture.srgb_icc
    write_picture(file, image, alpha=alpha, stored=stored, icc=icc, kind=kind, quality=quality, note=note)
    return file.getvalue()
