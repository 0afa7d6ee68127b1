"""Several processes train one model: each takes its rows of every batch, and their gradients are added up.

Gradients are added by hand after each backward pass instead of by DistributedDataParallel: its hooks fire once a
backward pass and know nothing of the gradient penalty, which differentiates through D's gradients, nor of G steps
that run through a frozen D. One sum over one flat tensor a step is plain, and right for both.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from stargan_cli import launcher
from stargan_cli.errors import TrainingError, UsageError

LONGEST_JOB = timedelta(days=60)
PATIENCE = timedelta(minutes=15)  # with a process that is silent: one that shows and saves samples takes seconds
SOON, PAUSE = 3.0, 0.1  # seconds: until the waiting is said, and between looks at it
DECODING = timedelta(days=2)  # the others wait while one decodes the pictures
_LOST = re.compile(r"connection (reset|closed|refused)|broken pipe|timed out|gloo/transport", re.IGNORECASE)


@dataclass(frozen=True)
class Processes:
    """This is process `rank` of `count`; `local_rank` counts on this machine. Alone, nothing is ever sent.

    What is not computed on the device is agreed on over `talk`, a gloo group: no GPU has to be waited for. `waiting`
    is one that waits longer.
    """

    rank: int = 0
    local_rank: int = 0
    count: int = 1
    talk: Any = None
    waiting: Any = None

    @property
    def first(self) -> bool:
        """Whether this one writes and shows what one process does for all."""
        return self.rank == 0

    def rows(self, total: int) -> slice:
        """This process's rows of a batch of `total`: each row is one process's, and all have as many but for one."""
        return slice(total * self.rank // self.count, total * (self.rank + 1) // self.count)

    def check_batch(self, batch_size: int) -> None:
        """Raises UsageError where a batch has no picture for some process."""
        if batch_size < self.count:
            raise UsageError(
                f"--batch-size {batch_size} is too small for {self.count} processes",
                "each needs a picture in each batch",
            )

    def device(self, name: str) -> str:
        """The device that `name` means here: with CUDA, each process of a machine has its own."""
        if self.count > 1 and name in ("auto", "cuda") and torch.cuda.is_available():
            return f"cuda:{self.local_rank}"
        return name

    def add_gradients(self, module: nn.Module) -> None:
        """Every process's gradients become the sum of all."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, losses: dict[str, Tensor], share: float) -> dict[str, Tensor]:
        """Losses over the whole batch, of which this process's have the weight `share`."""
        if self.count == 1:
            return losses
        together = torch.stack([value.float() for value in losses.values()]) * share
        dist.all_reduce(together)
        return dict(zip(losses, together.unbind(), strict=True))

    def most(self, number: int) -> int:
        """The largest of all processes' numbers."""
        if self.count == 1:
            return number
        value = torch.tensor(number)
        dist.all_reduce(value, dist.ReduceOp.MAX, group=self.talk)
        return int(value)

    def share(self, tensors: dict[str, Tensor], number: int) -> tuple[dict[str, Tensor], int]:
        """The first process's tensors (by name, on the CPU) and number, for all."""
        told = [(number, {name: (value.shape, value.dtype) for name, value in tensors.items()})]
        dist.broadcast_object_list(told, src=0, group=self.talk)
        number, found = told[0]
        result = {}
        for name, (shape, dtype) in found.items():
            value = tensors[name].cpu().contiguous() if self.first else torch.empty(shape, dtype=dtype)
            dist.broadcast(value, src=0, group=self.talk)
            result[name] = value
        return result, number

    @contextmanager
    def local_first_first(self) -> Iterator[None]:
        """One process of each machine does what is in the block first, such as decoding; the others find it done."""
        if self.count > 1 and self.local_rank > 0:
            _wait(self.waiting)
        yield
        if self.count > 1 and self.local_rank == 0:
            _wait(self.waiting)


ALONE = Processes()


@contextmanager
def joined(device: str, say: Callable[[str], None] = lambda text: None) -> Iterator[Processes]:
    """The processes that a launcher such as `torchrun` started, with gloo on the CPU and nccl on CUDA; or this one
    alone. `say` gets whose word is obeyed and what is waited for.

    Raises UsageError where the launcher's variables are incomplete, and TrainingError where another process does not
    come or ended meanwhile.
    """
    place = launcher.place()
    if place is None:
        yield ALONE
        return
    if ":" in device:
        raise UsageError(
            f"--device {device} is one device, and there are {place.count} processes", "use --device auto or cuda"
        )
    launcher.require(launcher.WHERE)
    on_cuda = Processes(place.rank, place.local_rank, place.count).device(device).startswith("cuda")
    if on_cuda:
        torch.cuda.set_device(place.local_rank)
    if not launcher.by_torchrun():
        say(f"this is process {place} in the environment; --standalone ignores them")
    try:
        _meet("nccl" if on_cuda else "gloo", PATIENCE, place, say)
        talk, waiting = (dist.new_group(timeout=limit, backend="gloo") for limit in (PATIENCE, DECODING))
        yield Processes(place.rank, place.local_rank, place.count, talk, waiting)
    except RuntimeError as error:  # what gloo and nccl raise where another process is gone
        raise TrainingError(
            f"process {place.rank} of {place.count} cannot go on: {_in_words(error)}",
            "--resume goes on from the last checkpoint, with any number of processes",
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _meet(backend: str, patience: timedelta, place: launcher.Place, say: Callable[[str], None]) -> None:
    """Start the process group. Its waiting hears no signal, so it is done in a thread, which ends with the program.

    Raises TrainingError where the others do not come.
    """
    failed: list[Exception] = []

    def start() -> None:
        try:
            dist.init_process_group(backend, timeout=patience)
        except Exception as error:
            failed.append(error)

    thread = Thread(target=start, name="meeting", daemon=True)
    thread.start()
    thread.join(SOON)
    address = ":".join(os.environ[name] for name in launcher.WHERE)
    if thread.is_alive():
        minutes = round(patience.total_seconds() / 60)
        say(f"waiting for the other processes of {place.count} at {address}, for up to {minutes} minutes")
    while thread.is_alive():
        thread.join(PAUSE)
    if failed:
        reason = str(failed[0]).strip().splitlines()[0:1] or [type(failed[0]).__name__]
        raise TrainingError(
            f"the {place.count} processes did not meet at {address}: {reason[0]}",
            "start all of them, with one MASTER_ADDR and MASTER_PORT, or use --standalone",
        ) from failed[0]


def _wait(group: Any) -> None:
    """Until all processes have come here; signals are heard meanwhile."""
    work = dist.barrier(group, async_op=True)
    while not work.is_completed():
        time.sleep(PAUSE)
    work.wait()


def _in_words(error: RuntimeError) -> str:
    if _LOST.search(text := str(error)):
        return "another one ended or no longer answers"
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def wait_for_the_others() -> None:
    """Under torchrun, return when each of its processes has come here: it ends them all as soon as one ends with an
    error, and a share in which a picture failed is such a one."""
    place = launcher.place()
    if place is not None and launcher.by_torchrun():
        _meet("gloo", LONGEST_JOB, place, lambda text: None)
        _wait(None)
        dist.destroy_process_group()
