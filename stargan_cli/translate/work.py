"""Found pictures and archives -> their rows, by way of the pipeline: the one path for all sources and sinks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

import torch

from stargan_cli.device import cpu_count
from stargan_cli.translate.engines.torch_engine import pick_engine_device
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs.archives import ArchiveOutputs, opened
from stargan_cli.translate.pipeline import Pipeline, loaded_bytes
from stargan_cli.translate.report import Row
from stargan_cli.translate.settings import Plan, TranslationSettings, make_plan
from stargan_cli.translate.stream import stream
from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import load

MOST_WORKERS = 16


def automatic_workers() -> int:
    """How many threads read, and how many write, beside the network's, which are as many as there are cores.

    Beside a large network they sleep for most of the time. More than 16 would hold memory for pictures that nothing
    waits for.
    """
    return min(cpu_count(), MOST_WORKERS)


@dataclass(frozen=True)
class Step:
    """What is settled after one item: rows (those of an archive's members come with its end), and whether the item was
    a picture, and a file of its own."""

    rows: list[Row]
    picture: bool = False
    own_file: bool = False


def plan_for(settings: TranslationSettings, always_read: bool = False) -> tuple[Plan, torch.device]:
    """`always_read` is that of `make_plan`. Raises UsageError and WeightsError."""
    device, precision = pick_engine_device(settings.engine, settings.device, settings.precision)
    return make_plan(settings, load(settings.weights), precision, always_read), device


def translator_for(plan: Plan, device: torch.device, warn: Callable[[str], None] = lambda text: None) -> Translator:
    settings = plan.settings
    return Translator(
        plan.weights, device, plan.precision, settings.batch_size, warn, settings.engine, settings.compiled
    )


def work(
    pipeline: Pipeline, items: Iterable[Found], stop: Callable[[], bool] = lambda: False, fail_fast: bool = False
) -> Generator[Step, None, None]:
    """Translate what was found, in its order, until `stop`, or with `fail_fast` until something failed.

    Raises OutputError where nothing more can be written. An archive that is not finished leaves nothing behind.
    """
    settings, translator, failed = pipeline.plan.settings, pipeline.translator, False
    archives = ArchiveOutputs(pipeline.sink, pipeline.plan)
    outcomes = stream(
        opened(items, pipeline.plan, pipeline.sink),
        pipeline.load,
        pipeline.run_batch,
        pipeline.save,
        batch_size=translator.batch_size if translator else 1,
        workers=settings.workers or automatic_workers(),
        runners=translator.runners if translator else 1,
        weigh=loaded_bytes,
        stop=lambda: (failed and fail_fast) or stop(),
    )
    try:
        with closing(outcomes):
            for outcome in outcomes:
                found, ended = outcome.item, pipeline.ended(outcome)
                failed = failed or any(row.status == "failed" for row in ended.rows)
                rows = ended.rows if translator is None else archives.settle(found, ended)
                yield Step(rows, found.role == "picture", found.archive is None)
        yield Step(archives.close())
    finally:
        archives.close()
