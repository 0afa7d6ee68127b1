"""The way of a file of several pictures: its frames are translated and encoded in small groups, one after the other.

Only the frames of one group are held as pixels, and of the outputs only encoded frames.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stargan_cli.compositing.placement import Place
from stargan_cli.errors import NoFaceError
from stargan_cli.labels import Variant
from stargan_cli.labels.probabilities import Known
from stargan_cli.pictures.encoding import FrameEncoder
from stargan_cli.pictures.frames import Frame, FrameSequence
from stargan_cli.translate.framing import Answer, Framed, Framing, Question

GROUP_FRAMES, GROUP_PIXELS = 8, 8_000_000
NEAR = 0.5  # sides of a square: how far a face may have moved from one frame to the next


@dataclass(frozen=True)
class Followed:
    """A frame, its squares, and for each of them the number of the person that it shows; no squares without a face."""

    frame: Frame
    framed: Framed
    people: tuple[int, ...]


def translated_frames(
    frames: FrameSequence,
    framing: Framing,
    encoders: Sequence[FrameEncoder],
    variants: Sequence[Variant],
    weigh: Callable[[Framed, int], int],
) -> Generator[Question, Answer, Answer]:
    """Give every frame to the encoders, one for each variant; returns the answer to the first group with a face.

    A person's labels are read once, from the first group that shows the face, and the first person's decide which of
    two opposite variants is due. A frame without a face stays as it is. Raises NoFaceError where no frame shows one.
    """
    first: Answer | None = None
    due, asked = tuple(range(len(variants))), tuple(variants)
    known: dict[int, Known] = {}
    for group in _groups(_followed(frames, framing)):
        people = tuple(number for one in group for number in one.people)
        answer: Answer | None = None
        if people:
            squares = np.concatenate([one.framed.squares for one in group])
            weight = sum(weigh(one.framed, len(variants)) for one in group)
            answer = yield Question(squares, asked, weight, people, tuple(known.get(n) for n in people))
            known |= dict(zip(people, answer.known, strict=True))
            if first is None:
                first, due = answer, answer.due
                asked = tuple(replace(variants[number], opposite=None) for number in due)
            if not due:
                break
        _encode(group, framing, [encoder for number, encoder in enumerate(encoders) if number in due], answer)
    if first is None:
        raise NoFaceError(f"no face found in any of its {frames.number:,} frames")
    return first


def _encode(
    group: Sequence[Followed], framing: Framing, encoders: Sequence[FrameEncoder], answer: Answer | None
) -> None:
    for number, encoder in enumerate(encoders):
        place = 0
        for one in group:
            picture, end = one.framed.picture, place + len(one.people)
            if answer is not None and one.people:
                picture = framing.finish(one.framed, answer.changes[number][place:end])
            encoder.add(picture, one.frame.duration)
            place = end


def _groups(frames: Iterator[Followed]) -> Iterator[list[Followed]]:
    group: list[Followed] = []
    pixels = 0
    for one in frames:
        size = one.frame.picture.image.width * one.frame.picture.image.height
        if group and (len(group) == GROUP_FRAMES or pixels + size > GROUP_PIXELS):
            yield group
            group, pixels = [], 0
        group.append(one)
        pixels += size
    yield group


def _followed(frames: FrameSequence, framing: Framing) -> Iterator[Followed]:
    """Each frame with its squares. Faces are looked for anew where those of the last search are no longer there, and
    on each page."""
    last: Framed | None = None
    people: tuple[int, ...] = ()
    met = 0
    for frame in frames.frames:
        if frames.kind == "pages":
            last = None
        framed = _framed(frame, framing, last)
        if framed.places and (last is None or framed.places != last.places):
            people = _recognised(framed.places, last, people, met)
            met, last = max(met, *(number + 1 for number in people)), framed
        yield Followed(frame, framed, people if framed.places else ())


def _framed(frame: Frame, framing: Framing, last: Framed | None) -> Framed:
    try:
        return framing.prepare(frame.picture) if last is None else framing.follow(frame.picture, last)
    except NoFaceError:
        if not framing.needs_maps:  # the output is the square itself
            raise
        return Framed(frame.picture, np.empty((0, 3, framing.size, framing.size), np.uint8), ())


def _recognised(places: Sequence[Place], last: Framed | None, people: Sequence[int], met: int) -> tuple[int, ...]:
    """The number of the person in each place: that of the nearest face of the last search, else a new one from `met`
    on."""
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
