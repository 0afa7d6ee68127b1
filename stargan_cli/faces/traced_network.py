"""Small networks for many threads at once, as one call each instead of hundreds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

FIRST_PLAIN = 8
"""Calls before the trace is made: it takes as long as many of them, and a single picture does without."""
TRACES = sys.version_info < (3, 14)  # from there on, PyTorch says that traces may break

_tracing = Lock()  # what PyTorch notes meanwhile is there once for all threads


class Traced:
    """Computes what `network` does, for inputs of any size that take the same way through it as `example` does.

    In plain PyTorch each of a network's operations gives Python's lock back and asks for it again, and the more threads
    wait for it, the longer that takes; a trace asks once. The numbers are the same.
    """

    def __init__(self, network: nn.Module, example: Tensor) -> None:
        self._network, self._example, self._plain_left = network, example, FIRST_PLAIN
        self._trace: Callable[[Tensor], Any] | None = None

    def __call__(self, pictures: Tensor) -> Any:
        if self._plain_left > 0 or not TRACES:
            self._plain_left -= 1
            return self._network(pictures)
        with _tracing:
            if self._trace is None:
                self._trace = self._traced()
        return self._trace(pictures)

    def _traced(self) -> Callable[[Tensor], Any]:
        # torch.jit is frozen, and nothing else leaves the lock alone; the filter is for the process, as
        # `catch_warnings` takes one thread's for all
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace")
        trace = torch.jit.trace(self._network, self._example, check_trace=False)  # type: ignore[no-untyped-call]
        result: Callable[[Tensor], Any] = trace
        return result


def as_one_call(network: nn.Module, example: Tensor) -> Callable[[Tensor], Any]:
    """The network, `Traced` where no CUDA graph holds it (see `lanes`); there, a trace would be compiled meanwhile."""
    return network if example.device.type == "cuda" else Traced(network, example)


def interleaved(device: torch.device) -> torch.memory_format:
    """How pictures lie in memory: channels last, four times as fast on CPUs. On MPS, whose convolutions have been wrong
    with it (pytorch/pytorch#180984), as planes."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last
