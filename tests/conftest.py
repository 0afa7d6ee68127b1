"""Small machines, small models, generated pictures."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _listening_to_ctrl_c() -> None:
    """Shells have their background jobs ignore it, and programs under test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with CelebA and the London set, which is no part of the project; without it the test is skipped."""
    folder = Path(os.environ.get("STARGAN_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("no shared data (STARGAN_SHARED)")
    return folder
