"""Found pictures and archives -> their rows: the one path for all sources and sinks."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from stargan_cli.device import cpu_count
from stargan_cli.errors import PictureError
from stargan_cli.translate.inputs.archives import with_members
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.tar_reading import Member
from stargan_cli.translate.networks import Networks, question_kind
from stargan_cli.translate.outputs.archives import ArchiveOutputs, with_archive
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.outputs.together import synced_at_once
from stargan_cli.translate.picture import failed, outputs_of, picture_steps
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.questions import ChangeQuestion, Question
from stargan_cli.translate.report import Settled
from stargan_cli.translate.streaming.stream import Stream
from stargan_cli.translate.streaming.workers import Growing, Threads, Workers

MOST_WORKERS = 16

MakeProcesses = Callable[[int, Callable[[Found], None], SimpleQueue[Any]], Workers[Found, Question, Any]]
"""Makes so many worker processes for a queue of events. Its second argument removes a picture's unfinished outputs."""


def automatic_workers() -> int:
    """How many threads read, and how many write: one for each core, at most MOST_WORKERS.

    The network has as many threads again. If it is large, these threads sleep most of the time. More of them would hold
    memory for pictures that the network does not need yet.
    """
    return min(cpu_count(), MOST_WORKERS)


def work(
    networks: Networks,
    sink: Sink,
    items: Iterable[Found],
    stop: Callable[[], bool] = lambda: False,
    fail_fast: bool = False,
    dry: bool = False,
    processes: MakeProcesses | None = None,
    watched: bool = False,
) -> Generator[Settled, None, None]:
    """Translate the found items in order, until `stop`, or with `fail_fast` until the first failure.

    `networks` must be started, unless the run is `dry`. With `processes`, worker processes take over from this
    process's threads if there are many pictures. If the inputs are `watched`, they do all the work, and what is gone at
    its turn has no result. An archive that is not finished leaves nothing behind. Raises OutputError if no further
    output can be written.
    """
    plan, some_failed = networks.plan, False
    archives = ArchiveOutputs(sink, plan)
    number = plan.settings.workers or automatic_workers()
    clean_up = partial(_clean_up, sink, plan)
    threads: Threads[Found, Question, Any] = Threads(
        lambda found: synced_at_once(picture_steps(found, plan, sink, dry)), number, clean_up
    )
    workers: Workers[Found, Question, Any] = threads
    if processes is not None:
        make = partial(processes, number, clean_up)
        workers = make(threads.events) if watched else Growing(threads, make)
    stream = Stream(
        workers,
        networks.answer,
        batch_size=(lambda kind: 1) if dry else networks.batch_size,
        runners=1 if dry else networks.translator.runners,
        kind_of=question_kind,
        weigh=_weight,
        held=_held,
        at_once=lambda found: _without_work(found, networks, sink),
        stop=lambda: (some_failed and fail_fast) or stop(),
    )
    try:
        with closing(stream.run(map(networks.with_known, with_members(items, plan, sink)))) as outcomes:
            for outcome in outcomes:
                found, settled = outcome.item, outcome.result
                if settled is None:
                    settled = failed(found, plan, sink, outcome.error or RuntimeError("it has no result"))
                settled = with_archive(found, settled)
                if watched and settled.has_failed and _is_gone(found):
                    settled = Settled([])
                some_failed = some_failed or settled.has_failed
                rows = settled.rows if dry else archives.settle(found, settled)
                yield Settled(rows, picture=found.role == "picture", own_file=found.archive is None)
        yield Settled(archives.close())
    finally:
        archives.close()


def _is_gone(found: Found) -> bool:
    """Whether a file, archive or folder was moved or removed since it was found."""
    return isinstance(found.source, Path) and not os.path.lexists(found.source)


def _clean_up(sink: Sink, plan: Plan, found: Found) -> None:
    for _, output in outputs_of(found, plan.variants) if found.archive is None else ():
        sink.remove_unfinished(output)


def _weight(question: Question) -> int:
    return question.weight if isinstance(question, ChangeQuestion) else -1


def _held(found: Found) -> int:
    return len(found.source.data) if isinstance(found.source, Member) else 0


def _without_work(found: Found, networks: Networks, sink: Sink) -> Settled | None:
    """The result of an item that is no readable picture; None for pictures."""
    if found.problem is not None:
        return failed(found, networks.plan, sink, PictureError(found.problem))
    if found.role == "picture" or found.archive is None:
        return None
    return Settled(list(found.archive.settled) if found.role == "end" else [])
