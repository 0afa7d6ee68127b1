"""A run goes on from where its data lie now, with what is on the disk after a kill, a full disk or a power cut."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from power_cut import forgetful_disk, on_linux
from training_kit import after, celeba, class_folders, run_training, settings
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES
from stargan_cli.errors import DataError, TrainingError, UsageError
from stargan_cli.train import saving
from stargan_cli.train.data import load_data
from stargan_cli.train.recipe.resolve import new_settings, resumed_settings
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import check
from stargan_cli.train.run_folder import read_settings
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import latest_checkpoint
from stargan_cli.weights.files import read_card


def resumed(run: Path, cache: Path, **given: Any) -> TrainSettings:
    chosen = resumed_settings(run, given)
    assert run_training(run, chosen, cache, resume=True).reason == "finished"
    return chosen


@pytest.fixture
def moods(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "here" / "moods", {"happy": 6, "sad": 6})


def test_paths_in_a_run_folder_are_absolute(tmp_path: Path, moods: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(moods.parent)
    (moods.parent / "w.safetensors").touch()
    _, chosen = new_settings(None, None, {"data": ("moods", "celeba"), "root": "x", "init_from": "w.safetensors"})
    assert chosen.data == (str(moods), "celeba")
    assert (chosen.root, chosen.init_from) == (str(moods.parent / "x"), str(moods.parent / "w.safetensors"))
    assert new_settings(None, None, {})[1].root == str(moods.parent / "data")
    assert new_settings(None, None, {"init_from": "celeba-128"})[1].init_from == "celeba-128"


def test_a_run_of_class_folders_is_resumed_from_anywhere(
    tmp_path: Path, moods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(moods.parent)
    _, chosen = new_settings(None, None, settings(data=("./moods",)).to_dict())
    run_training(tmp_path / "run", chosen, tmp_path / "c", stop=after(2))
    monkeypatch.chdir(tmp_path)
    resumed(tmp_path / "run", tmp_path / "c")


def test_a_run_whose_settings_have_a_relative_path_is_told_where_the_data_lie(
    tmp_path: Path, moods: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As earlier versions wrote them."""
    monkeypatch.chdir(moods.parent)
    run_training(tmp_path / "run", settings(data=("./moods",)), tmp_path / "c", stop=after(2))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no data set at") as caught:
        resumed(tmp_path / "run", tmp_path / "c")
    assert "--data takes" in str(caught.value.hint) and "its new place" in str(caught.value.hint)
    resumed(tmp_path / "run", tmp_path / "c", data=("here/moods",))
    assert read_settings(tmp_path / "run").data == (str(moods),)


def test_data_that_moved_are_the_same_and_keep_their_name(tmp_path: Path, moods: Path) -> None:
    chosen = settings(data=(str(moods),), groups=())
    run_training(tmp_path / "run", chosen, tmp_path / "c", stop=after(2))
    there = moods.rename(tmp_path / "elsewhere")
    resumed(tmp_path / "run", tmp_path / "c", data=(str(there),))
    assert read_card(tmp_path / "run" / "weights.safetensors").layout.sets[0].name == "moods"


def test_other_data_are_refused(tmp_path: Path, moods: Path) -> None:
    run_training(tmp_path / "run", settings(data=(str(moods),)), tmp_path / "c", stop=after(2))
    other = class_folders(tmp_path / "moods", {"happy": 6, "sad": 5})
    with pytest.raises(DataError, match="the training data is not what"):
        resumed(tmp_path / "run", tmp_path / "c", data=(str(other),))
    for data in (("celeba",), (str(moods), str(other))):
        with pytest.raises(UsageError, match="a resumed run keeps its data sets"):
            resumed_settings(tmp_path / "run", {"data": data})


def test_attributes_are_resolved_and_an_earlier_runs_default_means_the_same(tmp_path: Path) -> None:
    root = str(celeba(tmp_path / "data"))
    assert new_settings(None, None, {"root": root})[1].attributes == DEFAULT_ATTRIBUTES
    tmp_path.joinpath("settings.json").write_text(json.dumps(settings(root=root, attributes=()).to_dict()))
    assert resumed_settings(tmp_path, {"attributes": DEFAULT_ATTRIBUTES}).attributes == DEFAULT_ATTRIBUTES
    with pytest.raises(UsageError, match="a resumed run keeps its --attrs"):
        resumed_settings(tmp_path, {"attributes": ("Male",)})


