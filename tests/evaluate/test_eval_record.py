"""`stargan eval --record`: a copy of the weights that says how good they are."""

from __future__ import annotations

import errno
import shutil

import pytest
import torch
from eval_kit import one_json
from safetensors.torch import load_file
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.evaluate.measure import Measuring
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric


def test_the_result_goes_into_a_copy_of_the_weights(stargan, folder, tmp_path):
    copy = tmp_path / "copy.safetensors"
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--record", str(copy), "--json")
    assert result.exit_code == 0, result.stderr
    total = one_json(result.stdout)["sets"][0]["all_single_changes"]["translated"]["value"]
    before, after = load(str(folder / "a.safetensors")), load(str(copy))
    assert after.card.quality["celeba"]["all_single_changes"]["translated"] == total
    assert after.card.quality["celeba"]["test_pictures"] == 6 and before.card.quality == {}
    assert after.card.quality["celeba"]["translated_pictures"]["Male"] == 2
    for name, tensor in before.generator.state_dict().items():
        assert torch.equal(after.generator.state_dict()[name], tensor)
    shown = CliRunner().invoke(app, ["info", str(copy), "--history"])
    assert "read_as_target" in shown.stdout


def test_a_record_says_how_it_was_measured(stargan, tmp_path):
    """The square or the whole photo, one classifier or two: the shares differ, and looked alike."""
    copy = tmp_path / "copy.safetensors"
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--record", str(copy))
    assert result.exit_code == 0, result.stderr
    quality = load(str(copy)).card.quality
    assert quality["settings"] == {"at": "square", "part": "test", "split": "official", "precision": "float32"}
    assert quality["celeba"]["classifiers"] == {"classifier": "efficientnet-lite0"}
    shown = CliRunner().invoke(app, ["info", str(copy), "--history"]).stdout
    assert "at square, part test, split official, precision float32" in shown
    assert "classifier efficientnet-lite0" in shown


@pytest.mark.parametrize(
    ("option", "writer", "said"),
    [
        ("--out", "run.write_report", "No space left"),
        ("--record", "record.save_tensors", "make room or give another --record"),
    ],
)
@pytest.mark.parametrize("form", ["--json", "--quiet"])
def test_what_was_measured_is_shown_though_it_cannot_be_written(
    stargan, tmp_path, monkeypatch, option, writer, said, form
):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"stargan_cli.evaluate.{writer}", full)
    result = stargan("--weights", "a.safetensors", "--limit", "6", option, str(tmp_path / "there"), form)
    assert result.exit_code == 1 and said in result.stderr
    assert "all_single_changes" in one_json(result.stdout)["sets"][0] if form == "--json" else "SSIM" in result.stdout


@pytest.mark.parametrize("form", ["--json", "--quiet"])
def test_what_was_measured_is_written_though_stdout_is_closed(stargan, tmp_path, monkeypatch, form):
    def closed(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr("stargan_cli.cli.app._leave_stdout", lambda: None)
    writer = "command.typer.echo" if form == "--json" else "tables.stdout_console"
    monkeypatch.setattr(f"stargan_cli.cli.evaluation.{writer}", closed)
    report, copy = tmp_path / "report", tmp_path / "measured.safetensors"
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--out", str(report), "--record", str(copy), form)
    assert result.exit_code == 1 and "Traceback" not in result.stderr, result.stderr
    assert (report / "report.md").is_file() and copy.is_file()


def test_the_result_goes_to_the_network_that_was_measured(stargan, folder, tmp_path, monkeypatch):
    """A running training replaces its weights all the time."""
    weights, copy = tmp_path / "weights.safetensors", tmp_path / "copy.safetensors"
    shutil.copy(folder / "a.safetensors", weights)
    run = Measuring.run

    def train_and_run(measuring):
        shutil.copy(folder / "b.safetensors", tmp_path / "next")
        (tmp_path / "next").replace(weights)
        return run(measuring)

    monkeypatch.setattr(Measuring, "run", train_and_run)
    result = stargan("--weights", str(weights), "--limit", "1", "--record", str(copy))
    assert result.exit_code == 0, result.stderr
    assert load(str(copy)).card.quality
    assert load_file(copy)["generator.main.0.weight"].equal(load_file("a.safetensors")["generator.main.0.weight"])


@pytest.mark.parametrize("role", ["--weights", "--baseline"])
def test_the_result_does_not_replace_weights_that_are_read(stargan, folder, tmp_path, role):
    read = tmp_path / "read.safetensors"
    shutil.copy(folder / "a.safetensors", read)
    result = stargan("--weights", "a.safetensors", role, str(read), "--record", str(read))
    assert result.exit_code == 2 and "--record" in result.stderr and "would replace an input" in result.stderr


def test_the_result_replaces_an_earlier_one_of_the_same_weights_alone(stargan, folder, tmp_path):
    copy = tmp_path / "copy.safetensors"
    options = ["--weights", "a.safetensors", "--record", str(copy), "--limit"]
    for limit in (1, 2):
        assert stargan(*options, str(limit)).exit_code == 0
        assert load(str(copy)).card.quality["celeba"]["test_pictures"] == limit
    for other in ("b.safetensors", "classifier.safetensors", "celeba/list_attr_celeba.txt"):
        shutil.copy(folder / other, copy)
        result = stargan(*options, "1")
        assert result.exit_code == 2 and "measuring" not in result.stderr
        assert f"{copy} is there already\n  only an earlier copy of the same weights" in result.stderr
        assert copy.read_bytes() == (folder / other).read_bytes()


@pytest.mark.parametrize("options", [["--out", "file"], ["--record", "file/copy"], ["--record", "folder"]])
def test_a_result_without_a_place_is_refused_before_the_work(stargan, tmp_path, options):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    result = stargan("--weights", "a.safetensors", options[0], str(tmp_path / options[1]))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr and "measuring" not in result.stderr
    fitting = stargan("--fit-classifier", "--classifier", str(tmp_path / "file" / "classifier"))
    assert fitting.exit_code == 2 and "cannot write" in fitting.stderr
