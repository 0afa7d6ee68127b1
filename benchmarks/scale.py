#!/usr/bin/env python3
"""How `stargan translate` and `train` scale with processes, and what a picture costs outside the network.

    python benchmarks/scale.py --pictures 64 --repeats 3
    python benchmarks/scale.py --train
    python benchmarks/scale.py --requests

The layouts (processes x threads of the network) take turns. Their processes load the weights, translate two pictures,
wait for one another, and then translate their `--shard` of one folder, or of the same pictures in tars. Rates are
pictures a second from that moment until the last process is done. CPU milliseconds a picture are less affected by other
programs on the machine. `rest` is one process with a network so small that only reading, decoding, compositing,
encoding and writing count. `--train` times iterations of `stargan train --preset fast` at 64 px after the first few,
with processes as torchrun starts them. `--requests` counts the requests of a picture at an object store (needs moto and
s3fs).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from measuring import ROOT, rate, record
from subjects import faces, random_weights
from torch.utils.flop_counter import FlopCounterMode

from stargan_cli.model_settings import ModelSettings
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings
from stargan_cli.translate.shards import Shard
from stargan_cli.weights.files import Weights, load

PICTURES_IN_A_TAR = 8
WARM_UP_ITERATIONS = 3


def work(job: dict[str, Any], number: int, ready: Any, ends: Any) -> None:
    """One process: translate its share of the job, and report its start, end, count and CPU seconds."""
    torch.set_num_threads(job["threads"])
    faces = FaceSettings(mode=job["faces"])
    settings = TranslationSettings("blond", weights=job["weights"], faces=faces, workers=job["threads"])
    translate([job["warm up"]], job["out"] / f"warm-{number}", settings, Run())
    ready.wait()
    start, busy = time.time(), time.process_time()
    shard = Shard(number + 1, job["processes"]) if job["processes"] > 1 else None
    report = translate([job["input"]], job["out"] / "out", settings, Run(shard=shard))
    ends.put((start, time.time(), report.done, time.process_time() - busy))


def seconds(job: dict[str, Any], count: int) -> tuple[float, float]:
    """The seconds from when all processes are ready until the last one is done, and the CPU seconds of all."""
    context = multiprocessing.get_context("spawn")
    ready, ends = context.Barrier(job["processes"]), context.Queue()
    with tempfile.TemporaryDirectory() as out:
        job = job | {"out": Path(out)}
        processes = [context.Process(target=work, args=(job, n, ready, ends)) for n in range(job["processes"])]
        for process in processes:
            process.start()
        ended = [ends.get() for _ in processes]
        for process in processes:
            process.join()
    starts, last, done, busy = zip(*ended, strict=True)
    if sum(done) != count:
        raise SystemExit(f"not all was done: {ended}")
    return max(last) - min(starts), sum(busy)


def training_seconds(folder: Path, processes: int, threads: int, iterations: int) -> float:
    """The seconds of an iteration with a G and a D step, and a batch of 16 for all processes together."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shutil.rmtree(folder / "run", ignore_errors=True)
    options = f"--preset fast --image-size 64 --head-start 0 --batch-size 16 --log-every 1 --iterations {iterations}"
    command = [sys.executable, "-m", "stargan_cli", "train", *options.split(), "--device", "cpu", "--quiet"]
    command += ["--data", str(folder / "classes"), "--run", str(folder / "run"), "--cache", str(folder / "cache")]
    common = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads), "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    started = [
        subprocess.Popen(command, env={**os.environ, **common, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(processes)
    ]
    if sum(process.wait() != 0 for process in started):
        raise SystemExit("training failed")
    rows = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    return float(rows[-1]["seconds"] - rows[WARM_UP_ITERATIONS - 1]["seconds"]) / (len(rows) - WARM_UP_ITERATIONS)


def training(args: argparse.Namespace, folder: Path, pictures: Path) -> dict[str, Any]:
    for number, path in enumerate(sorted(pictures.iterdir())):
        place = folder / "classes" / ("train", "test")[number % 8 < 2] / ("one", "other")[number % 2 == 0] / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    timings: dict[str, list[float]] = {layout: [] for layout in args.layouts}
    for _ in range(args.repeats):
        for layout in args.layouts:
            processes, threads = map(int, layout.split("x"))
            timings[layout].append(training_seconds(folder, processes, threads, args.iterations))
            print(f"{layout}: {timings[layout][-1]:.2f} seconds an iteration", file=sys.stderr)
    return {"iterations": args.iterations, "rates": {name: rate(values, 1) for name, values in timings.items()}}


def packed(pictures: Path, folder: Path) -> Path:
    """Write the pictures into tars, and return the folder of the tars."""
    folder.mkdir()
    paths = sorted(pictures.iterdir())
    for start in range(0, len(paths), PICTURES_IN_A_TAR):
        with tarfile.open(folder / f"{start:06d}.tar", "w") as tar:
            for path in paths[start : start + PICTURES_IN_A_TAR]:
                tar.add(path, path.name)
    return folder


def products(weights: Weights) -> dict[str, float]:
    """GFLOP of plain convolutions for one picture: the generator, and the classifier that reads source labels."""
    size = weights.card.model.image_size
    picture, label = torch.zeros(1, 3, size, size), torch.zeros(1, weights.card.model.label_dim)
    counts = {}
    for name, network, inputs in (
        ("generator", weights.generator, (picture, label)),
        ("classifier", weights.discriminator, (picture,)),
    ):
        if network is not None:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                network(*inputs)
            counts[name] = round(counter.get_total_flops() / 1e9, 2)
    return counts


def requests(pictures: Path, weights: str, folder: Path) -> dict[str, dict[str, float]]:
    """Requests for each picture at an object store: first run, one with --overwrite, and one with nothing to do."""
    import fsspec
    from moto.server import ThreadedMotoServer

    from stargan_cli.translate.inputs.remote import RemotePath

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    os.environ.update({"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"})
    os.environ.update(dict.fromkeys(names, "none"))
    fsspec.filesystem("s3").mkdir("bucket")
    count = len(list(pictures.iterdir()))
    for path in pictures.iterdir():
        fsspec.filesystem("s3").pipe_file(f"bucket/in/{path.name}", path.read_bytes())
    counted: dict[str, int] = {}
    filesystem = RemotePath("s3://bucket/in").filesystem
    call = filesystem._call_s3

    async def counting(method: str, *args: Any, **options: Any) -> Any:
        counted[method] = counted.get(method, 0) + 1
        return await call(method, *args, **options)

    filesystem._call_s3 = counting
    found = {}
    for name, existing in (("first", "finish"), ("overwrite", "overwrite"), ("done before", "finish")):
        counted.clear()
        settings = TranslationSettings("blond", weights=weights, existing=existing)  # type: ignore[arg-type]
        translate([RemotePath("s3://bucket/in")], RemotePath("s3://bucket/out"), settings, Run())
        found[name] = {method: round(number / count, 3) for method, number in sorted(counted.items())}
    server.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="celeba-128")
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--layouts", nargs="+", default=["1x1", "1x2", "2x1"], help="processes x threads")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--iterations", type=int, default=13, help="iterations of --train")
    parser.add_argument("--requests", action="store_true")
    parser.add_argument("--no-history", action="store_true", help="do not add the result to history.jsonl")
    parser.set_defaults(clock="wall")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, _ = faces(folder, args.pictures)
        if args.requests:
            print(json.dumps(requests(pictures, args.weights, folder), indent=2))
            return
        name, measure = ("scale-train", training) if args.train else ("scale", scaling)
        record(name, measure(args, folder, pictures), torch.device("cpu"), args)


