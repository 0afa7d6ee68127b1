#!/usr/bin/env python3
"""How fast `stargan train` is: a D step, a D and G step, and the paper's iteration (five D, one G).

    python benchmarks/train.py --reference ../stargan
    python benchmarks/train.py --preset fast --batch-size 64 --steps 20 --warm-up 2      # on a GPU

Results are medians of `--repeats` turns, with the slowest and the fastest. In a turn, every candidate runs `--steps`
iterations without a G step, and as many with one. The time of the paper's iteration, and the minutes of its whole
training (200,000 D and 40,000 G steps), are calculated from these. Candidates are the precisions. On CUDA, each runs
with graphs, without (`eager`) and, on request, with pictures as planes; `--compile` adds compiled networks (on a CPU
too, for comparison: `train` refuses it there). The share of the peak compares the operations that torch counts in the
plain networks with a matrix product on the same device. `--reference` times a clone of yunjey/stargan with the same
tensors on the same pictures in the same turns: its `Solver.train` gets ready-made batches, while ours takes uint8
pictures from its cache, flips and normalises them. It is the paper's network, at any `--width`, `--size` and
`--batch-size`; another `--preset` has no reference.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from measuring import Timings, add_options, in_turns, matrix_peak, rate, ratio, record, set_threads
from reference import Reference
from subjects import ATTRIBUTES, LAYOUT, faces, random_weights
from torch.profiler import ProfilerActivity
from torch.profiler import profile as torch_profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.device import pick_device, pick_precision
from stargan_cli.pictures.tensors import load_square, to_model
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.presets import PRESETS, preset
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import make_trainer, model_settings
from stargan_cli.weights.files import Weights

N_CRITIC, PAPER = 5, 40_000  # iterations of five D and one G
KINDS = {"D": False, "D and G": True}


def chosen(args: argparse.Namespace) -> TrainSettings:
    sizes = {"image_size": args.size, "width": args.width, "discriminator_width": args.width}
    return preset(args.preset, **sizes, batch_size=args.batch_size, head_start=0, penalty_every=1)


def our_trainer(
    settings: TrainSettings, weights: Weights, pictures: CachedPictures, device: torch.device, precision: str
) -> Trainer:
    trainer = make_trainer(settings, weights.card.layout, [pictures], device, pick_precision(precision, device))
    trainer.generator.load_state_dict(weights.generator.state_dict())
    assert weights.discriminator is not None
    trainer.discriminator.load_state_dict(weights.discriminator.state_dict())
    return trainer


def our_steps(trainer: Trainer, with_generator: bool, steps: int) -> Callable[[], None]:
    n_critic = 1 if with_generator else trainer.settings.iterations + 1

    def call() -> None:
        trainer.settings = replace(trainer.settings, n_critic=n_critic)
        for _ in range(steps):
            losses = trainer.iterate()
        float(losses["D/real"])  # waits for the device

    return call


class Counter(TorchDispatchMode):
    """Counts operations as `FlopCounterMode` does, whose hooks fail on the gradient penalty."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if (count := flop_registry.get(func.overloadpacket)) is not None:
            self.operations += count(*args, **(kwargs or {}), out_val=made)
        return made


def operations(trainer: Trainer, with_generator: bool) -> float:
    """GFLOP of one iteration with the plain networks, gradients included."""
    trainer.fast_generator = trainer.generator
    with Counter() as counter:
        our_steps(trainer, with_generator, 1)()
    return 1e-9 * counter.operations


def trainers_of(
    args: argparse.Namespace, weights: Weights, pictures: CachedPictures, device: torch.device
) -> dict[str, Trainer]:
    settings, found = chosen(args), {}
    for precision in args.precisions:
        found[precision] = our_trainer(settings, weights, pictures, device, precision)
        if device.type == "cuda":
            found[f"{precision} eager"] = our_trainer(
                replace(settings, graphs=False), weights, pictures, device, precision
            )
        if args.compile:
            found[f"{precision} compiled"] = our_trainer(
                replace(settings, compiled=True), weights, pictures, device, precision
            )
        if device.type == "cuda" and args.planes:
            planes = {"memory_layout": lambda device: torch.contiguous_format}
            with (
                patch.multiple("stargan_cli.train.learning.trainer", **planes),
                patch.multiple("stargan_cli.train.learning.turns", **planes),
            ):
                found[f"{precision} planes"] = our_trainer(settings, weights, pictures, device, precision)
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="a clone of yunjey/stargan")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--preset", choices=PRESETS, default="paper")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=1, help="iterations in a turn")
    parser.add_argument("--compile", action="store_true", help="measure compiled networks too")
    parser.add_argument("--planes", action="store_true", help="measure pictures as planes too, not interleaved (CUDA)")
    parser.add_argument("--profile", action="store_true", help="print where the time of the first candidate goes")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precisions", nargs="+", default=["auto", "fp32"])
    add_options(parser, 3)
    args = parser.parse_args()
    if args.reference and args.preset != "paper":
        parser.error("--reference needs --preset paper: the reference is the paper's network")
    return args


