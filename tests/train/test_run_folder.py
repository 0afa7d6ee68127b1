"""What lies in a run folder already is kept, and is read or refused in words."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from training_kit import after, run_training, same_end, settings

from stargan_cli.errors import TrainingError, UsageError
from stargan_cli.train.data import load_data
from stargan_cli.train.recipe.presets import preset
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import check
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


@pytest.mark.parametrize("name", ["weights.safetensors", "best.safetensors"])
@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_in_the_place_of_weights_is_named_before_the_work(
    tmp_path: Path, chosen: TrainSettings, name: str, resume: bool
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(UsageError, match=f"a folder is in the way of {tmp_path / name}"):
        check(tmp_path, chosen, load_data(chosen)[1], resume=resume, device="cpu")


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
        file.write(b'{"iteration": 3, "D/re')
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
    with pytest.raises(UsageError, match=f"the setting {name} cannot be"):
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_settings_that_an_editor_saved_in_its_encoding_are_read(tmp_path: Path, encoding: str) -> None:
    chosen = settings(data=("moods",))
    (tmp_path / "settings.json").write_text(json.dumps(chosen.to_dict()), encoding=encoding)
    assert read_settings(tmp_path) == chosen


@pytest.mark.parametrize(
    ("text", "reason"), [('{"lr": "0.1"}', "lr cannot be '0.1'"), ('{"lr": 0.1, "lr": 0.2}', "gives lr twice")]
)
def test_a_slip_in_the_settings_is_to_be_corrected(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        read_settings(tmp_path)
    assert str(caught.value.hint).startswith("correct it, or ")


def test_settings_that_are_nested_deeply_are_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="nested too deeply"):
        read_settings(tmp_path)


def test_a_run_of_a_version_with_other_settings_is_refused_in_one_line_that_names_them(tmp_path: Path) -> None:
    old = preset("fast").to_dict() | {"teacher": None, "face_shade": 0.65, "lambda_stay": 60.0}
    (tmp_path / "settings.json").write_text(json.dumps(old))
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(UsageError) as caught:
        read_settings(tmp_path)
    assert str(caught.value).endswith("it holds settings of another version: face_shade, lambda_stay, teacher")
    assert "\n" not in str(caught.value)
    assert f"--init-from {tmp_path / 'weights.safetensors'}" in str(caught.value.hint)


def test_files_of_other_programs_that_look_unfinished_are_kept(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    others = [tmp_path / ".notes.tmp", tmp_path / ".weights.safetensors.tmp", tmp_path / "samples" / ".draft.7.tmp"]
    for path in others:
        path.write_text("mine")
    (tmp_path / ".weights.safetensors.7.tmp").mkdir()
    left_over = [tmp_path / ".log.jsonl.77.tmp", tmp_path / "samples" / ".00000010-celeba.png.77.tmp"]
    for path in left_over:
        path.write_text("half")
    with RunFolder(tmp_path):
        assert [path.read_text() for path in others] == ["mine"] * 3
        assert not any(path.exists() for path in left_over)


def test_the_best_weights_of_a_run_without_checkpoints_are_not_replaced(
    tmp_path: Path, chosen: TrainSettings, cache: Path
) -> None:
    (tmp_path / "best.safetensors").write_bytes(b"mine")
    with pytest.raises(UsageError, match="holds weights and no checkpoint") as caught:
        run_training(tmp_path, chosen, cache)
    assert "best.safetensors" in str(caught.value.hint)


def test_resuming_without_a_checkpoint_says_where_it_starts(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    with RunFolder(tmp_path) as folder:
        folder.write_settings(chosen)
    said: list[str] = []
    run_training(tmp_path, chosen, cache, resume=True, say=said.append, stop=after(1))
    assert said == [f"{tmp_path} has no checkpoint: starting at iteration 0"]


def test_a_log_that_cannot_be_written_again_names_the_folder_and_the_next_step(
    tmp_path: Path, chosen: TrainSettings, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_training(tmp_path, chosen, cache, stop=after(2))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("stargan_cli.train.log.RunLog.keep_until", full)
    with pytest.raises(UsageError, match=f"cannot write the run folder {tmp_path}: No space left") as caught:
        run_training(tmp_path, chosen, cache, resume=True)
    assert caught.value.hint == "make room there or allow writing"


def test_settings_of_another_program_are_not_taken_for_a_run_with_weights(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"editor.fontSize": 12}')
    with pytest.raises(UsageError, match=r"editor\.fontSize") as caught:
        read_settings(tmp_path)
    assert caught.value.hint == "correct it, or choose another --run"


def test_a_run_folder_that_is_moved_meanwhile_ends_the_run(tmp_path: Path, chosen: TrainSettings, cache: Path) -> None:
    run, moved = tmp_path / "run", tmp_path / "moved"

    def move(*_: object) -> None:
        if run.exists() and (run / "log.jsonl").exists():
            run.rename(moved)

    with pytest.raises(TrainingError, match="is gone: it was moved or removed"):
        run_training(run, chosen, cache, progress=move)
    assert not run.exists()


@pytest.mark.usefixtures("no_locks")
def test_another_training_does_not_end_the_run_where_the_file_system_has_no_locks(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as first:
        with RunFolder(tmp_path):
            pass
        assert first.is_there()


def test_a_folder_that_is_made_anew_is_not_the_runs(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunFolder(run) as folder:
        run.rename(tmp_path / "moved")
        run.mkdir()
        (run / ".stargan.lock").touch()
        assert not folder.is_there()
