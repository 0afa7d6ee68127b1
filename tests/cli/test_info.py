"""`stargan info`: what is shown of a weights file."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.cli.weights_page import _frame
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.changes import parse_set
from stargan_cli.model import Discriminator, Generator, parameter_count
from stargan_cli.model_settings import ModelSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import fingerprint, save

HAIR = ("Black_Hair", "Blond_Hair")
LAYOUT = LabelLayout(
    (
        LabelSet("celeba", (*HAIR, "Male"), (HAIR,)),
        LabelSet("odd [red]set", ("neutral", "open"), kind="classes"),
    ),
    unset_stays=True,
)
QUALITY = {"celeba": {"read_as_target": {"Blond_Hair": 0.875, "old": 0.5}, "fid": 3.0}}
runner = CliRunner()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    settings = ModelSettings(
        image_size=16,
        label_dim=LAYOUT.label_dim,
        class_dim=LAYOUT.class_dim,
        width=4,
        blocks=1,
        discriminator_width=4,
        discriminator_layers=2,
    )
    card = Card(
        settings,
        LAYOUT,
        aliases={"happy": "open"},
        training={"iterations": 12, "settings": {"lr": 0.5, "data": ["a", "b"]}},
        preprocessing={"landmarks": {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}},
        quality=QUALITY,
    )
    path = tmp_path / "small [b]one.safetensors"
    save(path, card, Generator(settings).state_dict(), Discriminator(settings).state_dict())
    return path


def test_an_empty_name_is_not_the_default() -> None:
    result = runner.invoke(app, ["info", ""])
    assert result.exit_code == 2
    assert "an argument is empty" in result.stderr


def test_json_is_one_document_with_everything(weights: Path) -> None:
    result = runner.invoke(app, ["info", str(weights), "--json"])
    assert result.exit_code == 0
    assert result.stderr == ""
    facts = json.loads(result.stdout)
    assert facts["path"] == str(weights)
    assert facts["sha256"] == fingerprint(weights)
    assert facts["image_size"] == 16
    assert facts["reads_source_labels"] is True
    assert facts["unset_stays"] is True
    assert facts["generator_parameters"] == parameter_count(Generator(ModelSettings.from_dict(facts["model"])))
    celeba, odd = facts["sets"]
    assert celeba["attributes"][1]["name"] == "Blond_Hair"
    assert "blonde" in celeba["attributes"][1]["aliases"]
    assert celeba["attributes"][1]["excludes"] == ["Black_Hair"]
    assert "female" in celeba["attributes"][2]["opposites"]
    assert odd["kind"] == "classes"
    assert odd["attributes"][1]["aliases"] == ["happy"]
    assert odd["attributes"][1]["excludes"] == ["neutral"]
    assert facts["quality"] == QUALITY


def test_the_page_says_what_is_set_with_which_words(weights: Path) -> None:
    result = runner.invoke(app, ["info", str(weights)])
    assert result.exit_code == 0
    for text in (
        "small [b]one",
        "sets (odd [red]set)",
        "black | blond (one at most)",
        "male | female",
        "neutral | open (one)",
        "16x16 px, 4.4 eye distances wide, 1.9 of them above the eyes",
        "blond 88%, old 50%",
        "--set black",
    ):
        assert text in result.stdout, text
    assert "\x1b" not in result.stdout
    assert "iterations" not in result.stdout


def test_the_page_says_of_how_many_pictures_a_share_is(weights: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    record = QUALITY["celeba"] | {"translated_pictures": {"old": 2}}
    save(weights, replace(loaded.card, quality={"celeba": record}), loaded.generator.state_dict())
    assert "blond 88%, old 50% of 2" in runner.invoke(app, ["info", str(weights)]).stdout


def test_what_was_measured_has_the_names_that_the_weights_give_it(weights: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    quality = {"faces of somebody": {"read_as_target": {"open": 0.5}}, "others": {"read_as_target": {"Smiling": 0.25}}}
    save(weights, replace(loaded.card, quality=quality), loaded.generator.state_dict())
    page = runner.invoke(app, ["info", str(weights)]).stdout
    assert "odd [red]set  open 50%" in page and "others        smiling 25%" in page
    quality = {"one": {"read_as_target": {"open": 0.5}}, "two": {"read_as_target": {"open": 0.25}}}
    save(weights, replace(loaded.card, quality=quality), loaded.generator.state_dict())
    page = runner.invoke(app, ["info", str(weights)]).stdout
    assert "odd [red]set  open 50%" in page and "two           open 25%" in page


def test_names_that_differ_in_case_alone_are_shown_as_they_are(weights: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    layout = LabelLayout((LabelSet("moods", ("Happy", "happy", "Sad", "odd", "x"), kind="classes"),))
    path = tmp_path / "twins.safetensors"
    card = replace(loaded.card, layout=layout, aliases={})
    settings = replace(card.model, label_dim=layout.label_dim, class_dim=layout.class_dim)
    save(path, replace(card, model=settings), Generator(settings).state_dict())
    page = runner.invoke(app, ["info", str(path)]).stdout
    assert "Happy | happy | sad | odd | x (one)" in page and "--set Happy" in page


def test_names_that_set_cannot_take_are_shown_by_their_other_words(weights: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    layout = LabelLayout((LabelSet("moods", ("a,b", "c=1", "sad"), kind="classes"),))
    path = tmp_path / "commas.safetensors"
    settings = replace(loaded.card.model, label_dim=layout.label_dim, class_dim=layout.class_dim)
    card = replace(loaded.card, model=settings, layout=layout, aliases={"calm": "a,b", "cross": "c=1"})
    save(path, card, Generator(settings).state_dict())
    page = runner.invoke(app, ["info", str(path)]).stdout
    assert "calm | cross | sad (one)" in page and "--set calm " in page
    unknown = runner.invoke(app, ["translate", str(tmp_path), "--weights", str(path), "--set", "a,b"])
    assert "these weights can set: a,b (calm), c=1 (cross), sad" in unknown.stderr


@pytest.mark.parametrize("name", ["weights.safetensors", "model.safetensors"])
def test_a_folder_is_not_taken_for_the_weights_in_it(weights: Path, name: str) -> None:
    path = weights.rename(weights.with_name(name))
    result = runner.invoke(app, ["info", str(path.parent)])
    assert result.exit_code == 2
    assert f"{path.parent} is a folder\n  give {path}" in result.stderr
    path.unlink()
    assert f"{path.parent} is a folder\n  give the .safet" in runner.invoke(app, ["info", str(path.parent)]).stderr


def test_its_commands_can_be_pasted(weights: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    sets = (LabelSet("all", ("red hat", "Male", "x")), LabelSet("more", ("red hat", "y"), kind="classes"))
    path = tmp_path / "the same.safetensors"
    card = replace(loaded.card, layout=LabelLayout(sets), aliases={})
    save(path, card, loaded.generator.state_dict())
    page = runner.invoke(app, ["info", str(path)]).stdout
    (command,) = (shlex.split(line) for line in page.splitlines() if "--set" in line and "translate" in line)
    assert command[:5] == ["stargan", "translate", "photos", "--weights", str(path)]
    assert command[-2:] == ["--rest", "off"]  # these weights have no discriminator
    (change,) = parse_set(command[-3], card.layout)
    assert (change.set_index, change.attribute, change.value) == (0, "red hat", 1.0)


def test_a_users_file_with_a_bundled_name_is_called_by_its_path(weights: Path) -> None:
    from stargan_cli.weights.places import DEFAULT_WEIGHTS, resolve

    path = weights.rename(weights.with_name(f"{DEFAULT_WEIGHTS}.safetensors"))
    assert f"--weights {shlex.quote(str(path))} " in runner.invoke(app, ["info", str(path)]).stdout
    for bundled in (DEFAULT_WEIGHTS, os.path.relpath(resolve(DEFAULT_WEIGHTS))):
        assert f"--weights {DEFAULT_WEIGHTS} " in runner.invoke(app, ["info", bundled]).stdout


def test_history_has_every_record(weights: Path) -> None:
    result = runner.invoke(app, ["info", str(weights), "--history"])
    for text in (
        fingerprint(weights),
        "lr 0.5, data [a, b]",
        "celeba read_as_target",
        "Blond_Hair 0.875, old 0.5",
        "celeba fid",
    ):
        assert text in result.stdout, text


def test_without_a_classifier_it_says_what_to_do(weights: Path, tmp_path: Path) -> None:
    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    alone = tmp_path / "alone.safetensors"
    save(alone, loaded.card, loaded.generator.state_dict())
    result = runner.invoke(app, ["info", str(alone)])
    assert "--rest off" in result.stdout
    assert json.loads(runner.invoke(app, ["info", str(alone), "--json"]).stdout)["discriminator_parameters"] is None


def test_what_weights_were_made_from_is_a_line_each(weights: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from stargan_cli.weights.files import load

    loaded = load(str(weights))
    oldest = {"iterations": 900, "hours": 1.5, "mean_of": ["a", "b"]}
    training = {"iterations": 3, "started_from": {"iterations": 12, "hours": 0.2, "started_from": oldest}}
    path = tmp_path / "later.safetensors"
    save(path, replace(loaded.card, training=training), loaded.generator.state_dict())
    lines = [
        " ".join(line.split()) for line in runner.invoke(app, ["info", str(path), "--history"]).stdout.splitlines()
    ]
    there = lines.index("started from 12 iterations in 0.2 h")
    assert lines[there + 1] == "before that 900 iterations in 1.5 h, a mean of 2"
    assert not any("started_from" in line for line in lines)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"PK\x03\x04 something else")
    result = runner.invoke(app, ["info", str(path)])
    assert result.exit_code == 2
    assert "is not a safetensors file" in result.stderr


def test_eyes_almost_in_one_place_are_no_frame() -> None:
    assert _frame({"left_eye": [1e-300, 0], "right_eye": [0, 0]}) == ", the centred square of a picture"
    assert _frame({"left_eye": [0.3, 0.4], "right_eye": [0.7, 0.4]}) == (
        ", 2.5 eye distances wide, 1.0 of them above the eyes"
    )
