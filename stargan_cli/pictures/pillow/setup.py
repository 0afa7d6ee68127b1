"""How Pillow is set up in this process: which decoders it has, and what it must not say.

Importing this module changes Pillow for the whole process: all decoders are loaded, its limit on the size of pictures
is off, and neither libtiff nor Pillow's logger prints to stderr.
"""

from __future__ import annotations

import ctypes
import logging
import warnings
from contextlib import suppress
from importlib.util import find_spec

from PIL import Image

from stargan_cli.packages import import_package
from stargan_cli.pictures.formats import FORMATS

UNLOADED: dict[str, str] = {}
"""Pillow's names of formats whose decoder is installed but cannot be loaded, with the reason."""
_filter_set: list[object] = []  # the filter that `ignore_warnings` set last, as `warnings.filters` holds it


def decodable() -> tuple[str, ...]:
    """Pillow's names of the formats that are decoded. MPO is recognised as JPEG."""
    return tuple(name for row in FORMATS for name in (row.name, *row.variants) if name in Image.OPEN)


def ignore_warnings() -> None:
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
Image.MAX_IMAGE_PIXELS = None  # the limit here is `max_pixels`, checked before anything is decoded
_silence_libtiff()
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its errors, which are raised too, go to stderr
