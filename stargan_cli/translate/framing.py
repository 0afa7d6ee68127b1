"""The steps that depend on what of a picture is translated: picture -> model squares, their changes -> picture."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from numpy.typing import NDArray

from stargan_cli.compositing.maps import CHANNELS
from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Laying, Place, centred
from stargan_cli.faces.asking import Ask, Search
from stargan_cli.labels import Variant
from stargan_cli.pictures.arrays import Pixels, to_image, to_square
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, Wanted
from stargan_cli.translate.report import Label

if TYPE_CHECKING:
    from stargan_cli.labels.probabilities import Known


Changes = NDArray[Any]
"""What the networks make of K squares: where `needs_maps`, float16 (K, CHANNELS, S, S) as `compositing.maps` has them;
else the translated squares, uint8 (K, 3, S, S)."""
Made = TypeVar("Made")
MAPS_BYTES = 2 * CHANNELS  # of a pixel, where `needs_maps`


@dataclass(frozen=True)
class Framed:
    """A picture as read, its model squares, uint8 (K, 3, S, S), and where each of them lies in it."""

    picture: Picture
    squares: Pixels
    places: tuple[Place, ...]

    @property
    def laying(self) -> Laying:
        return Laying.of(self.places, *self.picture.image.size)


@dataclass(frozen=True)
class Question:
    """What a picture asks of the networks: its squares, uint8 (K, 3, S, S), translated to each of the variants.

    `laying` says how maps of the squares come to lie in the picture; without it the squares themselves are wanted.
    `weight` is the memory that the picture takes until it is written (bytes). For frames of an animation, `people`
    numbers the person in each square, whose labels are read once, and `known` has those that were read before.
    """

    squares: Pixels
    variants: tuple[Variant, ...]
    laying: Laying | None = None
    weight: int = 0
    people: tuple[int, ...] | None = None
    known: tuple[Known | None, ...] = ()


@dataclass(frozen=True)
class Answer:
    """For each variant of the question that is due, the `changes` of its K squares, (V, K, ...); and for each variant
    the labels of the first square before and after, and a word for its row. `known` are the labels of each square
    before.

    A variant is not due, and has no labels after, if the picture shows it already and has its opposite.
    """

    changes: Changes
    labels: tuple[tuple[Label | None, Label | None], ...]
    known: tuple[Known, ...] = ()
    remarks: tuple[str | None, ...] = ()

    @property
    def due(self) -> tuple[int, ...]:
        """The numbers of the variants that are due."""
        return tuple(number for number, (_, after) in enumerate(self.labels) if after is not None)

    def changes_of(self, number: int) -> Changes:
        """(K, ...), of a variant that is due."""
        changes: Changes = self.changes[self.due.index(number)]
        return changes


Asked = Ask | Question
"""What a picture may ask: of the networks that find faces, or of those that translate."""
CARRIED = {Ask: "pixels", Question: "squares", Answer: "changes"}
"""The arrays of questions and answers, which travel apart; an answer about faces is an array."""
Asking = Generator[Asked, Any, Made]


class Framing(Protocol):
    """`name` is part of the outputs' fingerprint. `wanted` is what of a picture is to be read. `size` is the side of
    the squares (px). `needs_maps` says what `finish` needs: see `Changes`."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def wanted(self) -> Wanted: ...

    @property
    def needs_maps(self) -> bool: ...

    def prepare(self, picture: Picture) -> Search[Framed]:
        """Raises NoFaceError where the picture shows nothing to translate."""
        ...

    def follow(self, picture: Picture, last: Framed) -> Search[Framed]:
        """The same for a frame of an animation, after one for which faces were looked for."""
        ...

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        """The output picture, from the changes of its squares."""
        ...


class _Centre:
    """The centred square of each picture."""

    size: int

    def prepare(self, picture: Picture) -> Search[Framed]:
        yield from ()
        return Framed(picture, to_square(picture.image, self.size)[None], (centred(*picture.image.size),))

    def follow(self, picture: Picture, last: Framed) -> Search[Framed]:
        return self.prepare(picture)


@dataclass(frozen=True)
class ModelSquare(_Centre):
    """The centred square at the network's own size (`--size model`)."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "model"
    needs_maps: bool = False

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.size, self.max_pixels)

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        return replace(framed.picture, image=to_image(changes[0]), icc=None)


@dataclass(frozen=True)
class CentreAtSourceSize(_Centre):
    """The change of the centred square, put into the picture at its own size (`--size source`): detail stays, and
    pixels outside the square are untouched."""

    size: int
    max_pixels: int = MAX_PIXELS
    name: str = "source"
    needs_maps: bool = True

    @property
    def wanted(self) -> Wanted:
        return Wanted(max_pixels=self.max_pixels, native=True)

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        return put_back(framed, changes)


def put_back(framed: Framed, changes: Changes) -> Picture:
    """Make the changes of a picture's squares, in their places, at its own size. A grey picture stays grey."""
    picture, places = framed.picture, framed.places
    image, native = picture.image.copy(), picture.native and picture.native.copy()
    for maps, place in zip(changes, places, strict=True):
        paste(image, place, maps, [other for other in places if other != place], native)
    return replace(picture, image=image, native=native)


def change_bytes(framing: Framing) -> int:
    """The size of one square's changes."""
    return (MAPS_BYTES if framing.needs_maps else 3) * framing.size**2


def array_of(told: Any) -> NDArray[Any]:
    """The array that a question or an answer carries."""
    for kind, name in CARRIED.items():
        if isinstance(told, kind):
            return getattr(told, name)  # type: ignore[no-any-return]
    return told  # type: ignore[no-any-return]


def with_array(told: Any, array: Any) -> Any:
    """The same question or answer with another array; None while it travels apart."""
    if isinstance(told, Ask):
        return told._replace(pixels=array)
    for kind, name in CARRIED.items():
        if isinstance(told, kind):
            return replace(told, **{name: array})  # type: ignore[type-var]
    return array
