"""The settings of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.datasets.labelled import Part
from stargan_cli.settings import require_types

FAST_LIMIT = 150
FeatureNetwork = Literal["efficientnet-lite0", "classifier", "inception", "none"]


@dataclass(frozen=True)
class EvalSettings:
    """`data`: `celeba`, or paths with one folder per class. `part`: the part of them to measure on. `limit`: the
    greatest number of its pictures of each data set, taken evenly. `fast`: 150 of them unless `limit` is given, and
    only single changes. `classifiers`: their files, each used for the data sets whose attributes it knows; a change
    counts as read if all of these read it. `at`: translate the data set's squares, or find the faces of its photos and
    put the change into the photos. `baseline`: other weights to compare with. `features`: the network that gives the
    features for distances. `inception`: the weights file of the Inception network. `lpips`: also measure LPIPS.
    `identity`: an ONNX face embedding. `out`: the report's folder. `pictures`: also write every measured picture there,
    as PNG. `record`: where to write a copy of the weights with the result in its header. Raises UsageError.
    """

    data: tuple[str, ...] = ("celeba",)
    root: Path | None = None
    split: str = "official"
    part: Part = "test"
    classifiers: tuple[Path, ...] = ()
    limit: int | None = None
    fast: bool = False
    at: Literal["square", "source"] = "square"
    baseline: str | None = None
    features: FeatureNetwork = DEFAULT_NETWORK
    inception: Path | None = None
    lpips: bool = False
    identity: Path | None = None
    out: Path | None = None
    pictures: bool = False
    record: Path | None = None
    batch_size: int = 16
    workers: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    cache: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        require_types(self, at="--at", features="--features")

    @property
    def most(self) -> int | None:
        """The greatest number of pictures of each data set to measure; None for all."""
        return self.limit or (FAST_LIMIT if self.fast else None)
