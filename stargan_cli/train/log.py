"""The log of a run's losses: rows of JSON, and TensorBoard's files beside them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stargan_cli.errors import UsageError
from stargan_cli.files.atomic import replacement, sync_file, sync_folder
from stargan_cli.progress import Say


class RunLog:
    """`log.jsonl`: a row has an iteration, the seconds until then, and numbers such as losses."""

    def __init__(self, path: Path, say: Say) -> None:
        self.path, self.say = path, say
        self._complained = False

    def keep_until(self, iteration: int) -> None:
        """Drop the rows after `iteration`, and an incomplete last line: a resumed run writes them again."""
        if not self.path.is_file():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and _number(row.get("iteration")) <= iteration:
                kept.append(line)
        with replacement(self.path) as temporary:
            temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        """Append a row, whole or not at all. A full disk is reported once and does not stop the run."""
        before = self.path.stat().st_size if self.path.is_file() else 0
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, before)
            if not self._complained:
                self.say(f"the log {self.path} cannot be written ({error}); going on")
            self._complained = True

    def sync(self) -> None:
        """Wait until the rows are on the disk, before a checkpoint that relies on them. An error is ignored: the
        checkpoint matters more."""
        with suppress(OSError):
            sync_file(self.path)
            sync_folder(self.path.parent)


def _number(value: Any) -> float:
    """A value of a row; infinity for what is not a number, as other programs may have edited the file."""
    return value if isinstance(value, (int, float)) else math.inf


class Board:
    """TensorBoard's files of a run, in `folder`."""

    def __init__(self, folder: Path, iteration: int, say: Say) -> None:
        """Begin after `iteration`: TensorBoard hides what an earlier call wrote for later ones. Raises UsageError where
        the package is not installed."""
        require_board()
        from torch.utils.tensorboard import SummaryWriter

        self.folder, self.say = folder, say
        self._complained = False
        self._writer: Any = SummaryWriter(str(folder), purge_step=iteration + 1)

    def scalars(self, numbers: dict[str, float], iteration: int) -> None:
        self._write(lambda: [self._writer.add_scalar(name, value, iteration) for name, value in numbers.items()])

    def picture(self, name: str, picture: Image.Image, iteration: int) -> None:
        self._write(lambda: self._writer.add_image(name, np.asarray(picture), iteration, dataformats="HWC"))

    def close(self) -> None:
        self._write(self._writer.close)

    def _write(self, write: Callable[[], object]) -> None:
        """A full disk is reported once and does not stop the run."""
        try:
            write()
        except OSError as error:
            if not self._complained:
                self.say(f"TensorBoard's files in {self.folder} cannot be written ({error}); going on")
            self._complained = True


def require_board() -> None:
    """Raises UsageError where TensorBoard's package is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "--log tensorboard needs a package that is not installed",
            "pip install 'stargan-cli[tensorboard]', or leave --log out: log.jsonl is always written",
        ) from error
