"""Where and how the networks compute: device, precision, threads and random seeds."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from math import ceil, inf
from pathlib import Path, PurePath

import numpy as np
import torch
from torch import Tensor

from stargan_cli import launcher
from stargan_cli.errors import UsageError, first_line

GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def pick_device(name: str) -> torch.device:
    """The device that `name` means: auto (CUDA, else MPS, else the CPU), cpu, cuda, cuda:1, mps. Where a launcher has
    started several processes, auto and cuda share a machine's CUDA devices out among them.

    Raises UsageError where there is no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and (rank := launcher.local_rank()):  # the first one keeps the process's current device
        name = f"cuda:{rank % max(1, torch.cuda.device_count())}"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise UsageError(f"unknown device {name!r}", "use auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            found = f"{count} CUDA device{'s' * (count != 1)}" if count else "no CUDA device"
            raise UsageError(f"{name} asked for, but this machine has {found}", "use --device auto")
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise UsageError("mps asked for, but this machine has no Apple GPU", "use --device auto")
    return device


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The number type that the convolutions compute in: auto, fp32, bf16 or fp16; parameters stay fp32.

    auto takes bf16 where the hardware has instructions for it (x86: AVX512-BF16, AMX; CUDA: from compute capability
    8.0) and, on a CPU, where oneDNN may use them (ONEDNN_MAX_CPU_ISA); else fp32.
    Raises UsageError for an unknown name, for fp16 on the CPU, which has no fast path for it, and for bf16 and fp16 on
    MPS with a PyTorch before 2.5.
    """
    if name == "auto":
        return torch.bfloat16 if _multiplies_bf16(device) else torch.float32
    if name not in PRECISIONS:
        raise UsageError(f"unknown precision {name!r}", f"use auto, {', '.join(PRECISIONS)}")
    if name == "fp16" and device.type == "cpu":
        raise UsageError("fp16 is slow on the CPU and is not offered there", "use --precision auto, bf16 or fp32")
    if name != "fp32" and not torch.amp.is_autocast_available(device.type):
        raise UsageError(f"this PyTorch computes in fp32 alone on {device.type}", "use --precision auto or fp32")
    return PRECISIONS[name]


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "mps":
        return False
    allows = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    if allows is None or not allows():
        return False  # whatever the processor: without oneDNN's kernels bf16 is a hundred times slower
    probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(probe is not None and bool(probe()) for probe in probes)


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """A context in which convolutions on `device` compute in `dtype`; does nothing for fp32."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=dtype)


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a CPU tensor to `device`, without waiting for work that is still running there."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)  # from pageable memory, the copy would wait
    return tensor.to(device)


def free_memory(device: torch.device) -> int:
    """Free memory of a CUDA device (bytes)."""
    return torch.cuda.mem_get_info(device)[0]


@contextmanager
def compiling() -> Iterator[None]:
    """Wrap calls of a function from `torch.compile`: the first one compiles it. Raises UsageError where that fails."""
    try:
        yield
    except RuntimeError as error:
        from torch._dynamo.exc import TorchDynamoException  # slow to import

        if not isinstance(error, TorchDynamoException):
            raise
        raise UsageError(
            f"torch cannot compile the network: {first_line(error)}", "leave --compile out (train: give --no-compile)"
        ) from error


def put(tensor: Tensor, place: Tensor) -> None:
    """Copy a CPU tensor into the tensor `place`, without waiting for work that is still running on its device."""
    on_cuda = place.device.type == "cuda"
    place.copy_(tensor.pin_memory() if on_cuda else tensor, non_blocking=on_cuda)


def fetch(tensor: Tensor) -> Tensor:
    """Copy a tensor to the CPU. From CUDA the copy is complete only once the current stream has been waited for."""
    if tensor.device.type != "cuda":
        return tensor.cpu()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)


def memory_layout(device: torch.device) -> torch.memory_format:
    """The fastest memory layout of pictures and kernels on `device`: interleaved pixels for convolutions on CUDA,
    separate planes for instance normalisation on the CPU."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's random numbers (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def cpu_count() -> int:
    """CPU cores that this process may use: by its affinity, and by its container's quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, ceil(min(cores, _quota())))


def _quota() -> float:
    """The CPU cores that Linux's control groups (of a container, say) allow this process; inf without a limit."""
    quota = inf
    with suppress(OSError, ValueError):
        for line in OWN_GROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)  # version 2 has one line, without controllers
            if not controllers or "cpu" in controllers.split(","):
                root, group = GROUPS / ("cpu" if controllers else ""), PurePath(path.lstrip("/"))
                quota = min(quota, *(_quota_of(root / part) for part in (group, *group.parents)))
    return quota


def _quota_of(group: Path) -> float:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):  # version 2, version 1
        with suppress(OSError, ValueError):
            quota, period = (word for name in names for word in (group / name).read_text().split())
            return int(quota) / int(period) if quota.isdigit() else inf  # no limit: max, or -1
    return inf


def limit_threads() -> None:
    """Keep torch from using more threads than `cpu_count`, unless OMP_NUM_THREADS sets their number."""
    if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > (cores := cpu_count()):
        torch.set_num_threads(cores)


def tune_for_training(device: torch.device) -> None:
    """Let cuDNN choose its convolutions by timing them, once for each shape: worthwhile if shapes stay the same. Also
    make a CUDA device the current one, as CUDA graphs need it, and `limit_threads`."""
    limit_threads()
    torch.backends.cudnn.benchmark = device.type == "cuda"
    torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32 = False, True  # undoes `repeatable`
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)


def repeatable(device: torch.device) -> None:
    """Make the same call on the same machine give the same bytes (no timed choice of algorithms), and compute fp32 in
    full precision (no TF32). Only CUDA needs settings for this. They hold for the whole process. Also `limit_threads`.
    """
    limit_threads()
    if device.type != "cuda":
        return
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
