"""Cut a square out of a picture. The square may be turned, and may reach beyond the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.compositing.placement import Place, centred
from stargan_cli.pictures.arrays import Pixels, to_array, to_square

_OVERSAMPLING = 2
_MIRRORED = 0.12  # of the square's side: how far outside the picture its mirror image is visible


def cut(image: Image.Image, place: Place, size: int) -> Pixels:
    """Return the pixels of a square of an RGB picture, antialiased: uint8 (3, size, size).

    Outside the picture, the square shows the picture's mirror image, as in training pictures of whole heads that were
    made square. With distance it fades to the blurred colours of the border: farther out it would show another face.
    The centred square is the same as from `arrays.to_square`.
    """
    if place == centred(*image.size):
        return to_square(image, size)
    factor, corners = min(1.0, _OVERSAMPLING * size / place.side), place.corners
    across = _Stretch.of([corner.real for corner in corners], image.width, factor)
    down = _Stretch.of([corner.imag for corner in corners], image.height, factor)
    box = (across.start, down.start, across.end, down.end)
    small = image.resize((across.pixels, down.pixels), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    around = _continued(small, across, down, _MIRRORED * factor * place.side)
    fine = _OVERSAMPLING * size
    start = complex((place.origin.real - across.origin) * across.scale, (place.origin.imag - down.origin) * down.scale)
    along, below = place.span / fine, 1j * place.span / fine
    first = (along.real * across.scale, below.real * across.scale, start.real)
    matrix = (*first, along.imag * down.scale, below.imag * down.scale, start.imag)
    sampled = around.transform((fine, fine), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return to_array(sampled.reduce(_OVERSAMPLING))


class _Stretch(NamedTuple):
    """One axis of a cut. The picture's pixels `start` to `end` are resized to `pixels`, by the factor `scale`. `at`:
    the indices of resized pixels that the cut needs, from `origin` (px of the picture) on; some may lie outside."""

    start: int
    end: int
    pixels: int
    scale: float
    origin: float
    at: NDArray[np.intp]

    @classmethod
    def of(cls, ends: Sequence[float], length: int, factor: float) -> _Stretch:
        """For a cut from the least to the greatest of `ends`, with its mirror image, on an axis of `length` pixels."""
        margin = 2 / factor
        low, high = min(ends) - margin, max(ends) + margin
        start, end = max(0, math.floor(min(low, 2 * length - high))), min(length, math.ceil(max(high, -low)))
        if end <= start:  # far outside
            start, end = 0, length
        pixels = max(1, round((end - start) * factor))
        scale = pixels / (end - start)
        first, last = math.floor((low - start) * scale), math.ceil((high - start) * scale)
        return cls(start, end, pixels, scale, start + first / scale, np.arange(first, last))

    @property
    def nearest(self) -> NDArray[np.intp]:
        return self.at.clip(0, self.pixels - 1)

    @property
    def mirrored(self) -> NDArray[np.intp]:
        folded = self.at % (2 * self.pixels)
        return np.minimum(folded, 2 * self.pixels - 1 - folded)


def _continued(small: Image.Image, across: _Stretch, down: _Stretch, reach: float) -> Image.Image:
    """Extend a resized picture by its mirror image, which fades to the border's colours within `reach` px."""
    pixels = np.asarray(small)
    mirrored = Image.fromarray(pixels[down.mirrored][:, across.mirrored])
    outside = np.hypot((down.at - down.nearest)[:, None], (across.at - across.nearest)[None])
    if not outside.any():
        return mirrored
    coarse = (max(1, round(small.width / reach)), max(1, round(small.height / reach)))
    blurred = small.resize(coarse, Image.Resampling.BILINEAR).resize(small.size, Image.Resampling.BICUBIC)
    border = Image.fromarray(np.asarray(blurred)[down.nearest][:, across.nearest])
    share = Image.fromarray((outside * (255 / reach)).clip(0, 255).astype(np.uint8))
    return Image.composite(border, mirrored, share)
