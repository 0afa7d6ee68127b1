#!/usr/bin/env python3
"""Whether memory grows with the folder: the peak memory of `stargan translate` over a small and a large folder.

    python benchmarks/memory.py --counts 500 20000

The network is tiny, so that the run is short and most memory is used outside the network; `--weights` takes another
one. Pictures are hard links to a few small faces. The peak is that of all processes together (MiB), sampled ten times a
second; memory that several processes share counts once (PSS, on Linux only). The peak differs by up to a fifth from one
turn to the next, so take the median of several turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

import torch
from measuring import add_options, record
from PIL import Image
from subjects import faces, random_weights

from stargan_cli.model_settings import ModelSettings

TINY = ModelSettings(image_size=32, width=4, blocks=1, discriminator_width=4, discriminator_layers=3)


def peak(arguments: list[str]) -> tuple[float, int, float]:
    """The peak memory (MiB), the largest number of processes and the seconds of a run of `stargan`."""
    start, most, processes = time.perf_counter(), 0.0, 0
    run = subprocess.Popen([sys.executable, "-m", "stargan_cli", *arguments])
    while run.poll() is None:
        numbers = descendants(run.pid)
        most, processes = max(most, sum(map(mebibytes, numbers))), max(processes, len(numbers))
        time.sleep(0.1)
    if run.returncode != 0:
        raise SystemExit(f"stargan ended with {run.returncode}")
    return most, processes, time.perf_counter() - start


def descendants(process: int) -> list[int]:
    """A process and all its descendants."""
    found = [process]
    for number in found:
        with suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def mebibytes(process: int) -> float:
    """The PSS of a process (MiB); 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[500, 20000])
    parser.add_argument("--weights")
    parser.add_argument("--side", type=int, default=64, help="side of the pictures (px)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", choices=("model", "source"), default="source")
    add_options(parser, 1)
    args = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = args.weights or str(random_weights(folder, TINY).path)
        originals = sorted(faces(folder, 8)[0].iterdir())
        for path in originals:
            with Image.open(path) as opened:
                small = opened.resize((args.side, args.side))
            small.save(path, quality=95)
        for count in args.counts:
            source, out = folder / f"in-{count}", folder / f"out-{count}"
            source.mkdir()
            for number in range(count):
                os.link(originals[number % len(originals)], source / f"{number:06d}.jpg")
            command = ["translate", str(source), "--set", "blond,male,young", "--faces", "off", "--size", args.size]
            command += ["--workers", str(args.workers), "--weights", weights, "--out", str(out), "--quiet"]
            turns = []
            for _ in range(args.repeats):
                turns.append(peak(command))
                shutil.rmtree(out)
            peaks, processes, seconds = zip(*turns, strict=True)
            found[str(count)] = {
                "peak MiB": round(median(peaks), 1),
                "lowest": round(min(peaks), 1),
                "highest": round(max(peaks), 1),
                "processes": max(processes),
                "pictures a second": round(count / median(seconds), 1),
            }
    first, *_, last = (found[str(count)]["peak MiB"] for count in args.counts)
    record("memory", {"folders": found, "ratio": round(last / first, 3)}, torch.device("cpu"), args)


if __name__ == "__main__":
    main()
