"""`translate` as a library call: pictures in files and folders -> the same pictures with attributes changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.data.contact_sheet import ContactSheet, check_sheet_path
from stargan_cli.data.folders import Counting, Found, check_inputs, check_output, find
from stargan_cli.data.gallery import Gallery, check_gallery_path
from stargan_cli.data.naming import folding_of
from stargan_cli.data.outputs import OutputFolder
from stargan_cli.data.shards import Shard
from stargan_cli.data.stream import stream
from stargan_cli.device import cpu_count, pick_device, pick_precision
from stargan_cli.errors import UsageError
from stargan_cli.progress import Progress, silent
from stargan_cli.report import Manifest, Report, Row
from stargan_cli.tasks.pipeline import Pipeline, loaded_bytes
from stargan_cli.tasks.translation_settings import Plan, TranslationSettings, make_plan
from stargan_cli.tasks.translator import Translator
from stargan_cli.tasks.writable import require_place
from stargan_cli.weights import load

MOST_WORKERS = 16

Listener = Callable[[Row], None]
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """How one call goes: what is shown, noted and refused, apart from what is made of each picture. With a shard, the
    manifest is that shard's own file, as `Shard.own` names it."""

    dry: bool = False
    in_place: bool = False
    fail_fast: bool = False
    grid: Path | None = None
    gallery: Path | None = None
    manifest: Path | None = None
    shard: Shard | None = None


def translate(
    inputs: Sequence[Path],
    out: Path,
    settings: TranslationSettings,
    run: Run,
    *,
    progress: Progress = silent,
    on_row: Listener = lambda row: None,
    warn: Warn = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Translate files and folders into the folder `out`; `on_row` hears of each output in the order of the inputs.

    A picture that fails becomes a row, and the run goes on with the others. `stop` and KeyboardInterrupt end it with
    `interrupted` in the report; what was written by then is whole, and after `stop` has its rows. Raises UsageError,
    WeightsError, and OutputError where nothing more can be written.
    """
    check_inputs(inputs)
    _check_places(inputs, out, settings, run)
    device = pick_device(settings.device)
    weights = load(settings.weights)
    plan = make_plan(settings, weights, pick_precision(settings.precision, device), run.manifest is not None)
    with ExitStack() as stack:
        folder = translator = None
        if not run.dry:
            folder = stack.enter_context(OutputFolder(out, run.shard))
            translator = Translator(weights, device, plan.precision, settings.batch_size, warn)
        rows = run.shard.own(run.manifest) if run.manifest and run.shard else run.manifest
        manifest = stack.enter_context(Manifest(rows)) if rows and not run.dry else None
        pipeline = Pipeline(plan, out, folder, translator, run.in_place)
        overviews = [] if run.dry else _overviews(run, out, plan)
        report = Report()

        def listen(row: Row) -> None:
            report.add(row)
            if manifest is not None:
                manifest.add(row)
            if row.status != "failed" and row.output is not None:
                for _, overview in overviews:
                    overview.add(Path(row.source), Path(row.output))
            on_row(row)

        try:
            report.interrupted = _run(pipeline, inputs, run, listen, progress, stop)
        except KeyboardInterrupt:
            report.interrupted = True
        for path, overview in overviews if not report.interrupted else ():
            overview.save(path)
    return report


def _overviews(run: Run, out: Path, plan: Plan) -> list[tuple[Path, ContactSheet | Gallery]]:
    """What shows sources and results together, and where it goes."""
    wanted: list[tuple[Path, ContactSheet | Gallery]] = []
    if run.grid is not None:
        headings = [variant.suffix for variant in plan.variants if variant.suffix]
        wanted.append((run.grid, ContactSheet(headings, plan.sheet_note())))
    if run.gallery is not None:
        wanted.append((run.gallery, Gallery(out)))
    return wanted


def _check_places(inputs: Sequence[Path], out: Path, settings: TranslationSettings, run: Run) -> None:
    if run.shard is not None and (run.grid is not None or run.gallery is not None):
        raise UsageError("--grid and --gallery show a whole run: not with --shard")
    for place in (run.grid, run.gallery):
        if place is not None and not run.dry:
            require_place(place.parent)
    if run.grid is not None:
        check_sheet_path(run.grid, settings.existing == "overwrite")
    if run.gallery is not None:
        check_gallery_path(run.gallery, settings.existing == "overwrite")
    if not run.in_place:
        check_output(inputs, out)
        return
    if len(inputs) != 1 or not inputs[0].is_dir() or inputs[0].resolve() != out.resolve():
        raise UsageError("--in-place is for one folder that is also the --out folder")
    if run.gallery is not None:
        raise UsageError("--gallery shows the pictures before and after: not with --in-place, which replaces them")
    if settings.each or settings.format != "same":
        raise UsageError("--in-place keeps names and formats: not with --each or --format")


def _run(
    pipeline: Pipeline, inputs: Sequence[Path], run: Run, listen: Listener, progress: Progress, stop: Callable[[], bool]
) -> bool:
    """Returns whether it was stopped."""
    exclude = None if run.in_place else pipeline.out
    settings, translator = pipeline.plan.settings, pipeline.translator
    wanted: Callable[[Found], bool] = run.shard.holds if run.shard else lambda found: True
    items = filter(wanted, find(inputs, exclude, settings.format, folding_of(pipeline.out)))
    failed = False
    with ExitStack() as stack:
        counting = Counting(inputs, exclude, wanted)
        stack.callback(counting.stop)
        outcomes = stream(
            items,
            pipeline.load,
            pipeline.run_batch,
            pipeline.save,
            batch_size=translator.batch_size if translator else 1,
            workers=settings.workers or min(cpu_count(), MOST_WORKERS),
            weigh=loaded_bytes,
            stop=lambda: (failed and run.fail_fast) or stop(),
        )
        for done, outcome in enumerate(stack.enter_context(closing(outcomes)), start=1):
            rows = pipeline.rows(outcome)
            for row in rows:
                listen(row)
            progress(done, counting.number if counting.finished else None)
            failed = failed or any(row.status == "failed" for row in rows)
    return stop()