@pytest.mark.parametrize("full", [False, True])
def test_weights_older_than_the_last_checkpoint_are_written_anew(
    tmp_path: Path, moods: Path, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill, or a disk that is full, between the last checkpoint and its weights."""
    chosen, run = settings(data=(str(moods),)), tmp_path / "run"

    def fail(path: Path, card: Any, *tensors: Any, **more: Any) -> None:
        if card.training["iterations"] == 8:
            raise OSError(28, "No space left on device") if full else KeyboardInterrupt
        weights.save(path, card, *tensors, **more)

    monkeypatch.setattr(saving, "save_weights", fail)
    with pytest.raises(TrainingError if full else KeyboardInterrupt) as caught:
        run_training(run, chosen, tmp_path / "c")
    assert not full or str(caught.value) == "the weights of iteration 8 could not be written: No space left on device"
    monkeypatch.undo()
    checkpoint, _ = latest_checkpoint(run / "checkpoints")
    assert checkpoint is not None and checkpoint.record["iteration"] == 8
    assert read_card(run / "weights.safetensors").training["iterations"] == 6
    assert run_training(run, chosen, tmp_path / "c", resume=True).iteration == 8
    found = weights.load(str(run / "weights.safetensors"))
    assert found.card.training["iterations"] == 8
    assert all(
        (tensor == checkpoint.tensors[f"ema.{name}"]).all() for name, tensor in found.generator.state_dict().items()
    )


@on_linux
def test_a_run_survives_a_power_cut_at_any_moment(tmp_path: Path, moods: Path) -> None:
    disk_folder = tmp_path / "disk"
    disk_folder.mkdir()
    chosen = settings(data=(str(moods),), iterations=4, sample_every=4)
    run_training(tmp_path / "whole", chosen, tmp_path / "c")
    expected, _ = latest_checkpoint(tmp_path / "whole" / "checkpoints")
    with forgetful_disk(disk_folder) as disk:
        run_training(disk_folder / "run", chosen, tmp_path / "c")
    assert len(disk.cuts) > 10
    seen = set()
    for index, cut in enumerate(disk.cuts):
        for way in ("eager", "lazy"):
            run = cut.found_in(tmp_path / f"{index}-{way}", way) / "run"  # type: ignore[arg-type]
            checkpoint, complaints = latest_checkpoint(run / "checkpoints")
            assert complaints == []
            if checkpoint is None:
                continue
            seen.add(checkpoint.record["iteration"])
            assert read_settings(run) == chosen
            if (run / "weights.safetensors").exists():
                assert read_card(run / "weights.safetensors").training["iterations"] <= checkpoint.record["iteration"]
    assert seen == {2, 4}
    late = disk.cuts[-3].found_in(tmp_path / "late", "lazy") / "run"
    assert run_training(late, chosen, tmp_path / "c", resume=True).iteration == 4
    found, _ = latest_checkpoint(late / "checkpoints")
    assert expected is not None and found is not None
    assert all((tensor == expected.tensors[name]).all() for name, tensor in found.tensors.items())


def test_the_command_says_which_options_a_resumed_run_refuses(tmp_path: Path) -> None:
    for option in ("--preset=fast", "--config=x.toml"):
        result = CliRunner().invoke(app, ["train", "--run", str(tmp_path), "--resume", option])
        assert result.exit_code == 2 and f"{option.split('=')[0]} and --resume exclude each other" in result.stderr


def test_an_alias_is_added_to_those_of_the_run_and_replaces_the_same_word(tmp_path: Path) -> None:
    aliases = (("merry", "happy"), ("blue", "happy"))
    (tmp_path / "settings.json").write_text(json.dumps(settings(data=("moods",), aliases=aliases).to_dict()))
    changed = resumed_settings(tmp_path, {"aliases": (("Blue", "sad"), ("down", "sad"))})
    assert changed.aliases == (("merry", "happy"), ("Blue", "sad"), ("down", "sad"))


def test_a_run_goes_on_with_settings_without_effect_that_an_earlier_version_accepted(
    tmp_path: Path, moods: Path
) -> None:
    chosen = settings(data=(str(moods),), weigh_classes=True, own_share=0.01)
    (tmp_path / "settings.json").write_text(json.dumps(chosen.to_dict()))
    assert resumed_settings(tmp_path, {"iterations": 20}) == replace(chosen, iterations=20)
    check(tmp_path, chosen, load_data(chosen)[1], resume=True, device="cpu")
    for name, value in (("weigh_classes", True), ("own_share", 0.02)):
        with pytest.raises(UsageError, match="has no effect"):
            resumed_settings(tmp_path, {name: value})


def test_a_new_probability_of_augmentation_replaces_the_adapted_one(tmp_path: Path, moods: Path) -> None:
    run = tmp_path / "run"
    chosen = settings(data=(str(moods),), adversarial="nonsaturating", augment=0.2, augment_target=0.6)
    for wanted in (chosen, replace(chosen, augment=0.5), replace(chosen, augment=0.5)):
        run_training(run, wanted, tmp_path / "c", resume=run.exists(), stop=after(2))
        checkpoint, _ = latest_checkpoint(run / "checkpoints")
        assert checkpoint is not None
        assert float(checkpoint.tensors["augmentation.probability"]) == pytest.approx(wanted.augment, abs=1e-3)
