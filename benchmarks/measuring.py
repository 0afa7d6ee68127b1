"""Shared by the benchmarks: timing in turns, medians with their spread, the machine, and the history file."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

HISTORY = Path(__file__).with_name("history.jsonl")
ROOT = Path(__file__).resolve().parents[1]

Timings = dict[str, list[float]]


def wall() -> float:
    return time.perf_counter()


def cpu() -> float:
    """CPU seconds of this process and of its ended child processes, to measure on a machine that others use too.
    Comparable only with one thread, since threads may wait for one another in a busy loop."""
    import resource  # not on Windows

    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


CLOCKS: dict[str, Callable[[], float]] = {"wall": wall, "cpu": cpu}


def add_options(parser: argparse.ArgumentParser, repeats: int) -> None:
    parser.add_argument("--repeats", type=int, default=repeats, help="turns")
    parser.add_argument("--warm-up", type=int, default=1, help="turns before the measured ones")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for a machine that others use too")
    parser.add_argument("--threads", type=int, help="threads of the networks; by default 1 with --clock cpu")
    parser.add_argument("--no-history", action="store_true", help="add nothing to history.jsonl")


def set_threads(args: argparse.Namespace) -> None:
    if args.threads or args.clock == "cpu":
        torch.set_num_threads(args.threads or 1)


def in_turns(
    candidates: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1, clock: str = "wall"
) -> Timings:
    """Seconds of each call. Every round calls all candidates in turn, so that a busy moment slows all of them alike."""
    now = CLOCKS[clock]
    for _ in range(warm_up):
        for call in candidates.values():
            call()
    timings: Timings = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, call in candidates.items():
            start = now()
            call()
            timings[name].append(now() - start)
    return timings


def rate(seconds: list[float], count: float) -> dict[str, float]:
    """Items a second, for calls that handled `count` items each: median, lowest and highest."""
    return {
        "median": round(count / statistics.median(seconds), 3),
        "lowest": round(count / max(seconds), 3),
        "highest": round(count / min(seconds), 3),
    }


def ratio(ours: list[float], theirs: list[float], work: float = 1.0) -> dict[str, float]:
    """How many times as fast `ours` is in the same round: median, lowest, highest. Multiplied by `work`, the amount of
    work in our call for each unit in theirs."""
    values = [work * other / own for own, other in zip(ours, theirs, strict=True)]
    return {
        "median": round(statistics.median(values), 3),
        "lowest": round(min(values), 3),
        "highest": round(max(values), 3),
    }


def matrix_peak(dtype: torch.dtype, device: torch.device, clock: str, repeats: int = 5) -> float:
    """GFLOP/s of a product of two large square matrices: the peak for convolutions without Winograd."""
    size = 8192 if device.type == "cuda" else 2048
    first, second = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def product() -> None:
        torch.mm(first, second)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return 2e-9 * size**3 / min(in_turns({"product": product}, repeats, 2, clock)["product"])


def machine(device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in values.items()}
    flags = [flag for flag in ("avx512_bf16", "amx_bf16", "avx512_vnni") if flag in fields.get("flags", "").split()]
    return ", ".join([fields.get("model name", platform.machine()), *flags])


def commit() -> str:
    """The commit that was measured, with a plus if files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12"], cwd=ROOT, capture_output=True, text=True
    )
    return described.stdout.strip() or "unknown"


def record(benchmark: str, result: dict[str, Any], device: torch.device, args: argparse.Namespace) -> None:
    """Print a result as JSON and add it to the history."""
    row = {
        "benchmark": benchmark,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": machine(device),
        "clock": args.clock,
        "turns": args.repeats,
        **result,
    }
    print(json.dumps(row, indent=2))
    if not args.no_history:
        with HISTORY.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
