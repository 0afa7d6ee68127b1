"""The settings of one call of `translate`, and which of them exclude each other. Importing this loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stargan_cli.errors import UsageError
from stargan_cli.files.writable import refuse_stdout
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.reading import MAX_PIXELS
from stargan_cli.settings import LARGEST_BATCH, require_types
from stargan_cli.translate.done_before import Existing
from stargan_cli.translate.inputs.checks import check_inputs, check_output, check_output_file
from stargan_cli.translate.inputs.finding import is_archive_file
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.outputs.contact_sheet import require_sheet
from stargan_cli.translate.outputs.destination import Destination, destination
from stargan_cli.translate.outputs.gallery import require_gallery
from stargan_cli.translate.outputs.manifest import require_manifest
from stargan_cli.translate.shards import Shard
from stargan_cli.weights.places import DEFAULT_WEIGHTS, resolve

Size = Literal["model", "source"]
FaceMode = Literal["auto", "always", "off"]
WhichFaces = Literal["all", "largest"]
WhichFrames = Literal["all", "first"]
Location = Path | RemotePath


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """Which faces of a picture are translated.

    `mode`: `auto` takes a picture that already is a face crop as a whole; `off` takes the centred square of every
    picture. `most`: at most so many faces, the largest first (None: all). `smallest`: the least height of a face (px).
    `copy_others`: copy pictures that are not translated. Raises UsageError.
    """

    mode: FaceMode = "auto"
    which: WhichFaces = "all"
    most: int | None = None
    smallest: int = 48
    copy_others: bool = False

    def __post_init__(self) -> None:
        require_types(self, mode="--faces", which="--face")
        for option, value in (("--max-faces", self.most), ("--min-face", self.smallest)):
            if value is not None and value < 1:
                raise UsageError(f"{option} must be at least 1, not {value}")


@dataclass(frozen=True)
class TranslationSettings:
    """What is made of each picture.

    `spec` is the text of `--set`. `strength` is that of `strengthened`. `format` is `same` or a name of
    `pictures.formats.WRITABLE`. `frames`: translate all pictures of an animation or of a file with pages, or only the
    first. `batch_size` (squares) and `workers` are chosen for the machine if they are None. Raises UsageError for
    values that are not allowed.
    """

    spec: str | None = None
    each: bool = False
    weights: str = DEFAULT_WEIGHTS
    labels: Path | None = None
    rest_off: bool = False
    strength: float = 1.0
    size: Size = "source"
    faces: FaceSettings = field(default_factory=FaceSettings)
    format: str = "same"
    quality: int = 95
    frames: WhichFrames = "all"
    existing: Existing = "finish"
    provenance: bool = True
    keep_metadata: bool = False
    max_pixels: int = MAX_PIXELS
    batch_size: int | None = None
    device: str = "auto"
    precision: str = "auto"
    engine: str = "torch"
    compiled: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        require_types(self, size="--size", frames="--frames")
        if not self.spec and not self.each:
            raise UsageError("nothing to change", "say what with --set, such as --set blond, or use --each")
        if self.format != "same" and self.format not in WRITABLE:
            raise UsageError(f"unknown format {self.format!r}", f"use same, {', '.join(WRITABLE)}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality must be between 1 and 100, not {self.quality}")
        counts = {"--batch-size": self.batch_size, "--workers": self.workers, "--max-pixels": self.max_pixels}
        for option, value in counts.items():
            if value is not None and value < 1:
                raise UsageError(f"{option} must be at least 1, not {value}")
        if self.batch_size is not None and self.batch_size > LARGEST_BATCH:
            raise UsageError(f"--batch-size must be at most {LARGEST_BATCH}, not {self.batch_size}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """How one call runs, and what it writes besides the pictures.

    With a shard, the manifest is that shard's own file, as `Shard.own` names it. With `ray`, a Ray cluster does the
    work. With `watch`, the run waits for new pictures until it is stopped.
    """

    dry: bool = False
    in_place: bool = False
    fail_fast: bool = False
    grid: Path | None = None
    gallery: Path | None = None
    gallery_assets: bool = False
    manifest: Path | None = None
    shard: Shard | None = None
    ray: bool = False
    watch: bool = False


def check_run(inputs: Sequence[Location], out: Location, settings: TranslationSettings, run: Run) -> Destination:
    """Where the outputs go. Raises UsageError if inputs are missing, outputs cannot be written, or options exclude each
    other."""
    check_inputs(inputs)
    where = destination(inputs, out, settings.each, settings.format)
    read = inputs_of(inputs, settings) if run.grid or run.gallery or run.manifest else []
    overwrite = settings.existing == "overwrite"
    if run.grid is not None:
        require_sheet(run.grid, read, overwrite)
    if run.gallery is not None:
        require_gallery(run.gallery, run.gallery_assets, read, overwrite)
    elif run.gallery_assets:
        raise UsageError("--gallery-assets needs --gallery: it puts the gallery's pictures beside it")
    if isinstance(out, Path):
        refuse_stdout(out)
    if run.manifest is not None:
        require_manifest(run.manifest, read)
    if run.grid is not None or run.gallery is not None:
        _check_shown(inputs, out, run)
    if run.ray and run.shard is not None:
        raise UsageError("--engine ray distributes the pictures itself: not with --shard, nor under torchrun")
    if run.watch and (run.dry or run.in_place or run.ray or run.shard):
        raise UsageError("--watch waits for new pictures: not with --dry-run, --in-place, --shard or --engine ray")
    if run.watch and any(isinstance(place, RemotePath) for place in inputs):
        raise UsageError("--watch works with local folders: not with URLs")
    if run.in_place:
        _check_in_place(inputs, out, settings, run)
    elif where.name is None:
        check_output(inputs, out)
    else:
        check_output_file(inputs[0], out)
    return where


def inputs_of(inputs: Sequence[Location], settings: TranslationSettings) -> list[Path]:
    """The local inputs of a run, which no report may replace. Raises UsageError if there are no such weights."""
    given = [place for place in inputs if isinstance(place, Path)]
    return [*given, resolve(settings.weights), *([settings.labels] if settings.labels else [])]


def _check_shown(inputs: Sequence[Location], out: Location, run: Run) -> None:
    if run.shard is not None:
        raise UsageError("--grid and --gallery show a whole run: not with --shard")
    if any(isinstance(place, RemotePath) or is_archive_file(place) for place in (*inputs, out)):
        raise UsageError("--grid and --gallery show picture files: not with tars or remote places")


def _check_in_place(inputs: Sequence[Location], out: Location, settings: TranslationSettings, run: Run) -> None:
    if any(isinstance(place, RemotePath) for place in (*inputs, out)):
        raise UsageError("--in-place works with local folders: not with URLs")
    folders = [path.resolve() for path in inputs if isinstance(path, Path) and path.is_dir()]
    if len(inputs) != 1 or not isinstance(out, Path) or folders != [out.resolve()]:
        raise UsageError("--in-place is for one folder that is also the --out folder")
    if run.gallery is not None:
        raise UsageError("--gallery shows the pictures before and after: not with --in-place, which replaces them")
    if settings.each or settings.format != "same":
        raise UsageError("--in-place keeps names and formats: not with --each or --format")
    if not settings.provenance:
        raise UsageError(
            "--in-place recognises finished pictures by the note in them: not with --no-provenance",
            "a second run would translate the pictures again",
        )
