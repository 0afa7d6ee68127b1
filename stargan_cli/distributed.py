"""Several processes train one model: each takes its rows of every batch, and their gradients are added up.

Gradients are added by hand after each backward pass instead of by DistributedDataParallel: its hooks fire once a
backward pass and know nothing of the gradient penalty, which differentiates through D's gradients, nor of G steps
that run through a frozen D. One sum over one flat tensor a step is plain, and right for both.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Thread
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from stargan_cli import launcher
from stargan_cli.device import pick_device
from stargan_cli.errors import StarganError, TrainingError, UsageError, first_line
from stargan_cli.progress import Say, unheard

LONGEST_JOB = timedelta(days=60)
PATIENCE = timedelta(minutes=15)  # with a silent process, which may be saving samples for seconds
SOON, PAUSE = 3.0, 0.1  # seconds: before a message says that the process waits, and between checks
DECODING = timedelta(days=2)  # the others wait while one decodes the pictures
_LOST = re.compile(r"connection (reset|closed|refused)|broken pipe|timed out|gloo/transport", re.IGNORECASE)


@dataclass(frozen=True)
class Processes:
    """This is process `rank` (from 0) of `count`; `local_rank` is its number on this machine. A lone one sends nothing.

    `talk` is a gloo group for values on the host, so that no GPU has to be waited for. `waiting` is a gloo group with a
    longer timeout.
    """

    rank: int = 0
    local_rank: int = 0
    count: int = 1
    talk: Any = None
    waiting: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and messages for all."""
        return self.rank == 0

    def rows(self, total: int) -> slice:
        """This process's rows of a batch of `total`. No two processes share a row; shares differ by at most one."""
        return slice(total * self.rank // self.count, total * (self.rank + 1) // self.count)

    def check_batch(self, batch_size: int) -> None:
        """Raises UsageError where a batch has no picture for some process."""
        if batch_size < self.count:
            raise UsageError(
                f"--batch-size {batch_size} is too small for {self.count} processes",
                "each needs a picture in each batch",
            )

    def add_gradients(self, module: nn.Module) -> None:
        """Replace the gradients by their sums over all processes."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, losses: dict[str, Tensor], share: float) -> dict[str, Tensor]:
        """Losses over the whole batch, from each process's `losses` weighted by its `share`."""
        if self.count == 1:
            return losses
        together = torch.stack([value.float() for value in losses.values()]) * share
        dist.all_reduce(together)
        return dict(zip(losses, together.unbind(), strict=True))

    def most(self, number: int) -> int:
        """The largest `number` of all processes."""
        if self.count == 1:
            return number
        value = torch.tensor(number)
        dist.all_reduce(value, dist.ReduceOp.MAX, group=self.talk)
        return int(value)

    def share(self, tensors: dict[str, Tensor], number: int) -> tuple[dict[str, Tensor], int]:
        """Send the first process's tensors (by name; returned on the CPU) and number to all."""
        header = [(number, {name: (value.shape, value.dtype) for name, value in tensors.items()})]
        dist.broadcast_object_list(header, src=0, group=self.talk)
        number, found = header[0]
        result = {}
        for name, (shape, dtype) in found.items():
            value = tensors[name].cpu().contiguous() if self.first else torch.empty(shape, dtype=dtype)
            dist.broadcast(value, src=0, group=self.talk)
            result[name] = value
        return result, number

    @contextmanager
    def local_first_first(self) -> Iterator[None]:
        """One process of each machine runs the block (such as decoding) first. The others then find the work done.

        If one of the first raises StarganError, no other process goes on: they raise one with its exit code.
        """
        if self.count == 1:
            yield
        elif self.local_rank == 0:
            try:
                yield
            except StarganError as error:
                _largest(error.exit_code, self.waiting)
                raise
            _require_none(_largest(0, self.waiting))
        else:
            _require_none(_largest(0, self.waiting))
            yield


ALONE = Processes()


@contextmanager
def joined(device: str, say: Say = unheard) -> Iterator[Processes]:
    """Connect the processes that a launcher such as `torchrun` started, by gloo on the CPU and nccl on CUDA; without a
    launcher, yield `ALONE`. `say` gets a message if another launcher's variables are used, and one while waiting.

    Raises UsageError where the launcher's variables are incomplete or `device` is a single one, and TrainingError where
    another process does not connect or ended meanwhile.
    """
    this = launcher.process_rank()
    if this is None:
        yield ALONE
        return
    if ":" in device:
        raise UsageError(
            f"--device {device} is one device, and there are {this.count} processes", "use --device auto or cuda"
        )
    launcher.require(launcher.WHERE)
    unconnected = Processes(this.rank, this.local_rank or 0, this.count)
    where = pick_device(device)
    on_cuda = where.type == "cuda"
    if on_cuda:
        _require_own_gpu(this.local_rank)
        torch.cuda.set_device(where.index or 0)
    if not launcher.by_torchrun():
        say(f"this is process {this} in the environment; --standalone ignores them")
    try:
        _meet("nccl" if on_cuda else "gloo", PATIENCE, this, say)
        talk, waiting = (dist.new_group(timeout=limit, backend="gloo") for limit in (PATIENCE, DECODING))
        yield replace(unconnected, talk=talk, waiting=waiting)
    except RuntimeError as error:  # what gloo and nccl raise where another process is gone
        lost = _LOST.search(str(error))
        reason = "another one ended or no longer answers" if lost else first_line(error)
        raise TrainingError(
            f"process {this.rank + 1} of {this.count} cannot go on: {reason}",
            "--resume goes on from the last checkpoint, with any number of processes",
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _require_own_gpu(local_rank: int | None) -> None:
    """Raises UsageError where this process would share a GPU with another one of its machine."""
    cards = torch.cuda.device_count()
    if cards == 1 and not launcher.by_torchrun():  # as Slurm shows each process its own
        return
    if local_rank is None:
        raise UsageError(
            f"the environment does not say which of the {cards} GPUs of this machine is this process's",
            "set LOCAL_RANK to its number on this machine, from 0",
        )
    if local_rank >= cards:
        raise UsageError(
            f"process {local_rank + 1} of this machine has no GPU: there are {cards}",
            "start one process a GPU, or train on the CPU with --device cpu",
        )


def _meet(backend: str, patience: timedelta, this: launcher.ProcessRank, say: Say) -> None:
    """Start the process group, in a daemon thread: torch handles no signals while it waits for the others.

    Raises TrainingError where the others do not connect.
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
        say(f"waiting for the other processes of {this.count} at {address}, for up to {minutes} minutes")
    while thread.is_alive():
        thread.join(PAUSE)
    if failed:
        raise TrainingError(
            f"the {this.count} processes did not connect at {address}: {first_line(failed[0])}",
            "start all of them, with one MASTER_ADDR and MASTER_PORT, or use --standalone",
        ) from failed[0]


def _largest(number: int, group: Any) -> int:
    """The largest number of all processes, once all have called this. Signals are handled meanwhile."""
    value = torch.tensor(number)
    work = dist.all_reduce(value, dist.ReduceOp.MAX, group=group, async_op=True)
    while not work.is_completed():
        time.sleep(PAUSE)
    work.wait()
    return int(value)


def _require_none(exit_code: int) -> None:
    """Raises StarganError with the exit code of a process that cannot begin."""
    if exit_code:
        error = UsageError if exit_code == UsageError.exit_code else TrainingError
        raise error("another process cannot begin", "its message says why")


def wait_for_the_others() -> None:
    """Under torchrun, wait until all its processes have called this. It ends all of them as soon as one exits with an
    error, as a process does if one of its pictures failed."""
    this = launcher.process_rank()
    if this is not None and launcher.by_torchrun():
        _meet("gloo", LONGEST_JOB, this, unheard)
        _largest(0, None)
        dist.destroy_process_group()
