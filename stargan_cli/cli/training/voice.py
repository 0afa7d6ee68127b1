"""Messages of `stargan train`: the data, the estimate of a run, and how it ended."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from stargan_cli.cli.messages import say, shown
from stargan_cli.cli.training.durations import duration

if TYPE_CHECKING:
    from stargan_cli.datasets.labelled import DataSet
    from stargan_cli.train.estimate import RunEstimate
    from stargan_cli.train.run import RunEnd


def say_data(sets: list[DataSet]) -> None:
    """Print the counts of pictures and labels, so that a user sees mistakes in the data before the training starts."""
    from stargan_cli.datasets.labelled import notes_of

    owners: dict[str, list[str]] = {}
    for parts in sets:
        label_set = parts["train"].label_set
        counts = ", ".join(f"{len(part):,} {name}" for name, part in parts.items())
        why = parts["train"].parted
        say(f"{shown(label_set.name)}: {counts}" + (f" ({shown(why)})" if why else ""))
        say("  " + ", ".join(f"{shown(name)} {count:,}" for name, count in parts["train"].counts().items()))
        for text in notes_of(parts):
            say(f"  note: {shown(text)}")
        for name in label_set.attributes:
            owners.setdefault(name, []).append(label_set.name)
    for name, names in owners.items():
        if len(names) > 1:
            choices = " or ".join(f"{owner}:{name}" for owner in names)
            say(f"note: {shown(name)} is in {len(names)} sets; --set takes {shown(choices)}")


def say_estimate(found: RunEstimate, iterations: int) -> None:
    rate = f"{found.iteration:.2f} s an iteration" if found.iteration > 1 else f"{1 / found.iteration:.1f} iterations/s"
    say(
        f"time: {rate} on {found.device} in {found.precision}; "
        f"{iterations:,} iterations take about {duration(found.iteration * iterations)}"
    )
    memory = f"memory: {_size(found.memory)}; " if found.memory is not None else ""
    say(f"{memory}disk: {_size(found.cache)} of decoded pictures, {_size(found.run)} of checkpoints and weights")


def say_end(outcome: RunEnd, iterations: int, run: Path) -> None:
    say(f"iteration {outcome.iteration:,} of {iterations:,} ({outcome.reason}): {shown(outcome.weights)}")
    if outcome.reason == "time" and not outcome.did and outcome.iteration < iterations:
        say("no iteration was done: the start took the whole time; give more --max-time")
    if outcome.reason != "finished":
        say(f"go on with: stargan train --run {shlex.quote(str(run))} --resume")


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
