"""Small networks for many threads at once, as one call each instead of hundreds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def traced(network: nn.Module, example: Tensor) -> Callable[[Tensor], Any]:
    """What `network` does, for inputs of any size that takes the same way through it as `example` does.

    In plain PyTorch each of a network's operations gives Python's lock back and asks for it again, and the more threads
    wait for it, the longer that takes; a trace asks once. The numbers are the same.
    """
    if sys.version_info >= (3, 14):  # where PyTorch says that traces may break
        return network
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is frozen, and nothing else leaves the lock alone
        result: Callable[[Tensor], Any] = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call]
    return result
