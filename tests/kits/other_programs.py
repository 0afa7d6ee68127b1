"""Other programs that read pictures, as far as they are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import corpus
import pytest


def read_by(program: Sequence[str], path: Path) -> subprocess.CompletedProcess[bytes]:
    """Let a program read a file; `{}` in its arguments is the path. Skips the test if the program is missing, or fails
    on a plain file of Pillow's: another program may have the same name."""
    plain = path.with_name(f"plain{path.suffix}")
    corpus.scene().save(plain)
    if shutil.which(program[0]) is None or _run(program, plain).returncode != 0:
        pytest.skip(f"no {program[0]} that reads {path.suffix}")
    return _run(program, path)


def _run(program: Sequence[str], path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([part.format(path) for part in program], capture_output=True, timeout=60)
