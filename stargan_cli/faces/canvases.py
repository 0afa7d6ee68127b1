"""The scales at which a picture is searched for faces, and its canvases: squares of few sizes, which can be batched.

The finest scale shows the smallest wanted faces at 16 px, but the longer side at no less than 512 px and no more than
1,920 px; a picture longer than 16:9, a panorama say, has as many pixels there as one of 1,920x1,080. The search never
enlarges a picture. Up to 640 px the picture fits on one canvas, padded with black, for faces of any size. A larger one
is split into overlapping canvases, and searched once more as a whole, at 512 px, for faces larger than the overlap; a
panorama also at a scale between the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.arrays import Pixels, to_array

FOUND_AT = 16  # px: most faces of this height are found; the largest that are found are 550 px high
COARSE, FINEST = 512, 1920  # px: the longer side at which a picture is searched, at least and at most
AREA, LONGEST = 1920 * 1080, 8192  # px: a longer picture's area, at most, and its longer side: a row of 20 parts
FINER = 2  # times as fine: a second search, of pictures in which no face was found
SINGLE = (256, 512, 640)  # px: the sides of canvases that show a whole picture
PART = 512  # px: the side of those that show a part
SHARED = 96  # px: the overlap of neighbouring parts; the whole picture's canvas shows such faces at 25 px or more
STRIDE = 32  # px: parts begin at multiples of the detector's largest stride, so that its cells lie as on the whole
BOTH = 8  # px on either side of the middle of an overlap: faces there belong to both parts

Span = tuple[float, float]


class Canvas(NamedTuple):
    """A square of a picture at one of its scales. Its point p lies at (origin + p) * factors in the picture (x and y
    separately). Only faces whose middle lies in `across` and `down` (px of the canvas) are taken from it."""

    pixels: Pixels
    origin: tuple[int, int]
    factors: tuple[float, float]
    across: Span
    down: Span


def scales_of(size: tuple[int, int], min_face: int) -> list[float]:
    """Return the scales for a picture's size and the smallest wanted face (px), the finest first."""
    longer = max(size)
    return _with_whole(longer, min(1.0, max(COARSE / longer, min(FOUND_AT / min_face, _finest(size)))))


def finer_scales(size: tuple[int, int], scales: Sequence[float]) -> list[float]:
    """Return the scales for a second search, if `scales` showed no face; empty if there is no finer one."""
    finer = min(1.0, FINER * scales[0], _finest(size))
    return _with_whole(max(size), finer) if finer > scales[0] else []


def _finest(size: tuple[int, int]) -> float:
    longer = max(size)
    return max(FINEST / longer, min(math.sqrt(AREA / math.prod(size)), LONGEST / longer))


def _with_whole(longer: int, scale: float) -> list[float]:
    """The scale, and coarser ones down to that of the whole picture. Each shows the faces that are larger than the
    overlaps of the one before at 25 px or more."""
    scales = [scale]
    while longer * scales[-1] > SINGLE[-1]:
        coarser = round(longer * scales[-1] * COARSE / FINEST)
        scales.append((COARSE if coarser <= SINGLE[-1] else coarser) / longer)
    return scales


def canvases(image: Image.Image, scales: Sequence[float]) -> list[Canvas]:
    """Return the canvases of an RGB picture at `scales`, all of one size."""
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
    """Resize: average by a whole factor, which is fast, then interpolate if the size still differs."""
    factor = max(1, round(image.width / width))
    if (width, height) == (round(image.width / factor), round(image.height / factor)):
        return image.reduce(factor, (0, 0, min(image.width, width * factor), min(image.height, height * factor)))
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.01)


def _stretches(length: int, side: int) -> list[tuple[int, Span]]:
    """Return where canvases begin along an axis, and the span from which faces are taken. The spans of neighbours share
    a strip: they may place a face's middle a px apart, and no face may be lost between them."""
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
