"""`translate` as a library call: pictures in files and folders -> the same pictures with attributes changed.

The steps of a picture, and their modules: settings (`settings`) -> plan (`plan`) -> find (`inputs.finding`) -> read
(`picture`) -> translate in a batch (`stream`, `networks`) -> finish, write (`picture`) -> row (`report`, `manifest`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.files.writable import is_same_file
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.inputs.watching import arriving, missing_inputs_noted
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.on_ray import RayJob, import_ray, work_on_ray
from stargan_cli.translate.outputs.destination import Destination
from stargan_cli.translate.outputs.gallery import assets_folder
from stargan_cli.translate.outputs.listeners import Listener, Listeners
from stargan_cli.translate.outputs.manifest import Manifest
from stargan_cli.translate.outputs.sinks import Sink, opened
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.report import Failing, Report, Settled
from stargan_cli.translate.settings import Location, Run, TranslationSettings, check_run
from stargan_cli.translate.streaming.fork_server import ForkServers
from stargan_cli.translate.streaming.heap import freed_memory_kept
from stargan_cli.translate.streaming.processes import SUPPORTED, WorkerProcesses
from stargan_cli.translate.streaming.worker import Assignment
from stargan_cli.translate.work import MakeProcesses, work
from stargan_cli.weights.files import Weights


@freed_memory_kept()
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
    run = replace(run, ray=run.ray and not run.dry)
    report = Report() if report is None else report
    report.failing = Failing() if run.watch else None
    counting, passed_over = Counting(), PassedOver()
    display = _Display(progress, counting, lambda: stop() and not run.watch)
    # The inner one notes what interrupts the work: beside an exception, the manifest would keep its last error back.
    # The outer one notes what interrupts the closing.
    with _noting_interrupts(report), ExitStack() as stack, _noting_interrupts(report):
        display.tell("loading weights")
        networks = _ready_networks(settings, run, weights, display.tell, note, warn)
        display.tell("opening the output folder")
        sink = stack.enter_context(opened(where.folder, run.shard, run.dry, name=where.name, stop=stop))
        rows = run.shard.own(run.manifest) if run.manifest and run.shard else run.manifest
        manifest = stack.enter_context(Manifest(rows, display.tell)) if rows and not run.dry else None
        display.tell("finding pictures")
        listeners = Listeners(run, where.folder, networks.plan, manifest, on_row)
        if run.ray:
            job = RayJob(where.folder, settings, run.manifest is not None, run.in_place, RUN_ID)
            listing = _listing(inputs, where, settings, run, sink, passed_over)  # `stop` cannot be sent to a cluster
            steps = work_on_ray(job, listing, passed_over, counting, note, stop, run.fail_fast)
        else:
            listing = _listing(inputs, where, settings, run, sink, passed_over, stop)
            steps = _work_here(networks, sink, listing, inputs, where.folder, run, counting, warn, stop)
        for settled in stack.enter_context(closing(steps)):
            for row in settled.rows:
                report.add(row)
                listeners.hear(row, settled.own_file)
            display.count(settled)
        listeners.save(display.tell)
        display.tell("")
    for text in passed_over.notes:
        note(text)
    return report


def _ready_networks(
    settings: TranslationSettings, run: Run, weights: Weights | None, tell: Say, note: Say, warn: Say
) -> Networks:
    """The networks, started. Those of a dry run are not; nor are those beside a Ray cluster, which has its own."""
    here = replace(settings, device="cpu", precision="auto") if run.ray else settings
    networks = Networks(here, run.manifest is not None, run.in_place, weights, tell)
    for text in (*networks.labels.notes(), *networks.plan.notes()):
        note(text)
    if run.ray:
        import_ray()
    elif not run.dry:
        networks.start(warn)
    return networks


def _work_here(
    networks: Networks,
    sink: Sink,
    listing: Callable[[], Iterator[Found]],
    inputs: Sequence[Location],
    out: Location,
    run: Run,
    counting: Counting,
    warn: Say,
    stop: Callable[[], bool],
) -> Generator[Settled, None, None]:
    """Translate what one walk finds or, if the run watches, what arrives, as `work.work` does."""
    with _worker_processes(inputs, out, networks.plan, run.dry) as processes:
        do = partial(work, networks, sink, stop=stop, fail_fast=run.fail_fast, dry=run.dry, processes=processes)
        if run.watch:
            folders = [place for place in inputs if isinstance(place, Path)]
            noted = missing_inputs_noted(listing, folders, warn)
            yield from _watched(noted, partial(do, watched=True), stop, run.fail_fast)
            return
        found = filter(run.shard.holds, listing()) if run.shard else listing()
        with closing(counting.ahead(found, stop)) as ahead:
            yield from do(ahead)


@contextmanager
def _worker_processes(
    inputs: Sequence[Location], out: Location, plan: Plan, dry: bool
) -> Iterator[MakeProcesses | None]:
    """What makes worker processes; None if they cannot do the work: they do not see what is in this one's memory."""
    in_memory = (isinstance(place, RemotePath) and place.url.startswith("memory:") for place in (*inputs, out))
    if dry or not SUPPORTED or any(in_memory):
        yield None
        return
    with closing(ForkServers()) as servers:
        yield partial(WorkerProcesses, Assignment(plan, out, RUN_ID), servers)


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
