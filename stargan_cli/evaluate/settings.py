"""What an evaluation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.datasets.labelled import Part

FAST_LIMIT = 150
FeatureNetwork = Literal["efficientnet-lite0", "classifier", "inception", "none"]


@dataclass(frozen=True)
class EvalSettings:
    """`data`: `celeba` or paths with one folder per class; `part`: which part of them is measured on. `limit`: at most
    so many of its pictures of each data set, taken evenly from all of them. `fast`: 150 of them if `limit` says nothing
    else, and single changes alone. `classifiers`: their files, each used where it knows the attributes; a change is
    read where all of these read it. `at`: translate the data set's squares, or the faces of its photos, and put the
    change into these. `baseline`: other weights to compare with. `features`: the network whose features distances are
    taken from; `inception`: the file of that network. `lpips`: measure that too. `identity`: an ONNX face embedding.
    `out`: folder of the report; `pictures`: every picture that was measured is written there too, as PNG. `record`:
    where to write a copy of the weights with the result in its header.
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

    @property
    def most(self) -> int | None:
        """How many test pictures of each data set are measured; None for all."""
        return self.limit or (FAST_LIMIT if self.fast else None)
