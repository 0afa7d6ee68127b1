"""`translate` as a library call: pictures in files and folders -> the same pictures with attributes changed.

The steps of a picture, and their modules: settings (`settings`) -> plan (`plan`) -> find (`inputs.finding`) -> read
(`picture`) -> translate in a batch (`stream`, `networks`) -> finish, write (`picture`) -> row (`report`, `manifest`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from stargan_cli.errors import UsageError
from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.files.writable import is_same_file, require_folder
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.inputs.watching import arriving, missing_inputs_noted
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.on_ray import RayJob, Walked, import_ray, work_on_ray
from stargan_cli.translate.outputs.contact_sheet import ContactSheet
from stargan_cli.translate.outputs.destination import Destination
from stargan_cli.translate.outputs.gallery import Gallery, assets_folder
from stargan_cli.translate.outputs.manifest import Manifest
from stargan_cli.translate.outputs.sinks import Sink, opened
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.report import Failing, Report, Row, Settled
from stargan_cli.translate.settings import Location, Run, TranslationSettings, check_run
from stargan_cli.translate.streaming.fork_server import ForkServers
from stargan_cli.translate.streaming.heap import keep_freed_memory
from stargan_cli.translate.streaming.processes import SUPPORTED, WorkerProcesses
from stargan_cli.translate.streaming.worker import Assignment
from stargan_cli.translate.work import work
from stargan_cli.weights.files import Weights

Listener = Callable[[Row], None]


def translate(
    inputs: Sequence[Location],
    out: Location,
    settings: TranslationSettings,
    run: Run,
    *,
    progress: Progress = silent,
    on_row: Listener = lambda row: None,
    warn: Say = unheard,
    note: Say = unheard,
    stop: Callable[[], bool] = lambda: False,
    weights: Weights | None = None,
    report: Report | None = None,
) -> Report:
    """Translate files and folders into the folder `out`, or one picture into the file `out`.

    `weights`: already loaded, to use in place of those that the settings name (without Ray).
    `on_row` is called with the row of each output, in the order of the inputs (with Ray, in the order of completion).
    `report` is added to and returned, if one is given: after an error it has what was done until then.
    `note` is called with how the call was understood, `warn` with what users may want to change.

    A picture that fails becomes a failed row, and the run continues. `stop` and KeyboardInterrupt end the run with
    `interrupted` in the report. Every output that exists then is complete; after `stop`, each also has its row. Raises
    UsageError, WeightsError, and OutputError if no further output can be written.
    """
    where = check_run(inputs, out, settings, run)
    keep_freed_memory()
    report = Report() if report is None else report
    with _noting_interrupts(report), ExitStack() as stack:
        counting, passed_over = Counting(), PassedOver()
        display = _Display(progress, counting, lambda: stop() and not run.watch)
        display.tell("loading weights")
        on_ray, always_read = run.ray and not run.dry, run.manifest is not None
        here = replace(settings, device="cpu", precision="auto") if on_ray else settings
        networks = Networks(here, always_read, run.in_place, weights, display.tell)
        for text in (*networks.labels.notes(), *networks.plan.notes()):
            note(text)
        if on_ray:
            import_ray()
        elif not run.dry:
            networks.start(warn)  # before the output folder is made: both may find that a package is missing
        display.tell("opening the output folder")
        sink = stack.enter_context(opened(where.folder, run.shard, run.dry, name=where.name, stop=stop))
        rows = run.shard.own(run.manifest) if run.manifest and run.shard else run.manifest
        manifest = stack.enter_context(Manifest(rows, display.tell)) if rows and not run.dry else None
        display.tell("finding pictures")
        if on_ray:
            job = RayJob(where.folder, settings, always_read, run.in_place, RUN_ID)

            def walked(ended: Walked) -> None:
                counting.total, notes = ended
                for text in notes:
                    note(text)

            listing = _listing(inputs, where, settings, run, sink, passed_over)
            steps = work_on_ray(job, listing, passed_over, walked, stop, run.fail_fast)
        else:
            listing = _listing(inputs, where, settings, run, sink, passed_over, stop)
            processes = None
            if not run.dry and _may_leave_this_process(inputs, where.folder):
                servers = stack.enter_context(closing(ForkServers()))
                processes = partial(WorkerProcesses, Assignment(networks.plan, where.folder, RUN_ID), servers)
            do = partial(work, networks, sink, stop=stop, fail_fast=run.fail_fast, dry=run.dry, processes=processes)
            if run.watch:
                folders = [place for place in inputs if isinstance(place, Path)]
                noted = missing_inputs_noted(listing, folders, warn)
                steps = _watched(noted, partial(do, watched=True), stop, run.fail_fast)
            else:
                steps = do(stack.enter_context(closing(counting.ahead(_own(listing(), run), stop))))
        listeners = _Listeners(run, where.folder, networks.plan, manifest, on_row)
        report.failing = Failing() if run.watch else None
        steps = stack.enter_context(closing(steps))
        with _noting_interrupts(report):  # in the stack: beside an exception, the manifest keeps its last error back
            for settled in steps:
                for row in settled.rows:
                    report.add(row)
                    listeners.hear(row, settled.own_file)
                display.count(settled)
            listeners.save(display.tell)
            display.tell("")
        for text in passed_over.notes:
            note(text)
    return report


def _own(found: Iterator[Found], run: Run) -> Iterator[Found]:
    return filter(run.shard.holds, found) if run.shard else found


def _watched(
    listing: Callable[[], Iterable[Found]],
    do: Callable[[list[Found]], Generator[Settled, None, None]],
    stop: Callable[[], bool],
    fail_fast: bool,
) -> Generator[Settled, None, None]:
    some_failed = False
    for arrived in arriving(listing, stop):
        with closing(do(arrived)) as steps:
            for settled in steps:
                some_failed = some_failed or settled.has_failed
                yield settled
        if fail_fast and some_failed:
            return


def _may_leave_this_process(inputs: Sequence[Location], out: Location) -> bool:
    """Whether worker processes can do the work: they do not see what is in this process's memory."""
    in_memory = (isinstance(place, RemotePath) and place.url.startswith("memory:") for place in (*inputs, out))
    return SUPPORTED and not any(in_memory)


