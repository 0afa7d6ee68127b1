"""A run starts from other weights: another picture size, more attributes, more data sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_kit import after, celeba, class_folders, run_training, settings

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator, ModelSettings
from stargan_cli.train.data import load_data
from stargan_cli.train.initialise import initialise
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import check
from stargan_cli.weights import files as weights
from stargan_cli.weights.card import Card
from stargan_cli.weights.derived import averaged

pytestmark = pytest.mark.numeric


def test_a_larger_size_and_more_attributes_start_from_the_weights(tmp_path: Path, cache: Path) -> None:
    root = str(celeba(tmp_path / "data"))
    first = settings(root=root, attributes=("Male", "Smiling"), iterations=2)
    run_training(tmp_path / "first", first, cache)
    given = weights.load(str(tmp_path / "first" / "weights.safetensors"))
    second = settings(
        root=root,
        attributes=("Young", "Smiling", "Male"),
        image_size=32,
        discriminator_layers=3,
        init_from=str(given.path),
        iterations=2,
        lr=1e-30,
        d_lr=1e-30,
    )
    said: list[str] = []
    run_training(tmp_path / "second", second, cache, say=said.append)
    found = weights.load(str(tmp_path / "second" / "weights.safetensors"))
    new, old = found.generator.state_dict(), given.generator.state_dict()
    assert all(torch.equal(new[name], old[name]) for name in new if name != "main.0.weight")
    planes, before = new["main.0.weight"], old["main.0.weight"]
    assert torch.equal(planes[:, :3], before[:, :3])
    assert torch.equal(planes[:, 4], before[:, 4]) and torch.equal(planes[:, 5], before[:, 3])  # Smiling, Male
    assert planes[:, 3].abs().max() < 1e-20, "Young is new: it changes nothing yet"
    assert found.discriminator is not None and given.discriminator is not None
    judge, judge_before = found.discriminator.state_dict(), given.discriminator.state_dict()
    assert torch.equal(judge["main.2.weight"], judge_before["main.2.weight"])
    assert said == [
        f"labels that {given.path} does not have, which start afresh: Young",
        "the discriminator starts afresh in: main.4.weight, main.4.bias, conv1.weight, conv2.weight",
    ]


def test_the_card_says_what_the_weights_to_start_from_had_seen(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    def card(run: Path) -> dict[str, Any]:
        return weights.load(str(run / "weights.safetensors")).card.training

    second = settings(data=chosen.data, init_from=str(whole / "weights.safetensors"), iterations=4)
    run_training(tmp_path / "second", second, cache, stop=after(2))
    run_training(tmp_path / "second", second, cache, resume=True)
    third = settings(data=chosen.data, init_from=str(tmp_path / "second" / "weights.safetensors"), iterations=1)
    run_training(tmp_path / "third", third, cache)
    first = {"iterations": 8, "hours": card(whole)["hours"]}
    assert "started_from" not in card(whole)
    assert card(tmp_path / "second")["started_from"] == first
    assert card(tmp_path / "third")["started_from"] == {
        "iterations": 4, "hours": card(tmp_path / "second")["hours"], "started_from": first
    }  # fmt: skip


def test_the_card_says_that_the_weights_to_start_from_were_a_mean(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    given = weights.load(str(whole / "weights.safetensors"))
    mean = averaged([given, given])
    assert mean.discriminator is not None
    weights.save(tmp_path / "mean.safetensors", mean.card, mean.generator.state_dict(), mean.discriminator.state_dict())
    started = settings(data=chosen.data, init_from=str(tmp_path / "mean.safetensors"), iterations=1)
    run_training(tmp_path / "run", started, cache)
    card = weights.load(str(tmp_path / "run" / "weights.safetensors")).card
    part = f"weights.safetensors (sha256 {given.fingerprint[:16]})"
    assert card.training["started_from"]["mean_of"] == [part, part]


def test_weights_of_another_width_are_refused(tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path) -> None:
    other = settings(data=chosen.data, width=8, init_from=str(whole / "weights.safetensors"))
    with pytest.raises(UsageError, match="does not fit this model") as caught:
        run_training(tmp_path, other, cache)
    assert "width" in str(caught.value.hint)
    deeper = replace(other, width=chosen.width, blocks=2)
    with pytest.raises(UsageError, match="does not fit this model: main"):
        check(tmp_path / "run", deeper, load_data(deeper)[1], device="cpu")  # before pictures are decoded


def test_damaged_weights_are_refused_before_pictures_are_decoded(
    tmp_path: Path, whole: Path, chosen: TrainSettings
) -> None:
    given = weights.load(str(whole / "weights.safetensors"))
    damaged = {name: torch.full_like(tensor, torch.nan) for name, tensor in given.generator.state_dict().items()}
    weights.save(tmp_path / "nan.safetensors", given.card, damaged)
    started = replace(chosen, init_from=str(tmp_path / "nan.safetensors"))
    with pytest.raises(WeightsError, match="holds NaN or infinite numbers"):
        check(tmp_path / "run", started, load_data(started)[1], device="cpu")


def test_a_joined_run_starts_from_the_weights_of_one_set(tmp_path: Path, whole: Path, moods: Path, cache: Path) -> None:
    other = class_folders(tmp_path / "other", {"happy": 4, "angry": 4})
    joined = settings(
        data=(str(other), str(moods)), init_from=str(whole / "weights.safetensors"), iterations=2, lr=1e-30, d_lr=1e-30
    )
    run_training(tmp_path / "first", joined, cache)
    given = weights.load(str(whole / "weights.safetensors"))
    found = weights.load(str(tmp_path / "first" / "weights.safetensors"))
    before, planes = given.generator.state_dict()["main.0.weight"], found.generator.state_dict()["main.0.weight"]
    # labels: angry, happy (other); happy, sad (moods); two mask entries
    assert torch.equal(planes[:, 3 + 2 : 3 + 4], before[:, 3:5])
    assert torch.equal(planes[:, 3 + 1], before[:, 3]), "the nearest there is for other:happy"
    assert planes[:, 3 + 0].abs().max() < 1e-20, "there is none for angry"

    assert found.discriminator is not None
    told_apart = torch.randn_like(planes)
    weights.save(
        tmp_path / "told-apart.safetensors",
        found.card,
        found.generator.state_dict() | {"main.0.weight": told_apart},
        found.discriminator.state_dict(),
    )
    swapped = settings(
        data=(str(moods), str(other)),
        init_from=str(tmp_path / "told-apart.safetensors"),
        iterations=2,
        lr=1e-30,
        d_lr=1e-30,
    )
    run_training(tmp_path / "second", swapped, cache)
    again = weights.load(str(tmp_path / "second" / "weights.safetensors")).generator.state_dict()["main.0.weight"]
    assert torch.equal(again[:, 3:], told_apart[:, 3:][:, [2, 3, 0, 1, 5, 4]])


ATTRIBUTES = LabelSet("attributes", ("Male", "Smiling"))
CLASSES = LabelSet("classes", ("happy", "sad"), kind="classes")


def started(tmp_path: Path, old: LabelLayout, new: LabelLayout) -> tuple[list[int | None], list[str]]:
    """The old position of each entry of the new label vector, and the notes; networks of the two layouts, random."""
    torch.manual_seed(5)
    before, after = (
        (Generator(tiny), Discriminator(tiny))
        for tiny in (ModelSettings(16, each.label_dim, each.class_dim, 4, 1, 4, 2) for each in (old, new))
    )
    path = tmp_path / "old.safetensors"
    weights.save(path, Card(before[0].settings, old), *(network.state_dict() for network in before))
    notes = initialise(*after, None, new, weights.load(str(path)))
    planes, old_planes = (pair[0].state_dict()["main.0.weight"][:, 3:].unbind(1) for pair in (after, before))
    same = [[place for place, old in enumerate(old_planes) if torch.equal(plane, old)] for plane in planes]
    assert all(found or not plane.any() for plane, found in zip(planes, same, strict=True))
    places = [found[0] if found else None for found in same]
    rows, old_rows = (pair[1].state_dict()["conv2.weight"] for pair in (after, before))
    assert all(
        there is None or torch.equal(row, old_rows[there])
        for row, there in zip(rows, places[: new.class_dim], strict=True)
    )
    return places, notes


def test_a_set_of_another_name_keeps_its_mask_entry(tmp_path: Path) -> None:
    old = LabelLayout((ATTRIBUTES, CLASSES))
    celeba, moods = replace(ATTRIBUTES, name="celeba"), replace(CLASSES, name="moods")
    assert started(tmp_path, old, LabelLayout((celeba, moods))) == ([0, 1, 2, 3, 4, 5], [])
    assert started(tmp_path, old, LabelLayout((moods, celeba))) == ([2, 3, 0, 1, 5, 4], [])


def test_of_sets_with_the_same_labels_that_of_the_same_kind_corresponds(tmp_path: Path) -> None:
    faces, moods = LabelSet("faces", CLASSES.attributes), replace(CLASSES, name="moods")
    old = LabelLayout((LabelSet("attributes", CLASSES.attributes), CLASSES))
    assert started(tmp_path, old, LabelLayout((moods, faces))) == ([2, 3, 0, 1, 5, 4], [])


def test_labels_are_compared_without_case_where_one_alone_is_alike(tmp_path: Path) -> None:
    old = LabelLayout((LabelSet("celeba", ("male", "Wavy Hair", "wavy-hair", "Young")),))
    new = LabelLayout((LabelSet("celeba", ("Male", "Wavy_Hair", "Young")),))
    places, notes = started(tmp_path, old, new)
    assert places == [0, None, 3]
    assert notes == [f"labels that {tmp_path / 'old.safetensors'} does not have, which start afresh: Wavy_Hair"]


def test_labels_of_which_none_is_carried_over_are_named(tmp_path: Path) -> None:
    moods = replace(CLASSES, name="moods")
    places, notes = started(
        tmp_path, LabelLayout((ATTRIBUTES, CLASSES)), LabelLayout((LabelSet("x", ("Young",)), moods))
    )
    assert places == [None, 2, 3, None, 5]
    assert notes == [f"labels that {tmp_path / 'old.safetensors'} does not have, which start afresh: Young"]


def test_a_label_that_two_sets_have_is_named_with_its_set(tmp_path: Path) -> None:
    old = LabelLayout((LabelSet("faces", ("Male",)),))
    new = LabelLayout((LabelSet("faces", ("Young", "Male")), LabelSet("x", ("Young", "Pale_Skin"))))
    _, notes = started(tmp_path, old, new)
    fresh = "faces:Young, x:Young, Pale_Skin"
    assert notes == [f"labels that {tmp_path / 'old.safetensors'} does not have, which start afresh: {fresh}"]


def test_a_run_on_one_set_says_that_the_mask_vector_is_lost(tmp_path: Path) -> None:
    places, notes = started(tmp_path, LabelLayout((ATTRIBUTES, CLASSES)), LabelLayout((CLASSES,)))
    assert places == [2, 3]
    assert [note.removeprefix(str(tmp_path)) for note in notes] == [
        "/old.safetensors has a mask vector, a run on one data set has none: pictures change at the start"
    ]
