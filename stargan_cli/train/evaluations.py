"""Evaluate the weights of a run while it trains, and keep the best."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.errors import StarganError
from stargan_cli.files.atomic import replacement
from stargan_cli.train.log import RunLog

Evaluate = Callable[[Path], dict[str, float]]
"""A weights file -> numbers by name; the best weights have the largest `score`. Raises StarganError
where pictures or networks that it needs are gone."""
SCORE = "eval/score"


@dataclass(frozen=True)
class Evaluations:
    """Every `every` iterations (0: never), `evaluate` measures the run's `weights`. The numbers become a row of `log`;
    weights with a larger score than all before are copied to `best.safetensors`."""

    evaluate: Evaluate | None
    every: int
    weights: Path
    log: RunLog
    say: Callable[[str], None]

    def are_due(self, iteration: int) -> bool:
        return self.evaluate is not None and self.every > 0 and iteration % self.every == 0

    def write(self, iteration: int, seconds: float) -> dict[str, float]:
        """Measure, log and return the numbers. A failure is reported and does not stop the run; then there are none."""
        if self.evaluate is None:
            return {}
        started, best = time.monotonic(), self.log.largest(SCORE)
        try:
            numbers = {f"eval/{name}": value for name, value in self.evaluate(self.weights).items()}
            if numbers[SCORE] > best:
                with replacement(self.weights.with_name("best.safetensors")) as temporary:
                    shutil.copyfile(self.weights, temporary)
        except (OSError, StarganError) as error:
            self.say(f"the weights of iteration {iteration:,} could not be evaluated ({error}); going on")
            return {}
        numbers["eval/seconds"] = round(time.monotonic() - started, 2)
        self.log.write({"iteration": iteration, "seconds": round(seconds, 2), **numbers})
        return numbers
