"""How one call of `translate` goes, and what of that does not go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.errors import UsageError
from stargan_cli.files.writable import require_place
from stargan_cli.translate.inputs.checks import check_inputs, check_output
from stargan_cli.translate.inputs.finding import is_archive
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.outputs.contact_sheet import check_sheet_path
from stargan_cli.translate.outputs.gallery import check_gallery_path
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.translate.shards import Shard

Place = Path | RemotePath


@dataclass(frozen=True)
class Run:
    """How one call goes: what is shown, noted and refused, apart from what is made of each picture. With a shard, the
    manifest is that shard's own file, as `Shard.own` names it. With `ray`, a Ray cluster does the work."""

    dry: bool = False
    in_place: bool = False
    fail_fast: bool = False
    grid: Path | None = None
    gallery: Path | None = None
    gallery_assets: bool = False
    manifest: Path | None = None
    shard: Shard | None = None
    ray: bool = False


def check_run(inputs: Sequence[Place], out: Place, settings: TranslationSettings, run: Run) -> None:
    """Raises UsageError."""
    check_inputs(inputs)
    for place in (run.grid, run.gallery):
        if place is not None and not run.dry:
            require_place(place.parent)
    if run.grid is not None:
        check_sheet_path(run.grid, settings.existing == "overwrite")
    if run.gallery is not None:
        check_gallery_path(run.gallery, settings.existing == "overwrite")
    elif run.gallery_assets:
        raise UsageError("--gallery-assets puts the pictures of a gallery beside it: --gallery is missing")
    if run.grid is not None or run.gallery is not None:
        _check_shown(inputs, out, run)
    if run.ray and run.shard is not None:
        raise UsageError("--engine ray shares the pictures out by itself: not with --shard, nor under torchrun")
    if run.in_place:
        _check_in_place(inputs, out, settings, run)
    else:
        check_output(inputs, out)


def _check_shown(inputs: Sequence[Place], out: Place, run: Run) -> None:
    if run.shard is not None:
        raise UsageError("--grid and --gallery show a whole run: not with --shard")
    if any(isinstance(place, RemotePath) or is_archive(place.name) for place in (*inputs, out)):
        raise UsageError("--grid and --gallery show picture files: not with tars or remote places")


def _check_in_place(inputs: Sequence[Place], out: Place, settings: TranslationSettings, run: Run) -> None:
    folders = [path.resolve() for path in inputs if isinstance(path, Path) and path.is_dir()]
    if len(inputs) != 1 or not isinstance(out, Path) or folders != [out.resolve()]:
        raise UsageError("--in-place is for one folder that is also the --out folder")
    if run.gallery is not None:
        raise UsageError("--gallery shows the pictures before and after: not with --in-place, which replaces them")
    if settings.each or settings.format != "same":
        raise UsageError("--in-place keeps names and formats: not with --each or --format")
