"""What a search finds: pictures, archives of pictures, and the members of archives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from stargan_cli.files.blobs import Source
from stargan_cli.labels import SourceLabels, Variant
from stargan_cli.translate.report import Row

Role = Literal["picture", "archive", "beside", "end"]
"""`beside`: an archive's member that is not a picture, and is copied to the outputs; `end`: the end of an archive."""


@dataclass(frozen=True)
class Archive:
    """A tar whose members are read. `output` is its path below the output folder, `wanted` the variants to make, with
    their `fingerprints`, and `settled` the rows of the variants that are not made."""

    source: Source
    output: PurePath
    wanted: tuple[Variant, ...]
    fingerprints: tuple[str, ...]
    settled: tuple[Row, ...]


@dataclass(frozen=True)
class Found:
    """A picture. `output` is its output's path below the output folder, `below` its own path below its input folder.

    With `problem` it cannot be read; a folder has no `below`. The output of an archive's member has the path of a file
    in a folder named like the archive. `transient`: the `problem` of an archive's end may be gone in the next run.
    `known`: the picture's source labels, as far as `--labels` and `--rest` give them. `members`: of an archive's end:
    how many members came before it.
    """

    source: Source
    output: PurePath | None
    problem: str | None = None
    below: PurePath | None = None
    role: Role = "picture"
    archive: Archive | None = None
    transient: bool = False
    known: SourceLabels = field(default_factory=dict)
    members: int = 0
