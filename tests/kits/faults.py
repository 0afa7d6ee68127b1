"""Kill runs of `translate` at random moments and check what they leave: python tests/kits/faults.py [KILLS] [SEED].

Each run is a forked process, so that none waits for imports. After every kill each output must be byte for byte that
of an undisturbed run. After each completed run nothing may be missing, left over or listed twice.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import corpus
import torch

from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import save

PICTURES = 24


def tiny_weights(path: Path) -> Path:
    """Weights with random numbers: 16 px, four channels, one attribute."""
    torch.manual_seed(0)
    layout = LabelLayout((LabelSet("faces", ("Male", "Young")),))
    settings = ModelSettings(
        image_size=16, width=4, blocks=1, discriminator_width=4, discriminator_layers=2, label_dim=2, class_dim=2
    )
    networks = Generator(settings).state_dict(), Discriminator(settings).state_dict()
    save(path, Card(settings, layout), *networks)
    return path


def make_pictures(folder: Path) -> None:
    """Good pictures of several formats in two folders, and two bad ones."""
    (folder / "sub").mkdir(parents=True)
    for number in range(PICTURES):
        suffix, kind = [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("bmp", "BMP")][number % 4]
        place = folder / ("sub" if number % 2 else "") / f"{number}.{suffix}"
        place.write_bytes(corpus.encoded(corpus.scene(32 + number, 40), kind))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "sub" / "text.png").write_bytes(b"Dear Sir")


def run(folder: Path, out: Path) -> int:
    settings = TranslationSettings(
        spec="male", weights=str(folder / "tiny.safetensors"), device="cpu", batch_size=4, workers=2
    )
    return translate([folder / "in"], out, settings, Run(manifest=folder / f"{out.name}.jsonl")).exit_code


def forked(folder: Path, out: Path) -> int:
    """Start a run in a forked process, and return its id."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(run(folder, out))
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(77)
    return child


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder except the lock and unfinished files, whose names start with a dot."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def rows(path: Path) -> list[tuple[str, str]]:
    """Sources and states of a manifest; an incomplete last line is skipped."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [(row.source, row.status) for row in map(Row.from_json, lines)]


def check_killed(out: Path, wanted: dict[str, bytes]) -> None:
    for name, data in files(out).items():
        assert data == wanted[name], f"{name} is not whole"
    rows(out.with_suffix(".jsonl"))


def check_ended(folder: Path, out: Path, wanted: dict[str, bytes]) -> None:
    assert files(out) == wanted
    left = [path for path in out.rglob(".*") if path.is_file()]
    assert left == [], f"left over: {left}"
    noted = rows(out.with_suffix(".jsonl"))
    assert len(noted) == len({source for source, _ in noted}) == PICTURES + 2, "missing or double rows"
    assert sum(status == "failed" for _, status in noted) == 2


def kill_often(kills: int, seed: int, folder: Path) -> dict[str, int]:
    """Kill runs `kills` times. A run that completes is checked, and its outputs are removed.

    Returns the numbers of kills, of completed runs, and of outputs found after kills.
    """
    torch.set_num_threads(1)
    chance = random.Random(seed)
    tiny_weights(folder / "tiny.safetensors")
    make_pictures(folder / "in")
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(forked(folder, folder / "whole"), 0)[1]) == 1
    length = time.monotonic() - began
    wanted = files(folder / "whole")
    assert len(wanted) == PICTURES
    out = folder / "out"
    counts = {"killed": 0, "ended": 0, "outputs found": 0}
    while counts["killed"] < kills:
        child = forked(folder, out)
        time.sleep(chance.uniform(0, 1.1 * length))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (1, -signal.SIGKILL), status
        if status == 1:
            check_ended(folder, out, wanted)
            counts["ended"] += 1
            shutil.rmtree(out)
            out.with_suffix(".jsonl").unlink()
        else:
            check_killed(out, wanted)
            counts["killed"] += 1
            counts["outputs found"] += len(files(out))
    assert os.waitstatus_to_exitcode(os.waitpid(forked(folder, out), 0)[1]) == 1
    check_ended(folder, out, wanted)
    return counts


if __name__ == "__main__":
    kills, seed = (int(argument) for argument in (sys.argv[1:] + ["200", "0"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as place:
        print(kill_often(kills, seed, Path(place)))
