"""The steps that depend on what of a picture is translated: picture -> model squares, translated squares -> picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import torch
from PIL import Image
from torch import Tensor

from stargan_cli.compositing.change import change_of
from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Place, centred
from stargan_cli.pictures.arrays import to_image, to_square
from stargan_cli.pictures.native_pixels import Stored
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, read_picture


class Square(NamedTuple):
    """One translated square of a picture: uint8 (3, S, S), whether the network gave numbers for it, and where they
    were asked for `add` (3, S, S) and `keep` (1, S, S), as in `translator.Translated`."""

    pixels: Tensor
    finite: bool
    add: Tensor | None
    keep: Tensor | None


@dataclass(frozen=True)
class Prepared:
    """A picture on its way: what was read of it, and its model squares, uint8 (K, 3, S, S)."""

    picture: Picture
    squares: Tensor


class Finished(NamedTuple):
    """An output picture: RGB in sRGB, its alpha plane (L), the same in the source's own numbers where those are
    something else, and the profile that the source has, where it is but another name for sRGB."""

    image: Image.Image
    alpha: Image.Image | None
    stored: Stored | None = None
    icc: bytes | None = None


class Framing(Protocol):
    """`prepare` runs in the reading threads, `finish` in the writing threads, once for each variant of a picture.

    `name` goes into the outputs' fingerprint; `needs_parts` says whether `finish` needs `add` and `keep`.
    """

    @property
    def name(self) -> str: ...

    @property
    def needs_parts(self) -> bool: ...

    def prepare(self, source: Path | BinaryIO) -> Prepared:
        """Raises PictureError where the picture cannot be read, NoFaceError where it shows nothing to translate."""
        ...

    def finish(self, prepared: Prepared, squares: Sequence[Square]) -> Finished:
        """The output picture, from one translated square for each prepared one."""
        ...


@dataclass(frozen=True)
class ModelSquare:
    """The centred square at the network's own size (`--size model`)."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "model"
    needs_parts: bool = False

    def prepare(self, source: Path | BinaryIO) -> Prepared:
        picture = read_picture(source, square=self.size, max_pixels=self.max_pixels)
        return Prepared(picture, torch.from_numpy(to_square(picture.image, self.size))[None])

    def finish(self, prepared: Prepared, squares: Sequence[Square]) -> Finished:
        return Finished(to_image(squares[0].pixels.numpy()), prepared.picture.alpha)


@dataclass(frozen=True)
class CentreAtSourceSize:
    """The change of the centred square, put into the picture at its own size (`--size source`): detail stays, and
    pixels outside the square are untouched."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "source"
    needs_parts: bool = True

    def prepare(self, source: Path | BinaryIO) -> Prepared:
        picture = read_picture(source, max_pixels=self.max_pixels, stored=True)
        return Prepared(picture, torch.from_numpy(to_square(picture.image, self.size))[None])

    def finish(self, prepared: Prepared, squares: Sequence[Square]) -> Finished:
        return put_back(prepared, (centred(*prepared.picture.image.size),), squares)


def put_back(prepared: Prepared, places: Sequence[Place], squares: Sequence[Square]) -> Finished:
    """Make the changes of a picture's squares, in their places, at its own size. A grey picture stays grey."""
    picture, seen = prepared.picture, prepared.squares
    image, stored = picture.image.copy(), picture.stored and picture.stored.copy()
    for square, before, place in zip(squares, seen, places, strict=True):
        if square.add is None or square.keep is None:
            raise ValueError("the parts of the translation are needed")
        change = change_of(before, square.add, square.keep)
        if stored is not None and stored.mode == "L":
            change = change.in_grey()
        paste(image, place, change, [other for other in places if other != place], stored)
    return Finished(image, picture.alpha, stored, picture.srgb_icc)
