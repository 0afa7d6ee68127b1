"""A run's log: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stargan_cli.files.atomic import replacement


class RunLog:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._complained = False

    def keep_until(self, iteration: int) -> None:
        """Drop the rows after `iteration`, and a torn last line: a resumed run writes them again."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and row.get("iteration", 0) <= iteration:
                kept.append(line)
        with replacement(self.path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def write(self, row: dict[str, Any], say: Callable[[str], None]) -> None:
        """Append a row; a disk that is full is said once and does not stop the run."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            if not self._complained:
                say(f"the log {self.path} cannot be written ({error}); going on")
            self._complained = True
