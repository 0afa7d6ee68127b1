"""Any photo: its faces found, laid out as the weights expect, translated, and put back at the picture's own size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
import torch
from PIL import Image

from stargan_cli.compositing.placement import Place, centred, cut
from stargan_cli.errors import NoFaceError, UsageError
from stargan_cli.faces.finding import DEFAULT_MIN_FACE, LANDMARKS, exact, find_faces, is_crop, place_of
from stargan_cli.pictures.arrays import to_image
from stargan_cli.pictures.reading import MAX_PIXELS, read_picture
from stargan_cli.translate.framing import Finished, Prepared, Square, put_back
from stargan_cli.weights.card import Card

Mode = Literal["auto", "always", "off"]
Which = Literal["all", "largest"]
SMALL = 2  # times the network's square: a picture no larger than this may be a crop in which no face is recognised


@dataclass(frozen=True)
class FaceSettings:
    """`mode`: `auto` leaves a picture that already is a face crop as it is, `off` takes the centred square of all.
    `most`: the largest so many of those faces that are at least `smallest` px high. Raises UsageError."""

    mode: Mode = "auto"
    which: Which = "all"
    most: int | None = None
    smallest: int = DEFAULT_MIN_FACE
    copy_others: bool = False

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise UsageError(f"--faces takes {', '.join(get_args(Mode))}, not {self.mode!r}")
        if self.which not in get_args(Which):
            raise UsageError(f"--face takes {' or '.join(get_args(Which))}, not {self.which!r}")
        for option, value in (("--max-faces", self.most), ("--min-face", self.smallest)):
            if value is not None and value < 1:
                raise UsageError(f"{option} must be at least 1, not {value}")

    def landmarks(self, card: Card) -> Mapping[str, Sequence[float]] | None:
        """Where the weights expect a face; None where faces are not to be looked for. Raises UsageError."""
        if self.mode == "off":
            return None
        places = card.preprocessing.get("landmarks")
        if not isinstance(places, dict) or not _are_places(places):
            if self.mode == "always":
                raise UsageError(
                    "these weights do not say where they expect a face",
                    "leave --faces always away: they take the centred square of each picture",
                )
            return None
        return places


def _are_places(values: dict[Any, Any]) -> bool:
    """Whether a card's landmarks are usable: two or more that are known, in different places."""
    known = [values[name] for name in LANDMARKS if name in values]
    if not all(isinstance(v, list) and len(v) == 2 and all(isinstance(x, (int, float)) for x in v) for v in known):
        return False
    return len({tuple(place) for place in known}) > 1


@dataclass(frozen=True)
class Placed(Prepared):
    """`places`: where each of the model squares lies in the picture."""

    places: tuple[Place, ...]


@dataclass(frozen=True)
class Faces:
    """The faces of each picture, which the weights expect with their `landmarks` (see `Card`) in given places.

    `at_source_size`: the changes are put into the picture as it is; otherwise the largest face alone comes out, as
    the network's own square.
    """

    size: int
    settings: FaceSettings
    landmarks: Mapping[str, Sequence[float]]
    at_source_size: bool
    max_pixels: int = MAX_PIXELS

    @property
    def name(self) -> str:
        size = "source" if self.at_source_size else "model"
        return f"{size} {self.settings.mode} {self._most} {self.settings.smallest}"

    @property
    def needs_parts(self) -> bool:
        return self.at_source_size

    @property
    def _most(self) -> int | None:
        return 1 if self.settings.which == "largest" or not self.at_source_size else self.settings.most

    def prepare(self, source: Path | BinaryIO) -> Placed:
        """Raises NoFaceError besides what `read_picture` raises."""
        picture = read_picture(source, max_pixels=self.max_pixels, stored=self.at_source_size)
        places = self._places(picture.image)
        squares = torch.from_numpy(np.stack([cut(picture.image, place, self.size) for place in places]))
        return Placed(picture, squares, places)

    def _places(self, image: Image.Image) -> tuple[Place, ...]:
        whole, auto = centred(*image.size), self.settings.mode == "auto"
        faces = find_faces(image, self.settings.smallest)
        if not faces and auto and max(image.size) <= SMALL * self.size:
            return (whole,)
        if not faces:
            raise NoFaceError("no face found")
        found = [exact(image, face) for face in faces[: self._most]]
        if auto and is_crop(found[0], image.size, self.landmarks):
            return (whole,)
        return tuple(place_of(face, self.landmarks) for face in found)

    def finish(self, prepared: Prepared, squares: Sequence[Square]) -> Finished:
        if not isinstance(prepared, Placed):
            raise TypeError("the picture was prepared by another framing")
        picture, places = prepared.picture, prepared.places
        if not self.at_source_size:
            alpha = picture.alpha and to_image(cut(picture.alpha.convert("RGB"), places[0], self.size)).getchannel(0)
            return Finished(to_image(squares[0].pixels.numpy()), alpha)
        return put_back(prepared, places, squares)
