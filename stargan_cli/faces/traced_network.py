"""Trace small networks, so that many threads can run them at once: one call each instead of hundreds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

FIRST_PLAIN = 8
"""Plain calls before the trace is made: tracing takes as long as many calls, and a single picture needs none."""
TRACES = sys.version_info < (3, 14)  # from 3.14 on, PyTorch warns that traces may break

_tracing = Lock()  # all threads share PyTorch's state of tracing


class Traced:
    """Computes what `network` does, for inputs of any size that go through the same operations as `example`.

    In plain PyTorch each operation releases the GIL and acquires it again. The more threads wait for it, the longer
    that takes; a trace acquires it once. The results are the same.
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
        # torch.jit is deprecated, but nothing else runs a network without the GIL. The filter is set for the whole
        # process, because `catch_warnings` is not thread-safe.
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace")
        trace = torch.jit.trace(self._network, self._example, check_trace=False)  # type: ignore[no-untyped-call]
        result: Callable[[Tensor], Any] = trace
        return result


def ready(network: nn.Module, tensors: dict[str, Tensor], device: torch.device, side: int) -> Callable[[Tensor], Any]:
    """Return the network with these weights on the device. It takes pictures, float32 (N, 3, side, side), in the layout
    of `layout_for_faces`.

    It is `Traced` unless on CUDA: there a CUDA graph records it (see `lanes`), and a trace would be compiled during the
    recording."""
    layout = layout_for_faces(device)
    network.load_state_dict(tensors, assign=True)
    network.eval().requires_grad_(False).to(device).to(memory_format=layout)
    if device.type == "cuda":
        return network
    return Traced(network, torch.zeros(1, 3, side, side, dtype=torch.float32, device=device).to(memory_format=layout))


def layout_for_faces(device: torch.device) -> torch.memory_format:
    """Return the memory layout of pictures for the face networks: channels_last, four times as fast on CPUs; contiguous
    on MPS, where convolutions have been wrong with channels_last (pytorch/pytorch#180984)."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last
