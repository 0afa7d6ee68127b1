#!/usr/bin/env python3
"""How long `stargan` takes to start: --help, and one picture from a cold start, compared with `import torch`.

    python benchmarks/startup.py

Each is a process of its own. Seconds are medians of `--repeats` turns, with the fastest.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable

import torch
from measuring import add_options, in_turns, ratio, record, set_threads
from subjects import EXAMPLES


def process(*arguments: str) -> Callable[[], None]:
    def call() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="celeba-128")
    add_options(parser, 7)
    args = parser.parse_args()
    set_threads(args)
    picture = str(min(EXAMPLES.glob("*.jpg")))
    with tempfile.TemporaryDirectory() as out:
        command = ["-m", "stargan_cli", "translate", picture, "--set", "blond", "--overwrite", "--quiet"]
        command += ["--weights", args.weights, "--out", out]
        candidates: dict[str, Callable[[], object]] = {
            "python": process("-c", "pass"),
            "--help": process("-m", "stargan_cli", "--help"),
            "import torch": process("-c", "import torch"),
            "one picture, --faces off": process(*command, "--faces", "off"),
            "one picture": process(*command),
        }
        timings = in_turns(candidates, args.repeats, args.warm_up, args.clock)
    result: dict[str, object] = {
        "seconds": {
            name: {"median": round(sorted(values)[len(values) // 2], 3), "lowest": round(min(values), 3)}
            for name, values in timings.items()
        },
        "times import torch": {
            name: ratio(timings["import torch"], values) for name, values in timings.items() if name.startswith("one")
        },
    }
    record("startup", result, torch.device("cpu"), args)


if __name__ == "__main__":
    main()
