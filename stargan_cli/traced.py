"""Small networks for many threads at once, as one call each instead of hundreds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

_tracing = Lock()  # what PyTorch notes meanwhile is there once for all threads


def traced(network: nn.Module, example: Tensor) -> Callable[[Tensor], Any]:
    """What `network` does, for inputs of any size that takes the same way through it as `example` does.

    In plain PyTorch each of a network's operations gives Python's lock back and asks for it again, and the more threads
    wait for it, the longer that takes; a trace asks once. The numbers are the same.
    """
    if sys.version_info >= (3, 14):  # where PyTorch says that traces may break
        return network
    with _tracing, torch.inference_mode():
        # torch.jit is frozen, and nothing else leaves the lock alone; for the process, as `catch_warnings` takes one
        # thread's filters for all
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace")
        result: Callable[[Tensor], Any] = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
    return result