def rates(timings: Timings, sides: list[str], args: argparse.Namespace) -> dict[str, Any]:
    cycles = {side: cycle(timings, side) for side in sides}
    minutes = {side: round(PAPER / 60 / rate(seconds, args.steps)["median"], 1) for side, seconds in cycles.items()}
    result: dict[str, Any] = {
        "steps a second": {name: rate(seconds, args.steps) for name, seconds in timings.items()},
        "pictures a second": {name: rate(seconds, args.steps * args.batch_size) for name, seconds in timings.items()},
        "iterations of the paper a second": {side: rate(seconds, args.steps) for side, seconds in cycles.items()},
        "minutes of the paper's training": minutes,
    }
    if "reference" in sides:
        result["times the reference"] = {
            side: {
                **{kind: ratio(timings[f"{side} {kind}"], timings[f"reference {kind}"]) for kind in KINDS},
                "iteration": ratio(cycles[side], cycles["reference"]),
            }
            for side in sides[:-1]
        }
    return result


def cycle(timings: Timings, side: str) -> list[float]:
    """Seconds of the paper's iterations (five D, one G) in each turn."""
    pairs = zip(timings[f"{side} D"], timings[f"{side} D and G"], strict=True)
    return [(N_CRITIC - 1) * alone + both for alone, both in pairs]


def shares(timings: Timings, trainers: dict[str, Trainer], counted: Trainer, args: argparse.Namespace) -> Any:
    """Each candidate's operations a second, as a share of those of a matrix product in its precision."""
    device, work = counted.device, {kind: operations(counted, with_g) for kind, with_g in KINDS.items()}
    peaks = {one.precision: matrix_peak(one.precision, device, args.clock) for one in trainers.values()}
    found: dict[str, Any] = {
        f"{name} {kind}": round(
            rate(timings[f"{name} {kind}"], args.steps * gflop)["median"] / peaks[trainer.precision], 3
        )
        for name, trainer in trainers.items()
        for kind, gflop in work.items()
    }
    found["GFLOP of a step"] = {kind: round(gflop) for kind, gflop in work.items()}
    found["peak in GFLOP/s"] = {str(dtype): round(peak) for dtype, peak in peaks.items()}
    return found


def profile(trainer: Trainer, steps: int) -> None:
    """Print the operations that take longest in D and G steps: those of the GPU on CUDA, else those of the CPU."""
    on_cuda = trainer.device.type == "cuda"
    activity = ProfilerActivity.CUDA if on_cuda else ProfilerActivity.CPU
    with torch_profile(activities=[activity]) as found:
        our_steps(trainer, True, steps)()
    sort = "self_device_time_total" if on_cuda else "self_cpu_time_total"
    print(found.key_averages().table(sort_by=sort, row_limit=30, max_name_column_width=80), file=sys.stderr)


def in_memory(files: Path, size: int) -> CachedPictures:
    pixels = torch.stack([load_square(path, size) for path in sorted(files.iterdir())])
    labels = torch.randint(0, 2, (len(pixels), len(ATTRIBUTES)), dtype=torch.uint8)
    names = tuple(map(str, range(len(pixels))))
    return CachedPictures(Labelled(LAYOUT.sets[0], Path("."), names, labels), pixels.numpy(), {})


def main() -> None:
    args = options()
    set_threads(args)
    device = pick_device(args.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = random_weights(folder, model_settings(chosen(args), LAYOUT))
        files, table = faces(folder, args.batch_size, args.pictures)
        pictures = in_memory(files, args.size)
        trainers = trainers_of(args, weights, pictures, device)
        calls: dict[str, Callable[[], object]] = {
            f"{name} {kind}": our_steps(trainer, with_generator, args.steps)
            for name, trainer in trainers.items()
            for kind, with_generator in KINDS.items()
        }
        sides = list(trainers)
        if args.reference:
            sides.append("reference")
            reference = Reference(args.reference, weights, folder, files, table)
            labels = pictures.labelled.labels.float()
            batches = [(to_model(torch.from_numpy(pictures.pixels)), labels)] * args.steps
            calls["reference D"] = reference.train(batches, args.steps + 1)
            calls["reference D and G"] = reference.train(batches, 1)
        timings = in_turns(calls, args.repeats, args.warm_up, args.clock)
        sizes = {"preset": args.preset, "size": args.size, "width": args.width, "batch": args.batch_size}
        result = sizes | rates(timings, sides, args)
        counted = our_trainer(replace(chosen(args), graphs=False), weights, pictures, device, "fp32")
        result["share of the matrix peak"] = shares(timings, trainers, counted, args)
        if device.type == "cuda":
            result["peak memory in GiB"] = round(torch.cuda.max_memory_allocated(device) / 2**30, 2)
        record("train", result, device, args)
        if args.profile:
            profile(next(iter(trainers.values())), args.steps)


if __name__ == "__main__":
    main()
