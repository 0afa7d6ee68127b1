"""Counts, rate and remaining time of a task, in words."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 15.0
FIRST_RATE_SECONDS = 2.0  # a rate over less than this is noise


class Meter:
    """The rate is that of the last fifteen seconds, and of steps that were worked on: skipped ones do not count.

    `unit` names the steps; the task ends after `seconds` at the latest, counted from the first update.
    """

    def __init__(self, unit: str, seconds: float = float("inf")) -> None:
        self.unit, self.seconds = unit, seconds
        self._samples: deque[tuple[float, int]] = deque()
        self._start: float | None = None
        self._now = 0.0
        self._done, self._skipped = 0, 0
        self._total: int | None = None

    def update(self, done: int, total: int | None, skipped: int, now: float) -> None:
        """`now` in seconds of a monotonic clock."""
        if self._start is None:
            self._start = now
        self._done, self._skipped, self._total, self._now = done, skipped, total, now
        if not self._samples or done > self._samples[-1][1]:
            self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] < now - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def begun(self) -> bool:
        """Whether a step is done or skipped."""
        return self._done + self._skipped > 0

    def share(self) -> float | None:
        """How much of the task is done, in [0, 1], by steps or by time, whichever is further; None while unknown."""
        by_time = 0.0 if self._start is None else (self._now - self._start) / self.seconds
        if self._total is None:
            return by_time or None
        return min(1.0, max(by_time, (self._done + self._skipped) / max(1, self._total)))

    def text(self, now: float) -> str:
        """Such as `34/2,800 pictures, 1,200 skipped, 8.1/s, 05:32 left`."""
        from tqdm import tqdm

        counts = f"{self._done:,}" if self._total is None else f"{self._done:,}/{self._total - self._skipped:,}"
        parts = [f"{counts} {self.unit}"]
        parts += [f"{self._skipped:,} skipped"] if self._skipped else []
        rate, left = self._rate(), self._left(now)
        parts += [f"{rate:,.1f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"] if rate else []
        parts += [f"{tqdm.format_interval(left)} left"] if left is not None else []
        return ", ".join(parts)

    def _rate(self) -> float | None:
        """Steps a second."""
        if len(self._samples) < 2:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last - first >= FIRST_RATE_SECONDS else None

    def _left(self, now: float) -> float | None:
        """Seconds until the end of the steps or of the time; None once it is reached or while it is unknown."""
        rate = self._rate()
        remaining = None if self._total is None else self._total - self._skipped - self._done
        ends = [remaining / rate] if rate and remaining is not None else []
        if self._start is not None and self.seconds != float("inf"):
            ends.append(self._start + self.seconds - now)
        return min(ends) if ends and min(ends) > 0 else None
