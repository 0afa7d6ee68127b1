#!/usr/bin/env python3
"""Whether memory grows with the folder: the peak of `stargan translate` over a small and over a large one.

    python benchmarks/memory.py --counts 500 20000

The network is a tiny one, so that the run is short and everything around it shows; `--weights` takes another. Pictures
are hard links to a few faces in CelebA's size. MiB of the largest resident size that the process ever had.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch
from measuring import add_options, record
from subjects import faces, random_weights

from stargan_cli.model import ModelSettings

TINY = ModelSettings(image_size=32, width=4, blocks=1, discriminator_width=4, discriminator_layers=3)


def peak(arguments: list[str]) -> tuple[float, float]:
    """MiB and seconds of a process of `stargan`."""
    start = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-m", "stargan_cli", *arguments])
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"stargan ended with {os.waitstatus_to_exitcode(status)}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_maxrss / unit, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[500, 20000])
    parser.add_argument("--weights")
    add_options(parser, 1)
    args = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = args.weights or str(random_weights(folder, TINY).path)
        originals = sorted(faces(folder, 8)[0].iterdir())
        for count in args.counts:
            source, out = folder / f"in-{count}", folder / f"out-{count}"
            source.mkdir()
            for number in range(count):
                os.link(originals[number % len(originals)], source / f"{number:06d}.jpg")
            command = ["translate", str(source), "--set", "blond,male,young", "--faces", "off", "--size", "model"]
            mebibytes, seconds = peak([*command, "--weights", weights, "--out", str(out), "--quiet"])
            found[str(count)] = {"peak MiB": round(mebibytes, 1), "pictures a second": round(count / seconds, 1)}
            shutil.rmtree(out)
    first, *_, last = (found[str(count)]["peak MiB"] for count in args.counts)
    record("memory", {"folders": found, "ratio": round(last / first, 3)}, torch.device("cpu"), args)


if __name__ == "__main__":
    main()
