#!/usr/bin/env python3
"""The cost of a picture in `stargan translate` outside the network: CPU milliseconds of all its processes and threads.

    python benchmarks/overhead.py --count 500

The network is so small (width 4, one block) that its time hardly counts. The modes of `translate` are compared with
bare Pillow in one thread, and with a simple script: a DataLoader with one worker, batches of 64, one process that
encodes. All take their turns in one run. Pictures are JPEGs of CelebA's size, or those of a folder (`--pictures`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from measuring import add_options, in_turns, ratio, record
from PIL import Image
from subjects import faces, random_weights
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.tensors import load_square, to_model, to_pixels
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings
from stargan_cli.translate.streaming import workers
from stargan_cli.weights.files import Weights, load

QUALITY, BATCH = 95, 64


class Squares(Dataset[tuple[Tensor, str]]):
    def __init__(self, files: list[Path], size: int) -> None:
        self.files, self.size = files, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        return load_square(self.files[index], self.size), self.files[index].name


def encode(queue: Any, out: Path) -> None:
    while (found := queue.get()) is not None:
        for pixels, name in zip(*found, strict=True):
            Image.fromarray(pixels).save(out / name, quality=QUALITY, subsampling=0)


def script(files: list[Path], weights: Weights, out: Path) -> None:
    """A simple script that does the work of `translate --size model`, without its guarantees."""
    network, size = load(str(weights.path)).generator, weights.card.model.image_size
    context = multiprocessing.get_context("fork")
    queue = context.Queue(4)
    encoder = context.Process(target=encode, args=(queue, out))
    encoder.start()
    label = torch.zeros(1, weights.card.model.label_dim)
    with torch.inference_mode():
        for pixels, names in DataLoader(Squares(files, size), BATCH, num_workers=1):
            made = to_pixels(network(to_model(pixels), label.expand(len(pixels), -1)))
            queue.put((made.permute(0, 2, 3, 1).contiguous().numpy(), names))
    queue.put(None)
    encoder.join()


def pillow(files: list[Path], out: Path, size: int | None) -> None:
    """Read each picture, resize it to `size` if that is given, and write it."""
    for path in files:
        with Image.open(path) as image:
            picture = image.convert("RGB") if size is None else image.convert("RGB").resize((size, size))
        picture.save(out / path.name, quality=QUALITY, subsampling=0)


def in_process_of_its_own(work: Callable[[], object]) -> None:
    """Run a candidate in a forked process, so that process-wide settings of `translate` (such as those of the heap) do
    not affect the other candidates."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("a candidate failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500, help="pictures")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--few", type=int, nargs="+", default=[workers.FEW], help="first pictures, which threads read and write"
    )
    add_options(parser, 3)
    args = parser.parse_args()
    args.clock, args.threads = "cpu", 1
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        result = measure(args, Path(name))
    record("overhead", result, torch.device("cpu"), args)


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    weights = random_weights(folder, ModelSettings(width=4, blocks=1, discriminator_width=4))
    pictures, table = faces(folder, args.count, args.pictures)
    files = sorted(pictures.iterdir())
    out = folder / "out"

    def with_out(work: Callable[[Path], object]) -> Callable[[], None]:
        def run() -> None:
            out.mkdir()
            in_process_of_its_own(lambda: work(out))
            shutil.rmtree(out)

        return run

    def ours(size: str, few: int) -> Callable[[Path], object]:
        settings = TranslationSettings(
            "blond", False, str(weights.path), table, size=size, faces=FaceSettings(mode="off"), device="cpu",
            precision="fp32", workers=args.workers, provenance=False,
        )  # fmt: skip

        def run(out: Path) -> None:
            workers.FEW = few
            report = translate([pictures], out, settings, Run())
            assert report.done == args.count, report.to_dict()

        return run

    side = weights.card.model.image_size
    candidates = {
        "pillow, model's size": with_out(lambda out: pillow(files, out, side)),
        "pillow, own size": with_out(lambda out: pillow(files, out, None)),
        "script, model's size": with_out(lambda out: script(files, weights, out)),
    }
    for few in args.few:
        for size in ("model", "source"):
            candidates[f"translate --size {size}, {few} by threads"] = with_out(ours(size, few))
    timings = in_turns(candidates, args.repeats, args.warm_up, args.clock)
    result: dict[str, Any] = {"count": args.count}
    for name, seconds in timings.items():
        result[name] = {"ms a picture": round(1000 * median(seconds) / args.count, 2)}
        if name.startswith("translate"):
            result[name]["times the script"] = ratio(timings["script, model's size"], seconds)["median"]
    return result


if __name__ == "__main__":
    main()
