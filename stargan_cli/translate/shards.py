"""Shards of one job. A picture's path alone decides its shard, so that the processes need not communicate."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from stargan_cli import launcher
from stargan_cli.errors import UsageError
from stargan_cli.translate.inputs.found import Found


@dataclass(frozen=True)
class Shard:
    """Shard `number` (1..count) of `count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"

    def holds(self, found: Found) -> bool:
        """Whether a picture is in this shard. Each is in exactly one, by a hash of its path below its input folder: it
        does not matter where that folder is mounted or what else is in it. A folder that cannot be read is in all."""
        if found.below is None:
            return True
        digest = blake2b(os.fsencode(found.below.as_posix()), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1

    def own(self, path: Path) -> Path:
        """This shard's own file for one that a whole run would write: rows.jsonl -> rows.3-of-16.jsonl."""
        return path.with_name(f"{path.stem}.{self}{path.suffix}")


def parse_shard(text: str) -> Shard:
    """`3/16` is the third of sixteen. Raises UsageError for anything else."""
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None:
        raise UsageError(f"--shard {text} is no shard", "write its number and the count, such as 3/16")
    number, count = int(found[1]), int(found[2])
    if not 1 <= number <= count:
        raise UsageError(
            f"there is no shard {number} of {count}", f"shards are numbered from 1: 1/{max(count, 1)} is the first"
        )
    return Shard(number, count)


def shard_of(text: str | None, environment: Mapping[str, str] = os.environ) -> Shard | None:
    """The shard that `--shard` means. `auto` takes the numbers of torchrun (RANK, WORLD_SIZE), else of the Slurm array.
    Without `--shard` (None), a process of torchrun has its shard, and any other process the whole job.

    Raises UsageError if the environment has no such numbers.
    """
    if text not in (None, "auto"):
        return parse_shard(text)
    if (found := launcher.process_rank(environment)) is not None:
        return Shard(found.rank + 1, found.count)
    if text == "auto" and "RANK" in environment:
        return Shard(1, 1)
    if text is None:
        return None
    if "SLURM_ARRAY_TASK_ID" in environment:
        return _of_array(environment)
    raise UsageError(
        "--shard auto is for torchrun and for Slurm arrays, and this is neither",
        "write the shard's number and the count: --shard 3/16",
    )


def _of_array(environment: Mapping[str, str]) -> Shard:
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT")
    task, first, last, count = (
        launcher.number(name, environment, "write the shard's number and the count: --shard 3/16") for name in names
    )
    if last - first + 1 != count:
        raise UsageError(
            f"the Slurm array has gaps: {count} tasks from {first} to {last}",
            "give an array without gaps, such as 1-16, or write the shard's number and the count: --shard 3/16",
        )
    return parse_shard(f"{task - first + 1}/{count}")
