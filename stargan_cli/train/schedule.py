"""When something that a run does now and then is due."""

from __future__ import annotations

import time


class Schedule:
    """Is due every `every` iterations, and at the latest `seconds` after it last was."""

    def __init__(self, every: int, seconds: float) -> None:
        self.every, self.seconds = every, seconds
        self.latest = time.monotonic()

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self.latest >= self.seconds

    def is_due(self, iteration: int) -> bool:
        """Whether it is due; if so, the seconds are counted anew."""
        due = self.overdue or iteration % self.every == 0
        if due:
            self.latest = time.monotonic()
        return due
