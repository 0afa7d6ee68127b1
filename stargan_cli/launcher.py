"""The environment variables of torchrun and other launchers: which of how many processes this is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from stargan_cli.errors import UsageError

WHICH = ("RANK", "WORLD_SIZE")
WHERE = ("MASTER_ADDR", "MASTER_PORT")
LOCAL_RANKS = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")
"""Where torchrun, Open MPI, Intel MPI and Slurm say a process's number on its machine. Slurm is last: all processes
that an mpirun of its job starts inherit one SLURM_LOCALID."""
TORCHRUN = "TORCHELASTIC_RUN_ID"
_HINT = "set them as torchrun does, or ignore them with --standalone"


@dataclass(frozen=True)
class ProcessRank:
    """Process `rank` (from 0) of `count`; `local_rank` is its number on its machine, None where nothing says it."""

    rank: int
    count: int
    local_rank: int | None

    def __str__(self) -> str:
        return f"{self.rank + 1} of {self.count}, as RANK and WORLD_SIZE say"


def process_rank(environment: Mapping[str, str] = os.environ) -> ProcessRank | None:
    """Which of several processes this is; None if it is alone.

    Raises UsageError where RANK or WORLD_SIZE is set without the other, or where a value is impossible.
    """
    if "RANK" not in environment and environment.get("WORLD_SIZE", "1") == "1":
        return None
    require(WHICH, environment)
    rank, count = (number(name, environment) for name in WHICH)
    if rank >= count:
        raise UsageError(f"RANK is {rank}, but with WORLD_SIZE {count} it must be from 0 to {count - 1}", _HINT)
    return ProcessRank(rank, count, local_rank(environment)) if count > 1 else None


def local_rank(environment: Mapping[str, str] = os.environ) -> int | None:
    """This process's number on its machine; None where nothing says it. Raises UsageError where it is no number."""
    return next((number(name, environment) for name in LOCAL_RANKS if name in environment), None)


def require(names: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> None:
    """Raises UsageError where one of these variables is missing."""
    missing = [name for name in names if name not in environment]
    if missing:
        found = [name for name in (*WHICH, *WHERE) if name in environment]
        raise UsageError(f"the environment has {' and '.join(found)}, but no {' and no '.join(missing)}", _HINT)


def number(name: str, environment: Mapping[str, str], hint: str = _HINT) -> int:
    """A variable's value. Raises UsageError where it is no whole number."""
    text = environment.get(name, "")
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise UsageError(f"{name} must be a whole number, not {text!r}", hint)
    return int(text)


def by_torchrun() -> bool:
    """Whether torchrun started this process, and so ends all of them if one fails."""
    return TORCHRUN in os.environ


def forget(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove the launcher's variables: from now on this process is alone."""
    for name in (*WHICH, *WHERE, *LOCAL_RANKS, "LOCAL_WORLD_SIZE", TORCHRUN):
        environment.pop(name, None)
