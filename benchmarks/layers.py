#!/usr/bin/env python3
"""Where the time goes on a CPU: each layer of the paper's networks, plain and as `fast_cpu` rebuilds it.

    python benchmarks/layers.py --clock cpu

Milliseconds a picture, in batches of 4 as `translate` uses them, without gradients; medians of turns.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from measuring import add_options, in_turns, record, set_threads
from torch import Tensor, nn

from stargan_cli.device import PRECISIONS, autocast
from stargan_cli.fast_cpu.networks import FastDiscriminator, FastGenerator
from stargan_cli.model import Discriminator, Generator, ResidualBlock
from stargan_cli.model_settings import ModelSettings

BATCH, SIZE, LABELS = 4, 128, 5
CPU = torch.device("cpu")


def steps(x: Tensor, layers: nn.Sequential) -> list[tuple[str, nn.Module, Tensor]]:
    """Each layer with its name and input, and the first convolution of the first residual block."""
    found: list[tuple[str, nn.Module, Tensor]] = []
    opened = False
    for number, layer in enumerate(layers):
        inner = getattr(layer, "main", layer)
        if isinstance(inner, nn.Sequential) and len(inner) == 5 and not opened:
            found.append((f"{number}.0 convolution of a residual block", inner[0], x))
            opened = True
        found.append((f"{number} {tuple(x.shape[1:])}", layer, x))
        x = layer(x.clone())
    return found


def timed(pairs: dict[str, Callable[[], object]], args: argparse.Namespace) -> dict[str, float]:
    timings = in_turns(pairs, args.repeats, args.warm_up, args.clock)
    return {name: round(1000 * statistics.median(values) / BATCH, 2) for name, values in timings.items()}


@torch.inference_mode()
def compared(precision: str, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    dtype = PRECISIONS[precision]
    torch.manual_seed(0)
    generator, discriminator = Generator(ModelSettings()), Discriminator(ModelSettings())
    fast, reader = FastGenerator(generator, dtype), FastDiscriminator(discriminator, dtype)
    x = torch.cat([torch.rand(BATCH, 3, SIZE, SIZE) * 2 - 1, torch.ones(BATCH, LABELS, SIZE, SIZE)], dim=1)
    result: dict[str, dict[str, float]] = {}
    for side, network in (("plain", generator), ("rebuilt", fast)):
        candidates: dict[str, Callable[[], object]] = {}
        with autocast(CPU, dtype if side == "plain" else torch.float32):
            for name, layer, given in steps(x, network.main):
                if not isinstance(layer, (nn.ReLU, ResidualBlock)) and "Residual" not in type(layer).__name__:
                    candidates[name] = lambda layer=layer, given=given: layer(given)  # type: ignore[misc]
            whole = network.main
            candidates["generator"] = lambda whole=whole: whole(x)  # type: ignore[misc]
            judge: nn.Module = discriminator if side == "plain" else reader
            candidates["discriminator"] = lambda judge=judge: judge(x[:, :3])  # type: ignore[misc]
            for name, value in timed(candidates, args).items():
                result.setdefault(name, {})[side] = value
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=["fp32", "bf16"])
    add_options(parser, 5)
    args = parser.parse_args()
    set_threads(args)
    record("layers", {precision: compared(precision, args) for precision in args.precisions}, CPU, args)


if __name__ == "__main__":
    main()
