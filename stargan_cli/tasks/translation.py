"""`translate` as a library call: pictures in files and folders -> the same pictures with attributes changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from stargan_cli.data.contact_sheet import ContactSheet
from stargan_cli.data.counting import Counting
from stargan_cli.data.folders import find
from stargan_cli.data.found import Found
from stargan_cli.data.gallery import Gallery
from stargan_cli.data.sinks import opened
from stargan_cli.progress import Progress, silent
from stargan_cli.report import Manifest, Report, Row
from stargan_cli.tasks.engines import pick_engine_device
from stargan_cli.tasks.pipeline import Pipeline
from stargan_cli.tasks.translation_run import Place, check_run
from stargan_cli.tasks.translation_run import Run as Run
from stargan_cli.tasks.translation_settings import Plan, TranslationSettings, make_plan
from stargan_cli.tasks.translator import Translator
from stargan_cli.tasks.working import Step, work
from stargan_cli.weights import load

Listener = Callable[[Row], None]
Warn = Callable[[str], None]


def translate(
    inputs: Sequence[Place],
    out: Place,
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
    check_run(inputs, out, settings, run)
    device, precision = pick_engine_device(settings.engine, settings.device, settings.precision)
    weights = load(settings.weights)
    plan = make_plan(settings, weights, precision, run.manifest is not None)
    with ExitStack() as stack:
        sink = stack.enter_context(opened(out, run.shard, run.dry))
        translator = (
            None
            if run.dry
            else Translator(weights, device, precision, settings.batch_size, warn, settings.engine, settings.compiled)
        )
        rows = run.shard.own(run.manifest) if run.manifest and run.shard else run.manifest
        manifest = stack.enter_context(Manifest(rows)) if rows and not run.dry else None
        pipeline = Pipeline(plan, sink, translator, run.in_place)
        exclude = out if isinstance(out, Path) and not run.in_place else None
        overviews = [] if run.dry else _overviews(run, out, plan)
        report = Report()

        def listen(step: Step) -> None:
            for row in step.rows:
                report.add(row)
                if manifest is not None:
                    manifest.add(row)
                for _, overview in overviews if step.own_file and row.status != "failed" and row.output else ():
                    overview.add(Path(row.source), Path(row.output or ""))
                on_row(row)

        try:
            report.interrupted = _run(pipeline, inputs, exclude, run, listen, progress, stop)
        except KeyboardInterrupt:
            report.interrupted = True
        for path, overview in overviews if not report.interrupted else ():
            overview.save(path)
    return report


def _overviews(run: Run, out: Place, plan: Plan) -> list[tuple[Path, ContactSheet | Gallery]]:
    """What shows sources and results together, and where it goes."""
    wanted: list[tuple[Path, ContactSheet | Gallery]] = []
    if run.grid is not None:
        headings = [variant.suffix for variant in plan.variants if variant.suffix]
        wanted.append((run.grid, ContactSheet(headings, plan.sheet_note())))
    if run.gallery is not None and isinstance(out, Path):
        wanted.append((run.gallery, Gallery(out)))
    return wanted


def _run(
    pipeline: Pipeline,
    inputs: Sequence[Place],
    exclude: Path | None,
    run: Run,
    listen: Callable[[Step], None],
    progress: Progress,
    stop: Callable[[], bool],
) -> bool:
    """Returns whether it was stopped."""
    wanted: Callable[[Found], bool] = run.shard.holds if run.shard else lambda found: True
    found = find(inputs, exclude, pipeline.plan.settings.format, pipeline.sink.fold, archives=not run.in_place)
    done = 0
    with ExitStack() as stack:
        counting = Counting(inputs, exclude, wanted)
        stack.callback(counting.stop)
        for step in stack.enter_context(closing(work(pipeline, filter(wanted, found), stop, run.fail_fast))):
            listen(step)
            done += step.picture
            progress(done, counting.number if counting.finished else None)
    return stop()
