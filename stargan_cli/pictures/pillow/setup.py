"""How Pillow is set up in this process: which decoders it has, and what it must not say.

Importing this module changes Pillow for the whole process: all decoders are loaded, one text or profile of a PNG may
unpack to as much as all of them together, and neither libtiff nor Pillow's logger prints to stderr.
"""

from __future__ import annotations

import ctypes
import logging
import warnings
from contextlib import suppress
from importlib.util import find_spec
from threading import Lock
from typing import BinaryIO

from PIL import Image, PngImagePlugin

from stargan_cli.packages import import_package
from stargan_cli.pictures.formats import FORMATS

UNLOADED: dict[str, str] = {}
"""Pillow's names of formats whose decoder is installed but cannot be loaded, with the reason."""
_filter_set: list[object] = []  # the filter that `_ignore_warnings` set last, as `warnings.filters` holds it
_limit = Lock()


def decodable() -> tuple[str, ...]:
    """Pillow's names of the formats that are decoded. MPO is recognised as JPEG."""
    return tuple(name for row in FORMATS for name in (row.name, *row.variants) if name in Image.OPEN)


def open_header(file: BinaryIO, max_pixels: int) -> Image.Image:
    """Open a picture without decoding it. May raise any exception on damaged files.

    Pillow's limit is the process's. If it is lower than `max_pixels`, it is raised to that, and never lowered again.
    Pillow refuses pictures, frames and tiles of more than twice its limit before it allocates memory for them.
    """
    _ignore_warnings()
    with _limit:
        if Image.MAX_IMAGE_PIXELS is not None:
            Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels)
    return Image.open(file, formats=decodable())


def _ignore_warnings() -> None:
    """Silence Pillow's warnings of broken metadata and of size. `catch_warnings` is not thread-safe, so the filter is
    set for the whole process, and set again if other code has changed the filters."""
    if warnings.filters[:1] != _filter_set:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        _filter_set[:] = warnings.filters[:1]


def _load_decoders() -> None:
    Image.init()
    if find_spec("pillow_heif") is None:  # the extra `heif`
        return
    try:
        import_package("pillow_heif", "decoding HEIF files", "stargan-cli[heif]").register_heif_opener(thumbnails=False)
    except Exception as error:  # a version of it that does not fit may raise anything
        UNLOADED["HEIF"] = str(error)


def _silence_libtiff() -> None:
    """Stop libtiff from printing its errors to stderr; Pillow raises them too. This works where libtiff is a shared
    library: not on Windows."""
    pillow = find_spec("PIL._imaging")
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(pillow.origin if pillow is not None else None)  # and the libraries it is linked with
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


_load_decoders()
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # bytes
_silence_libtiff()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors, which are raised too, go to stderr
