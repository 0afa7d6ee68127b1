"""Large photos with known eye positions: faces of the London set at random scale, angle and place on synthetic
backgrounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


@dataclass(frozen=True)
class Photo:
    """`eyes`: for each face, the pupils on the picture's left and right, as x + iy (px)."""

    image: Image.Image
    eyes: list[tuple[complex, complex]]


@dataclass(frozen=True)
class Portrait:
    image: Image.Image
    eyes: tuple[complex, complex]


def portraits(folder: Path) -> list[Portrait]:
    """The London set's neutral pictures with their templates' pupils (the first two of 189 points)."""
    found = []
    for template in sorted(folder.glob("*.tem")):
        numbers = [float(word) for word in template.read_text().split()[1:5]]
        with Image.open(template.with_suffix(".jpg")) as image:
            found.append(Portrait(image.convert("RGB"), (complex(*numbers[:2]), complex(*numbers[2:]))))
    return found


def photos(
    people: list[Portrait],
    count: int,
    seed: int = 0,
    size: tuple[int, int] = (4000, 3000),
    faces: int = 1,
    eye_distance: tuple[float, float] = (16, 350),
    turn: float = 40,
) -> Iterator[Photo]:
    """Yield `count` photos. Faces have eye distances in the range `eye_distance` (px, log-uniform) and are turned by up
    to `turn` degrees."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        canvas = background(random, size)
        eyes = []
        columns = np.array_split(np.arange(size[0]), faces)
        for column in columns:
            person = people[int(random.integers(len(people)))]
            distance = float(np.exp(random.uniform(*np.log(eye_distance))))
            angle = float(np.radians(random.uniform(-turn, turn)))
            margin = int(3.2 * distance)
            low, high = int(column[0]) + margin, int(column[-1]) - margin
            middle = complex(
                random.integers(low, high) if high > low else int(column.mean()),
                random.integers(min(margin, size[1] // 2), max(size[1] - margin, size[1] // 2 + 1)),
            )
            half = distance / 2 * complex(np.cos(angle), np.sin(angle))
            _place(canvas, person, (middle - half, middle + half))
            eyes.append((middle - half, middle + half))
        yield Photo(canvas, eyes)


def background(random: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A background of soft colours, some hundred shapes, and grain."""
    soft = random.integers(20, 236, (6, 8, 3), dtype=np.uint8)
    canvas = Image.fromarray(soft).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for _ in range(120):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        wide, high = random.integers(10, size[0] // 8, 2)
        fill = tuple(int(value) for value in random.integers(0, 256, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((x, y, x + wide, y + high), fill=fill)
    canvas = canvas.filter(ImageFilter.GaussianBlur(2))
    grain = random.normal(0, 4, (size[1] // 2, size[0] // 2, 1)).repeat(2, 0).repeat(2, 1).repeat(3, 2)
    noisy = np.asarray(canvas)[: grain.shape[0], : grain.shape[1]] + grain
    canvas.paste(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return canvas


def _place(canvas: Image.Image, person: Portrait, eyes: tuple[complex, complex]) -> None:
    """Paste the head of a portrait, with soft edges, so that its eyes are at `eyes`."""
    scale = (eyes[1] - eyes[0]) / (person.eyes[1] - person.eyes[0])
    small = person.image
    if abs(scale) < 1:
        wanted = (round(small.width * abs(scale)), round(small.height * abs(scale)))
        small = small.resize(wanted, Image.Resampling.LANCZOS)
    factor = small.width / person.image.width
    source = [eye * factor for eye in person.eyes]
    span = (eyes[1] - eyes[0]) / (source[1] - source[0])
    middle, reach = (eyes[0] + eyes[1]) / 2, abs(eyes[1] - eyes[0])
    left, top = round(middle.real - 3 * reach), round(middle.imag - 3 * reach)
    side = round(6 * reach)
    # picture -> portrait, as Pillow wants it: u = (z - eyes[0]) / span + source[0]
    inverse = 1 / span
    start = (complex(left, top) - eyes[0]) * inverse + source[0]
    matrix = (inverse.real, -inverse.imag, start.real, inverse.imag, inverse.real, start.imag)
    warped = small.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    head = Image.new("L", small.size, 0)
    centre, distance = (source[0] + source[1]) / 2, abs(source[1] - source[0])
    box = (centre.real - 1.75 * distance, centre.imag - 1.9 * distance)
    ImageDraw.Draw(head).ellipse((*box, centre.real + 1.75 * distance, centre.imag + 2.7 * distance), fill=255)
    head = head.filter(ImageFilter.GaussianBlur(distance / 12))
    mask = head.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    canvas.paste(warped, (left, top), mask)
