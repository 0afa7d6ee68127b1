"""What an export writes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stargan_cli.model import Discriminator
from stargan_cli.weights.files import Weights


@dataclass(frozen=True)
class ExportJob:
    """One file to write. `pixels` are real pictures, uint8 (N, 3, S, S), to calibrate int8 and to compare on."""

    weights: Weights
    precision: str
    uint8: bool
    discriminator: bool
    metadata: dict[str, str]
    pixels: Tensor | None

    @property
    def exported_discriminator(self) -> Discriminator | None:
        return self.weights.discriminator if self.discriminator else None
