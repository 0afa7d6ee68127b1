"""Photos whose eyes are in known places, made from tightly framed portraits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from stargan_cli.compositing.placement import Place

LANDMARKS = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
"""Where the eyes are in the portraits, as fractions of the side (left and right in the picture)."""
PORTRAITS = sorted((Path(__file__).resolve().parents[1] / "portraits").glob("*.jpg"))


def truth(place: Place, name: str) -> complex:
    return place.origin + place.span * complex(*LANDMARKS[name])


def put(canvas: Image.Image, face: Path, place: Place) -> None:
    """Draw a portrait into a place of the canvas."""
    with Image.open(face) as opened:
        image = opened.convert("RGB")
    image = image.resize((max(8, min(image.width, round(place.side))),) * 2, Image.Resampling.LANCZOS)
    inverse = image.width / place.span
    start = -place.origin * inverse
    matrix = (inverse.real, -inverse.imag, start.real, inverse.imag, inverse.real, start.imag)
    warped = image.convert("RGBA").transform(canvas.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    canvas.paste(warped, (0, 0), warped.getchannel("A"))


def photograph(*places: Place, size: tuple[int, int] = (900, 700)) -> Image.Image:
    """A photo of soft colours with a portrait in each of the places."""
    soft = np.random.default_rng(3).integers(90, 200, (5, 6, 3), dtype=np.uint8)
    canvas = Image.fromarray(soft).resize(size, Image.Resampling.BICUBIC)
    for face, place in zip(PORTRAITS, places, strict=False):
        put(canvas, face, place)
    return canvas
