"""What a run of tiny networks does and leaves."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from training_kit import after, celeba, class_folders, log_rows, run_training, same_end, settings

from stargan_cli.labels import parse_set, passes
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import read_settings
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import load_checkpoint

pytestmark = pytest.mark.numeric


def test_what_a_run_leaves(whole: Path, chosen: TrainSettings) -> None:
    assert sorted(p.name for p in whole.iterdir()) == [
        "checkpoints",
        "log.jsonl",
        "samples",
        "settings.json",
        "weights.safetensors",
    ]
    assert sorted(p.name for p in (whole / "checkpoints").iterdir()) == [
        "00000004.safetensors",
        "00000006.safetensors",
        "00000008.safetensors",
    ]
    assert read_settings(whole) == chosen
    found = weights.load(str(whole / "weights.safetensors"))
    ema = load_checkpoint(whole / "checkpoints" / "00000008.safetensors").tensors
    assert all(torch.equal(t, ema[f"ema.{name}"]) for name, t in found.generator.state_dict().items())
    assert found.discriminator is not None
    assert found.card.layout.sets[0].attributes == ("happy", "sad")
    assert found.card.training["iterations"] == 8 and found.card.training["pictures"] == {"moods": 12}
    assert "terms" not in found.card.training
    assert found.card.preprocessing == {"crop": "centre", "resize": "bilinear"}


def test_weights_say_whether_unset_groups_stay(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    for keep in (True, False):
        run_training(tmp_path / str(keep), replace(chosen, keep_unset=keep), cache, stop=after(2))
        card = weights.load(str(tmp_path / str(keep) / "weights.safetensors")).card
        assert card.layout.unset_stays is keep


def test_a_run_ends_at_its_deadline(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    outcome = run_training(tmp_path, chosen, cache, deadline=time.monotonic() - 1)
    assert (outcome.iteration, outcome.reason) == (0, "time")
    outcome = run_training(tmp_path, chosen, cache, resume=True, deadline=time.monotonic() + 600)
    assert (outcome.iteration, outcome.reason) == (8, "finished")


def test_samples_show_each_attribute(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    several = settings(data=chosen.data, sample_every=2, output="attention")
    run_training(tmp_path, several, cache, stop=after(3))
    grids = sorted((tmp_path / "samples").iterdir())
    assert [grid.name for grid in grids] == [f"{i:08d}-moods.png" for i in (0, 2, 3)]
    with Image.open(grids[0]) as grid:
        assert grid.size == (16 * 4, 16 * 8)  # source, happy, sad, mask; eight held-out pictures


def test_progress_keeps_showing_the_losses(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    notes: list[str] = []
    sparse = settings(data=chosen.data, log_every=2)
    run_training(tmp_path, sparse, cache, progress=lambda done, total, note="": notes.append(note), stop=after(4))
    assert all("D/gp" in note for note in notes) and all("G/rec" in note for note in notes[1:])


def test_three_sets_train_one_generator(tmp_path: Path, cache: Path) -> None:
    root = celeba(tmp_path / "data")
    folders = [class_folders(tmp_path / name, {"happy": 4, name: 4}) for name in ("sad", "angry")]
    chosen = settings(
        data=("celeba", *map(str, folders)),
        root=str(root),
        attributes=("Black_Hair", "Blond_Hair", "Male"),
        groups=(("moods",),),
        aliases=(("cheerful", "moods:happy"),),
        mix=(2, 1, 1),
        sample_every=2,
    )
    run_training(tmp_path / "whole", chosen, cache)
    run_training(tmp_path / "run", chosen, cache, stop=after(3))
    run_training(tmp_path / "run", chosen, cache, resume=True)
    same_end(tmp_path / "run", tmp_path / "whole")
    assert {name.split("/")[0] for name in log_rows(tmp_path / "run")[-1]} == {"iteration", "celeba", "moods", "angry"}
    assert len(list((tmp_path / "run" / "samples").iterdir())) == 3 * len((0, 2, 3, 4, 6, 8))

    card = weights.load(str(tmp_path / "run" / "weights.safetensors")).card
    assert [label_set.attributes for label_set in card.layout.sets[1:]] == [("happy", "sad"), ("angry", "happy")]
    assert (card.model.label_dim, card.model.class_dim) == (3 + 2 + 2 + 3, 7)
    assert card.training["settings"]["data"] == ["celeba", "moods", "angry"]
    assert "non-commercial research" in card.training["terms"]
    assert str(tmp_path) not in card.to_json()
    plan = passes(card.layout, parse_set("cheerful,blond,angry:happy", card.layout, card.aliases))
    assert plan == [(1, {"happy": 1.0}), (0, {"Blond_Hair": 1.0}), (2, {"happy": 1.0})]
