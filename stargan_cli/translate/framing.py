"""Which part of a picture is translated: picture -> squares for the model; changes of these squares -> output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from stargan_cli.compositing.maps import CHANNELS
from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Laying, Place, centred
from stargan_cli.faces.asking import Search
from stargan_cli.pictures.arrays import Pixels, to_image, to_square
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, Wanted
from stargan_cli.translate.questions import Changes

MAPS_BYTES = 2 * CHANNELS  # for each pixel of a square, with `needs_maps`


@dataclass(frozen=True)
class Framed:
    """A picture as read, its squares for the model, uint8 (K, 3, S, S), and the place of each square in the picture."""

    picture: Picture
    squares: Pixels
    places: tuple[Place, ...]

    @property
    def laying(self) -> Laying:
        return Laying.of(self.places, *self.picture.image.size)


class Framing(Protocol):
    """Cuts squares out of a picture, and makes the output from their changes.

    `name` is part of the outputs' fingerprint. `wanted` says what to read of a picture. `size` is the side of the
    squares (px). `needs_maps` says which kind of `Changes` `finish` takes.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def wanted(self) -> Wanted: ...

    @property
    def needs_maps(self) -> bool: ...

    def prepare(self, picture: Picture) -> Search[Framed]:
        """The squares of a picture. Raises NoFaceError if it shows nothing to translate."""
        ...

    def follow(self, picture: Picture, last: Framed) -> Search[Framed]:
        """The same for a frame of an animation. `last` is the frame of the last search for faces."""
        ...

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        """The output picture, from the changes of its squares."""
        ...


@dataclass(frozen=True)
class Centre:
    """Translates the centred square of each picture.

    With `at_source_size`, its change is put into the picture at its own size: detail stays, and pixels outside the
    square are untouched. Otherwise the output is the square, at the network's size.
    """

    size: int
    at_source_size: bool
    max_pixels: int = MAX_PIXELS

    @property
    def name(self) -> str:
        return "source" if self.at_source_size else "model"

    @property
    def needs_maps(self) -> bool:
        return self.at_source_size

    @property
    def wanted(self) -> Wanted:
        return Wanted(None if self.at_source_size else self.size, self.max_pixels, native=self.at_source_size)

    def prepare(self, picture: Picture) -> Search[Framed]:
        yield from ()
        return Framed(picture, to_square(picture.image, self.size)[None], (centred(*picture.image.size),))

    def follow(self, picture: Picture, last: Framed) -> Search[Framed]:
        return self.prepare(picture)

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        if self.at_source_size:
            return put_back(framed, changes)
        return replace(framed.picture, image=to_image(changes[0]), icc=None)


def put_back(framed: Framed, changes: Changes) -> Picture:
    """Apply the changes of a picture's squares at the picture's own size. A grey picture stays grey."""
    picture, places = framed.picture, framed.places
    image, native = picture.image.copy(), picture.native and picture.native.copy()
    for maps, place in zip(changes, places, strict=True):
        paste(image, place, maps, [other for other in places if other != place], native)
    return replace(picture, image=image, native=native)


def change_bytes(framing: Framing) -> int:
    """The size of one square's changes (bytes)."""
    return (MAPS_BYTES if framing.needs_maps else 3) * framing.size**2
