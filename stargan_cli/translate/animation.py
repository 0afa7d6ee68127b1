"""Translates a file of several pictures (an animation, or pages): frames are translated and encoded in small groups.

Only the frames of one group are in memory as pixels. Of the outputs, only encoded frames are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain

import numpy as np

from stargan_cli.compositing.placement import Laying, Place
from stargan_cli.errors import NoFaceError
from stargan_cli.faces.asking import Search
from stargan_cli.labels import SourceLabels, Variant
from stargan_cli.pictures.encoding import FrameEncoder
from stargan_cli.pictures.frames import Frame, FrameSequence
from stargan_cli.translate.framing import Framed, Framing
from stargan_cli.translate.questions import Asking, ChangeAnswer, ChangeQuestion

GROUP_FRAMES, GROUP_PIXELS = 8, 8_000_000
NEAR = 0.5  # how far a face may have moved since the last search (in sides of its square)


@dataclass(frozen=True)
class Followed:
    """A frame, its squares, and the number of the person in each square. A frame without a face has no squares."""

    frame: Frame
    framed: Framed
    people: tuple[int, ...]


def translated_frames(
    frames: FrameSequence,
    framing: Framing,
    encoders: Sequence[FrameEncoder],
    variants: Sequence[Variant],
    weigh: Callable[[Framed, int], int],
) -> Asking[ChangeAnswer]:
    """Translate every frame and give it to the encoders, one for each variant.

    Returns the networks' answer for the first group that shows a face. A person's source labels are read once, from the
    first group that shows the person. The first person's labels decide which of two opposite variants is due. A frame
    without a face is kept unchanged. Raises NoFaceError if no frame shows a face.
    """
    first: ChangeAnswer | None = None
    due, asked = tuple(range(len(variants))), tuple(variants)
    known: dict[int, SourceLabels] = {}
    following, group = _Following(framing, frames.kind == "pages"), _Group()
    for frame in chain(frames.frames, (None,)):
        one = None if frame is None else (yield from following.followed(frame))
        if group.frames and (one is None or group.is_full_with(one)):
            answer = yield from group.asked(asked, known, weigh, framing.needs_maps)
            if first is None and answer is not None:
                first, due = answer, answer.due
                asked = tuple(replace(variants[number], opposite=None) for number in due)
            if not due:
                break
            own = [encoder for number, encoder in enumerate(encoders) if number in due]
            _encode(group.frames, framing, own, answer)
            group = _Group()
        if one is not None:
            group.add(one)
    if first is None:
        raise NoFaceError(f"{following.none_found} in any of its {frames.number:,} frames")
    return first


def _encode(
    group: Sequence[Followed], framing: Framing, encoders: Sequence[FrameEncoder], answer: ChangeAnswer | None
) -> None:
    for number, encoder in enumerate(encoders):
        place = 0
        for one in group:
            picture, end = one.framed.picture, place + len(one.people)
            if answer is not None and one.people:
                picture = framing.finish(one.framed, answer.changes[number][place:end])
            encoder.add(picture, one.frame.duration)
            place = end


class _Group:
    """Frames that are in memory at the same time."""

    def __init__(self) -> None:
        self.frames: list[Followed] = []
        self._pixels = 0

    def add(self, one: Followed) -> None:
        self.frames.append(one)
        self._pixels += _size(one)

    def is_full_with(self, one: Followed) -> bool:
        """Whether another frame would be one too many."""
        return len(self.frames) == GROUP_FRAMES or self._pixels + _size(one) > GROUP_PIXELS

    def asked(
        self,
        variants: tuple[Variant, ...],
        known: dict[int, SourceLabels],
        weigh: Callable[[Framed, int], int],
        maps: bool,
    ) -> Asking[ChangeAnswer | None]:
        """Ask for the changes of the group's squares: with `maps` as maps, else as pixels. None if it has no squares.

        `known` has the source labels of the people seen so far; those of new people are added.
        """
        people = tuple(number for one in self.frames for number in one.people)
        if not people:
            return None
        squares = np.concatenate([one.framed.squares for one in self.frames])
        laying = Laying.joined([one.framed.laying for one in self.frames]) if maps else None
        weight = sum(weigh(one.framed, len(variants)) for one in self.frames)
        ends = accumulate(len(one.people) for one in self.frames)
        firsts = tuple(end - len(one.people) for end, one in zip(ends, self.frames, strict=True) if one.people)
        read = tuple(known.get(number) for number in people)
        answer: ChangeAnswer = yield ChangeQuestion(squares, variants, laying, weight, people, read, firsts)
        known |= dict(zip(people, answer.known, strict=True))
        return answer


def _size(one: Followed) -> int:
    return one.frame.picture.image.width * one.frame.picture.image.height


class _Following:
    """Finds the faces of one frame after the other. It searches again where the frame has changed since the last
    search, and on each page."""

    def __init__(self, framing: Framing, pages: bool) -> None:
        self._framing, self._pages = framing, pages
        self._last: Framed | None = None
        self._people: tuple[int, ...] = ()
        self._met = 0
        self.none_found = ""  # what was said of the last frame in which no face was found

    def followed(self, frame: Frame) -> Search[Followed]:
        if self._pages:
            self._last = None
        framed, last = (yield from self._framed(frame)), self._last
        if framed.places and (last is None or framed.places != last.places):
            self._people = _recognised(framed.places, last, self._people, self._met)
            self._met, self._last = max(self._met, *(number + 1 for number in self._people)), framed
        return Followed(frame, framed, self._people if framed.places else ())

    def _framed(self, frame: Frame) -> Search[Framed]:
        framing, last = self._framing, self._last
        try:
            framed = yield from (
                framing.prepare(frame.picture) if last is None else framing.follow(frame.picture, last)
            )
        except NoFaceError as error:
            if not framing.needs_maps:  # the output is the square of a face, so there is none
                raise
            self.none_found = str(error)
            return Framed(frame.picture, np.empty((0, 3, framing.size, framing.size), np.uint8), ())
        return framed


def _recognised(places: Sequence[Place], last: Framed | None, people: Sequence[int], met: int) -> tuple[int, ...]:
    """The number of the person in each place: that of the nearest face of the last search if it is near enough, else
    a new one (from `met` on)."""
    left = dict(zip(people, last.places, strict=True)) if last is not None else {}
    found: list[int] = []
    for place in places:
        centre = _centre(place)
        near = min(left, key=lambda number: abs(_centre(left[number]) - centre), default=None)
        if near is not None and abs(_centre(left[near]) - centre) <= NEAR * place.side:
            found.append(near)
            del left[near]
        else:
            found.append(met)
            met += 1
    return tuple(found)


def _centre(place: Place) -> complex:
    return place.origin + place.span * (0.5 + 0.5j)
