"""Any photo: its faces found, laid out as the weights expect, translated, and put back at the picture's own size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image

from stargan_cli.compositing.placement import Place, centred, cut
from stargan_cli.errors import NoFaceError, UsageError
from stargan_cli.faces.finding import LANDMARKS, exact, find_faces, is_crop, place_of
from stargan_cli.pictures.arrays import to_image
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, read_picture
from stargan_cli.translate.framing import Framed, Square, put_back
from stargan_cli.translate.settings import FaceSettings

if TYPE_CHECKING:
    from stargan_cli.weights.card import Card

SMALL = 2  # times the network's square: a picture no larger than this may be a crop in which no face is recognised


def expected_landmarks(settings: FaceSettings, card: Card) -> Mapping[str, Sequence[float]] | None:
    """Where the weights expect a face; None where faces are not to be looked for. Raises UsageError."""
    if settings.mode == "off":
        return None
    places = card.preprocessing.get("landmarks")
    if not isinstance(places, dict) or not _are_places(places):
        if settings.mode == "always":
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
    def needs_maps(self) -> bool:
        return self.at_source_size

    @property
    def _most(self) -> int | None:
        return 1 if self.settings.which == "largest" or not self.at_source_size else self.settings.most

    def prepare(self, source: Path | BinaryIO) -> Framed:
        """Raises NoFaceError besides what `read_picture` raises."""
        picture = read_picture(source, max_pixels=self.max_pixels, stored=self.at_source_size)
        places = self._places(picture.image)
        squares = np.stack([cut(picture.image, place, self.size) for place in places])
        return Framed(picture, squares, places)

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

    def finish(self, framed: Framed, squares: Sequence[Square]) -> Picture:
        picture, place = framed.picture, framed.places[0]
        if self.at_source_size:
            return put_back(framed, squares)
        alpha = picture.alpha and to_image(cut(picture.alpha.convert("RGB"), place, self.size)).getchannel(0)
        return replace(picture, image=to_image(squares[0].pixels), alpha=alpha, icc=None)
