"""Read files of several pictures (animations and pages), one picture after the other."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from stargan_cli.errors import FramesError, PictureError
from stargan_cli.pictures.colour.profiles import GREY_MODES
from stargan_cli.pictures.composition import StoredFrame, whole_frames
from stargan_cli.pictures.exif import exif_of
from stargan_cli.pictures.formats import FrameKind, PictureFormat, read_as
from stargan_cli.pictures.jpeg.beside import holds_more, views
from stargan_cli.pictures.reading import Picture, Wanted, decode, decoding, is_jpeg, opened_picture
from stargan_cli.pictures.tiff_pages import go_to_page, is_page

MOST_FRAMES = 10_000
MOST_FRAMED = 20  # times `max_pixels`: the limit for the pixels of all frames together


@dataclass(frozen=True)
class Frame:
    """One frame, composed with those before it, and how long it is shown (ms)."""

    picture: Picture
    duration: float


@dataclass(frozen=True)
class FrameSequence:
    """A file of `number` pictures. `frames` decodes them one by one, and can be iterated once.

    `plays` and `poster` are those of `animations.Timing`. `alpha`: some of the frames may have transparent pixels.
    `exif` is the raw EXIF block.
    """

    kind: FrameKind
    number: int
    plays: int
    poster: bool
    alpha: bool
    exif: bytes | None
    frames: Iterator[Frame]


@contextmanager
def opened_frames(
    source: Path | BinaryIO, wanted: Wanted, first: bool = False, replaced: bool = False
) -> Iterator[FrameSequence | Picture]:
    """Open a file of several pictures. If it holds only one, or with `first`, yield that one as a Picture.

    Smaller copies, masks and gain maps stored beside a picture do not count as pictures. Raises PictureError, from
    the iterator `frames` too; its subclass FramesError if the file is to be `replaced`, and would lose what a JPEG
    holds behind its picture. With `first` that may be lost.
    """
    with opened_picture(source, wanted) as (file, image):
        with decoding(file):
            places = [image.tell()] if first else _places(file, image, wanted.max_pixels)
            if replaced and not first and len(places) == 1 and is_jpeg(image) and holds_more(file, image):
                raise FramesError(
                    "behind its picture it holds a video or another picture (gain map, depth map, preview), which"
                    " --in-place would lose: --frames first takes only the picture"
                )
        if len(places) == 1:
            with decoding(file):
                picture = decode(file, image, wanted)
            yield picture
            return
        kind = _kind(image)
        poster = bool(getattr(image, "default_image", False))
        alpha = image.format == "GIF" or "transparency" in image.info or image.mode not in ("L", "RGB", "I;16")
        yield FrameSequence(
            kind,
            len(places),
            _plays(image),
            poster,
            alpha,
            exif_of(image),
            _decoded(file, image, wanted, places),
        )


def refuse_loss(format: PictureFormat, kind: FrameKind, number: int) -> None:
    """Raises FramesError if a format cannot hold the `number` pictures of a file."""
    if format.frames != kind or format.join is None:
        raise FramesError(
            f"it holds {number:,} {'frames' if kind == 'animation' else 'pictures'}, which a {format.name} file cannot"
            " hold: --frames first takes only the first"
        )


def _kind(image: Image.Image) -> FrameKind:
    return read_as(str(image.format)).frames or "pages"


def _places(file: BinaryIO, image: Image.Image, max_pixels: int) -> list[int]:
    """Return the numbers (from 0) of a file's pictures. Raises PictureError if there are too many."""
    if image.format == "PPM" and _has_another(file, image):
        raise FramesError("it holds several pictures, but only the first can be read: --frames first takes it")
    number = _counted(image)
    if number == 1:
        return [0]
    size = image.size
    if image.format == "TIFF":
        places = list(_pages(image, number, max_pixels))
    else:
        places = list(views(file, image)) if image.format == "MPO" else list(range(number))
        _check_number(len(places), len(places) * size[0] * size[1], max_pixels)
    places = places or [0]
    _go_to(image, places[0])
    return places