def _listing(
    inputs: Sequence[Location],
    where: Destination,
    settings: TranslationSettings,
    run: Run,
    sink: Sink,
    passed_over: PassedOver,
    stop: Callable[[], bool] = lambda: False,
) -> Callable[[], Iterator[Found]]:
    out = where.folder
    exclude = out if isinstance(out, Path) and not run.in_place else None
    listing = partial(
        find, inputs, exclude, settings.format, sink.fold, not run.in_place, passed_over, where.name, stop
    )
    assets = assets_folder(run.gallery) if run.gallery is not None and run.gallery_assets else None
    return partial(_without_reports, listing, [place for place in (run.grid, assets) if place is not None])


def _without_reports(listing: Callable[[], Iterator[Found]], reports: Sequence[Path]) -> Iterator[Found]:
    """The found items without the pictures of `reports` that an earlier run left in an input folder."""
    for found in listing():
        places = (found.source, found.source.parent) if isinstance(found.source, Path) and reports else ()
        if not any(place.name == report.name and is_same_file(report, place) for place in places for report in reports):
            yield found


@contextmanager
def _noting_interrupts(report: Report) -> Iterator[None]:
    """KeyboardInterrupt ends the block, and is noted in the report."""
    try:
        yield
    except KeyboardInterrupt:
        report.interrupted = True


class _Display:
    """Shows how many pictures are done, and what else the run is doing."""

    def __init__(self, progress: Progress, counting: Counting, stop: Callable[[], bool]) -> None:
        self._progress, self._counting, self._stop = progress, counting, stop
        self._done = self._skipped = 0

    def count(self, settled: Settled) -> None:
        if settled.picture:
            idle = bool(settled.rows) and all(row.status == "skipped" for row in settled.rows)
            self._done, self._skipped = self._done + (not idle), self._skipped + idle
        self._progress(self._done, self._counting.total, self._counting.note, self._skipped)

    def tell(self, doing: str) -> None:
        """Show what the run is doing before the first picture or after the last. Raises KeyboardInterrupt at `stop`."""
        if self._stop():
            raise KeyboardInterrupt
        self._progress(self._done, self._counting.total, doing, self._skipped)


class _Listeners:
    """Passes the rows of a run on to the caller, the manifest, the contact sheet and the gallery."""

    def __init__(self, run: Run, out: Location, plan: Plan, manifest: Manifest | None, on_row: Listener) -> None:
        self._run, self._manifest, self._on_row = run, manifest, on_row
        self._overviews: list[tuple[Path, ContactSheet | Gallery]] = []
        most = plan.settings.max_pixels
        for place in (run.grid, run.gallery):
            if place is not None and not run.dry:
                require_folder(place.parent)
        if run.grid is not None and not run.dry:
            root = out if isinstance(out, Path) else Path()
            asked = plan.settings.spec or ""
            columns = [(variant.target or asked, root / variant.folder) for variant in plan.variants]
            self._overviews.append((run.grid, ContactSheet(columns, plan.sheet_note(), most)))
        if run.gallery is not None and isinstance(out, Path) and not run.dry:
            same_frame = plan.settings.size == "source"
            self._overviews.append((run.gallery, Gallery(out, plan.heading(), run.gallery_assets, most, same_frame)))

    def hear(self, row: Row, own_file: bool) -> None:
        """Pass a row on. Raises UsageError if a report of the run would replace an output or an input."""
        for option, place in (("--grid", self._run.grid), ("--gallery", self._run.gallery)):
            if place is not None and row.output is not None and os.path.abspath(place) == os.path.abspath(row.output):
                raise UsageError(f"{option} {place} would replace an output", "give another name; the output is kept")
            if place is not None and is_same_file(place, Path(row.source)):
                raise UsageError(f"{option} {place} would replace an input: {row.source}", "give another name")
        if self._manifest is not None:
            self._manifest.add(row)
        made = row.status != "failed" and not row.stale and not row.not_due
        for _, overview in self._overviews if own_file and made and row.output else ():
            overview.add(Path(row.source), Path(row.output or ""))
        self._on_row(row)

    def save(self, tell: Say) -> None:
        for path, overview in self._overviews:
            overview.save(path, tell)
