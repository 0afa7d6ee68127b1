"""Freed memory is kept for the next picture, where the C library can be asked to."""

from __future__ import annotations

import ctypes
import platform
import resource
import subprocess
import sys

import pytest

from stargan_cli.translate.streaming import heap

CHILD = """
import resource, sys
from contextlib import nullcontext
from stargan_cli.translate.streaming.heap import freed_memory_kept
with freed_memory_kept() if sys.argv[1] == "keep" else nullcontext():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        kept = [bytearray(b"x") * 2**20 for _ in range(4)]
        del kept
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
RUN = """
import sys
import numpy as np
from pathlib import Path
from stargan_cli.errors import UsageError
from stargan_cli.translate import run

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

def work(*arguments):
    pictures = [np.ones(2**20) for _ in range(12)]
    sizes.append(resident())
    del pictures
    raise UsageError("done")

sizes, run.check_run = [], work
try:
    run.translate([], Path(), None, None)
except UsageError:
    pass
sizes.append(resident())
print(*sizes)
"""
GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


@GLIBC
def test_a_run_gives_its_memory_back_when_it_ends() -> None:
    said = subprocess.run([sys.executable, "-c", RUN], check=True, capture_output=True).stdout
    during, after = (int(pages) * resource.getpagesize() for pages in said.split())
    assert during - after > 80 * 2**20  # of 96 MiB


@GLIBC
def test_arrays_that_are_made_again_cause_no_page_faults() -> None:
    def faults(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", CHILD, how], check=True, capture_output=True).stdout)

    assert 4 * faults("keep") < faults("leave")


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_another_library_does_without(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: object) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    with heap.freed_memory_kept():
        pass
