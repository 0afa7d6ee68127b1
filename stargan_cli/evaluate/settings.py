"""What an evaluation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class EvalSettings:
    """`data`: `celeba` or paths with one folder per class. `limit`: at most so many test pictures of each data set,
    taken evenly from all of them. `classifiers`: files of the judges, each used where it knows the attributes.
    `baseline`: other weights to compare with. `features`: whose features distances are taken from; `inception`: the
    file of that network. `lpips`: measure that too. `identity`: an ONNX face embedding. `out`: folder of the report;
    `pictures`: every picture that was measured goes there too, as PNG. `record`: where to write a copy of the weights
    with the result in its header.
    """

    data: tuple[str, ...] = ("celeba",)
    root: Path | None = None
    split: str = "official"
    classifiers: tuple[Path, ...] = ()
    limit: int | None = None
    baseline: str | None = None
    features: Literal["judge", "inception"] | None = None
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
