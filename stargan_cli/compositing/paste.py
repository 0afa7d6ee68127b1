"""A change made in a small square -> the same change in the full-size picture, which keeps its detail.

The change's colours are enlarged, and so are the coefficients that give its mask from the full-size picture's colours
(see `maps`). Mask times colour is added to the picture, so every strand and pore stays. Two rules keep them as clear as
before. The mask follows edges, but not finer and fainter detail, which it would flatten. Where the change makes a pixel
lighter, its fine detail is amplified, as under brighter light.

Uses Pillow and NumPy on strips that fit into the processor's cache: no torch, and little time in Python itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.compositing.enlarging import REACH, Box, Enlarger
from stargan_cli.compositing.maps import (
    COLOUR,
    HALF,
    HIGH,
    LIGHTER,
    LOW,
    MASK,
    SEEN,
    SLOPE,
    lightness,
    smooth,
)
from stargan_cli.compositing.placement import Place
from stargan_cli.compositing.scratch_arrays import scratch_array
from stargan_cli.pictures.arrays import Floats
from stargan_cli.pictures.native_pixels import NativePixels

FEATHER = 0.1  # of the side: from the border of the square inwards, the change fades in over this distance
STRIP = 1 << 16  # pixels at once: their intermediate results fit into the processor's cache
TEXTURE = 0.1 * HALF  # levels: the mask does not follow fainter fine detail
LEAST_LEVEL = 1e-3  # by which a mask is divided; a pixel whose two levels are smaller does not change
MOST_GAIN = 1.6  # the largest gain in a pixel's lightness; its fine detail gains the square root of that
WHOLE = np.ones((1, 1), np.float32)


def paste(
    image: Image.Image,
    place: Place,
    maps: NDArray[np.floating],
    others: Sequence[Place] = (),
    native: NativePixels | None = None,
) -> None:
    """Make a change in a square of an RGB picture, in place. The change fades towards the square's border, except where
    that is the picture's own border, and towards the middles of `others`. Pixels outside are untouched. `maps`
    (CHANNELS, S, S): see `maps`, and `placement.Laying` for their alignment. `native`, the same picture as its file
    stores it, is changed alike. If it is grey, the change is grey too."""
    region = left, top, right, bottom = place.region(*image.size)
    change = maps.astype(np.float32)
    changes = np.maximum(change[LOW], change[HIGH]) > LEAST_LEVEL
    if right <= left or bottom <= top or not changes.any():
        return
    if native is not None and native.mode == "L":
        change[COLOUR] = lightness(*change[COLOUR])
    near = [other for other in others if _meet(region, other.region(*image.size))]
    widest = _columns(changes, region, top, bottom)
    rows = max(1, STRIP // (widest.stop - widest.start))
    enlarger = Enlarger(change, place.box(*image.size), region)
    weight = _Weight(place, image.size, near)
    for start in range(top, bottom, rows):
        end = min(bottom, start + rows)
        columns = _columns(changes, region, start, end)
        if columns.start == columns.stop:
            continue
        box = (left + columns.start, start, left + columns.stop, end)
        strip = image.crop(box)
        pixels, spare = scratch_array("pixels", (2, 3, end - start, box[2] - box[0]))
        np.copyto(pixels, np.asarray(strip).transpose(2, 0, 1))
        _change(pixels, enlarger.strip(start - top, end - top, columns), weight.of(box), spare)
        if native is not None:
            native.change(box, np.asarray(strip), np.ascontiguousarray(pixels.transpose(1, 2, 0)))
        planes = np.rint(pixels, out=pixels).astype(np.uint8)
        image.paste(Image.merge("RGB", [Image.fromarray(plane) for plane in planes]), box[:2])


def _columns(changes: NDArray[np.bool_], region: Box, start: int, end: int) -> slice:
    """Return the columns of a region, counted from its left, between which rows `start` to `end` of the picture change.
    `changes` (S, S) says which px of the maps do. A change that is left out is smaller than half a level."""
    left, top, right, bottom = region
    down, across = changes.shape[0] / (bottom - top), changes.shape[1] / (right - left)
    near = REACH + 1
    rows = slice(max(0, math.floor((start - top) * down) - near), math.ceil((end - top) * down) + near)
    some = np.flatnonzero(changes[rows].any(axis=0))
    if not some.size:
        return slice(0, 0)
    first, last = math.floor((some[0] - near) / across), math.ceil((some[-1] + 1 + near) / across)
    return slice(max(0, first), min(right - left, last))


def _change(pixels: Floats, maps: Floats, weight: Floats, spare: Floats) -> None:
    """Change pixels (3, h, w) in [0, 255] in place by the maps (CHANNELS, h, w), times `weight`, which broadcasts to
    (h, w). `maps` and `spare` (3, h, w) are overwritten: new arrays of this size would cost more than the
    computation."""
    fine = np.subtract(pixels, maps[SEEN], out=maps[SEEN])
    edge = np.multiply(fine, fine, out=spare).sum(axis=0)
    edge /= edge + 3 * TEXTURE**2
    mask = np.multiply(fine, maps[SLOPE], out=spare).sum(axis=0)
    mask *= edge
    mask += maps[MASK]
    _towards_levels(mask, maps[LOW], maps[HIGH], spare[0])
    mask *= weight
    gain = np.multiply(mask, maps[LIGHTER], out=maps[LIGHTER])
    gain.clip(0, MOST_GAIN - 1, out=gain)
    gain += 1
    np.sqrt(gain, out=gain)
    gain -= 1
    fine *= gain
    maps[COLOUR] *= mask
    pixels += fine
    pixels += maps[COLOUR]
    pixels.clip(0, 255, out=pixels)


def _towards_levels(mask: Floats, low: Floats, high: Floats, spare: Floats) -> None:
    """Move a mask (h, w) in place towards 0 or `high`, whichever is nearer, along a steep S-curve, and to `low` at
    least. `high` and `spare` (h, w) are overwritten."""
    np.maximum(high, LEAST_LEVEL, out=high)
    mask /= high
    mask.clip(0, 1, out=mask)
    for _ in range(2):  # smoothstep, twice
        np.multiply(mask, -2, out=spare)
        spare += 3
        mask *= mask
        mask *= spare
    mask *= high
    np.maximum(mask, low, out=mask)


class _Weight:
    """The share (0..1) of a change that is made in each pixel of a picture."""

    def __init__(self, place: Place, size: tuple[int, int], others: Sequence[Place]) -> None:
        self._place, self._others = place, others
        self._fades = place.fades(*size)

    def of(self, box: Box) -> Floats:
        """Return the weights of a box of the picture, broadcasting to (h, w)."""
        if not self._others and self._is_inside(box):
            return WHOLE
        own = _in_square(self._place, box)
        across, down = self._faded(own)
        weight = across * down
        for other in self._others:
            weight *= _share(own, _in_square(other, box))
        return weight

    def _is_inside(self, box: Box) -> bool:
        """Whether a box lies where the change does not fade."""
        corners = [self._place.to_unit(complex(x, y)) for x in box[::2] for y in box[1::2]]
        left, top, right, bottom = (FEATHER if side else 0 for side in self._fades)
        return all(left <= u.real <= 1 - right and top <= u.imag <= 1 - bottom for u in corners)

    def _faded(self, at: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        left, top, right, bottom = (FEATHER if side else 1e-9 for side in self._fades)
        across, down = at
        return smooth(np.minimum(across / left, (1 - across) / right)), smooth(
            np.minimum(down / top, (1 - down) / bottom)
        )


def _in_square(place: Place, box: Box) -> tuple[Floats, Floats]:
    """Return where the pixels of a box lie in the unit square, across and down: (1, w) and (h, 1), or (h, w) each if
    the square is turned."""
    inverse = 1 / place.span
    x = np.arange(box[0], box[2])[None, :] + 0.5 - place.origin.real
    y = np.arange(box[1], box[3])[:, None] + 0.5 - place.origin.imag
    if inverse.imag == 0:
        return (inverse.real * x).astype(np.float32), (inverse.real * y).astype(np.float32)
    across = (inverse.real * x).astype(np.float32) - (inverse.imag * y).astype(np.float32)
    down = (inverse.imag * x).astype(np.float32) + (inverse.real * y).astype(np.float32)
    return across, down


def _share(own: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
    """Return the share (0..1) of `own` in each pixel, (h, w). A pixel goes to the square with the nearer middle."""
    nearer = np.hypot(other[0] - 0.5, other[1] - 0.5) - np.hypot(own[0] - 0.5, own[1] - 0.5)
    share: Floats = (0.5 + nearer / FEATHER).clip(0, 1)
    return share


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
