#!/usr/bin/env python3
"""How fast `stargan translate` is: end to end, the network alone, decoding alone, encoding alone.

    python benchmarks/translate.py --reference ../stargan
    python benchmarks/translate.py --precisions bf16 --batch-sizes 1 4 16 --engines torch openvino

Rates are translated pictures a second (a picture translated to five attributes counts five times): medians of
`--repeats` turns, with the slowest and the fastest. `--reference` times a clone of yunjey/stargan with the same tensors
on the same pictures in the same turns: its generator, and its test loop from files to files. The network is the
paper's with random weights (`--width`, `--size`), or `--weights`. Pictures come from `examples/faces` in CelebA's size,
or from your own folder (`--pictures`).
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import add_options, in_turns, matrix_peak, rate, ratio, record, set_threads
from reference import Reference
from subjects import faces, random_weights
from torch import Tensor

from stargan_cli.device import PRECISIONS, cpu_count, pick_device, pick_precision
from stargan_cli.evaluate.pixel_metrics import psnr
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.arrays import to_image
from stargan_cli.pictures.tensors import load_square, to_model
from stargan_cli.translate.report import Report
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings
from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import Weights, load

ATTRIBUTES = 5
GFLOP_OF_THE_PAPERS = 19.9
"""For one picture, the paper's generator at 128 px with width 64, counting the products of plain convolutions."""