def _counted(image: Image.Image) -> int:
    """How many pictures an opened file says that it holds. Raises PictureError if its list of them cannot be read."""
    try:
        return int(getattr(image, "n_frames", 1))
    except (OSError, SyntaxError, TypeError, ValueError, LookupError, struct.error) as error:
        what = "frames" if _kind(image) == "animation" else "pages"
        raise PictureError(f"its list of {what} is damaged: --frames first takes the first") from error


def _go_to(image: Image.Image, place: int) -> None:
    if _kind(image) == "pages":
        go_to_page(image, place)
    elif image.tell() != place:
        image.seek(place)


def _has_another(file: BinaryIO, image: Image.Image) -> bool:
    """Whether another picture follows in a binary PNM file. Pillow reads only the first."""
    tiles: list[Any] = getattr(image, "tile", [])
    decoder, _, start, arguments = tiles[0]
    bits = {"1;I": 1, "I;16B": 16}.get(arguments if isinstance(arguments, str) else arguments[0], 8)
    if decoder == "ppm":
        bits = 8 if arguments[1] < 256 else 16
    elif decoder != "raw":
        return False
    file.seek(start + image.height * ((image.width * len(image.getbands()) * bits + 7) // 8))
    return file.read(3).lstrip()[:2] in (b"P4", b"P5", b"P6")


def _check_number(number: int, pixels: int, max_pixels: int) -> None:
    if number > MOST_FRAMES:
        raise PictureError(f"too many frames: {number:,}, the limit is {MOST_FRAMES:,}; --frames first takes the first")
    if number > 1 and pixels > MOST_FRAMED * max_pixels:
        raise PictureError(
            f"too large: {number:,} frames of {pixels:,} pixels together, the limit is {MOST_FRAMED * max_pixels:,}"
            f" ({MOST_FRAMED} times --max-pixels); --frames first takes the first"
        )


def _pages(image: Image.Image, number: int, max_pixels: int) -> Iterator[int]:
    """Yield the numbers of a TIFF's pages, without reduced copies and masks."""
    pixels = 0
    for place in range(min(number, MOST_FRAMES + 1)):
        _go_to(image, place)
        if is_page(image):
            pixels += image.width * image.height
            _check_number(place + 1, pixels, max_pixels)
            yield place


def _plays(image: Image.Image) -> int:
    """How often an animation is played (0: for ever). GIF stores repetitions, or nothing; other formats store plays."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else 0 if loop == 0 else int(loop) + 1
    return int(loop or 0)


def _decoded(file: BinaryIO, image: Image.Image, wanted: Wanted, places: list[int]) -> Iterator[Frame]:
    parts = read_as(str(image.format)).parts
    whole = _composed(file, image, parts) if parts is not None else _sought(image, places)
    for number in range(len(places)):
        with decoding(file):
            one = next(whole, None)
            if one is None:
                raise PictureError(f"damaged or cut off: it has {number:,} of {len(places):,} frames")
            picture = decode(file, one, wanted)
            duration = float(one.info.get("duration") or 0)
        yield Frame(picture, duration)


def _sought(image: Image.Image, places: list[int]) -> Iterator[Image.Image]:
    for place in places:
        _go_to(image, place)
        yield image


def _composed(
    file: BinaryIO, image: Image.Image, parts: Callable[[bytes], Iterator[StoredFrame]]
) -> Iterator[Image.Image]:
    """Yield the frames that `whole_frames` composes, each with the format and metadata of `image`. Those of a grey PNG
    are grey; in a GIF, each frame has its own palette."""
    file.seek(0)
    grey = image.format == "PNG" and image.mode in GREY_MODES
    info = {name: value for name, value in image.info.items() if name != "transparency"}
    for frame, duration in whole_frames(parts(file.read()), image.size):
        whole = frame.convert("LA") if grey else frame
        whole.format, whole.info = image.format, {**info, "duration": duration}
        yield whole
