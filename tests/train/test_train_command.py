"""`stargan train` as people call it: real processes, signals, and what is printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from training_kit import TINY_OPTIONS, celeba, class_folders, log_rows, run_training, settings, wait_for
from typer.testing import CliRunner, Result

from stargan_cli.cli.app import app
from stargan_cli.cli.training.durations import parse_duration
from stargan_cli.datasets import celeba_download
from stargan_cli.errors import UsageError
from stargan_cli.settings import LARGEST_SEED, declared
from stargan_cli.train import estimate
from stargan_cli.train.recipe.config import read_config
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.weights import files as weights
from stargan_cli.weights.checkpoints import load_checkpoint

REPO = Path(__file__).resolve().parents[2]


DESCRIBED = "moods: 12 train, 12 validation, 12 test (train from train/, validation from test/, test from test/)"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["train", *map(str, arguments)])


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "stargan_cli", "train", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPO)}
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def test_a_run_killed_with_sigkill_goes_on_as_if_nothing_had_been(tmp_path: Path, moods: Path) -> None:
    chosen = settings(data=(str(moods),), iterations=60)
    process = start("--data", moods, "--run", tmp_path / "run", "--cache", tmp_path / "c", "--device", "cpu",
                    *TINY_OPTIONS, "--iterations=60")  # fmt: skip
    wait_for(tmp_path / "run" / "checkpoints" / "00000008.safetensors", process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    stopped_at = log_rows(tmp_path / "run")[-1]["iteration"]
    assert 8 <= stopped_at < 60

    run_training(tmp_path / "run", chosen, tmp_path / "c", resume=True)
    run_training(tmp_path / "whole", chosen, tmp_path / "c")
    last, expected = (
        load_checkpoint(tmp_path / run / "checkpoints" / "00000060.safetensors").tensors for run in ("run", "whole")
    )
    assert all(torch.equal(tensor, expected[name]) for name, tensor in last.items())
    assert log_rows(tmp_path / "run") == log_rows(tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_save_and_say_so_by_the_exit_code(
    number: int, code: int, tmp_path: Path, moods: Path
) -> None:
    process = start("--data", moods, "--run", tmp_path / "a run", "--cache", tmp_path / "c", "--device", "cpu",
                    *TINY_OPTIONS, "--iterations=1000000", "--checkpoint-every=1000000")  # fmt: skip
    wait_for(tmp_path / "a run" / "log.jsonl", process)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert out == ""
    assert "stopping after this iteration" in err and "(stopped)" in err
    assert f"go on with: stargan train --run '{tmp_path}/a run' --resume" in err
    found = weights.load(str(tmp_path / "a run" / "weights.safetensors"))
    assert found.card.training["iterations"] == log_rows(tmp_path / "a run")[-1]["iteration"] >= 1


def test_a_run_from_the_command_line_with_plain_lines(tmp_path: Path, moods: Path) -> None:
    run = tmp_path / "run"
    result = call("--data", moods, "--run", run, "--cache", tmp_path / "c", "--device=cpu", *TINY_OPTIONS,
                  "--iterations=2")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert lines[:2] == [DESCRIBED, "  happy 6, sad 6"]
    assert any(line.startswith("note: faces are not aligned in moods") for line in lines)
    assert any(line.startswith("training: 2/2 iterations") and "D/gp" in line for line in lines)
    assert lines[-1] == f"iteration 2 of 2 (finished): {run / 'weights.safetensors'}"

    again = call("--data", moods, "--run", run, "--cache", tmp_path / "c", *TINY_OPTIONS, "--quiet")
    assert again.exit_code == 2 and again.stderr.startswith(f"error: {run} holds a run already\n")
    longer = call("--run", run, "--resume", "--iterations=4", "--cache", tmp_path / "c", "--device=cpu", "--quiet")
    assert longer.exit_code == 0 and [row["iteration"] for row in log_rows(run)] == [1, 2, 3, 4]
    other = call("--run", run, "--resume", "--batch-size=2")
    assert other.exit_code == 2 and "a resumed run keeps its --batch-size: 4, not 2" in other.stderr
    other = call("--run", run, "--resume", "--preset=paper")
    assert other.exit_code == 2 and "--preset and --resume exclude each other" in other.stderr


def test_max_time_stops_cleanly(tmp_path: Path, moods: Path) -> None:
    result = call("--data", moods, "--run", tmp_path / "run", "--cache", tmp_path / "c", "--device=cpu", *TINY_OPTIONS,
                  "--iterations=1000000", "--max-time=0.5s")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "(time)" in result.stderr and "go on with: stargan train" in result.stderr
    assert weights.load(str(tmp_path / "run" / "weights.safetensors")).card.training["iterations"] < 1000


def test_time_that_went_into_the_start_is_said(tmp_path: Path, moods: Path) -> None:
    common = ("--run", tmp_path / "run", "--cache", tmp_path / "c", "--device=cpu")
    no_time = call("--data", moods, *common, *TINY_OPTIONS, "--max-time=0.001s")
    some = call(*common, "--resume", "--iterations=2")
    none_again = call(*common, "--resume", "--iterations=4", "--max-time=0.001s")
    said = ["no iteration was done: the start took the whole time; give more --max-time" in result.stderr
            for result in (no_time, some, none_again)]  # fmt: skip
    assert said == [True, False, True], none_again.output
    assert "iteration 2 of 4 (time)" in none_again.stderr


def test_dry_run_estimates_time_and_memory_and_prints_a_file_for_config(tmp_path: Path, moods: Path) -> None:
    arguments = [
        "--data",
        moods,
        "--preset=fast",
        *TINY_OPTIONS,
        "--head-start=0",
        "--lambda-rec=5",
        "--run",
        tmp_path / "run",
    ]
    result = call(*arguments, "--dry-run", "--device=cpu")
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == []
    lines = result.stderr.splitlines()
    assert lines[0] == DESCRIBED and "happy 6, sad 6" in lines[1]
    assert re.match(r"estimating: \d+ iterations", lines[-3])
    assert re.fullmatch(r"time: .* on cpu in float32; 8 iterations take about \d+ s", lines[-2])
    assert re.fullmatch(
        r"memory: [\d.]+ [MG]B; disk: 1 MB of decoded pictures, 1 MB of checkpoints and weights", lines[-1]
    )
    assert result.stdout.startswith('preset = "fast"\n')
    (tmp_path / "run.toml").write_text(result.stdout)
    again = call("--config", tmp_path / "run.toml", "--dry-run", "--device=cpu")
    assert again.exit_code == 0 and again.stdout == result.stdout
    assert TrainSettings(**read_config(tmp_path / "run.toml")[1]).lambda_rec == 5


def test_steps_that_come_seldom_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An iteration of this trainer takes a second."""
    calls: list[int] = []
    chosen = settings(n_critic=7, penalty_every=1000)
    trainer = SimpleNamespace(device=torch.device("cpu"), settings=chosen, iterate=lambda: calls.append(1))
    monkeypatch.setattr(estimate.time, "monotonic", lambda: float(len(calls)))
    assert estimate._seconds(trainer) == 1 and len(calls) == 20  # type: ignore[arg-type]


