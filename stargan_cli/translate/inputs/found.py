"""What a search comes upon: pictures, archives of pictures, and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from stargan_cli.files.blobs import Source
from stargan_cli.labels import Variant
from stargan_cli.translate.report import Row

if TYPE_CHECKING:
    from stargan_cli.labels.probabilities import Known

Role = Literal["picture", "archive", "beside", "end"]
"""`beside`: an archive's member that is no picture and goes into the outputs as it is; `end`: where an archive ends."""


@dataclass(frozen=True)
class Archive:
    """A tar that is gone through: its output's place, what of it is wanted, and rows of what is there already."""

    source: Source
    output: PurePath
    wanted: tuple[Variant, ...]
    fingerprints: tuple[str, ...]
    settled: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Found:
    """A picture, its output's place below the output folder, and its own below its input folder; or, with `problem`,
    something that cannot be read (a folder has no `below`).

    A member of an archive has its output's place as if the archive were a folder. An archive's end whose `problem` is
    `passing` may end otherwise the next time. `known`: a picture's source labels, as far as `--labels` and `--rest` say
    them."""

    source: Source
    output: PurePath | None
    problem: str | None = None
    below: PurePath | None = None
    role: Role = "picture"
    archive: Archive | None = None
    passing: bool = False
    known: Known = field(default_factory=dict)
