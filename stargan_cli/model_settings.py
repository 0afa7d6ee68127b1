"""The settings of the networks, and their bounds. Without torch, so that the command line can name them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Output = Literal["tanh", "attention"]
Upsampling = Literal["transposed", "resize"]

# Wide enough for any sensible network; a malicious weights file cannot ask for one that fills the memory.
BOUNDS = {
    "image_size": (8, 2048),
    "label_dim": (1, 4096),
    "class_dim": (1, 4096),
    "width": (1, 512),
    "blocks": (0, 64),
    "discriminator_width": (1, 512),
    "discriminator_layers": (1, 9),
    "downscale": (1, 8),
}


@dataclass(frozen=True)
class ModelSettings:
    """The settings that rebuild both networks. The defaults are the paper's, at 128 px and five attributes.

    `label_dim` is the length of the generator's label vectors (with the mask vector), `class_dim` the number of labels
    that the discriminator classifies (no mask vector): they differ only where several data sets were joined.
    `output="attention"` lets the generator output colours and a mask, by which they are blended over the input
    (GANimation, Pumarola et al., ECCV 2018). `upsampling="resize"` replaces the transposed convolutions by bilinear
    upsampling and a 3x3 convolution (Odena et al., Distill 2016). `projection` gives the discriminator a third
    head, which scores how well patches agree with a label (Miyato & Koyama, ICLR 2018). With `downscale` both networks
    see the picture made smaller by this factor, and the generator's change is enlarged and added to the full-size
    picture, which keeps its detail: it needs the attention output.
    """

    image_size: int = 128
    label_dim: int = 5
    class_dim: int = 5
    width: int = 64
    blocks: int = 6
    discriminator_width: int = 64
    discriminator_layers: int = 6
    output: Output = "tanh"
    upsampling: Upsampling = "transposed"
    projection: bool = False
    downscale: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        step, least = self.downscale * 2**self.discriminator_layers, 8 * self.downscale
        if self.image_size % (4 * self.downscale):
            raise ValueError(f"image_size must be a multiple of {4 * self.downscale}, not {self.image_size}")
        if self.image_size < least:
            raise ValueError(f"image_size must be at least {least}: instance normalisation cannot work on one pixel")
        if self.image_size < step:
            raise ValueError(
                f"image_size {self.image_size} is too small for {self.discriminator_layers} discriminator layers, "
                f"which halve it to nothing: at least {step} is needed"
            )
        if self.output not in ("tanh", "attention"):
            raise ValueError(f"output must be tanh or attention, not {self.output!r}")
        if self.upsampling not in ("transposed", "resize"):
            raise ValueError(f"upsampling must be transposed or resize, not {self.upsampling!r}")
        if self.downscale > 1 and self.output != "attention":
            raise ValueError(f"downscale {self.downscale} needs the attention output, not {self.output}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON header; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelSettings:
        """Raises ValueError on unknown names, values of another type, and values out of range or in contradiction."""
        known = {field.name: type(field.default) for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown model setting {name!r}")
            if type(value) is not known[name]:
                raise ValueError(f"model setting {name} must be {known[name].__name__}, not {value!r}")
        return cls(**values)
