"""The file formats of pictures: one row each, from which every other table is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stargan_cli.pictures import animations, composition, save_options
from stargan_cli.pictures.animations import Timing
from stargan_cli.pictures.composition import StoredFrame
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.save_options import Extras

FrameKind = Literal["animation", "pages"]
"""What several pictures in one file are."""


@dataclass(frozen=True)
class PictureFormat:
    """What is known of a file format.

    `name` is Pillow's name, `variants` are Pillow's names of other files that are read as this format. A file inside a
    folder is taken for a picture by its suffix; `signatures` (offset in bytes, bytes) name a file that Pillow refuses,
    and `advice` says what helps where Pillow was built without the decoder.

    A format that can be written has an `option`, its name for `--format`; its first suffix is given to new files. It
    holds 8-bit pixels of `modes`, and 16-bit pixels of `deep_modes` (`A` at the end: with alpha). `alpha` and `icc`:
    it can hold these. `palette`: each pixel is one of 256 colours. `quality`: its encoder takes one. `save_options`
    gives the arguments of Pillow's encoder; `add_note` puts a note into the finished file where that encoder cannot, or
    would put it too far behind.

    `frames` is what several pictures in a file are. `parts` takes an animation to pieces where Pillow puts it together
    wrongly. `join` makes a file of several pictures from files of one each, where it can be written.
    """

    name: str
    suffixes: tuple[str, ...]
    signatures: tuple[tuple[int, bytes], ...]
    variants: tuple[str, ...] = ()
    advice: str | None = None
    option: str | None = None
    modes: tuple[str, ...] = ()
    deep_modes: tuple[str, ...] = ()
    alpha: bool = False
    icc: bool = False
    quality: bool = False
    save_options: Callable[[Extras], dict[str, Any]] = save_options.none
    add_note: Callable[[bytes, Note], bytes] | None = None
    palette: bool = False
    frames: FrameKind | None = None
    parts: Callable[[bytes], Iterator[StoredFrame]] | None = None
    join: Callable[[Sequence[bytes], Timing], bytes] | None = None

    def begins(self, start: bytes) -> bool:
        """Whether a file's first bytes (64 suffice) carry one of the signatures."""
        return any(start[offset:].startswith(mark) for offset, mark in self.signatures)


FORMATS = (
    PictureFormat(
        "PNG",
        (".png", ".apng"),
        ((0, b"\x89PNG"),),
        option="png",
        modes=("L", "RGB"),
        deep_modes=("L", "LA", "RGB", "RGBA"),
        alpha=True,
        icc=True,
        save_options=save_options.png,
        add_note=save_options.png_with_note,
        frames="animation",
        parts=composition.apng_parts,
        join=animations.join_apng,
    ),
    PictureFormat(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        ((0, b"\xff\xd8"),),
        variants=("MPO",),
        option="jpg",
        modes=("L", "RGB", "CMYK"),
        icc=True,
        quality=True,
        save_options=save_options.jpeg,
        frames="pages",
    ),
    PictureFormat(
        "WEBP",
        (".webp",),
        ((0, b"RIFF"),),
        option="webp",
        modes=("RGB",),
        alpha=True,
        icc=True,
        quality=True,
        save_options=save_options.webp,
        frames="animation",
        join=animations.join_webp,
    ),
    PictureFormat(
        "BMP",
        (".bmp", ".dib"),
        ((0, b"BM"),),
        variants=("DIB",),  # the same without the file header
        option="bmp",
        modes=("L", "RGB"),
        add_note=save_options.bmp_with_note,
    ),
    PictureFormat(
        "TIFF",
        (".tiff", ".tif"),
        tuple((0, mark) for mark in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
        option="tiff",
        modes=("L", "RGB", "CMYK", "LAB"),
        deep_modes=("L",),
        alpha=True,
        icc=True,
        save_options=save_options.tiff,
        frames="pages",
        join=animations.join_tiff,
    ),
    PictureFormat(
        "GIF",
        (".gif",),
        ((0, b"GIF8"),),
        option="gif",
        modes=("RGB",),
        alpha=True,
        palette=True,
        add_note=save_options.gif_with_note,
        frames="animation",
        parts=composition.gif_parts,
        join=animations.join_gif,
    ),
    PictureFormat("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), ()),
    PictureFormat("JPEG2000", (".jp2", ".j2k"), ((4, b"jP  "), (0, b"\xff\x4f\xff\x51"))),
    PictureFormat(
        "AVIF",
        (".avif",),
        ((4, b"ftypavif"), (4, b"ftypavis")),
        advice="Pillow 11.3 or newer decodes them",
        frames="animation",
    ),
    PictureFormat(
        "HEIF",
        (".heic", ".heif"),
        tuple((4, b"ftyp" + brand) for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")),
        advice="pip install 'stargan-cli[heif]' decodes them",
        frames="pages",
    ),
)
"""Raster formats alone: none that starts another program (EPS), and none without a signature (TGA)."""

PICTURE_SUFFIXES = tuple(suffix for row in FORMATS for suffix in row.suffixes)
"""What is taken for a picture inside a folder. A file named on the command line is taken whatever its name."""

WRITABLE = {row.option: row for row in FORMATS if row.option is not None}
"""The formats that can be written, by their names for `--format`."""

FALLBACK = WRITABLE["png"]
"""What a picture is written as where its own format cannot be written."""

_BY_SUFFIX = {suffix: row for row in WRITABLE.values() for suffix in row.suffixes}


def written_by_name(name: str) -> PictureFormat | None:
    """The format in which a file of this name is written; None where its suffix names none that can be written."""
    return _BY_SUFFIX.get(os.path.splitext(name)[1].lower())


def option_named(word: str) -> str:
    """The value of `--format` that a word means: each suffix of a format stands for it (JPEG, .tif); other words for
    themselves."""
    row = written_by_name(f"x.{word.removeprefix('.')}")
    return row.option or word if row else word


def read_as(pillow_name: str) -> PictureFormat:
    """The row of what Pillow has opened. Raises KeyError for a name that no row has."""
    for row in FORMATS:
        if pillow_name == row.name or pillow_name in row.variants:
            return row
    raise KeyError(pillow_name)


def why_unknown(start: bytes, decoders: Container[str]) -> str:
    """Why no decoder takes a file that begins so (64 bytes suffice). `decoders` are Pillow's names of those there."""
    if not start:
        return "the file is empty"
    row = next((row for row in FORMATS if row.begins(start)), None)
    if row is None:
        return "not a picture in a known format"
    if row.name in decoders:
        return f"a damaged or cut off {row.name} file, or one of a kind that cannot be decoded"
    return f"a {row.name} file: {row.advice or 'it cannot be decoded'}, or convert it to JPEG or PNG first"
