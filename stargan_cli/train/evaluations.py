"""Evaluate the weights of a run while it trains, and keep the best."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stargan_cli.errors import StarganError
from stargan_cli.files.atomic import replacement
from stargan_cli.files.json_text import parsed_json
from stargan_cli.progress import Progress, Say
from stargan_cli.train.log import RunLog

Measured = tuple[dict[str, float], dict[str, Any]]
"""Numbers by name, and what measured them (classifiers, number of pictures), as plain values."""
Evaluate = Callable[[Path, Progress], Measured]
"""A weights file -> what was measured; the best weights have the largest `score`. Its progress may raise an exception,
which ends it. Raises StarganError where pictures or networks that it needs are gone."""
SCORE, MEASURED_WITH = "eval/score", "measured_with"


@dataclass(frozen=True)
class Evaluations:
    """Every `every` iterations (0: never), `evaluate` measures the run's `weights`. The numbers become a row of `log`;
    weights with a larger score than all before are copied to `best.safetensors`, and their numbers to `best.json`. The
    log does not suffice: a run that is resumed from an earlier checkpoint drops the row. Only scores with the same
    instruments count. As soon as `stop` is true, an evaluation is given up."""

    evaluate: Evaluate | None
    every: int
    weights: Path
    log: RunLog
    say: Say
    stop: Callable[[], bool] = lambda: False

    def are_due(self, iteration: int) -> bool:
        return self.evaluate is not None and self.every > 0 and iteration > 0 and iteration % self.every == 0

    def write(self, iteration: int, seconds: float) -> dict[str, float]:
        """Measure, log and return the numbers. A failure is reported and does not stop the run; then there are none."""
        if self.evaluate is None:
            return {}
        started = time.monotonic()
        try:
            found, instruments = self.evaluate(self.weights, self._go_on)
            numbers = {f"eval/{name}": value for name, value in found.items()}
            if numbers[SCORE] > self._best(instruments):
                with replacement(self.weights.with_name("best.safetensors")) as temporary:
                    shutil.copyfile(self.weights, temporary)
                row = {"iteration": iteration, **numbers, MEASURED_WITH: instruments}
                with replacement(self.weights.with_name("best.json")) as temporary:
                    temporary.write_text(json.dumps(row) + "\n", encoding="utf-8")
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

    def _best(self, instruments: dict[str, Any]) -> float:
        """The score of the best weights so far with these instruments; minus infinity if there are none."""
        if not self.weights.with_name("best.safetensors").exists():
            return -math.inf
        try:
            row = parsed_json(self.weights.with_name("best.json").read_text(encoding="utf-8"))
            score, known = float(row[SCORE]), row.get(MEASURED_WITH)
        except (OSError, ValueError, KeyError, TypeError):
            return -math.inf
        if known != instruments:
            how = "by an earlier version" if known is None else "with other classifiers, networks or pictures"
            self.say(f"best.safetensors was chosen {how}: these weights replace it")
            return -math.inf
        return score
