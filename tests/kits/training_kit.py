"""Generated data sets and tiny runs for the tests of training."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.train.data import load_data, prepare
from stargan_cli.train.learning.batches import BatchSource, Resident
from stargan_cli.train.learning.losses import Batch
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import RunEnd, model_settings, train
from stargan_cli.weights.checkpoints import load_checkpoint

TINY: dict[str, Any] = {
    "image_size": 16,
    "width": 4,
    "blocks": 1,
    "discriminator_width": 4,
    "discriminator_layers": 2,
    "batch_size": 4,
    "lr": 1e-4,
    "d_lr": 1e-4,
    "n_critic": 2,
    "iterations": 8,
    "log_every": 1,
    "sample_every": 100,
    "checkpoint_every": 2,
    "precision": "fp32",
}
TINY_OPTIONS = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
CELEBA_NAMES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Smiling", "Young")


def picture(path: Path, brightness: int, seed: int, size: tuple[int, int] = (20, 24)) -> Path:
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(rng.normal(brightness, 30, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def moods_below(folder: Path) -> Path:
    """A data set of two classes, called moods."""
    return class_folders(folder / "moods", {"happy": 6, "sad": 6})


def class_folders(folder: Path, classes: dict[str, int], parts: tuple[str, ...] = ("train", "test")) -> Path:
    """One folder per class with so many pictures, in each part; `parts=()` leaves the part folders out."""
    for number, (name, count) in enumerate(classes.items()):
        for part in parts or (".",):
            for i in range(count):
                picture(folder / part / name / f"{name}-{part[:2]}-{i}.png", 40 + 80 * number, 100 * number + i)
    return folder


def celeba(root: Path, train_count: int = 12, held_out: int = 3) -> Path:
    """CelebA's layout, generated: `root/celeba`. Hair colours take turns, the other attributes are mixed."""
    folder = root / "celeba"
    total = train_count + 2 * held_out
    rows, partition = [], []
    for i in range(total):
        name = f"{i + 1:06d}.png"
        picture(folder / "img_align_celeba" / name, 30 * (i % 8), i)
        on = [i % 3 == 0, i % 3 == 1, i % 3 == 2, i % 2 == 0, i % 5 < 2, i % 4 < 3]
        rows.append(f"{name} " + " ".join("1" if value else "-1" for value in on))
        partition.append(f"{name} {0 if i < train_count else 1 if i < train_count + held_out else 2}")
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(total), " ".join(CELEBA_NAMES), *rows]) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(partition) + "\n")
    return root


def settings(**changes: Any) -> TrainSettings:
    return TrainSettings(**{**TINY, **changes})


def run_training(run: Path, chosen: TrainSettings, cache: Path, **options: Any) -> RunEnd:
    """`train` with its data loaded, on the CPU."""
    sets, layout = load_data(chosen)
    data = prepare(chosen, sets, layout, cache=cache, workers=1)
    return train(run, chosen, data, device="cpu", **options)


def log_rows(run: Path) -> list[dict[str, Any]]:
    """The rows of a run's log, without `seconds`."""
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def after(iterations: int) -> Any:
    """A `stop` function that returns True after so many iterations."""
    calls = iter(range(iterations))
    return lambda: next(calls, None) is None


def same_end(run: Path, whole: Path) -> None:
    last, expected = (load_checkpoint(folder / "checkpoints" / "00000008.safetensors") for folder in (run, whole))
    assert last.tensors.keys() == expected.tensors.keys()
    assert all(torch.equal(tensor, expected.tensors[name]) for name, tensor in last.tensors.items())
    assert log_rows(run) == log_rows(whole)
    assert [row["iteration"] for row in log_rows(run)] == list(range(1, 9))


def random_pictures(label_set: LabelSet, count: int, size: int, seed: int) -> CachedPictures:
    """Pictures in memory, with labels that fit the set's kind."""
    random = torch.Generator().manual_seed(seed)
    width = len(label_set.attributes)
    if label_set.kind == "classes":
        labels = torch.nn.functional.one_hot(torch.arange(count) % width, width).to(torch.uint8)
    else:
        labels = torch.randint(0, 2, (count, width), generator=random).to(torch.uint8)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=random).to(torch.uint8).numpy()
    files = tuple(f"{i}.png" for i in range(count))
    return CachedPictures(Labelled(label_set, Path("memory"), files, labels), pixels, {})


def tiny_trainer(
    *label_sets: LabelSet,
    precision: torch.dtype = torch.float32,
    device: str = "cpu",
    resident: bool = False,
    **changes: Any,
) -> Trainer:
    """A trainer with 12 random pictures in each set; `resident` keeps them on the device, even on the CPU."""
    chosen = settings(data=tuple(s.name for s in label_sets), **changes)
    layout = LabelLayout(label_sets)
    pictures = [random_pictures(s, 12, chosen.image_size, i) for i, s in enumerate(label_sets)]
    sources = [BatchSource(one, chosen.batch_size, chosen.seed + i, chosen.balance) for i, one in enumerate(pictures)]
    model = model_settings(chosen, layout)
    trainer = Trainer(model, layout, sources, chosen, torch.device(device), precision)
    if resident:
        where = (trainer.rows, trainer.device)
        trainer.turns.feeds = [
            Resident(one, trainer.turns.order.count(index), *where) for index, one in enumerate(sources)
        ]
    return trainer


def batch_of(trainer: Trainer, iteration: int, turn: int = 0) -> Batch:
    """The batch of one turn of an iteration. Its classes are copied: the next batch is read into the same memory."""
    trainer._set_clock(iteration)
    batch = trainer.turns.batch(turn, trainer.clock, trainer._draws(turn))
    return replace(batch, source_classes=batch.source_classes.clone())


FACES = LabelSet("faces", ("Black_Hair", "Blond_Hair", "Male"), (("Black_Hair", "Blond_Hair"),))
MOODS = LabelSet("moods", ("happy", "sad"), kind="classes")


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process has written a file."""
    end = time.monotonic() + 120
    while not path.exists():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(f"{path} never came: {process.communicate()[1]}")
        time.sleep(0.005)