def parts(pictures: list[Path], size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Pictures a second in one thread: decoding (file to square) and encoding (square to file)."""
    squares = [to_image(load_square(path, size).numpy()) for path in pictures]

    def encode(kind: str, **options: int) -> Callable[[], None]:
        return lambda: [square.save(io.BytesIO(), kind, **options) for square in squares] and None

    candidates: dict[str, Callable[[], object]] = {
        "decode": lambda: [load_square(path, size) for path in pictures],
        "encode jpeg": encode("JPEG", quality=95),
        "encode png": encode("PNG", compress_level=1),
    }
    timings = in_turns(candidates, args.repeats, args.warm_up, args.clock)
    return {name: rate(seconds, len(pictures)) for name, seconds in timings.items()}


def recode(path: Path, size: int) -> None:
    """Decode a picture once, and encode it for each attribute."""
    square = to_image(load_square(path, size).numpy())
    for _ in range(ATTRIBUTES):
        square.save(io.BytesIO(), "JPEG", quality=95, subsampling=0)


class Bench:
    def __init__(self, args: argparse.Namespace, folder: Path) -> None:
        self.args, self.folder, self.device = args, folder, pick_device(args.device)
        self.weights: Weights = (
            load(args.weights)
            if args.weights
            else random_weights(folder, ModelSettings(image_size=args.size, width=args.width))
        )
        self.size = self.weights.card.model.image_size
        self.pictures, self.table = faces(folder, args.count, args.pictures)
        self.files = sorted(self.pictures.iterdir())
        self.pixels = torch.stack([load_square(path, self.size) for path in self.files])
        generator = torch.Generator().manual_seed(1)
        self.labels = torch.rand(len(self.files), 1, self.weights.card.model.label_dim, generator=generator).round()
        self.reference = (
            Reference(args.reference, self.weights, folder, self.pictures, self.table) if args.reference else None
        )

    def translator(self, engine: str, precision: str, batch: int | None) -> Translator:
        return Translator(
            load(str(self.weights.path)),
            self.device,
            pick_precision(precision, self.device),
            batch,
            engine=engine,
            compiled=self.args.compile,
        )

    def network(self) -> dict[str, Any]:
        """Measure the network alone, from uint8 pixels to changes, for each engine, precision and batch size."""
        candidates: dict[str, Callable[[], Tensor | None]] = {}
        for engine in self.args.engines:
            for precision in self.args.precisions:
                for batch in self.args.batch_sizes:
                    made = self.translator(engine, precision, batch)
                    name = f"{engine} {precision} batch {batch or made.batch_size}"
                    candidates[name] = lambda made=made: made.translate(self.pixels, self.labels).changes  # type: ignore[misc]
        if self.reference:
            candidates["reference"] = self._reference_network
        timings = in_turns(candidates, self.args.repeats, self.args.warm_up, self.args.clock)
        return self._compared(timings, len(self.files)) | {"psnr": self._differences(candidates)}

    def _reference_network(self) -> None:
        assert self.reference is not None
        for start in range(0, len(self.pixels), 16):
            rows = slice(start, start + 16)
            self.reference.model(to_model(self.pixels[rows]).to(self.device), self.labels[rows, 0].to(self.device))

    def _differences(self, candidates: dict[str, Any]) -> dict[str, float]:
        """The lowest PSNR (dB) of a picture against the plain network in fp32, for each candidate."""
        few = slice(0, 8)
        with torch.inference_mode():
            generator = load(str(self.weights.path)).generator
            plain = generator(to_model(self.pixels[few]), self.labels[few, 0]).add(1).mul(127.5).round()
        plain = plain.clamp(0, 255).to(torch.uint8)
        return {
            name: round(float(psnr(call()[few], plain).min()), 1)
            for name, call in candidates.items()
            if name != "reference"
        }

    def end_to_end(self) -> dict[str, Any]:
        """Measure from files to files, every picture to every attribute. The shares compare it with the network alone
        on the same squares, and with the codecs alone (one process for each core)."""
        candidates: dict[str, Callable[[], object]] = {}
        for engine in self.args.engines:
            for precision in self.args.precisions:
                candidates[f"{engine} {precision}"] = lambda e=engine, p=precision: self._run(e, p, each=True)  # type: ignore[misc]
                made = self.translator(engine, precision, None)
                pixels = self.pixels.repeat_interleave(ATTRIBUTES, 0)
                labels = self.labels.repeat_interleave(ATTRIBUTES, 0)
                candidates[f"{engine} {precision}, network alone"] = (
                    lambda made=made, pixels=pixels, labels=labels: made.translate(pixels, labels)  # type: ignore[misc]
                )
        if self.reference:
            candidates["reference"] = self.reference.test
        with multiprocessing.get_context("spawn").Pool(cpu_count()) as pool:
            jobs = [(path, self.size) for path in self.files]
            candidates["codecs alone"] = lambda: pool.starmap(recode, jobs)
            timings = in_turns(candidates, self.args.repeats, self.args.warm_up, self.args.clock)
        result = self._compared(timings, ATTRIBUTES * len(self.files))
        for engine in self.args.engines:
            for precision in self.args.precisions:
                whole = f"{engine} {precision}"
                network, codecs = timings[f"{whole}, network alone"], timings["codecs alone"]
                slower = [max(both) for both in zip(network, codecs, strict=True)]
                result[whole]["share of the network alone"] = ratio(timings[whole], network)
                result[whole]["share of the slower of network and codecs"] = ratio(timings[whole], slower)
        return result

    def _run(self, engine: str, precision: str, each: bool) -> Report:
        out = Path(tempfile.mkdtemp(dir=self.folder))
        settings = TranslationSettings(
            None if each else "blond",
            each,
            str(self.weights.path),
            self.table,
            size="model",
            faces=FaceSettings(mode="off"),
            format="jpg",
            device=self.args.device,
            precision=precision,
            engine=engine,
            compiled=self.args.compile,
        )
        report = translate([self.pictures], out, settings, Run())
        shutil.rmtree(out)
        expected = len(self.files) * (ATTRIBUTES if each else 1)
        assert report.done == expected, report.to_dict()
        return report

    def _compared(self, timings: dict[str, list[float]], count: int) -> dict[str, Any]:
        result: dict[str, Any] = {name: rate(seconds, count) for name, seconds in timings.items()}
        for name in result:
            if self.reference and name != "reference":
                result[name]["times the reference"] = ratio(timings[name], timings["reference"])
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="a clone of yunjey/stargan")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--count", type=int, default=32, help="pictures")
    parser.add_argument("--weights")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--engines", nargs="+", default=["torch"])
    parser.add_argument("--precisions", nargs="+", choices=["auto", *PRECISIONS], default=["auto", "fp32"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[None])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--only", choices=["network", "end-to-end"])
    add_options(parser, 5)
    args = parser.parse_args()
    set_threads(args)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(args, Path(name))
        result: dict[str, Any] = {"count": args.count, "size": bench.size, "width": bench.weights.card.model.width}
        peaks = {
            precision: round(matrix_peak(pick_precision(precision, bench.device), bench.device, args.clock))
            for precision in args.precisions
        }
        result["matrix products, GFLOP/s"] = peaks
        if args.only != "end-to-end":
            result["one thread"] = parts(bench.files, bench.size, args)
            result["network"] = bench.network()
            if not args.weights and (args.size, args.width) == (128, 64):
                result["share of the matrix products' peak"] = {
                    name: round(values["median"] * GFLOP_OF_THE_PAPERS / peaks[name.split()[1]], 2)
                    for name, values in result["network"].items()
                    if name.split()[0] in args.engines
                }
        if args.only != "network":
            result["end to end"] = bench.end_to_end()
        record("translate", result, bench.device, args)


if __name__ == "__main__":
    main()
