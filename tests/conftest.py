"""Settings and fixtures of all tests."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)

FAST = ("compositing", "datasets", "fast_cpu", "files", "labels", "pictures", "weights")
FAST_FILES = ("test_device.py", "test_losses.py", "test_model.py", "test_targets.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of single parts, which run no whole command, as `fast`."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        if place.parts[0] in FAST or place.name in FAST_FILES:
            item.add_marker(pytest.mark.fast)


@pytest.fixture(autouse=True, scope="session")
def _listening_to_signals() -> None:
    """Shells make background jobs ignore SIGINT, and nohup makes them ignore SIGHUP; programs under test would inherit
    that. A handler is not inherited."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with CelebA and the London set, which are not part of the project; without it the test is skipped."""
    folder = Path(os.environ.get("STARGAN_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip("no shared data (STARGAN_SHARED)")
    return folder


@pytest.fixture
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks. A parameter is the number of the error that it gives; ENOSYS by default."""
    number = getattr(request, "param", errno.ENOSYS)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("stargan_cli.files.locks._lock", refuse)
