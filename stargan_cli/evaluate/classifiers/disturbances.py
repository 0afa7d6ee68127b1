"""Augmentation of a classifier's training pictures, so that it reads the attribute and not traces of the file: shift,
scale, colour, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stargan_cli.datasets.augment import flip, jitter
from stargan_cli.datasets.draws import Draws
from stargan_cli.pictures.arrays import to_array, to_image
from stargan_cli.pictures.tensors import to_model, to_pixels

SOMETIMES = 0.3  # probability of a picture to be blurred, to get noise, and to be stored as JPEG
WORST_JPEG, BEST_JPEG = 30, 95


@dataclass(frozen=True)
class Disturbances:
    """The greatest strength of each augmentation; 0 turns one off, for `blur` 1.

    `shift`: for shift, scale and turn (see `jitter`). `colour`: for lightness, contrast, saturation and tint. `blur`:
    the factor by which a picture is shrunk and enlarged again. `noise`: the standard deviation, on the scale [-1, 1].
    `jpeg`: store some pictures as JPEG of quality 30 to 95.
    """

    shift: float = 0.1
    colour: float = 0.2
    blur: float = 3.0
    noise: float = 0.08
    jpeg: bool = True

    def __call__(self, pixels: Tensor, draws: Draws) -> Tensor:
        """uint8 (N, 3, S, S) -> augmented pictures (N, 3, S, S) in [-1, 1], each mirrored with probability 1/2."""
        pictures = jitter(flip(to_model(pixels), draws), self.shift, draws)
        if self.colour:
            pictures = recoloured(pictures, self.colour, draws)
        if self.blur > 1:
            pictures = _some(pictures, blurred(pictures, self.blur, draws), draws)
        if self.noise:
            pictures = _some(pictures, noisy(pictures, self.noise, draws), draws)
        return stored_as_jpeg(pictures, draws) if self.jpeg else pictures.clamp(-1, 1)


def _some(pictures: Tensor, others: Tensor, draws: Draws) -> Tensor:
    chosen = (draws.uniform() < SOMETIMES).to(pictures.device)
    return torch.where(chosen[:, None, None, None], others, pictures)


def recoloured(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Change each picture's contrast and saturation (times 1 +- amount), lightness (+- amount) and tint (+- amount / 4
    per channel)."""
    around = (2 * draws.uniform(6) - 1).to(pictures.device)[:, :, None, None, None] * amount
    contrast, saturation, light = 1 + around[0], 1 + around[1], around[2]
    tint = around[3:, :, 0].transpose(0, 1) / 4
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + saturation * (pictures - grey)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return mean + contrast * (pictures - mean) + light + tint


def blurred(pictures: Tensor, most: float, draws: Draws) -> Tensor:
    """Shrink the whole batch by one random factor in [1, `most`], and enlarge it again."""
    size = pictures.shape[-1]
    small = max(1, round(size / (1 + (most - 1) * float(draws.uniform()[0]))))
    shrunk = F.interpolate(pictures, (small, small), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False)


def noisy(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Add normal noise of standard deviation `amount`, drawn separately for each picture."""
    seed = int(draws.bits(1)[0, 0]) % 2**62
    there = torch.Generator(pictures.device).manual_seed(seed)
    return pictures + amount * torch.randn(pictures.shape, generator=there, device=pictures.device)


def stored_as_jpeg(pictures: Tensor, draws: Draws) -> Tensor:
    """Store some of the pictures as JPEG and decode them; clip all pictures to [-1, 1]."""
    chosen, quality = draws.uniform(2)
    result = pictures.clamp(-1, 1)
    for index in (chosen < SOMETIMES).nonzero().flatten().tolist():
        level = WORST_JPEG + round(float(quality[index]) * (BEST_JPEG - WORST_JPEG))
        with BytesIO() as file:
            to_image(to_pixels(result[index]).cpu().numpy()).save(file, format="JPEG", quality=level)
            with Image.open(file) as stored:
                result[index] = to_model(torch.from_numpy(to_array(stored))).to(result)
    return result