def test_sets_that_share_a_name_are_told_apart(tmp_path: Path, moods: Path) -> None:
    other = class_folders(tmp_path / "faces", {"happy": 2, "angry": 2})
    result = call("--data", moods, "--data", other, "--mix=2,1", "--alias=merry = faces:happy", "--dry-run",
                  *TINY_OPTIONS)  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "note: happy is in 2 sets; --set takes moods:happy or faces:happy" in result.stderr.splitlines()
    shown = result.stdout.splitlines()
    assert "mix = [2, 1]" in shown and 'aliases = [["merry", "faces:happy"]]' in shown


def test_words_of_the_weights_to_start_from_reach_the_settings(tmp_path: Path, moods: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert call("--data", moods, "--run", first, "--alias=merry=happy", *TINY_OPTIONS).exit_code == 0
    start = f"--init-from={first / 'weights.safetensors'}"
    result = call("--data", moods, "--run", second, start, "--alias=down=sad", *TINY_OPTIONS)
    assert result.exit_code == 0, result.output
    words = {"merry": "happy", "down": "sad"}
    assert dict(TrainSettings.from_dict(read_config(second / "settings.json")[1]).aliases) == words
    assert weights.read_card(second / "weights.safetensors").aliases == words


def test_celeba_options_reach_the_settings(tmp_path: Path) -> None:
    result = call("--root", celeba(tmp_path), "--attrs=Male,Smiling, Young", "--group=Smiling,Young", "--dry-run",
                  *TINY_OPTIONS)  # fmt: skip
    assert result.exit_code == 0, result.output
    shown = result.stdout.splitlines()
    assert 'attributes = ["Male", "Smiling", "Young"]' in shown and 'groups = [["Smiling", "Young"]]' in shown
    assert "celeba: 12 train, 3 validation, 3 test (as list_eval_partition.txt says)" in result.stderr.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root=nowhere"], "error: no CelebA: there is no folder {here}/nowhere"),
        (["--data=nowhere"], "error: no data set at {here}/nowhere"),
        (["--max-time=soon"], "error: not a time: soon"),
        (["--mix=a,b"], "error: --mix takes whole numbers such as 2,1, not a,b"),
        (["--alias=happy"], "error: --alias takes WORD=NAME, not happy"),
        (["--alias=happy=sad"], "error: --alias happy=sad: happy has a meaning already"),
        (["--alias=joy=happy", "--alias=joy=sad"], "error: --alias joy means happy and sad"),
        (["--split=reference"], "error: --split is for celeba"),
        (["--keep-unset"], "error: --keep-unset is for celeba"),
        (["--download"], "error: --download is for celeba"),
        (["--weigh-classes"], "error: --weigh-classes has no effect without --balance"),
        (["--preset=faces", "--no-balance"], "error: --weigh-classes has no effect without --balance"),
        (["--own-share=0.05"], "error: --own-share 0.05 has no effect: it is less than one of 16 pictures in a step"),
        (["--single-share=0.05"], "give --single-share 0.063 or more, or --single-share 0"),
        (["--eval-every=5", "--dry-run"], "fit one into the user's cache folder with"),
        (["--device=tpu"], "error: unknown device 'tpu'"),
        (["--init-from=nothing"], "error: no weights at nothing"),
        (["--preset=huge"], "error: unknown preset 'huge'"),
        (["--resume"], "error: no run to resume in"),
        (["--image-size=130"], "error: image_size must be a multiple of 4"),
        ([f"--seed={2**63}"], "error: --seed must be from 0 to "),
        ([f"--seed={'9' * 400}"], "error: --seed must be from 0 to "),
    ],
)
def test_a_wrong_call_exits_2(tmp_path: Path, moods: Path, arguments: list[str], message: str) -> None:
    data = [] if any(a.startswith(("--root", "--data")) for a in arguments) or "--resume" in arguments else [moods]
    result = call(*[f"--data={folder}" for folder in data], "--run", tmp_path / "run", *arguments)
    assert result.exit_code == 2, result.output
    assert message.format(here=Path.cwd()) in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_among_the_classes_would_be_one_of_them(tmp_path: Path) -> None:
    moods = class_folders(tmp_path / "moods", {"happy": 3, "sad": 3}, parts=())
    result = call("--data", moods, "--run", moods / "runs" / "new", *TINY_OPTIONS)
    assert result.exit_code == 2 and "would be taken for one of them" in result.stderr
    assert not (moods / "runs").exists()


