"""Evaluate the weights of a run while it trains, and keep the best."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.errors import StarganError
from stargan_cli.files.atomic import replacement
from stargan_cli.progress import Progress, Say
from stargan_cli.train.log import RunLog

Evaluate = Callable[[Path, Progress], dict[str, float]]
"""A weights file -> numbers by name; the best weights have the largest `score`. Its progress may raise an exception,
which ends it. Raises StarganError where pictures or networks that it needs are gone."""
SCORE = "eval/score"


@dataclass(frozen=True)
class Evaluations:
    """Every `every` iterations (0: never), `evaluate` measures the run's `weights`. The numbers become a row of `log`;
    weights with a larger score than all before are copied to `best.safetensors`, and their numbers to `best.json`: a
    run that is resumed from before them drops their row. As soon as `stop` is true, an evaluation is given up."""

    evaluate: Evaluate | None
    every: int
    weights: Path
    log: RunLog
    say: Say
    stop: Callable[[], bool] = lambda: False

    def are_due(self, iteration: int) -> bool:
        return self.evaluate is not None and self.every > 0 and iteration % self.every == 0

    def write(self, iteration: int, seconds: float) -> dict[str, float]:
        """Measure, log and return the numbers. A failure is reported and does not stop the run; then there are none."""
        if self.evaluate is None:
            return {}
        started = time.monotonic()
        try:
            numbers = {f"eval/{name}": value for name, value in self.evaluate(self.weights, self._go_on).items()}
            if numbers[SCORE] > self._best():
                with replacement(self.weights.with_name("best.safetensors")) as temporary:
                    shutil.copyfile(self.weights, temporary)
                with replacement(self.weights.with_name("best.json")) as temporary:
                    temporary.write_text(json.dumps({"iteration": iteration, **numbers}) + "\n", encoding="utf-8")
        except (OSError, StarganError, MemoryError, RuntimeError) as error:
            ending = "" if self.stop() else "; going on"
            self.say(f"the weights of iteration {iteration:,} could not be evaluated ({error}){ending}")
            return {}
        numbers["eval/seconds"] = round(time.monotonic() - started, 2)
        self.log.write({"iteration": iteration, "seconds": round(seconds, 2), **numbers})
        return numbers

    def _go_on(self, done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        """A progress that raises StarganError if the run shall stop."""
        if self.stop():
            raise StarganError("the run is stopping")

    def _best(self) -> float:
        """The score of the best weights so far; minus infinity if there are none."""
        if not self.weights.with_name("best.safetensors").exists():
            return -math.inf
        try:
            return float(json.loads(self.weights.with_name("best.json").read_text(encoding="utf-8"))[SCORE])
        except (OSError, ValueError, KeyError, TypeError):
            return -math.inf
