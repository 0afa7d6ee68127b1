"""Small machines, small models, generated pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with CelebA and the London set, which is no part of the project; without it the test is skipped."""
    folder = Path(os.environ.get("STARGAN_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("no shared data (STARGAN_SHARED)")
    return folder
