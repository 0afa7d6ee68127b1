"""Compare what an exported file computes with its source: on random and real pictures, in batches of 1 and of 5."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.model import Discriminator, Generator
from stargan_cli.pictures.tensors import to_model, to_pixels

BATCHES = (1, 5)
Runtime = Callable[[Tensor, Tensor], Tensor]
"""A function that runs an exported file: (image, label) -> picture, in the shapes and types of its interface."""


@dataclass(frozen=True)
class Check:
    """How far one batch differs from the source: the `maximum` and the `mean` of absolute differences, on the scale
    [-1, 1], or 0..255 for files that take bytes.

    `psnr` is in dB; its peak is the width of that range, and it is None if nothing differs.
    """

    pictures: str
    batch: int
    maximum: float
    mean: float
    psnr: float | None


@dataclass(frozen=True)
class Tolerance:
    """How far a file may differ from its source: at most `maximum` in any pixel, and at least `psnr` (dB).

    `only` restricts it to one kind of pictures, by the name in `Check.pictures`.
    """

    maximum: float = math.inf
    psnr: float = 0.0
    only: str | None = None

    def allows(self, check: Check) -> bool:
        if self.only is not None and check.pictures != self.only:
            return True
        close = math.isfinite(check.maximum) and check.maximum <= self.maximum
        return close and (check.psnr is None or check.psnr >= self.psnr)

    def __str__(self) -> str:
        return f"at least {self.psnr:g} dB" if math.isinf(self.maximum) else f"at most {self.maximum:g}"


def random_pictures(size: int) -> Tensor:
    """Uniform noise with a fixed seed: uint8 (5, 3, size, size)."""
    seeded = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (max(BATCHES), 3, size, size), dtype=torch.uint8, generator=seeded)


def random_labels(count: int, label_dim: int) -> Tensor:
    """Zeros and ones with a fixed seed: float32 (count, label_dim)."""
    seeded = torch.Generator().manual_seed(1)
    return torch.randint(0, 2, (count, label_dim), generator=seeded).float()


def file_input(pixels: Tensor, uint8: bool) -> Tensor:
    """uint8 (N, 3, S, S) -> the input of a file: uint8 (N, S, S, 3), or float32 (N, 3, S, S) in [-1, 1]."""
    return pixels.permute(0, 2, 3, 1).contiguous() if uint8 else to_model(pixels)


@torch.no_grad()
def compare(runtime: Runtime, generator: Generator, pictures: dict[str, Tensor], uint8: bool) -> list[Check]:
    """Compare a file with the generator in fp32. `pictures` maps names to uint8 (5, 3, S, S)."""
    checks = []
    for name, pixels in pictures.items():
        for batch in BATCHES:
            label = random_labels(batch, generator.settings.label_dim)
            wanted = generator(to_model(pixels[:batch]), label)
            if uint8:
                wanted = to_pixels(wanted).permute(0, 2, 3, 1)
            given = runtime(file_input(pixels[:batch], uint8), label)
            checks.append(_difference(name, given, wanted, peak=255.0 if uint8 else 2.0))
    return checks


@torch.no_grad()
def compare_discriminators(given: Discriminator, wanted: Discriminator, pictures: dict[str, Tensor]) -> list[Check]:
    """Compare the class logits and the realness of two discriminators."""
    checks = []
    for name, pixels in pictures.items():
        for batch in BATCHES:
            answers = [_answers_of(discriminator, to_model(pixels[:batch])) for discriminator in (given, wanted)]
            peak = float(answers[1].max() - answers[1].min())
            checks.append(_difference(f"{name} (D)", answers[0], answers[1], peak))
    return checks


def _answers_of(discriminator: Discriminator, image: Tensor) -> Tensor:
    output = discriminator(image)
    return torch.cat([output.classes, output.realness.flatten(1)], dim=1)


def _difference(name: str, given: Tensor, wanted: Tensor, peak: float) -> Check:
    if given.shape != wanted.shape or given.dtype != wanted.dtype:
        return Check(name, len(wanted), math.inf, math.inf, -math.inf)
    difference = (given.double() - wanted.double()).abs()
    error = float(difference.square().mean())
    psnr = None if error == 0 else 10 * math.log10(peak**2 / error)
    return Check(name, len(wanted), float(difference.max()), float(difference.mean()), psnr)
