"""Pictures -> files, with a note that they are generated. The same picture gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.blobs import Source, bytes_of, path_of, readable
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.animations import Timing
from stargan_cli.pictures.exif import kept_exif
from stargan_cli.pictures.formats import FALLBACK, PictureFormat, written_by_name
from stargan_cli.pictures.frames import FrameSequence, opened_frames, refuse_loss
from stargan_cli.pictures.native_pixels import NativePixels
from stargan_cli.pictures.output_pixels import OutputPixels, in_palette, output_pixels
from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import Picture, Wanted
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
    """Write an RGB picture as `format`, by default as the suffix of the path says, and as PNG into a stream.

    `alpha` (L, same size) is kept where the format can, else the picture lies on white. `native` is the same picture
    as the source file holds it; it is written instead where the format can hold it. `icc` is the profile that the
    picture carries, one that means sRGB. `quality` (1..100) is for JPEG, with full chroma from 90 on, and for WebP,
    which is lossless at 100 and with `lossless`. `note` becomes metadata of the file. `exif` is the source's raw EXIF
    block, if it is to be kept.
    Raises PictureError, and OutputError where no other picture could be written either.
    """
    if format is None:
        format = (written_by_name(target.name) if isinstance(target, Path) else None) or FALLBACK
    extras = Extras(quality, lossless, note, kept_exif(exif) if exif else None)
    data = encode(output_pixels(format, image, alpha, native, icc), format, extras)
    if not isinstance(target, Path):
        target.write(data)
        return
    with replacing(target) as file:
        file.write(data)


def encode(pixels: OutputPixels, format: PictureFormat, extras: Extras) -> bytes:
    """The bytes of the file."""
    out = BytesIO()
    image = in_palette(pixels.image) if format.palette else pixels.image
    # icc_profile=None too: Pillow would write the one that it read
    image.save(out, format.name, icc_profile=pixels.icc, **format.save_options(extras))
    data = out.getvalue() if pixels.deep is None else sixteen_bits.with_pixels(out.getvalue(), pixels.deep)
    return data if format.add_note is None or extras.note is None else format.add_note(data, extras.note)


def encode_picture(picture: Picture, format: PictureFormat, extras: Extras) -> bytes:
    """The bytes of the file of a picture as it was read, its pixels perhaps changed. A lossless WebP stays so."""
    pixels = output_pixels(format, picture.image, picture.alpha, picture.native, picture.srgb_icc)
    return encode(pixels, format, replace(extras, lossless=extras.lossless or picture.lossless))


class FrameEncoder:
    """Encodes the pictures of one file, one after the other; only their encoded bytes are held.

    `frames` is the file that they come from; a note and EXIF are written once. Raises FramesError where the format
    cannot hold several pictures.
    """

    def __init__(self, format: PictureFormat, frames: FrameSequence, extras: Extras) -> None:
        refuse_loss(format, frames.kind, frames.number)
        self._format, self._frames, self._extras = format, frames, extras
        self._files: list[bytes] = []
        self._durations: list[float] = []

    def add(self, picture: Picture, duration: float) -> None:
        """`duration`: how long it is shown (ms)."""
        format, icc = self._format, picture.srgb_icc
        native = picture.native
        if native is not None and self._frames.kind == "animation":
            native = native.narrowed()
        pixels = output_pixels(format, picture.image, picture.alpha, native, icc)
        if self._frames.kind == "animation":  # all of the same mode
            pixels = pixels._replace(image=pixels.image.convert("RGBA" if self._frames.alpha else "RGB"))
        extras = Extras(self._extras.quality, picture.lossless)
        if not self._files:
            extras = replace(extras, exif=self._extras.exif, note=self._extras.note if not format.add_note else None)
        self._files.append(encode(pixels, format, extras))
        self._durations.append(duration)

    def file(self) -> bytes:
        """The file of all pictures that were added."""
        if self._format.join is None:
            raise ValueError(f"{self._format.name} holds one picture")
        timing = Timing(self._frames.plays, tuple(self._durations), self._frames.poster)
        data, note, add_note = self._format.join(self._files, timing), self._extras.note, self._format.add_note
        return data if note is None or add_note is None else add_note(data, note)


def copied(source: Source, format: PictureFormat, extras: Extras, wanted: Wanted) -> bytes:
    """A picture's file as `format`: byte for byte where its name says that format, else rewritten, with the note.

    Raises PictureError; FramesError among them, where pictures would be lost.
    """
    if written_by_name(path_of(source).name) is format:
        try:
            return bytes_of(source)
        except OSError as error:
            raise PictureError(f"cannot be read: {reason_of(error)}") from error
    with opened_frames(readable(source), wanted) as opened:
        if isinstance(opened, Picture):
            return encode_picture(opened, format, extras)
        encoder = FrameEncoder(format, opened, extras)
        for frame in opened.frames:
            encoder.add(frame.picture, frame.duration)
        return encoder.file()
