"""One picture from a stream to a stream, as for `stargan translate -`. The pipeline is that of folders."""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePath
from typing import BinaryIO

from PIL import Image, ImageOps

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.files.blobs import hash_of
from stargan_cli.pictures.formats import FALLBACK, read_as
from stargan_cli.pictures.pillow.setup import open_header
from stargan_cli.pictures.reading import read_stream
from stargan_cli.progress import Say
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.outputs.names import converted
from stargan_cli.translate.outputs.sinks import MemorySink
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.translate.work import work

_FORMATS = dict.fromkeys(("L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B"), "PNG") | {"CMYK": "TIFF", "LAB": "TIFF"}
"""A format that holds the pixels of a mode as they are. Other modes are converted first."""
_CONVERTED = {"I;16L": "I", "I;16N": "I", "I": "I;16", "La": "LA", "RGBa": "RGBA", "PA": "RGBA"}
_LARGEST_16_BIT = 2**16 - 1


class _Piped:
    """A picture that came through a stream: a Blob without a name."""

    path = PurePath("-")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.mark = hash_of(BytesIO(data))

    def __str__(self) -> str:
        return "-"

    def read(self) -> bytes:
        return self._data

    def open(self) -> BinaryIO:
        return BytesIO(self._data)


def translate_stream(
    source: BinaryIO,
    target: BinaryIO,
    settings: TranslationSettings,
    warn: Say,
) -> None:
    """Read a picture to its end, translate it, write the result. `format="same"` keeps the source's format if it can be
    written, and writes PNG otherwise. Raises PictureError, UsageError and WeightsError."""
    if settings.each or settings.labels:
        raise UsageError("- reads one picture, without a name, and writes one: not with --each or --labels")
    networks = Networks(settings)
    networks.start(warn)
    target.write(translate_bytes(read_stream(source, settings.max_pixels), networks))


def translate_bytes(source: BytesIO, networks: Networks) -> bytes:
    """A picture's file -> the translated picture's file. `networks` must be started, with a plan of one variant. Raises
    PictureError."""
    settings = networks.plan.settings
    name = output_name(source, settings.format, settings.max_pixels)
    found = Found(_Piped(source.getvalue()), PurePath(name))
    sink = MemorySink()
    (row,) = (row for settled in work(networks, sink, [found]) for row in settled.rows)
    if not sink.data:
        raise PictureError(row.reason or row.status)
    (made,) = sink.data.values()
    return made


def output_name(data: BinaryIO, target: str, max_pixels: int) -> str:
    """A name whose suffix says what to write: `--format`, else the picture's own format where it can be written."""
    try:
        with open_header(data, max_pixels) as image:
            own = read_as(str(image.format))
    except Exception:  # the pipeline says why it cannot be read
        own = FALLBACK
    return converted(f"picture{own.suffixes[0]}", target)


def as_file(image: Image.Image) -> BytesIO:
    """The picture as a lossless file, turned upright by its EXIF orientation. Raises UsageError for no PIL image,
    PictureError for a picture without pixels or whose values have no known range."""
    if not isinstance(image, Image.Image):
        raise UsageError(
            f"the picture is no PIL image but {type(image).__name__}",
            "PIL.Image.open(path) makes one of a file, PIL.Image.fromarray(array) of an array (H, W, 3) of bytes",
        )
    try:
        image.load()
    except (OSError, SyntaxError, ValueError) as error:  # ValueError: it is closed
        raise PictureError(f"the picture cannot be loaded: {error}") from error
    if 0 in image.size:
        raise PictureError(f"the picture is {image.width}x{image.height} px: it has no pixels")
    if image.mode == "F":
        raise PictureError("mode F does not say which value is white: convert the picture to L or I;16")
    if image.mode == "I":
        _require_16_bit(image)
    upright, file = ImageOps.exif_transpose(image), BytesIO()
    while upright.mode not in _FORMATS:
        upright = upright.convert(_CONVERTED.get(upright.mode, "RGB"))
    upright.save(file, _FORMATS[upright.mode], compress_level=1)  # which TIFF ignores
    file.seek(0)
    return file


def _require_16_bit(image: Image.Image) -> None:
    low, high = image.getextrema()
    if low < 0 or high > _LARGEST_16_BIT:  # type: ignore[operator]  # mode I has one channel
        raise PictureError(f"mode I is read as 16 bits, but its values are {low} to {high}: convert the picture")