def test_a_cache_among_the_classes_would_be_one_of_them(tmp_path: Path) -> None:
    moods = class_folders(tmp_path / "moods", {"happy": 3, "sad": 3}, parts=())
    result = call("--data", moods, "--run", tmp_path / "run", "--cache", moods / "cache", *TINY_OPTIONS)
    assert result.exit_code == 2 and "would be taken for one of them" in result.stderr
    assert not (moods / "cache").exists()


def test_a_generator_that_is_not_trained_is_said(tmp_path: Path) -> None:
    cases = {"--iterations=300": True, "--iterations=301": False, "--iterations=309 --n-critic=310": True}
    for options, said in cases.items():
        result = call("--preset=fast", *options.split(), "--root", tmp_path / "nowhere")
        assert ("note: no iteration trains the generator" in result.stderr) == said, options


def test_a_file_that_names_no_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text('{"data": []}')
    result = call("--config", tmp_path / "mine.json", "--run", tmp_path / "run")
    assert result.exit_code == 2 and "error: --data names no data set" in result.stderr


def test_the_largest_seed_trains(tmp_path: Path, moods: Path) -> None:
    other = class_folders(tmp_path / "faces", {"calm": 2, "angry": 2})
    result = call("--data", moods, "--data", other, "--run", tmp_path / "run", "--cache", tmp_path / "c",
                  *TINY_OPTIONS, "--balance", "--iterations=2", f"--seed={LARGEST_SEED}")  # fmt: skip
    assert result.exit_code == 0, result.output


def test_a_missing_celeba_is_fetched_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba_download, "fetch_celeba", celeba)
    assert call("--root", tmp_path, "--download", "--dry-run", "--attrs=Male", *TINY_OPTIONS).exit_code == 0


def test_durations() -> None:
    assert [parse_duration(text) for text in ("90s", "45m", "2h", "1h30m", "1.5h")] == [90, 2700, 7200, 5400, 5400]
    for text in ("", "2", "h", "-1h", "1.2.3h", "0s"):
        with pytest.raises(UsageError):
            parse_duration(text)


def test_every_setting_has_an_option() -> None:
    import typer

    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    options = {name for parameter in command.params for name in parameter.opts}
    assert not [one.option for one in declared(TrainSettings).values() if one.option not in options]


def test_completion_offers_the_values_of_fixed_lists() -> None:
    import typer

    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    offered = {
        parameter.name: [item.value for item in parameter.shell_complete(None, "")]  # type: ignore[arg-type]
        for parameter in command.params
        if parameter.name in ("preset", "adversarial", "precision")
    }
    assert offered == {
        "preset": ["paper", "small", "fast", "faces"],
        "adversarial": ["wgan-gp", "nonsaturating"],
        "precision": ["auto", "fp32", "bf16"],
    }
