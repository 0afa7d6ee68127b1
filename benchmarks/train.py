#!/usr/bin/env python3
"""How fast `stargan train` is: seconds of a D step, of a G step, and of the paper's iteration (five D, one G).

    python benchmarks/train.py --reference ../stargan

Medians of `--repeats` turns with the slowest and the fastest. A turn is one iteration without a G step and one with it;
the paper's iteration is put together from these. `--reference` times a clone of yunjey/stargan with the same tensors on
the same pictures in the same turns: its `Solver.train`, which gets its batches ready-made, while ours takes uint8
pictures from its cache, flips and normalises them. The network is the paper's (`--width`, `--size`, `--batch-size`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from measuring import add_options, in_turns, rate, ratio, record, set_threads
from reference import Reference
from subjects import ATTRIBUTES, faces, random_weights

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.device import pick_device, pick_precision
from stargan_cli.model import ModelSettings
from stargan_cli.pictures.tensors import load_square, to_model
from stargan_cli.train.batches import BatchSource
from stargan_cli.train.settings import TrainSettings
from stargan_cli.train.trainer import Trainer
from stargan_cli.weights.files import Weights

N_CRITIC = 5


def our_trainer(
    weights: Weights, pixels: torch.Tensor, labels: torch.Tensor, args: argparse.Namespace, precision: str
) -> Trainer:
    (label_set,) = weights.card.layout.sets
    model, device = weights.card.model, pick_device(args.device)
    labelled = Labelled(label_set, Path("."), tuple(map(str, range(len(pixels)))), labels)
    source = BatchSource(CachedPictures(labelled, pixels.numpy(), {}), args.batch_size, seed=0)
    settings = TrainSettings(
        image_size=model.image_size,
        width=model.width,
        discriminator_width=model.discriminator_width,
        batch_size=args.batch_size,
    )
    trainer = Trainer(model, weights.card.layout, [source], settings, device, pick_precision(precision, device))
    trainer.generator.load_state_dict(weights.generator.state_dict())
    assert weights.discriminator is not None
    trainer.discriminator.load_state_dict(weights.discriminator.state_dict())
    return trainer


def our_step(trainer: Trainer, with_generator: bool) -> Callable[[], None]:
    def call() -> None:
        trainer.settings = replace(trainer.settings, n_critic=1 if with_generator else trainer.settings.iterations + 1)
        losses = trainer.iterate()
        float(losses["D/real"])  # waits for the device

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="a clone of yunjey/stargan")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precisions", nargs="+", default=["auto", "fp32"])
    add_options(parser, 3)
    args = parser.parse_args()
    set_threads(args)
    device = pick_device(args.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = ModelSettings(image_size=args.size, width=args.width, discriminator_width=args.width)
        weights = random_weights(folder, settings)
        pictures, table = faces(folder, args.batch_size, args.pictures)
        pixels = torch.stack([load_square(path, args.size) for path in sorted(pictures.iterdir())])
        labels = torch.randint(0, 2, (len(pixels), len(ATTRIBUTES)), dtype=torch.uint8)
        candidates: dict[str, Callable[[], object]] = {}
        for precision in args.precisions:
            trainer = our_trainer(weights, pixels, labels, args, precision)
            candidates[f"{precision} D"] = our_step(trainer, False)
            candidates[f"{precision} D and G"] = our_step(trainer, True)
        if args.reference:
            reference = Reference(args.reference, weights, folder, pictures, table)
            batch = (to_model(pixels), labels.float())
            candidates["reference D"] = reference.train([batch], N_CRITIC)
            candidates["reference D and G"] = reference.train([batch], 1)
        timings = in_turns(candidates, args.repeats, args.warm_up, args.clock)
        cycles = {
            side: [
                N_CRITIC * d + both - d
                for d, both in zip(timings[f"{side} D"], timings[f"{side} D and G"], strict=True)
            ]
            for side in (*args.precisions, *(["reference"] if args.reference else []))
        }
        result: dict[str, Any] = {"size": args.size, "width": args.width, "batch": args.batch_size}
        result["steps a second"] = {name: rate(seconds, 1) for name, seconds in timings.items()}
        result["iterations of the paper a second"] = {name: rate(seconds, 1) for name, seconds in cycles.items()}
        if args.reference:
            result["times the reference"] = {
                side: {
                    "D step": ratio(timings[f"{side} D"], timings["reference D"]),
                    "D and G step": ratio(timings[f"{side} D and G"], timings["reference D and G"]),
                    "iteration": ratio(cycles[side], cycles["reference"]),
                }
                for side in args.precisions
            }
        record("train", result, device, args)


if __name__ == "__main__":
    main()
