"""Translates the faces of any photo: finds them, cuts them out as the weights expect, and puts the changes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.placement import Place, centred
from stargan_cli.errors import NoFaceError, UsageError
from stargan_cli.faces.asking import Search
from stargan_cli.faces.finding import landmarks_of
from stargan_cli.faces.placing import face_places
from stargan_cli.pictures.arrays import Pixels, to_image
from stargan_cli.pictures.reading import MAX_PIXELS, Picture, Wanted
from stargan_cli.translate.framing import Framed, put_back
from stargan_cli.translate.questions import Changes
from stargan_cli.translate.settings import FaceSettings

if TYPE_CHECKING:
    from stargan_cli.weights.card import Card

STILL, BLURRED = 3.0, 20.0
"""Mean differences between the squares of two frames (levels of 255). Up to STILL, the face has not moved. Up to
BLURRED, it is the same face even if the search does not find it."""
SCENE, OTHER_SCENE = 32, 16.0
"""Two frames are compared as copies of SCENE px a side. If a pixel differs by more than OTHER_SCENE (levels of 255),
the frames show different scenes."""


def expected_landmarks(settings: FaceSettings, card: Card) -> Mapping[str, Sequence[float]] | None:
    """The landmarks where the weights expect a face; None if faces are not searched for.

    Raises UsageError if `settings` ask for faces always and the card has no usable landmarks.
    """
    if settings.mode == "off":
        return None
    landmarks = landmarks_of(card.preprocessing)
    if landmarks is None and settings.mode == "always":
        raise UsageError(
            "these weights do not say where they expect a face",
            "leave out --faces always: these weights take the centred square of each picture",
        )
    return landmarks


@dataclass(frozen=True)
class Faces:
    """Translates the faces of each picture. `landmarks` (see `Card`) say where in a square the weights expect a face.

    With `at_source_size`, the changes are put into the picture at its own size. Otherwise the output is the square of
    the largest face, at the network's size.
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

    @property
    def wanted(self) -> Wanted:
        return Wanted(max_pixels=self.max_pixels, native=self.at_source_size)

    def prepare(self, picture: Picture) -> Search[Framed]:
        """Raises NoFaceError."""
        places = yield from self._places(picture.image)
        return self._framed(picture, places)

    def _framed(self, picture: Picture, places: tuple[Place, ...]) -> Framed:
        return Framed(picture, np.stack([cut(picture.image, place, self.size) for place in places]), places)

    def follow(self, picture: Picture, last: Framed) -> Search[Framed]:
        """Reuse the places of the last search if nothing has moved, or if a new search finds no face but little has
        moved. A face crop stays a face crop. Raises NoFaceError."""
        same = self._framed(picture, last.places)
        moved = _difference(same.squares, last.squares)
        if last.places == (centred(*picture.image.size),) or (moved <= STILL and _is_scene(picture, last.picture)):
            return same
        try:
            framed = yield from self.prepare(picture)
        except NoFaceError:
            if moved > BLURRED:
                raise
            return same
        return framed

    def _places(self, image: Image.Image) -> Search[tuple[Place, ...]]:
        crops, smallest = self.settings.mode == "auto", self.settings.smallest
        return face_places(image, self.landmarks, self.size, self._most, smallest, crops)

    def finish(self, framed: Framed, changes: Changes) -> Picture:
        picture, place = framed.picture, framed.places[0]
        if self.at_source_size:
            return put_back(framed, changes)
        alpha = picture.alpha and to_image(cut(picture.alpha.convert("RGB"), place, self.size)).getchannel(0)
        return replace(picture, image=to_image(changes[0]), alpha=alpha, icc=None)


def _difference(first: Pixels, second: Pixels) -> float:
    return float(np.abs(first.astype(np.int16) - second).mean())


def _is_scene(picture: Picture, other: Picture) -> bool:
    """Whether two frames show the same scene in every part."""
    small = [
        np.asarray(one.image.convert("L").resize((SCENE, SCENE), Image.Resampling.BOX)) for one in (picture, other)
    ]
    return float(np.abs(small[0].astype(np.int16) - small[1]).max()) <= OTHER_SCENE
