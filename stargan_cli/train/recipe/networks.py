"""The settings of both networks: those of `ModelSettings` that do not come from the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stargan_cli.model_settings import BOUNDS, ModelSettings, Output, Upsampling
from stargan_cli.settings import MODEL, Setting, Settings


def _setting(name: str, help: str) -> Setting:
    low, high = BOUNDS[name]
    return Setting(MODEL, help, at_least=low, at_most=high)


@dataclass(frozen=True)
class NetworkChoice(Settings):
    image_size: Annotated[
        int,
        _setting(
            "image_size",
            "Side of the pictures in pixels: a multiple of 4 times --downscale, and large enough for every layer of "
            "the discriminator.",
        ),
    ] = ModelSettings.image_size
    width: Annotated[int, _setting("width", "Channels of the generator's first convolution.")] = ModelSettings.width
    blocks: Annotated[int, _setting("blocks", "Residual blocks of the generator.")] = ModelSettings.blocks
    discriminator_width: Annotated[
        int, _setting("discriminator_width", "Channels of the discriminator's first convolution.")
    ] = ModelSettings.discriminator_width
    discriminator_layers: Annotated[
        int,
        _setting("discriminator_layers", "Convolutions of the discriminator, each of which halves the side."),
    ] = ModelSettings.discriminator_layers
    output: Annotated[
        Output,
        Setting(MODEL, "The generator gives a picture (tanh), or colours and a mask that blends them in (attention)."),
    ] = ModelSettings.output
    upsampling: Annotated[
        Upsampling,
        Setting(
            MODEL,
            "The generator enlarges by transposed convolutions, or bilinearly (resize), which leaves no checkerboard.",
        ),
    ] = ModelSettings.upsampling
    projection: Annotated[bool, Setting(MODEL, "The discriminator also scores how well each patch fits the label.")] = (
        ModelSettings.projection
    )
    downscale: Annotated[
        int,
        _setting(
            "downscale",
            "Shrinks the pictures by this factor for both networks; only the change is enlarged. "
            "More than 1 needs --output attention.",
        ),
    ] = ModelSettings.downscale
