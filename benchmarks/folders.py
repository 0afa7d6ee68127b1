#!/usr/bin/env python3
"""How fast folders are translated: small pictures without and with face finding, and large photos.

    python benchmarks/folders.py                                       # on a GPU: some minutes
    python benchmarks/folders.py --count 32 --photos 2 --device cpu

Bundled weights, one target, JPEGs to JPEGs at their own size, start included. Pictures a second are medians of
`--repeats` turns, with the slowest and the fastest. The same turns measure the two limits: the network alone (from
squares to maps, with CUDA graphs and without) and the codecs alone (one process for each core). Small pictures have
CelebA's 178 px; photos are faces enlarged to 12 megapixels, with noise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import add_options, in_turns, rate, ratio, record, set_threads
from subjects import SIDE, enlarged, faces, recode

from stargan_cli.compositing.placement import Laying, centred
from stargan_cli.device import cpu_count, pick_device, pick_precision
from stargan_cli.lanes import Lanes
from stargan_cli.pictures.tensors import load_square
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceMode, FaceSettings, Run, TranslationSettings
from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import load
from stargan_cli.weights.places import DEFAULT_WEIGHTS

PHOTO = (4000, 3000)  # px


def photos(small: list[Path], folder: Path, count: int) -> list[Path]:
    """Make `count` JPEGs of 12 megapixels. The third and all later ones are copies of the first two."""
    folder.mkdir()
    made: list[Path] = []
    for number in range(count):
        made.append(folder / f"{number:04d}.jpg")
        if number > 1:
            shutil.copyfile(made[number % 2], made[-1])
            continue
        enlarged(small[number % len(small)], PHOTO, number).save(made[-1], quality=92)
    return made


class Bench:
    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder, self.device = args, folder, pick_device(args.device)
        small, _ = faces(folder, args.count, args.pictures)
        files = sorted(small.iterdir())
        self.files = {"small": files, "large": photos(files, folder / "photos", args.photos)}

    def folder_run(self, kind: str, mode: FaceMode) -> Callable[[], None]:
        settings = TranslationSettings(
            self.args.set,
            weights=self.args.weights,
            faces=FaceSettings(mode=mode),
            format="jpg",
            device=self.args.device,
            precision=self.args.precision,
            compiled=self.args.compile,
        )
        source, out = self.files[kind][0].parent, self.folder / "out"

        def run() -> None:
            report = translate([source], out, settings, Run())
            shutil.rmtree(out)
            assert report.done == len(self.files[kind]), report.to_dict()

        return run

    def network(self, graphs: bool) -> Callable[[], object]:
        made = Translator(
            load(self.args.weights),
            self.device,
            pick_precision(self.args.precision, self.device),
            compiled=self.args.compile,
            lanes=Lanes(self.device, graphs=graphs),
        )
        squares = torch.stack([load_square(path, made.size) for path in self.files["small"][:8]])
        pixels = squares.repeat(-(-self.args.count // len(squares)), 1, 1, 1)[: self.args.count]
        labels = torch.zeros(len(pixels), 1, load(self.args.weights).card.model.label_dim)
        laying = Laying.of([centred(SIDE, SIDE)] * len(pixels), SIDE, SIDE)
        return lambda: made.translate(pixels, labels, laying)

    def measure(self) -> dict[str, Any]:
        candidates: dict[str, Callable[[], object]] = {
            "small, faces off": self.folder_run("small", "off"),
            "small, faces looked for": self.folder_run("small", "auto"),
            "large, faces looked for": self.folder_run("large", "auto"),
            "network alone": self.network(True),
        }
        if self.device.type == "cuda":
            candidates["network alone, without graphs"] = self.network(False)
        with multiprocessing.get_context("spawn").Pool(cpu_count()) as pool:
            for kind, files in self.files.items():
                candidates[f"{kind}, codecs alone"] = lambda files=files: pool.map(recode, files)  # type: ignore[misc]
            timings = in_turns(candidates, self.args.repeats, self.args.warm_up, self.args.clock)
        counts = {name: len(self.files["large" if name.startswith("large") else "small"]) for name in timings}
        result: dict[str, Any] = {name: rate(seconds, counts[name]) for name, seconds in timings.items()}
        network, codecs = timings["network alone"], timings["small, codecs alone"]
        slower = [max(both) for both in zip(network, codecs, strict=True)]
        for name in ("small, faces off", "small, faces looked for"):
            result[name]["share of the slower of network and codecs"] = ratio(timings[name], slower)
        whole, alone = timings["large, faces looked for"], timings["large, codecs alone"]
        result["large, faces looked for"]["share of the codecs"] = ratio(whole, alone)
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=4000, help="small pictures")
    parser.add_argument("--photos", type=int, default=100, help="large photos")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    parser.add_argument("--set", default="blond")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--compile", action="store_true")
    add_options(parser, 3)
    args = parser.parse_args()
    set_threads(args)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(args, Path(name))
        result = {"count": args.count, "photos": args.photos, "weights": args.weights, "cores": cpu_count()}
        record("folders", result | bench.measure(), bench.device, args)


if __name__ == "__main__":
    main()
