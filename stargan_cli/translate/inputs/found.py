"""What a search finds: pictures, archives of pictures, and the members of archives."""

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
"""`beside`: a member of an archive that is no picture, and is copied into the outputs; `end`: an archive's end."""


@dataclass(frozen=True)
class Archive:
    """A tar whose members are read: `output` is its output's place, `wanted` the variants that are to be made, with
    their `fingerprints`, and `settled` the rows of those that exist."""

    source: Source
    output: PurePath
    wanted: tuple[Variant, ...]
    fingerprints: tuple[str, ...]
    settled: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Found:
    """A picture. `output` is its output's place below the output folder, `below` its own place below its input folder.

    With `problem` it is something that cannot be read; a folder has no `below`. The output's place of an archive's
    member is that of a file in a folder called like the archive. `passing`: the `problem` of an archive's end may be
    gone in the next run. `known`: a picture's source labels, as far as `--labels` and `--rest` say them.
    """

    source: Source
    output: PurePath | None
    problem: str | None = None
    below: PurePath | None = None
    role: Role = "picture"
    archive: Archive | None = None
    passing: bool = False
    known: Known = field(default_factory=dict)
