"""`translate` as a library call: pictures in files and folders -> the same pictures with attributes changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from stargan_cli.errors import UsageError
from stargan_cli.files.atomic import RUN_MARK
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.progress import Progress, silent
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.on_ray import RayJob, work_on_ray
from stargan_cli.translate.outputs.contact_sheet import ContactSheet
from stargan_cli.translate.outputs.gallery import Gallery
from stargan_cli.translate.outputs.sinks import opened
from stargan_cli.translate.pipeline import Pipeline
from stargan_cli.translate.report import Manifest, Report, Row
from stargan_cli.translate.settings import Plan, TranslationSettings
from stargan_cli.translate.translation_run import Place, check_run
from stargan_cli.translate.translation_run import Run as Run
from stargan_cli.translate.work import Step, plan_for, translator_for, work

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
    on_ray, always_read = run.ray and not run.dry, run.manifest is not None
    progress(0, None, "loading weights")
    plan, device = plan_for(replace(settings, device="cpu", precision="auto") if on_ray else settings, always_read)
    with ExitStack() as stack:
        sink = stack.enter_context(opened(out, run.shard, run.dry))
        rows = run.shard.own(run.manifest) if run.manifest and run.shard else run.manifest
        manifest = stack.enter_context(Manifest(rows)) if rows and not run.dry else None
        exclude = out if isinstance(out, Path) and not run.in_place else None
        passed_over = PassedOver()
        seen = None if on_ray else passed_over
        listing = partial(find, inputs, exclude, settings.format, sink.fold, not run.in_place, seen)
        if on_ray:
            job = RayJob(out, settings, always_read, run.in_place, RUN_MARK)
            steps = work_on_ray(job, listing, stop, run.fail_fast)
        else:
            translator = None if run.dry else translator_for(plan, device, warn)
            found = filter(run.shard.holds, listing()) if run.shard else listing()
            steps = work(Pipeline(plan, sink, translator, run.in_place), found, stop, run.fail_fast)
        overviews = [] if run.dry else _overviews(run, out, plan)
        report = Report()

        def listen(step: Step) -> None:
            for row in step.rows:
                _refuse_shared_place(row, run)
                report.add(row)
                if manifest is not None:
                    manifest.add(row)
                for _, overview in overviews if step.own_file and row.status != "failed" and row.output else ():
                    overview.add(Path(row.source), Path(row.output or ""))
                on_row(row)

        try:
            counted = passed_over if on_ray else None
            with closing(steps), closing(Counting(inputs, exclude, run.shard, counted)) as counting:
                _go_through(steps, counting, listen, progress)
            report.interrupted = stop()
        except KeyboardInterrupt:
            report.interrupted = True
        if passed_over.note is not None:
            warn(passed_over.note)
        for path, overview in overviews if not report.interrupted else ():
            overview.save(path)
    return report


def _refuse_shared_place(row: Row, run: Run) -> None:
    """Raises UsageError where a report of the run would take an output's place."""
    for option, place in (("--grid", run.grid), ("--gallery", run.gallery)):
        if place is not None and row.output is not None and os.path.abspath(place) == os.path.abspath(row.output):
            raise UsageError(f"{option} {place} is the place of an output", "give another name; the output is kept")


def _overviews(run: Run, out: Place, plan: Plan) -> list[tuple[Path, ContactSheet | Gallery]]:
    """What shows sources and results together, and where it goes."""
    wanted: list[tuple[Path, ContactSheet | Gallery]] = []
    if run.grid is not None:
        headings = [variant.suffix for variant in plan.variants if variant.suffix]
        wanted.append((run.grid, ContactSheet(headings, plan.sheet_note())))
    if run.gallery is not None and isinstance(out, Path):
        wanted.append((run.gallery, Gallery(out, _heading(plan), run.gallery_assets)))
    return wanted


def _heading(plan: Plan) -> str:
    """What a run sets, and with which weights."""
    changes = ", ".join(filter(None, (plan.settings.spec, "each attribute" * plan.settings.each)))
    return f"{changes} ({plan.weights.path.stem})"


def _go_through(steps: Iterable[Step], counting: Counting, listen: Callable[[Step], None], progress: Progress) -> None:
    done, skipped = 0, 0
    for step in steps:
        listen(step)
        if step.picture:
            idle = bool(step.rows) and all(row.status == "skipped" for row in step.rows)
            done, skipped = done + (not idle), skipped + idle
        progress(done, counting.number if counting.finished else None, skipped=skipped)
