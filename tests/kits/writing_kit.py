"""Write a picture with everything that a file can hold beside its pixels."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from stargan_cli.files.writing import replacing
from stargan_cli.pictures.encoding import encode
from stargan_cli.pictures.exif import kept_exif
from stargan_cli.pictures.formats import FALLBACK, PictureFormat, written_by_name
from stargan_cli.pictures.native_pixels import NativePixels
from stargan_cli.pictures.output_pixels import output_pixels
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.save_options import Extras


def write_picture(
    target: Path | BinaryIO,
    image: Image.Image,
    *,
    alpha: Image.Image | None = None,
    native: NativePixels | None = None,
    icc: bytes | None = None,
    format: PictureFormat | None = None,
    quality: int = 95,
    lossless: bool = False,
    note: Note | None = None,
    exif: bytes | None = None,
) -> None:
    """Write an RGB picture as `format`; the default is the format of the path's suffix, else PNG."""
    if format is None:
        format = (written_by_name(target.name) if isinstance(target, Path) else None) or FALLBACK
    extras = Extras(quality, lossless, note, kept_exif(exif) if exif else None)
    data = encode(output_pixels(format, image, alpha, native, icc), format, extras)
    if not isinstance(target, Path):
        target.write(data)
        return
    with replacing(target) as file:
        file.write(data)
