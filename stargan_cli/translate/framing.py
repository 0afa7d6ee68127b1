"""The steps that depend on what of a picture is translated: picture -> model squares, their changes -> picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Place, centred
from stargan_cli.pictures.arrays import Pixels, to_image, to_square
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, read_picture


class Square(NamedTuple):
    """One translated square of a picture: uint8 (3, S, S), and where they were asked for its `maps`, as in
    `translator.Translated`."""

    pixels: Pixels
    maps: NDArray[np.float16] | None


@dataclass(frozen=True)
class Framed:
    """A picture as read, its model squares, uint8 (K, 3, S, S), and where each of them lies in it."""

    picture: Picture
    squares: Pixels
    places: tuple[Place, ...]


class Framing(Protocol):
    """`name` is part of the outputs' fingerprint. `needs_maps`: `finish` needs the squares' `maps`."""

    @property
    def name(self) -> str: ...

    @property
    def needs_maps(self) -> bool: ...

    def prepare(self, source: Path | BinaryIO) -> Framed:
        """Raises PictureError where the picture cannot be read, NoFaceError where it shows nothing to translate."""
        ...

    def finish(self, framed: Framed, squares: Sequence[Square]) -> Picture:
        """The output picture, from one translated square for each framed one."""
        ...


@dataclass(frozen=True)
class ModelSquare:
    """The centred square at the network's own size (`--size model`)."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "model"
    needs_maps: bool = False

    def prepare(self, source: Path | BinaryIO) -> Framed:
        picture = read_picture(source, square=self.size, max_pixels=self.max_pixels)
        return Framed(picture, to_square(picture.image, self.size)[None], (centred(*picture.image.size),))

    def finish(self, framed: Framed, squares: Sequence[Square]) -> Picture:
        return replace(framed.picture, image=to_image(squares[0].pixels), icc=None)


@dataclass(frozen=True)
class CentreAtSourceSize:
    """The change of the centred square, put into the picture at its own size (`--size source`): detail stays, and
    pixels outside the square are untouched."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "source"
    needs_maps: bool = True

    def prepare(self, source: Path | BinaryIO) -> Framed:
        picture = read_picture(source, max_pixels=self.max_pixels, stored=True)
        return Framed(picture, to_square(picture.image, self.size)[None], (centred(*picture.image.size),))

    def finish(self, framed: Framed, squares: Sequence[Square]) -> Picture:
        return put_back(framed, squares)


def put_back(framed: Framed, squares: Sequence[Square]) -> Picture:
    """Make the changes of a picture's squares, in their places, at its own size. A grey picture stays grey."""
    picture, places = framed.picture, framed.places
    image, stored = picture.image.copy(), picture.stored and picture.stored.copy()
    for square, place in zip(squares, places, strict=True):
        if square.maps is None:
            raise ValueError("the maps of the translation are needed")
        paste(image, place, square.maps, [other for other in places if other != place], stored)
    return replace(picture, image=image, stored=stored)