def scaling(args: argparse.Namespace, folder: Path, pictures: Path) -> dict[str, Any]:
    (folder / "small").mkdir()
    settings = ModelSettings(image_size=128, width=4, blocks=1, discriminator_width=4)
    small = str(random_weights(folder / "small", settings).path)
    (folder / "two").mkdir()
    for path in sorted(pictures.iterdir())[:2]:
        (folder / "two" / path.name).write_bytes(path.read_bytes())
    common = {"warm up": folder / "two", "weights": args.weights, "faces": "auto", "input": pictures}
    jobs = {}
    for layout in args.layouts:
        processes, threads = map(int, layout.split("x"))
        jobs[layout] = common | {"processes": processes, "threads": threads}
    last = jobs[args.layouts[-1]]
    jobs[f"{args.layouts[-1]} tars"] = last | {"input": packed(pictures, folder / "tars")}
    jobs["rest"] = common | {"weights": small, "processes": 1, "threads": 1}
    jobs["rest, faces off"] = jobs["rest"] | {"faces": "off"}
    timings: dict[str, list[float]] = {name: [] for name in jobs}
    busy: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(args.repeats):
        for name, job in jobs.items():
            wall, cpu = seconds(job, args.pictures)
            timings[name].append(wall)
            busy[name].append(cpu)
            print(f"{name}: {args.pictures / wall:.2f} pictures a second of {cpu:.1f} CPU seconds", file=sys.stderr)
    weights = load(args.weights)
    return {
        "pictures": args.pictures,
        "bytes a picture": sum(path.stat().st_size for path in pictures.iterdir()) // args.pictures,
        "GFLOP a picture": products(weights),
        "rates": {name: rate(values, args.pictures) for name, values in timings.items()},
        "CPU milliseconds a picture": {name: round(1e3 * min(cpu) / args.pictures, 1) for name, cpu in busy.items()},
    }


if __name__ == "__main__":
    main()
