"""The settings of both networks: those of `ModelSettings` that do not come from the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stargan_cli.settings import Setting, Settings

MODEL = "Model"


@dataclass(frozen=True)
class NetworkChoice(Settings):
    image_size: Annotated[
        int,
        Setting(
            MODEL,
            "Side of the pictures in pixels: a multiple of 4 times --downscale, and large enough for every layer of "
            "the discriminator.",
            at_least=8,
            at_most=2048,
        ),
    ] = 128
    width: Annotated[int, Setting(MODEL, "Channels of the generator's first convolution.", at_least=1, at_most=512)] = (
        64
    )
    blocks: Annotated[int, Setting(MODEL, "Residual blocks of the generator.", at_least=0, at_most=64)] = 6
    discriminator_width: Annotated[
        int, Setting(MODEL, "Channels of the discriminator's first convolution.", at_least=1, at_most=512)
    ] = 64
    discriminator_layers: Annotated[
        int,
        Setting(MODEL, "Convolutions of the discriminator, each of which halves the side.", at_least=1, at_most=9),
    ] = 6
    output: Annotated[
        Literal["tanh", "attention"],
        Setting(MODEL, "The generator gives a picture (tanh), or colours and a mask that blends them in (attention)."),
    ] = "tanh"
    upsampling: Annotated[
        Literal["transposed", "resize"],
        Setting(
            MODEL,
            "The generator enlarges by transposed convolutions, or bilinearly (resize), which leaves no checkerboard.",
        ),
    ] = "transposed"
    projection: Annotated[bool, Setting(MODEL, "The discriminator also scores how well each patch fits the label.")] = (
        False
    )
    downscale: Annotated[
        int,
        Setting(
            MODEL,
            "Shrinks the pictures by this factor for both networks; only the change is enlarged. "
            "More than 1 needs --output attention.",
            at_least=1,
            at_most=8,
        ),
    ] = 1
