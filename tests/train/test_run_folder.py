"""What lies in a run folder already is kept, and is read or refused in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from training_kit import after, run_training, same_end, settings

from stargan_cli.errors import UsageError
from stargan_cli.train.recipe.presets import preset
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import RunFolder, read_settings

pytestmark = pytest.mark.numeric


def test_a_run_is_not_started_over_another(whole: Path, chosen: TrainSettings, cache: Path) -> None:
    with pytest.raises(UsageError, match="holds a run already") as caught:
        run_training(whole, chosen, cache)
    assert "--resume" in str(caught.value.hint)


def test_one_training_at_a_time(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    with RunFolder(tmp_path), pytest.raises(UsageError, match="another training is running in"):
        run_training(tmp_path, chosen, cache)
    run_training(tmp_path, chosen, cache, stop=after(1))


def test_weights_without_checkpoints_are_not_replaced(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    shutil.rmtree(tmp_path / "checkpoints")
    before = (tmp_path / "weights.safetensors").read_bytes()
    for resume in (False, True):
        with pytest.raises(UsageError, match="holds weights and no checkpoint") as caught:
            run_training(tmp_path, chosen, cache, resume=resume)
        assert "--init-from" in str(caught.value.hint)
    assert (tmp_path / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize(("name", "reason"), [("settings.json", "cannot be read"), ("log.jsonl", "belongs to no run")])
def test_files_of_others_in_the_run_folder_are_kept(
    name: str, reason: str, tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    (tmp_path / name).write_text('{"mine": true}\n')
    with pytest.raises(UsageError, match=reason):
        run_training(tmp_path, chosen, cache)
    assert (tmp_path / name).read_text() == '{"mine": true}\n'


def test_a_run_that_ended_before_its_first_checkpoint_is_started_again(
    tmp_path: Path, whole: Path, chosen: TrainSettings, cache: Path
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))
    shutil.rmtree(tmp_path / "checkpoints")
    (tmp_path / "weights.safetensors").unlink()
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'[1]\n"x"\n\xff\xfe\n{"iteration": 3, "D/re')
    run_training(tmp_path, chosen, cache)
    same_end(tmp_path, whole)


@pytest.mark.parametrize(
    ("name", "value"),
    [("batch_size", "4"), ("batch_size", 4.5), ("lr", True), ("data", "moods"), ("data", [1]), ("mix", ["1"]),
     ("root", 5), ("groups", [[1]]), ("flip", 1), ("output", None)],
)  # fmt: skip
def test_settings_of_the_wrong_kind_are_refused(name: str, value: Any, tmp_path: Path) -> None:
    whole = json.loads(json.dumps(settings(data=("moods",)).to_dict()))
    (tmp_path / "settings.json").write_text(json.dumps(whole))
    assert read_settings(tmp_path) == settings(data=("moods",))
    (tmp_path / "settings.json").write_text(json.dumps(whole | {name: value}))
    with pytest.raises(UsageError, match=f"the training setting {name} cannot be"):
        read_settings(tmp_path)


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run to resume"):
        read_settings(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "00000008.safetensors").touch()
    with pytest.raises(UsageError, match="settings.json is missing") as caught:
        read_settings(tmp_path)
    assert "put it back" in str(caught.value.hint)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(UsageError, match="settings.json cannot be read: Expecting"):
        read_settings(tmp_path)


def test_a_run_of_a_version_with_other_settings_is_refused_in_one_line_that_names_them(tmp_path: Path) -> None:
    old = preset("fast").to_dict() | {"teacher": None, "face_shade": 0.65, "lambda_stay": 60.0}
    (tmp_path / "settings.json").write_text(json.dumps(old))
    with pytest.raises(UsageError) as caught:
        read_settings(tmp_path)
    assert str(caught.value).endswith("it holds settings of another version: face_shade, lambda_stay, teacher")
    assert "\n" not in str(caught.value)
    assert f"--init-from {tmp_path / 'weights.safetensors'}" in str(caught.value.hint)
