"""Stand-ins for CUDA graphs on a CPU, and modes that refuse operations that no graph can record."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stargan_cli.lanes import Lanes


class Operations(TorchDispatchMode):
    """A recording on any device: the operations that reach the device, with the tensors that they read and wrote.
    Unlike a CUDA graph, it also computes them while it records."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, Any, Any, list[Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.noted.append((func, args, kwargs or {}, tree_leaves(made)))
        return made

    def record(self) -> Operations:
        return self

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, before in self.noted:
            for place, value in zip(before, tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(place, Tensor) and place.data_ptr() != value.data_ptr():
                    place.copy_(value)


class Recorder:
    """Runs warm-up calls under `Operations` too: it changes how bf16 is rounded, and all calls must round alike."""

    begin = Operations
    warming_up = Operations


class Refusing(Recorder):
    """A recorder on a driver that cannot record."""

    def begin(self) -> Any:  # type: ignore[override]
        raise RuntimeError("operation not permitted when stream is capturing\nCompile with TORCH_USE_CUDA_DSA")


class RecordedLanes(Lanes):
    """Lanes on a CPU whose work is recorded by `recorder`."""

    recorder: type[Recorder] = Recorder

    def _recorder(self, stream: object) -> Any:
        return self.recorder()


class NoListsFromTheHost(TorchFunctionMode):
    """Refuses tensors made of Python lists, also as indices: each is a copy from the host to the device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        indexes = func in (Tensor.__getitem__, Tensor.__setitem__)
        made = func in (torch.tensor, Tensor.new_tensor)
        if made or (indexes and any(isinstance(one, (list, tuple)) for one in _parts(args[1]))):
            raise AssertionError(f"{func} copies a list to the device")
        return func(*args, **(kwargs or {}))


def _parts(index: Any) -> Any:
    """The parts of an index, one per dimension."""
    return index if isinstance(index, tuple) else (index,)


class NothingFromTheHost(TorchDispatchMode):
    """Refuses what a CUDA graph cannot record: copies between host and device, and reading a value on the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        tensors = [one for one in tree_leaves([args, kwargs or {}, made]) if isinstance(one, Tensor)]
        devices = {one.device.type for one in tensors}
        if len(devices) > 1:
            raise AssertionError(f"{func} joins {devices}")
        if "local_scalar" in str(func) or "nonzero" in str(func):
            raise AssertionError(f"{func} waits for the device")
        return made
