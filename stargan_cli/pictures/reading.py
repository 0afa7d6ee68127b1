"""Picture files -> upright pictures in 8-bit sRGB, or a PictureError with the reason."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.opening import open_regular
from stargan_cli.pictures import limits, modes
from stargan_cli.pictures.animations import is_lossless_webp
from stargan_cli.pictures.colour.icc import colours_of
from stargan_cli.pictures.colour.naming import profile_of
from stargan_cli.pictures.exif import dpi_of, exif_of, orientation_of
from stargan_cli.pictures.formats import read_as, why_unknown
from stargan_cli.pictures.jpeg.segments import is_lossless
from stargan_cli.pictures.native_pixels import NativePixels, native_pixels_of
from stargan_cli.pictures.pillow import fixes
from stargan_cli.pictures.pillow.setup import UNLOADED, open_header
from stargan_cli.pictures.tiff_pages import go_to_first_page

MAX_PIXELS = 200_000_000
LARGE_PIXELS = 40_000_000  # pictures above this are decoded one at a time, so that memory holds one of them
LONGEST_REASON = 200  # characters
NOT_OPENED = {
    errno.EACCES: "no permission to read it",
    errno.EPERM: "no permission to read it",
    errno.ELOOP: "a symlink that leads back to itself",
    errno.ENAMETOOLONG: "its path is too long for this system",
}
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation: what turns a picture upright."""
SIDEWAYS = (TURNS[5], TURNS[6], TURNS[7], TURNS[8])
"""The turns that exchange width and height."""

_large = Lock()


def _one_large_at_a_time(pixels: int) -> AbstractContextManager[object]:
    return _large if pixels > LARGE_PIXELS else nullcontext()


decoding_slot: Callable[[int], AbstractContextManager[object]] = _one_large_at_a_time
"""How decoding waits for its turn: called with a number of pixels, gives the context in which they are decoded."""


def set_decoding_slot(slot: Callable[[int], AbstractContextManager[object]]) -> None:
    """Replace `decoding_slot` in this process, for a worker process, which waits for other processes too."""
    global decoding_slot
    decoding_slot = slot


@dataclass(frozen=True)
class Picture:
    """A picture as read: `image` is RGB, 8 bit, upright, in sRGB. `alpha` (L, same size) is None if it is opaque.

    `size` is the upright width and height of the file's picture. `format` and `mode` are Pillow's names for those of
    the file. `icc` is its raw profile, already applied to `image`, and `exif` its raw EXIF block. `native` has the
    pixels as the file stores them, if they were asked for and differ from `image`. `lossless`: a lossless WebP file.
    `dpi` (pixels an inch, in a row and in a column of `size`) is None if the file does not name it.
    """

    image: Image.Image
    alpha: Image.Image | None
    size: tuple[int, int]
    format: str
    mode: str
    icc: bytes | None
    exif: bytes | None
    native: NativePixels | None = None
    lossless: bool = False
    dpi: tuple[float, float] | None = None

    @property
    def srgb_icc(self) -> bytes | None:
        """The file's profile if it counts as sRGB, so that `image` has the file's own pixels; else None."""
        colours = colours_of(self.icc, "RGB")
        return self.icc if self.mode == "RGB" and colours.usable and colours.forth is None else None


@dataclass(frozen=True)
class Wanted:
    """How a picture is to be read.

    `square`: only the largest centred square, resized to this many pixels; large JPEGs are then decoded at a fraction
    of their size, never below twice `square`. `native`: also the pixels as the file stores them; not with `square`.
    `max_pixels`: larger pictures are refused.
    """

    square: int | None = None
    max_pixels: int = MAX_PIXELS
    native: bool = False


def read_picture(
    source: Path | BinaryIO, square: int | None = None, max_pixels: int = MAX_PIXELS, native: bool = False
) -> Picture:
    """Read one picture (the first frame, of several). A path must be a regular file; a stream is read to its end.

    The other arguments are those of `Wanted`. Raises PictureError.
    """
    wanted = Wanted(square, max_pixels, native)
    with opened_picture(source, wanted) as (file, image), decoding(file):
        return decode(file, image, wanted)


@contextmanager
def opened_picture(source: Path | BinaryIO, wanted: Wanted) -> Iterator[tuple[BinaryIO, Image.Image]]:
    """Yield a picture's file, and the picture as Pillow opens it, not yet decoded. Raises PictureError."""
    max_pixels = wanted.max_pixels
    with open_file(source) if isinstance(source, Path) else nullcontext(read_stream(source, max_pixels)) as file:
        limits.check_bytes(file.seek(0, os.SEEK_END), max_pixels)
        with decoding(file):
            image = _header(file, wanted)
        with image:
            yield file, image


