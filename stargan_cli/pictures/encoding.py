"""Encode pictures as files, with a note that they are generated. The same picture gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.blobs import Source, bytes_of, path_of, readable
from stargan_cli.pictures.animations import Timing
from stargan_cli.pictures.formats import PictureFormat, written_by_name
from stargan_cli.pictures.frames import FrameSequence, opened_frames, refuse_loss
from stargan_cli.pictures.output_pixels import OutputPixels, in_palette, output_pixels
from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.reading import Picture, Wanted
from stargan_cli.pictures.save_options import Extras


def encode(pixels: OutputPixels, format: PictureFormat, extras: Extras) -> bytes:
    """Return the bytes of the file. Raises PictureError for a picture that is larger than the format can hold."""
    out = BytesIO()
    if format.longest is not None and max(pixels.image.size) > format.longest:
        size = "{:,} x {:,}".format(*pixels.image.size)
        raise PictureError(f"too large for {format.name}: {size}, the limit is {format.longest:,} a side: --format png")
    image = pixels.image
    image.info = {}  # Pillow would write what it read: a profile, a comment, and TIFF as the source compresses it
    image = in_palette(image) if format.palette else image
    image.save(out, format.name, icc_profile=pixels.icc, **format.save_options(extras))
    data = out.getvalue() if pixels.deep is None else sixteen_bits.with_pixels(out.getvalue(), pixels.deep)
    return data if format.add_note is None or extras.note is None else format.add_note(data, extras.note)


def encode_picture(picture: Picture, format: PictureFormat, extras: Extras) -> bytes:
    """Return the file of a picture that was read and perhaps changed. A lossless WebP stays lossless; a picture of the
    same size keeps its resolution."""
    pixels = output_pixels(format, picture.image, picture.alpha, picture.native, picture.srgb_icc)
    dpi = picture.dpi if picture.image.size == picture.size else None
    return encode(pixels, format, replace(extras, lossless=extras.lossless or picture.lossless, dpi=dpi))


class FrameEncoder:
    """Encodes the pictures of one file one by one, and keeps only the encoded bytes.

    `frames` is the source file. The note and EXIF are written once. Raises FramesError if the format cannot hold the
    source's pictures.
    """

    def __init__(self, format: PictureFormat, frames: FrameSequence, extras: Extras) -> None:
        refuse_loss(format, frames.kind, frames.number)
        self._format, self._frames, self._extras = format, frames, extras
        self._files: list[bytes] = []
        self._durations: list[float] = []

    def add(self, picture: Picture, duration: float) -> None:
        """Encode a picture that is shown for `duration` (ms)."""
        format, icc = self._format, picture.srgb_icc
        native = picture.native
        if native is not None and self._frames.kind == "animation":
            native = native.narrowed()
        pixels = output_pixels(format, picture.image, picture.alpha, native, icc)
        if self._frames.kind == "animation":  # every frame needs the same mode
            mode = ("L" if pixels.image.mode in ("L", "LA") else "RGB") + "A" * self._frames.alpha
            pixels = pixels._replace(image=pixels.image.convert(mode))
        extras = Extras(self._extras.quality, picture.lossless, dpi=picture.dpi)
        if not self._files:
            extras = replace(extras, exif=self._extras.exif, note=self._extras.note if not format.add_note else None)
        self._files.append(encode(pixels, format, extras))
        self._durations.append(duration)

    def file(self) -> bytes:
        """Return the file of all added pictures."""
        if self._format.join is None:
            raise ValueError(f"{self._format.name} holds one picture")
        timing = Timing(self._frames.plays, tuple(self._durations), self._frames.poster)
        data, note, add_note = self._format.join(self._files, timing), self._extras.note, self._format.add_note
        return data if note is None or add_note is None else add_note(data, note)


def copied(
    source: Source,
    format: PictureFormat,
    extras_of: Callable[[bytes | None], Extras],
    wanted: Wanted,
    first: bool = False,
) -> bytes:
    """Return a picture's file as `format`: byte for byte if it has that suffix, else re-encoded with the extras that
    `extras_of` gives for its raw EXIF block, and then with `first` only its first picture.

    Raises PictureError; its subclass FramesError if pictures would be lost.
    """
    if written_by_name(path_of(source).name) is format:
        try:
            return bytes_of(source)
        except OSError as error:
            raise PictureError(f"cannot be read: {reason_of(error)}") from error
    with opened_frames(readable(source), wanted, first) as opened:
        extras = extras_of(opened.exif)
        if isinstance(opened, Picture):
            return encode_picture(opened, format, extras)
        encoder = FrameEncoder(format, opened, extras)
        for frame in opened.frames:
            encoder.add(frame.picture, frame.duration)
        return encoder.file()
