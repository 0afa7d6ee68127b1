"""Freed memory is kept for the next picture, where the C library can be asked to."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from stargan_cli.translate.streaming import heap

CHILD = """
import resource, sys
from stargan_cli.translate.streaming.heap import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    kept = [bytearray(b"x") * 2**20 for _ in range(4)]
    del kept
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_arrays_that_are_made_again_cause_no_page_faults() -> None:
    def faults(how: str) -> int:
        return int(subprocess.run([sys.executable, "-c", CHILD, how], check=True, capture_output=True).stdout)

    assert 4 * faults("keep") < faults("leave")


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_another_library_does_without(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: object) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    heap.keep_freed_memory()
