"""Counts, rate and remaining time of a task, as text."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 15.0
FIRST_RATE_SECONDS = 2.0  # a rate over less than this is noise


class Meter:
    """Counts, rate and remaining time of one task. The rate is that of the last fifteen seconds, without skipped steps.

    `unit` names the steps. The task ends after `seconds` at the latest, counted from the first update.
    """

    def __init__(self, unit: str, seconds: float = float("inf")) -> None:
        self.unit, self.seconds = unit, seconds
        self._samples: deque[tuple[float, int]] = deque()
        self._start: float | None = None
        self._now = 0.0
        self._done, self._skipped = 0, 0
        self._total: int | None = None

    def update(self, done: int, total: int | None, skipped: int, now: float) -> None:
        """Take in the counts at the time `now` (seconds of a monotonic clock)."""
        if self._start is None:
            self._start = now
        self._done, self._skipped, self._total, self._now = done, skipped, total, now
        if not self._samples or done > self._samples[-1][1]:
            self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] < now - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def begun(self) -> bool:
        """Whether any step is done or skipped."""
        return self._done + self._skipped > 0

    def share(self) -> float | None:
        """How much of the task is done, in [0, 1]: the larger of the shares of steps and of time; None if unknown."""
        by_time = 0.0 if self._start is None else (self._now - self._start) / self.seconds
        if self._total is None:
            return by_time or None
        return min(1.0, max(by_time, (self._done + self._skipped) / max(1, self._total)))

    def text(self, now: float) -> str:
        """The state in words, such as `34/2,800 pictures, 1,200 skipped, 8.1/s, 05:32 left`."""
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
        """Seconds until the steps or the time run out; None if that is unknown or already past."""
        rate = self._rate()
        remaining = None if self._total is None else self._total - self._skipped - self._done
        ends = [remaining / rate] if rate and remaining is not None else []
        if self._start is not None and self.seconds != float("inf"):
            ends.append(self._start + self.seconds - now)
        return min(ends) if ends and min(ends) > 0 else None
