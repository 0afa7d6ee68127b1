"""At which scales a picture is searched for faces, and how it is laid out on squares of few sizes, to be batched.

The rule: the finest scale shows the smallest faces that are asked for at 16 px, and the longer side at 512 px at least
and 1,920 px at most. Up to 640 px the picture lies on one canvas, padded with black, which shows faces of any size.
Above that it lies on several that overlap, and once more as a whole, at 512 px, for faces larger than what they share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.arrays import Pixels, to_array

FOUND_AT = 16  # px: faces of this height are found, most of them; the largest that are, are 550 px high
COARSE, FINEST = 512, 1920  # px: the longer side that every picture is searched at, at least and at most
FINER = 2  # times as fine: the last search, of pictures without a face by then
SINGLE = (256, 512, 640)  # px: the sides of canvases that show a whole picture
PART = 512  # px: the side of those that show a part
SHARED = 96  # px that neighbouring parts have in common; the whole shows faces of this height at 25 px
STRIDE = 32  # px: where parts may begin, so that the detector sees them as it sees the whole
BOTH = 8  # px on either side of the middle of what is shared: faces there are found on both

Span = tuple[float, float]


class Canvas(NamedTuple):
    """A square of a picture at one of its scales. A point p of it lies at (origin + p) * factors in the picture, x and
    y apart. Faces whose middle lies in `across` and `down` (px of the canvas) are its own."""

    pixels: Pixels
    origin: tuple[int, int]
    factors: tuple[float, float]
    across: Span
    down: Span


def scales_of(longer: int, min_face: int) -> list[float]:
    """Of a picture's longer side (px): the finest first."""
    return _with_whole(longer, min(1.0, max(COARSE / longer, min(FOUND_AT / min_face, FINEST / longer))))


def finer_scales(longer: int, scales: Sequence[float]) -> list[float]:
    """The scale at which a picture is searched in which none of `scales` shows a face, if there is a finer one."""
    finer = min(1.0, FINER * scales[0], FINEST / longer)
    return _with_whole(longer, finer) if finer > scales[0] else []


def _with_whole(longer: int, scale: float) -> list[float]:
    return [scale] if longer * scale <= SINGLE[-1] else [scale, COARSE / longer]


def canvases(image: Image.Image, scales: Sequence[float]) -> list[Canvas]:
    """Of an RGB picture, all of one size."""
    levels, small = [], image
    for scale in scales:
        small = _shrunk(small, max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        levels.append(small)
    longer = max(levels[0].size)
    side = PART if len(levels) > 1 else next(side for side in SINGLE if side >= longer)
    found = []
    for level in levels:
        pixels, factors = to_array(level), (image.width / level.width, image.height / level.height)
        across, down = _stretches(level.width, side), _stretches(level.height, side)
        found += [_cut(pixels, factors, side, *at) for at in product(across, down)]
    return found


def _shrunk(image: Image.Image, width: int, height: int) -> Image.Image:
    """By a whole number with its pixels' means, which is fast, and from there to the size."""
    factor = max(1, round(image.width / width))
    if (width, height) == (round(image.width / factor), round(image.height / factor)):
        return image.reduce(factor, (0, 0, min(image.width, width * factor), min(image.height, height * factor)))
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.01)


def _stretches(length: int, side: int) -> list[tuple[int, Span]]:
    """Where canvases begin along an axis, and what of it is each one's own. Neighbours both own a strip about the
    middle of what they share: they may see a face's middle a px apart, and no face may be nobody's."""
    if length <= side:
        return [(0, (-math.inf, math.inf))]
    last = STRIDE * math.ceil((length - side) / STRIDE)
    starts = [*range(0, last, side - SHARED), last]
    own = []
    for before, start, after in zip([None, *starts], starts, [*starts[1:], None], strict=False):
        first = -math.inf if before is None else (before + side - start) / 2 - BOTH
        end = math.inf if after is None else (side + after - start) / 2 + BOTH
        own.append((start, (first, end)))
    return own


def _cut(
    level: Pixels, factors: tuple[float, float], side: int, across: tuple[int, Span], down: tuple[int, Span]
) -> Canvas:
    part = level[:, down[0] : down[0] + side, across[0] : across[0] + side]
    pixels = np.zeros((3, side, side), np.uint8)
    pixels[:, : part.shape[1], : part.shape[2]] = part
    return Canvas(pixels, (across[0], down[0]), factors, across[1], down[1])
