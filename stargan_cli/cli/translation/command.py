"""`stargan translate`: make settings of the options, and translate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stargan_cli import launcher
from stargan_cli.cli.messages import say, shown, warn
from stargan_cli.cli.options import (
    DeviceOption,
    JsonOption,
    QuietOption,
    StandaloneOption,
    WeightsOption,
    WorkersOption,
    given,
)
from stargan_cli.cli.translation import change_options as change
from stargan_cli.cli.translation import file_options as file
from stargan_cli.cli.translation import run_options as run
from stargan_cli.cli.translation.files import translate_files
from stargan_cli.cli.translation.voice import Voice, skipped
from stargan_cli.errors import UsageError, counted
from stargan_cli.files.local import require_local

if TYPE_CHECKING:
    from stargan_cli.translate.inputs.remote import RemotePath
    from stargan_cli.translate.settings import TranslationSettings


_OF_MERGING = {"inputs", "merge_manifests", "overwrite", "quiet"}
_NOT_THROUGH_A_PIPE = {
    *("out", "grid", "gallery", "gallery_assets", "manifest", "as_json", "print_paths", "print0", "new_only"),
    *("overwrite", "skip_existing", "in_place", "dry_run", "shard", "watch"),
}


def translate(
    context: typer.Context,
    inputs: change.Inputs,
    spec: change.Spec = None,
    each: change.Each = False,
    labels: change.Labels = None,
    rest: change.Rest = None,
    strength: change.Strength = 1.0,
    faces: change.Faces = "auto",
    face: change.Face = "all",
    max_faces: change.MaxFaces = None,
    min_face: change.MinFace = 48,
    copy_others: change.CopyOthers = False,
    weights: WeightsOption = "celeba-128",
    out: file.Out = None,
    format: file.Format = "same",
    quality: file.Quality = 95,
    frames: file.Frames = "all",
    size: file.Size = "source",
    overwrite: file.Overwrite = False,
    skip_existing: file.SkipExisting = False,
    in_place: file.InPlace = False,
    no_provenance: file.NoProvenance = False,
    keep_metadata: file.KeepMetadata = False,
    max_pixels: file.MaxPixels = None,
    grid: run.Grid = None,
    gallery: run.Gallery = None,
    gallery_assets: run.GalleryAssets = False,
    manifest: run.Manifest = None,
    dry_run: run.DryRun = False,
    shard: run.Shard = None,
    merge_manifests: run.MergeManifests = None,
    watch: run.Watch = False,
    fail_fast: run.FailFast = False,
    as_json: JsonOption = False,
    print_paths: run.PrintPaths = False,
    print0: run.Print0 = False,
    new_only: run.NewOnly = False,
    quiet: QuietOption = False,
    batch_size: run.BatchSize = "auto",
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    precision: run.Precision = "auto",
    engine: run.Engine = "torch",
    compile: run.Compile = False,
    standalone: StandaloneOption = False,
) -> int:
    """Change hair colour, gender, age or expression of the faces in pictures: whatever the weights have learnt."""
    if merge_manifests is not None:
        if others := [option for name, option in given(context).items() if name not in _OF_MERGING]:
            raise UsageError("--merge-manifests only joins manifests", f"leave out {', '.join(others)}")
        return _merge([Path(require_local(text)) for text in inputs], merge_manifests, overwrite, quiet)
    if overwrite and skip_existing:
        raise UsageError("--overwrite and --skip-existing exclude each other")
    if as_json + print_paths + print0 > 1:
        raise UsageError("--json, --print and --print0 exclude each other: each needs stdout to itself")
    if rest not in (None, "off"):
        raise UsageError(f"--rest takes only the value off, not {rest}")

    from stargan_cli.pictures.formats import option_named
    from stargan_cli.pictures.reading import MAX_PIXELS
    from stargan_cli.translate.settings import FaceSettings, TranslationSettings

    on_ray = engine == "ray"
    settings = TranslationSettings(
        spec=",".join(spec) if spec else None,
        each=each,
        weights=weights,
        labels=labels,
        rest_off=rest == "off",
        strength=strength,
        size=size,  # type: ignore[arg-type]
        faces=FaceSettings(
            mode=faces,  # type: ignore[arg-type]
            which=face,  # type: ignore[arg-type]
            most=max_faces,
            smallest=min_face,
            copy_others=copy_others,
        ),
        format=option_named(format),
        quality=quality,
        frames=frames,  # type: ignore[arg-type]
        existing="overwrite" if overwrite else "skip" if skip_existing else "finish",
        provenance=not no_provenance,
        keep_metadata=keep_metadata,
        max_pixels=max_pixels or MAX_PIXELS,
        batch_size=_batch_size(batch_size),
        device=device,
        precision=precision,
        engine="torch" if on_ray else engine,
        compiled=compile,
        workers=workers,
    )
    if "-" in inputs:
        others = ["the other INPUTs"] if len(inputs) > 1 else []
        others += [option for name, option in given(context).items() if name in _NOT_THROUGH_A_PIPE]
        others += ["--engine ray"] if on_ray else []
        if others:
            raise UsageError(
                "the INPUT - translates one picture from stdin to stdout, and nothing else",
                f"leave out {', '.join(others)}",
            )
        return _through_pipe(settings)
    from stargan_cli.translate.inputs.addresses import parse_addresses
    from stargan_cli.translate.settings import Run
    from stargan_cli.translate.shards import shard_of

    if standalone:
        launcher.forget()
    addresses = parse_addresses(inputs)
    if not quiet and shard in (None, "auto") and (share := launcher.process_rank()) and not launcher.by_torchrun():
        warn(f"this run translates only share {share} in the environment; --standalone translates all pictures")
    chosen = Run(
        dry=dry_run,
        in_place=in_place,
        fail_fast=fail_fast,
        grid=grid,
        gallery=gallery,
        gallery_assets=gallery_assets,
        manifest=manifest,
        shard=shard_of(shard),
        ray=on_ray,
        watch=watch,
    )
    results = "json" if as_json else "print" if print_paths else "print0" if print0 else ""
    voice = Voice(results, dry_run, new_only, watch)
    where = _parse_out(out) if out else default_out(addresses)
    return translate_files(addresses, where, settings, chosen, voice, quiet)


def default_out(inputs: list[Path | RemotePath]) -> Path:
    """The output folder without --out, in the current folder."""
    from stargan_cli.translate.inputs.finding import is_folder, own_name

    if len(inputs) == 1 and is_folder(inputs[0]):
        return Path(f"{own_name(inputs[0])}-translated")
    return Path("translated")


def _parse_out(text: str) -> Path | RemotePath:
    """Raises UsageError for a new folder with a picture's suffix: without its last slash it would be a file."""
    from stargan_cli.pictures.listing import has_picture_suffix
    from stargan_cli.translate.inputs.addresses import parse_address
    from stargan_cli.translate.inputs.finding import is_folder

    address = parse_address(text)
    if text.endswith("/") and has_picture_suffix(address.name) and not is_folder(address):
        raise UsageError(f"--out {text} names a folder as if it were a picture", "make the folder first, or drop the /")
    return address


def _batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--batch-size takes auto or a number of at least 1, not {text}")


def _merge(parts: list[Path], out: Path, replace: bool, quiet: bool) -> int:
    from stargan_cli.translate.outputs.merge_manifests import merge_manifests

    report = merge_manifests(parts, out, replace=replace, warn=warn)
    if not quiet:
        counts = f"{report.done:,} done, {skipped(report)}, {report.failed:,} failed"
        say(f"{counted(report.total, 'row')}: {counts}: {shown(out)}")
    return 0


def _through_pipe(settings: TranslationSettings) -> int:
    from stargan_cli.translate.pipe import translate_stream

    if sys.stdout.isatty():
        raise UsageError("stdout is a terminal", "redirect it into a file: stargan translate - ... > result.png")
    translate_stream(sys.stdin.buffer, sys.stdout.buffer, settings, warn)
    return 0
