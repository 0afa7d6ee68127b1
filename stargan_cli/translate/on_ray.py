"""Translation on a Ray cluster: one task lists the pictures, and actors, which hold the model, translate them."""

from __future__ import annotations

import importlib
import logging
import os
import pickle
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from stargan_cli.errors import StarganError
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.packages import import_package
from stargan_cli.progress import Say
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.ray_listing import Listing
from stargan_cli.translate.inputs.ray_signs import Awaited, StopSign
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.outputs.sinks import opened
from stargan_cli.translate.report import Settled
from stargan_cli.translate.settings import Location, TranslationSettings
from stargan_cli.translate.work import work

BLOCK_BYTES = 2**16
"""The listed pictures are sent to the actors in blocks of about this size (a few hundred pictures)."""
ENDED_SECONDS = 10.0
"""The longest wait for what the walk has found after the last result."""


@dataclass(frozen=True)
class RayJob:
    """What each actor is given. `run_id` is the `atomic.RUN_ID` of the process that has locked the output folder."""

    out: Location
    settings: TranslationSettings
    always_read: bool
    in_place: bool
    run_id: str


def work_on_ray(
    job: RayJob,
    search: Callable[[], Iterable[Found]],
    passed_over: PassedOver,
    counting: Counting,
    note: Say,
    stop: Callable[[], bool],
    fail_fast: bool,
) -> Generator[Settled, None, None]:
    """Translate as `work.work` does, with results in the order in which actors finish. After `stop`, or a failure with
    `fail_fast`, the search and the actors stop, and the results of what was finished until then still come.

    `search` runs on the cluster, and fills the copy of `passed_over` there. Once it has ended, `counting` is given the
    number of pictures, and `note` what was passed over.

    The cluster is the one that RAY_ADDRESS names, else this machine alone. There is one actor for each GPU, or for each
    CPU if no GPU is used. Raises UsageError if Ray is not installed, StarganError if Ray fails.
    """
    with _cluster() as ray:
        data = importlib.import_module("ray.data")
        _quiet(data)
        ended = ray.remote(num_cpus=0)(Awaited).remote()
        awaited = [ended.get.remote()]
        sign = StopSign(ray)

        def hear_of_the_end(timeout: float) -> None:
            if awaited and ray.wait(awaited, timeout=timeout)[0]:
                counting.total, notes = ray.get(awaited.pop())
                for text in notes:
                    note(text)

        listing = Listing(search, passed_over, ended, sign)
        found = data.from_items([{"listing": 0}]).map_batches(listing, batch_size=1, num_cpus=0)
        steps = found.map_batches(
            _Actor, fn_constructor_args=(job, sign), batch_size=None, **_resources(ray, data, job.settings.device)
        )
        some_failed = False
        try:
            with sign.shown_once(stop):
                for row in steps.iter_rows():
                    hear_of_the_end(timeout=0)
                    settled: Settled = pickle.loads(row["settled"])  # noqa: S301  # made by our own actor
                    yield settled
                    some_failed = some_failed or settled.has_failed
                    if fail_fast and settled.has_failed:
                        sign.show()
            hear_of_the_end(0 if stop() or (fail_fast and some_failed) else ENDED_SECONDS)
        except ray.exceptions.RayError as error:
            raise _own_error(error) from error


def import_ray() -> Any:
    """The module. Raises UsageError if Ray is not installed, or cannot be loaded."""
    ray = import_package("ray", "--engine ray", "stargan-cli[ray]")
    import_package("ray.data", "--engine ray", "stargan-cli[ray]")
    return ray


@contextmanager
def _cluster() -> Iterator[Any]:
    ray = import_ray()
    ours = not ray.is_initialized()
    if ours:
        local = {} if "RAY_ADDRESS" in os.environ else {"include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **local)
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def _quiet(data: Any) -> None:
    """Ray's own progress bars and messages would appear between those of stargan."""
    warnings.filterwarnings("ignore", module=r"ray\.")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = BLOCK_BYTES


def _resources(ray: Any, data: Any, device: str) -> dict[str, Any]:
    there = ray.cluster_resources()
    gpus = int(there.get("GPU", 0)) if device == "auto" or device.startswith("cuda") else 0
    actors = gpus or max(1, int(there.get("CPU", 1)))
    return {"num_cpus": 1, "num_gpus": int(gpus > 0), "compute": data.ActorPoolStrategy(size=actors)}


class _Actor:
    """Holds the model and the output folder, and translates blocks of listed pictures."""

    def __init__(self, job: RayJob, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self._stack = ExitStack()
        self._sink = self._stack.enter_context(opened(job.out, run_id=job.run_id))
        self._networks = Networks(job.settings, job.always_read, job.in_place)
        self._networks.start()

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, list[bytes]]]:
        for settled in work(self._networks, self._sink, map(pickle.loads, batch["found"]), self._stop):
            yield {"settled": [pickle.dumps(settled)]}


def _own_error(error: BaseException) -> StarganError:
    """The StarganError that an actor raised; else one with Ray's message."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StarganError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return StarganError(f"Ray cannot go on: {str(error).strip().splitlines()[-1]}", "run it again to finish the rest")
