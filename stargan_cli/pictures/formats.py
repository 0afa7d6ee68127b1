"""The file formats of pictures: one row each, from which all other tables are derived."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stargan_cli.pictures import animations, composition, save_options
from stargan_cli.pictures.animations import Timing
from stargan_cli.pictures.composition import StoredFrame
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.save_options import Extras

FrameKind = Literal["animation", "pages"]
"""What a file of several pictures holds."""


@dataclass(frozen=True)
class PictureFormat:
    """The names, abilities and encoder options of a file format.

    `name` is Pillow's name; `variants` are Pillow's names of other files that are read as this format. A file inside a
    folder counts as a picture by its suffix. `signatures` (offset in bytes, bytes) identify the format of a file that
    Pillow refuses. `advice` says how to get the decoder if Pillow was built without it.

    A format that can be written has an `option`, its name for `--format`; new files get its first suffix. It holds
    8-bit pixels of `modes`, and 16-bit pixels of `deep_modes` (`A` at the end: with alpha). `alpha` and `icc`: it can
    hold these. `palette`: each pixel is one of 256 colours. `quality`: its encoder has a quality setting.
    `longest`: the most pixels of a side (None: any).
    `save_options` gives the arguments of Pillow's encoder. `add_note` puts a note into the finished file, if that
    encoder cannot write it, or would write it too far from the beginning.

    `frames`: what a file of several pictures holds (None: the format has no such files). `parts` yields the stored
    frames of an animation, if Pillow composes them wrongly. `join` makes one file from encoded single pictures (None:
    this program cannot write several pictures in this format).
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
    longest: int | None = None
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
        (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".mpo"),
        ((0, b"\xff\xd8"),),
        variants=("MPO",),
        option="jpg",
        modes=("L", "RGB", "CMYK"),
        icc=True,
        quality=True,
        longest=65_500,
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
        longest=16_383,
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
        save_options=save_options.bmp,
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
        longest=65_535,
        add_note=save_options.gif_with_note,
        frames="animation",
        parts=composition.gif_parts,
        join=animations.join_gif,
    ),
    PictureFormat("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), ()),
    PictureFormat("JPEG2000", (".jp2", ".j2k", ".j2c", ".jpx", ".jpf"), ((4, b"jP  "), (0, b"\xff\x4f\xff\x51"))),
    PictureFormat(
        "AVIF",
        (".avif", ".avifs"),
        ((4, b"ftypavif"), (4, b"ftypavis")),
        advice="install a Pillow that is built with libavif",
        frames="animation",
    ),
    PictureFormat(
        "HEIF",
        (".heic", ".heif", ".hif", ".heics", ".heifs"),
        tuple((4, b"ftyp" + brand) for brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")),
        advice="pip install 'stargan-cli[heif]'",
        frames="pages",
    ),
)
"""Raster formats only. EPS is left out because its decoder starts another program, TGA because it has no signature."""

PICTURE_SUFFIXES = tuple(suffix for row in FORMATS for suffix in row.suffixes)
"""The suffixes of pictures inside a folder. A file named on the command line is read whatever its suffix."""

WRITABLE = {row.option: row for row in FORMATS if row.option is not None}
"""The formats that can be written, by their names for `--format`."""

FALLBACK = WRITABLE["png"]
"""The output format of a picture whose own format cannot be written."""

_BY_SUFFIX = {suffix: row for row in WRITABLE.values() for suffix in row.suffixes}


def written_by_name(name: str) -> PictureFormat | None:
    """Return the format of an output file by its name; None if the suffix is not that of a writable format."""
    return _BY_SUFFIX.get(os.path.splitext(name)[1].lower())


def option_named(word: str) -> str:
    """Return the value of `--format` that a word means: a suffix (JPEG, .tif) means its format. Other words are
    returned as they are."""
    row = written_by_name(f"x.{word.removeprefix('.')}")
    return row.option or word if row else word


def read_as(pillow_name: str) -> PictureFormat:
    """Return the row of a format by Pillow's name. Raises KeyError if there is none."""
    for row in FORMATS:
        if pillow_name == row.name or pillow_name in row.variants:
            return row
    raise KeyError(pillow_name)


def why_unknown(start: bytes, decoders: Container[str], unloaded: Mapping[str, str]) -> str:
    """Return why no decoder accepts a file, from its first bytes (64 suffice). `decoders` are those available, by
    Pillow's names, `unloaded` says why others could not be loaded."""
    if not start:
        return "the file is empty"
    row = next((row for row in FORMATS if row.begins(start)), None)
    if row is None:
        return "not a picture in a known format"
    if row.name in decoders:
        return f"a damaged or cut off {row.name} file, or of a kind that only other programs read: save it as PNG there"
    if row.name in unloaded:
        return f"{unloaded[row.name]}; convert it to JPEG or PNG first"
    advice = f"{row.advice}, or " if row.advice else ""
    return f"the installed Pillow cannot decode {row.name} files: {advice}convert it to JPEG or PNG first"
