#!/usr/bin/env python3
"""The cost of putting one change into its picture: CPU milliseconds of one thread, beside those of the picture's JPEG.

    python benchmarks/compositing.py

The square fills the picture, or is turned by four degrees, as for a turned face. Every pixel changes, or an ellipse of
two fifths of the square, about as much as new hair takes on a portrait. Pictures are enlarged faces with noise. Also
measured, on a batch of four: the steps before, from the network's output to the maps.
"""

from __future__ import annotations

import argparse
import cmath
import io
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from measuring import add_options, in_turns, record
from PIL import Image
from subjects import EXAMPLES, enlarged, recode

from stargan_cli.compositing.change import changes_of
from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.laying import laid
from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Laying, Place, centred

TURN, BATCH = 0.07, 4


def maps_of(squares: torch.Tensor, laying: Laying, part: torch.Tensor) -> torch.Tensor:
    """The maps of a stand-in network that colours every pixel of `part` (0 or 1) by half, in proportion to its
    lightness."""
    mask = part * squares.float().mean(dim=1, keepdim=True) / 255
    change = changes_of(squares, 0.5 * mask.expand(-1, 3, -1, -1), 1 - mask)
    return laid(change, squares, *map(torch.from_numpy, laying.needed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 1024, 3464])
    parser.add_argument("--size", type=int, default=128, help="side of the network's squares")
    add_options(parser, 15)
    parser.set_defaults(clock="cpu", threads=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    calls: dict[str, Callable[[], object]] = {}
    across = torch.linspace(-0.5, 0.5, args.size)
    ellipse = ((across / 0.3) ** 2 + (across[:, None] / 0.42) ** 2 < 1).float()
    for side in args.sides:
        image, file = enlarged(sorted(EXAMPLES.glob("*.jpg"))[0], (side, side), side), io.BytesIO()
        image.save(file, "JPEG", quality=95, subsampling=0)
        turned = Place(complex(0.1 * side, 0.1 * side), cmath.rect(0.8 * side, TURN))
        for kind, place in {"straight": centred(side, side), "turned": turned}.items():
            squares = torch.from_numpy(cut(image, place, args.size)[None]).repeat(BATCH, 1, 1, 1)
            laying = Laying.of([place] * BATCH, side, side)
            for name, part in {"": torch.ones_like(ellipse), ", ellipse": ellipse}.items():
                maps = maps_of(squares, laying, part)[0].numpy()
                calls[f"{side} px, {kind}{name}"] = partial(_pasted, image, place, maps)
            calls[f"batch, {kind}"] = partial(maps_of, squares, laying, ellipse)
        calls[f"{side} px, JPEG decoded and encoded"] = partial(recode, file)
    timings = in_turns(calls, args.repeats, args.warm_up, args.clock)
    result: dict[str, Any] = {
        name: round(1000 * median(seconds) / (BATCH if name.startswith("batch") else 1), 2)
        for name, seconds in timings.items()
    }
    record("compositing", {"size": args.size, "ms a picture": result}, torch.device("cpu"), args)


def _pasted(image: Image.Image, place: Place, maps: np.ndarray) -> None:
    paste(image.copy(), place, maps)


if __name__ == "__main__":
    main()
