"""What a classifier meets while it is fitted, so that it reads the attribute and not the file: shift, scale, colour,
blur, noise, JPEG."""

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

SOMETIMES = 0.3  # share of the pictures that are blurred, of those that get noise, of those that are stored as JPEG
WORST_JPEG, BEST_JPEG = 30, 95


@dataclass(frozen=True)
class Disturbances:
    """The most of each: `shift`, of the side, for shift, scale and turn; `colour`, for lightness, contrast, saturation
    and tint; `blur`, how many times smaller a picture is made (1 turns it off); `noise`, the standard deviation in
    [-1, 1]. 0 turns the others off. `jpeg`: store some pictures as JPEG of quality 30 to 95."""

    shift: float = 0.1
    colour: float = 0.2
    blur: float = 3.0
    noise: float = 0.08
    jpeg: bool = True

    def __call__(self, pixels: Tensor, draws: Draws) -> Tensor:
        """uint8 (N, 3, S, S) -> (N, 3, S, S) in [-1, 1], mirrored or not and disturbed; other draws, other pictures."""
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
    """Each picture with another contrast and saturation (1 +- amount), lightness (+- amount) and tint (+- amount / 4 of
    each channel)."""
    around = (2 * draws.uniform(6) - 1).to(pictures.device)[:, :, None, None, None] * amount
    contrast, saturation, light = 1 + around[0], 1 + around[1], around[2]
    tint = around[3:, :, 0].transpose(0, 1) / 4
    grey = pictures.mean(dim=1, keepdim=True)
    pictures = grey + saturation * (pictures - grey)
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    return mean + contrast * (pictures - mean) + light + tint


def blurred(pictures: Tensor, most: float, draws: Draws) -> Tensor:
    """The batch made smaller by one factor of 1 to `most`, and large again."""
    size = pictures.shape[-1]
    small = max(1, round(size / (1 + (most - 1) * float(draws.uniform()[0]))))
    shrunk = F.interpolate(pictures, (small, small), mode="bilinear", antialias=True, align_corners=False)
    return F.interpolate(shrunk, (size, size), mode="bilinear", align_corners=False)


def noisy(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """With normal noise of standard deviation `amount`, other noise for each picture."""
    seed = int(draws.bits(1)[0, 0]) % 2**62
    there = torch.Generator(pictures.device).manual_seed(seed)
    return pictures + amount * torch.randn(pictures.shape, generator=there, device=pictures.device)


def stored_as_jpeg(pictures: Tensor, draws: Draws) -> Tensor:
    """Some pictures as a JPEG file would hold them; all of them clipped to [-1, 1]."""
    chosen, quality = draws.uniform(2)
    result = pictures.clamp(-1, 1)
    for index in (chosen < SOMETIMES).nonzero().flatten().tolist():
        level = WORST_JPEG + round(float(quality[index]) * (BEST_JPEG - WORST_JPEG))
        with BytesIO() as file:
            to_image(to_pixels(result[index]).cpu().numpy()).save(file, format="JPEG", quality=level)
            with Image.open(file) as stored:
                result[index] = to_model(torch.from_numpy(to_array(stored))).to(result)
    return result
