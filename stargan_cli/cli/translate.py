"""`stargan translate`: options in, one run over files and folders, its end in words."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stargan_cli.cli.messages import say, shown, warn
from stargan_cli.cli.options import DeviceOption, JsonOption, PrecisionOption, QuietOption, WeightsOption, WorkersOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.cli.signals import interruptible
from stargan_cli.cli.translate_voice import Voice, summary
from stargan_cli.errors import UsageError

if TYPE_CHECKING:
    from stargan_cli.tasks.translation_settings import TranslationSettings

CHANGE, FACES, FILES, RUN = "What to change", "Faces", "Files", "Run"


def translate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT", help="Pictures and folders of pictures; - is one from stdin to stdout."),
    ],
    spec: Annotated[
        str | None,
        typer.Option("--set", "-s", metavar="NAME,…", help="blond, no-young, blond=0.5, ...", rich_help_panel=CHANGE),
    ] = None,
    each: Annotated[
        bool,
        typer.Option(
            "--each",
            help="An output per attribute of --set (without it: of the weights), in a subfolder each.",
            rich_help_panel=CHANGE,
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="What the pictures show now: CelebA's list_attr, CSV or JSONL with a path or name column. "
            "Without it, the weights' own classifier reads it.",
            metavar="FILE",
            rich_help_panel=CHANGE,
        ),
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(help="off: take whatever is neither in --set nor in --labels for off.", rich_help_panel=CHANGE),
    ] = None,
    faces: Annotated[
        str,
        typer.Option(
            help="auto: find faces, but take a picture that is a face crop as it is; always: find faces in every "
            "picture; off: take each picture's centred square.",
            rich_help_panel=FACES,
        ),
    ] = "auto",
    face: Annotated[
        str, typer.Option(help="Which faces of a picture to change: all or largest.", rich_help_panel=FACES)
    ] = "all",
    max_faces: Annotated[
        int | None, typer.Option(min=1, help="At most so many faces a picture, the largest.", rich_help_panel=FACES)
    ] = None,
    min_face: Annotated[
        int, typer.Option(min=1, help="Leave smaller faces alone: height in pixels.", rich_help_panel=FACES)
    ] = 48,
    copy_others: Annotated[
        bool, typer.Option("--copy-others", help="Copy pictures without a face.", rich_help_panel=FACES)
    ] = False,
    weights: WeightsOption = "celeba-128",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Output folder; by default FOLDER-translated for one folder, else translated, where you are.",
            metavar="DIR",
            rich_help_panel=FILES,
        ),
    ] = None,
    format: Annotated[str, typer.Option(help="same, png, jpg, webp, bmp or tiff.", rich_help_panel=FILES)] = "same",
    quality: Annotated[
        int, typer.Option(min=1, max=100, help="For JPEG and WebP (100: lossless).", rich_help_panel=FILES)
    ] = 95,
    size: Annotated[
        str,
        typer.Option(
            help="source: the change is put into the picture at its own size; model: the network's own square.",
            rich_help_panel=FILES,
        ),
    ] = "source",
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Make every output anew, whatever is there.", rich_help_panel=FILES),
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Skip by name alone. Otherwise an output counts as done when it was made from the same picture with "
            "the same weights and settings, and is not older; and what stargan did not write is left alone.",
            rich_help_panel=FILES,
        ),
    ] = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="Let --out be the input folder: replaces your pictures.", rich_help_panel=FILES
        ),
    ] = False,
    no_provenance: Annotated[
        bool,
        typer.Option(
            "--no-provenance",
            help="Write no note into the outputs that they are generated; later runs then leave them as they are.",
            rich_help_panel=FILES,
        ),
    ] = False,
    keep_metadata: Annotated[
        bool,
        typer.Option(
            "--keep-metadata",
            help="Copy the source's EXIF block: camera, date, and the location, where it has one.",
            rich_help_panel=FILES,
        ),
    ] = False,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Refuse larger pictures, which may be made to fill the memory; by default 200 million.",
            rich_help_panel=FILES,
        ),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(help="Contact sheet: sources and results side by side.", metavar="FILE", rich_help_panel=RUN),
    ] = None,
    gallery: Annotated[
        Path | None,
        typer.Option(help="HTML page with a before and after slider a picture.", metavar="FILE", rich_help_panel=RUN),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="JSONL, one row per output: labels, status, reason.", metavar="FILE", rich_help_panel=RUN),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written; write nothing.", rich_help_panel=RUN)
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="The third of sixteen shares of the pictures, so that sixteen runs do one job side by side; "
            "auto: as torchrun (without this option too) or the Slurm array numbers them. A --manifest gets the "
            "shard's number into its name.",
            metavar="3/16|auto",
            rich_help_panel=RUN,
        ),
    ] = None,
    merge_manifests: Annotated[
        Path | None,
        typer.Option(
            help="Make one manifest of those of the shards, given as INPUTs, and translate nothing.",
            metavar="FILE",
            rich_help_panel=RUN,
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first picture that fails.", rich_help_panel=RUN)
    ] = False,
    as_json: JsonOption = False,
    print_paths: Annotated[
        bool, typer.Option("--print", help="The written paths on stdout, one a line.", rich_help_panel="Output")
    ] = False,
    print0: Annotated[
        bool, typer.Option("--print0", help="The same, ended by NUL: for xargs -0.", rich_help_panel="Output")
    ] = False,
    quiet: QuietOption = False,
    batch_size: Annotated[
        str,
        typer.Option(help="Pictures at once, or auto; halved when memory runs out.", rich_help_panel="Machine"),
    ] = "auto",
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
) -> int:
    """Change attributes in pictures: hair colour, gender, age, expression, as the weights have learnt it."""
    if merge_manifests is not None:
        if any((spec, each, out, grid, gallery, manifest, shard, dry_run, in_place, as_json, print_paths, print0)):
            raise UsageError("--merge-manifests stands alone: manifests into one", "leave the other options away")
        return _merge([Path(text) for text in inputs], merge_manifests, overwrite, quiet)
    if overwrite and skip_existing:
        raise UsageError("--overwrite and --skip-existing exclude each other")
    if as_json + print_paths + print0 > 1:
        raise UsageError("--json, --print and --print0 exclude each other: each is all of stdout")
    if rest not in (None, "off"):
        raise UsageError(f"--rest takes off, not {rest}")

    from stargan_cli.data.reading import MAX_PIXELS
    from stargan_cli.tasks.face_framing import FaceSettings
    from stargan_cli.tasks.translation_settings import TranslationSettings

    settings = TranslationSettings(
        spec=spec,
        each=each,
        weights=weights,
        labels=labels,
        rest_off=rest == "off",
        size=size,
        faces=FaceSettings(faces, face, max_faces, min_face, copy_others),  # type: ignore[arg-type]
        format=format,
        quality=quality,
        existing="overwrite" if overwrite else "skip" if skip_existing else "finish",
        provenance=not no_provenance,
        keep_metadata=keep_metadata,
        max_pixels=max_pixels or MAX_PIXELS,
        batch_size=_batch_size(batch_size),
        device=device,
        precision=precision,
        workers=workers,
    )
    if "-" in inputs:
        if len(inputs) > 1 or any(
            (out, grid, gallery, manifest, shard, dry_run, as_json, print_paths, print0, in_place)
        ):
            raise UsageError("- stands alone: one picture from stdin to stdout", "leave --out and the reports away")
        return _through_pipe(settings)
    from stargan_cli.data.shards import shard_of
    from stargan_cli.tasks.translation import Run

    paths = [Path(text) for text in inputs]
    run = Run(dry_run, in_place, fail_fast, grid, gallery, manifest, shard_of(shard))
    voice = Voice("json" if as_json else "print" if print_paths else "print0" if print0 else "", dry_run)
    return _over_files(paths, out or default_out(paths), settings, run, voice, quiet)


def default_out(inputs: list[Path]) -> Path:
    """Where outputs go without --out: in the current folder."""
    if len(inputs) == 1 and inputs[0].is_dir():
        return Path(f"{inputs[0].resolve().name or 'root'}-translated")
    return Path("translated")


def _batch_size(text: str) -> int | None:
    if text == "auto":
        return None
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--batch-size takes a number from 1 or auto, not {text}")


def _merge(parts: list[Path], out: Path, replace: bool, quiet: bool) -> int:
    from stargan_cli.tasks.merging import merge_manifests

    report = merge_manifests(parts, out, replace=replace)
    if not quiet:
        counts = f"{report.done:,} done, {report.skipped:,} skipped, {report.failed:,} failed"
        say(f"{report.total:,} rows: {counts}: {shown(out)}")
    return 0


def _through_pipe(settings: TranslationSettings) -> int:
    from stargan_cli.tasks.one_picture import translate_stream

    if sys.stdout.isatty():
        raise UsageError("stdout is a terminal", "send the picture somewhere: stargan translate - ... > result.png")
    translate_stream(sys.stdin.buffer, sys.stdout.buffer, settings, warn)
    return 0


def _over_files(
    paths: list[Path], out: Path, settings: TranslationSettings, run: Any, voice: Voice, quiet: bool
) -> int:
    from stargan_cli.tasks.processes import wait_for_the_others
    from stargan_cli.tasks.translation import translate as run_translation

    with (
        interruptible("stopping; once more to stop at once") as stop,
        show_progress("translating", quiet=quiet or run.dry) as progress,
    ):
        report = run_translation(paths, out, settings, run, progress=progress, on_row=voice, warn=warn, stop=stop)
    if report.total == 0 and not report.interrupted:
        warn("no pictures found" if run.shard is None else "no pictures in this shard")
    for remark, count in voice.remarks.items():
        warn(f"{count:,} outputs of a picture that is {remark}")
    if voice.foreign:
        warn(f"{voice.foreign:,} outputs not made, as other files stand in their places; --overwrite replaces them")
    if voice.results == "json":
        document = {"out": str(out), "dry_run": run.dry, **report.to_dict()}
        typer.echo(json.dumps(document, indent=2))
    if not quiet:
        say(summary(report, out, run.dry))
    if run.shard is not None and not report.interrupted:
        wait_for_the_others()
    return stop.exit_code if report.interrupted else report.exit_code