def open_file(path: Path) -> BinaryIO:
    """Open the file of a picture or an archive. Raises PictureError."""
    try:
        return open_regular(path)
    except FileNotFoundError as error:
        raise PictureError("a symlink to nothing" if path.is_symlink() else "it is not there") from error
    except OSError as error:
        raise PictureError(NOT_OPENED.get(error.errno or 0, reason_of(error))) from error


def read_stream(source: BinaryIO, max_pixels: int) -> BytesIO:
    """Read a stream to its end. Raises PictureError if it is longer than `limits.most_bytes`."""
    data = source.read(limits.most_bytes(max_pixels) + 1)
    limits.check_bytes(len(data), max_pixels)
    return BytesIO(data)


def _header(file: BinaryIO, wanted: Wanted) -> Image.Image:
    file.seek(0)
    image = open_header(file, wanted.max_pixels)
    go_to_first_page(image)
    width, height = image.size
    limits.check_size(width, height, wanted.max_pixels)
    if is_jpeg(image):
        limits.check_jpeg_length(file, width, height)
    if image.info.get("progressive"):
        limits.check_scans(file, width * height, wanted.max_pixels)
    return image


@contextmanager
def decoding(file: BinaryIO) -> Iterator[None]:
    """Turn every exception that a decoder raises inside into a PictureError."""
    try:
        yield
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        file.seek(0)
        raise PictureError(why_unknown(file.read(64), Image.OPEN, UNLOADED)) from error
    except Image.DecompressionBombError as error:
        raise PictureError("too large: it has more than twice the allowed pixels (--max-pixels)") from error
    except MemoryError as error:
        raise PictureError("not enough memory to decode it") from error
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        meant = isinstance(error, (OSError, SyntaxError, ValueError))  # others speak of the decoder's own code
        reason = _shortened(" ".join(str(error).split())) if meant else ""
        kind = "damaged or cut off, or of a kind that only other programs read"
        raise PictureError(f"{kind}: {reason}" if reason else kind) from error


def _shortened(reason: str) -> str:
    """Limit a reason to LONGEST_REASON: Pillow quotes unknown data at any length."""
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."


def decode(file: BinaryIO, image: Image.Image, wanted: Wanted) -> Picture:
    """Decode the picture, or the current frame of several: a page may be larger than the first. Raises PictureError."""
    limits.check_size(image.width, image.height, wanted.max_pixels)
    with decoding_slot(image.width * image.height):
        return _decode(file, image, wanted)


def _decode(file: BinaryIO, image: Image.Image, wanted: Wanted) -> Picture:
    mode, profile, dpi, square = image.mode, profile_of(file, image), dpi_of(image), wanted.square
    width, height = image.size
    if square is not None and is_jpeg(image) and not is_lossless(file):
        image.draft(None, (2 * square, 2 * square))
    seen, deep = fixes.loaded(file, image, wanted.native)
    exif = exif_of(image)  # a PNG may have it behind its pixels
    turn, kind, image = TURNS.get(orientation_of(image)), str(image.format), seen
    native = native_pixels_of(image, profile, deep) if wanted.native else None
    if square is not None and width * height > LARGE_PIXELS:
        image = _shrunk(image, square)
    colours, alpha = modes.split(image)
    if square is not None:
        colours = centre_square(colours, square)
        alpha = centre_square(alpha, square) if alpha is not None else None
    if turn is not None:
        colours = colours.transpose(turn)
        alpha = alpha.transpose(turn) if alpha is not None else None
        native = native.turned(turn) if native is not None else None
        if turn in SIDEWAYS:
            width, height, dpi = height, width, dpi and (dpi[1], dpi[0])
    upright = colours_of(profile, colours.mode).to_srgb(colours)
    lossless = kind == "WEBP" and is_lossless_webp(file)
    return Picture(upright, alpha, (width, height), kind, mode, profile, exif, native, lossless, dpi)


def centre_square(image: Image.Image, size: int) -> Image.Image:
    """The largest centred square of a picture of mode RGB, L or CMYK, resized (bilinear, antialiased)."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))


def _shrunk(image: Image.Image, square: int) -> Image.Image:
    """Reduce a very large picture by a whole factor, to at least four times `square`: saves full-size copies."""
    factor = min(image.size) // (4 * square)
    if factor < 2 or image.mode not in ("L", "RGB", "LA", "RGBA", "CMYK"):
        return image
    small = image.reduce(factor)
    small.info = image.info
    return small


def is_jpeg(image: Image.Image) -> bool:
    """Whether an opened picture is a JPEG file, of several views (MPO) too."""
    return read_as(str(image.format)).name == "JPEG"
