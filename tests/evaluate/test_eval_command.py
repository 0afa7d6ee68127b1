"""`stargan eval`: what it prints, and the calls that it refuses."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from eval_kit import one_json, pixels, write_celeba, write_weights
from torchvision.models import resnet18
from typer.main import get_command
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.cli.evaluation.command import OF_FITTING, OF_MEASURING
from stargan_cli.evaluate.classifiers.classifier import load_classifier
from stargan_cli.labels import LabelSet

pytestmark = pytest.mark.numeric

MEASURING = (
    *("--weights a.safetensors", "--out report", "--min-accuracy 0.9", "--record w.safetensors", "--baseline b"),
    *("--at source", "--fast", "--features none", "--pictures", "--identity FILE", "--inception FILE", "--lpips"),
)
FITTING = ("--attrs Male", "--network resnet18", "--epochs 2", "--init FILE", "--classifier-size 64")


def test_json_is_one_document_and_the_rest_goes_to_stderr(stargan):
    result = stargan("--weights", "a.safetensors", "--json")
    assert result.exit_code == 0, result.stderr
    document = one_json(result.stdout)
    one = document["sets"][0]
    assert (one["name"], one["pictures"], len(one["targets"])) == ("celeba", 12, 11)
    settings = document["settings"]
    assert (settings["precision"], settings["root"], settings["batch_size"]) == ("float32", "celeba", 16)
    assert one["targets"][3]["name"] == "Male" and one["targets"][3]["translated"]["n"] == 6
    assert "measuring" in result.stderr


def test_workers_change_no_number(stargan):
    few = stargan("--weights", "a.safetensors", "--json", "--limit", "7", "--batch-size", "4", "--workers", "1")
    many = stargan("--weights", "a.safetensors", "--json", "--limit", "7", "--batch-size", "4", "--workers", "3")
    assert one_json(few.stdout)["sets"] == one_json(many.stdout)["sets"]


def test_another_batch_size_moves_pictures_by_one_level_at_most(stargan, tmp_path):
    """Not to the bit: which order a processor sums in can depend on it."""
    common = ("--weights", "a.safetensors", "--limit", "7", "--json", "--pictures")
    one, other = (stargan(*common, "--out", str(tmp_path / size), "--batch-size", size) for size in ("1", "32"))
    made = sorted((tmp_path / "1").rglob("*.png"))
    made = [path for path in made if path.parent.name == "own_label" or "translated" in path.parts]
    assert len(made) > 7
    for path in made:
        difference = pixels(path) - pixels(tmp_path / "32" / path.relative_to(tmp_path / "1"))
        assert np.abs(difference).max() <= 1, path
    one, other = (one_json(result.stdout)["sets"][0]["own_label"]["psnr"]["value"] for result in (one, other))
    assert one == pytest.approx(other, abs=0.1)


@pytest.mark.parametrize("weights", ["a.safetensors", "keeps.safetensors"])
@pytest.mark.parametrize(("target", "spec"), [("Male", "male"), ("old", "old"), ("Blond_Hair", "blond")])
def test_what_is_measured_is_what_translate_makes(stargan, tmp_path, weights, target, spec):
    result = stargan("--weights", weights, "--limit", "8", "--out", str(tmp_path), "--pictures")
    assert result.exit_code == 0, result.output
    pictures = tmp_path / "pictures" / "1-celeba"
    fixed = ["--faces=off", "--size=model", "--format=png", "--precision=fp32", "--device=cpu", f"--weights={weights}"]
    given = ["translate", str(pictures / "source"), f"--set={spec}", f"--out={tmp_path / 'made'}", *fixed]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    measured = sorted((pictures / "translated" / target).iterdir())
    assert measured
    for path in measured:
        assert np.abs(pixels(path) - pixels(tmp_path / "made" / path.name)).max() <= 1, path.name


def test_tables_for_people(stargan):
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--quiet")
    assert result.exit_code == 0 and result.stderr == ""
    for text in (
        "celeba: 6 pictures of 16 px",
        "Attribute accuracy",
        "Blond_Hair",
        "hair+gender+age",
        "What stays",
        "SSIM",
    ):
        assert text in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 140


def test_tanh_weights_have_no_mask_to_tell_of(stargan):
    row = one_json(stargan("--weights", "tanh.safetensors", "--limit", "3", "--json").stdout)["sets"][0]["targets"][0]
    assert "background_change" in row and "change_inside_mask" not in row


def test_limit_takes_pictures_evenly(stargan):
    result = stargan("--weights", "a.safetensors", "--limit", "2", "--json")
    assert one_json(result.stdout)["sets"][0]["pictures"] == 2


def test_baseline_stands_beside_with_the_difference(stargan):
    document = one_json(
        stargan("--weights", "a.safetensors", "--baseline", "b.safetensors", "--limit", "6", "--json").stdout
    )
    own, other = (part["sets"][0]["own_label"]["psnr"]["value"] for part in (document, document["baseline"]))
    difference = document["baseline"]["difference"][0]["own_label"]["psnr"]
    assert own != other and difference["value"] == pytest.approx(own - other, abs=2e-4)
    table = stargan("--weights", "a.safetensors", "--baseline", "b.safetensors", "--limit", "3")
    assert "Against the baseline" in table.stdout and "The weights are measured at" not in table.stdout


def test_a_baseline_of_another_size_is_not_compared_without_a_word(stargan, tmp_path):
    """Untouched pictures are read differently at another size: the difference is not due to the networks alone."""
    baseline = write_weights(tmp_path / "large.safetensors", size=32)
    common = ("--weights", "a.safetensors", "--baseline", str(baseline), "--limit", "3", "--fast")
    result = stargan(*common, "--out", str(tmp_path / "report"), "--json")
    assert result.exit_code == 0, result.stderr
    document = one_json(result.stdout)
    assert [part["sets"][0]["image_size"] for part in (document, document["baseline"])] == [16, 32]
    report = (tmp_path / "report" / "report.md").read_text()
    assert "celeba: 3 pictures of 16 px" in report
    assert "The weights are measured at 16 px, the baseline at 32 px" in report


def test_min_accuracy_is_a_gate(stargan):
    assert stargan("--weights", "a.safetensors", "--limit", "6", "--min-accuracy", "0").exit_code == 0
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--min-accuracy", "1")
    assert result.exit_code == 1
    assert "is below --min-accuracy 1.0" in result.stderr


def test_without_dlib_a_note_names_the_extra(stargan):
    result = stargan("--weights", "a.safetensors", "--limit", "1")
    assert result.stderr.count("note: dlib is missing") == 1 and "stargan-cli[identity]" in result.stderr
    assert "source and result, by the first classifier;" in " ".join(result.stdout.split())


def test_a_baseline_for_other_attributes_is_refused(stargan, tmp_path):
    write_weights(tmp_path / "two.safetensors", LabelSet("celeba", ("Male", "Young")))
    result = stargan("--weights", "a.safetensors", "--baseline", str(tmp_path / "two.safetensors"))
    assert result.exit_code == 2 and "the baseline knows other attributes of celeba: Male, Young" in result.stderr


def test_narrow_terminals_get_the_intervals_below(monkeypatch, capsys):
    from stargan_cli.cli.evaluation import tables

    one = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 100}
    row = {"name": "hair+gender+age", "combination": True, "background_change": one}
    row |= dict.fromkeys(("real", "do_nothing", "translated", "accuracy_of_all"), one)
    document = {"name": "celeba", "pictures": 100, "image_size": 16, "targets": [row], "all_single_changes": row}
    document |= {"own_label": {"psnr": one}, "there_and_back": {"psnr": one, "through": "old"}, "classifiers": []}
    monkeypatch.setattr(tables, "PIPE_WIDTH", 80)
    tables.show_document({"settings": {"face_network": "dlib"}, "sets": [document]})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    number = next(number for number, line in enumerate(lines) if line.startswith("hair+gender+age"))
    assert lines[number].split()[1:] == ["100", *["50.0"] * 4]
    assert lines[number + 1].split() == ["100", "real"] + ["25.0", "to", "75.0"] * 4


def test_broken_weights_are_refused(stargan, folder, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((folder / "a.safetensors").read_bytes()[:-100])
    result = stargan("--weights", str(cut))
    assert result.exit_code == 2 and "cut.safetensors" in result.stderr


@pytest.mark.parametrize(
    ("option", "said"),
    [
        *((f"--fit-classifier {option}", "has no effect with --fit-classifier") for option in MEASURING),
        *((option, "has no effect without --fit-classifier") for option in FITTING),
        ("--inception FILE", "--inception has no effect without --features inception"),
        ("--data faces --root celeba", "--root is for --data celeba alone"),
        ("--data faces --split official", "--split is for --data celeba alone"),
        ("--fit-classifier --data faces --attrs Male", "--attrs is for --data celeba alone"),
    ],
)
def test_options_without_effect_are_refused(stargan, option, said):
    result = stargan(*option.split())
    assert result.exit_code == 2
    assert said in result.stderr, result.stderr


def test_every_option_is_of_measuring_or_of_fitting_or_of_both():
    of_both = "data root split limit cache classifier precision batch_size device workers seed quiet as_json"
    known = {parameter.name for parameter in get_command(app).commands["eval"].params} - {"fit_classifier"}
    assert known == OF_MEASURING | OF_FITTING | set(of_both.split())
    assert OF_MEASURING.isdisjoint(OF_FITTING)


def test_help_says_that_cache_does_not_move_the_classifiers():
    helps = {parameter.name: parameter.help for parameter in get_command(app).commands["eval"].params}
    assert all("cache folder (not --cache)" in helps[name] for name in ("classifier", "fit_classifier"))


def test_a_call_that_is_refused_makes_no_folder(stargan, tmp_path):
    new = tmp_path / "new" / "copy.safetensors"
    for options in (
        ["--weights", "a.safetensors", "--record", str(new), "--classifier", "missing"],
        ["--fit-classifier", "--classifier", str(new), "--network", "huge"],
    ):
        assert stargan(*options).exit_code == 2
    assert not new.parent.exists()


def test_distances_by_the_classifier(stargan, tmp_path):
    root = write_celeba(tmp_path / "celeba", copies=4)
    result = stargan("--weights", "a.safetensors", "--root", str(root), "--features", "classifier", "--json")
    assert result.exit_code == 0, result.stderr
    rows = {row["name"]: row for row in one_json(result.stdout)["sets"][0]["targets"]}
    assert set(rows["Male"]["distances"]) == {"translated", "do_nothing", "real", "share_left"}
    assert "fid" not in rows["Male"]["distances"]["translated"]
    assert rows["Male"]["distances"]["translated"]["classifier_frechet"] >= 0
    assert "distances" not in rows["hair+gender"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weights", "none.safetensors"], "none.safetensors"),
        (["--classifier", "none.safetensors"], "cannot read none.safetensors: No such file or directory\n"),
        (["--classifier", "a.safetensors"], "a.safetensors is no classifier file"),
        (["--classifier", "faces.safetensors"], "no classifier for celeba"),
        (["--data", "faces"], "these weights were not made for the labels of faces"),
        (["--features", "vgg"], "--features takes efficientnet-lite0 or classifier or inception or none, not 'vgg'"),
        (["--split", "mine"], "unknown split mine"),
        (["--at", "home"], "--at takes square or source, not 'home'"),
        (["--fit-classifier", "--network", "huge"], "huge, which is none of efficientnet-lite0, efficientnet-lite1, "),
        (["--fit-classifier", "--network", "resnet18"], "no package has ImageNet weights of resnet18"),
        (["--precision", "int8"], "unknown precision 'int8'"),
        (["--features", "inception", "--inception", "none.pth"], "there is no file none.pth"),
        (["--features", "inception", "--inception", "faces"], "weights, and faces is a folder"),
        (["--fit-classifier", "--data", "faces", "--data", "celeba"], "fitted on one data set"),
        (["--root", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_wrong_calls_say_what_to_do(stargan, options, said):
    weights = [] if "--fit-classifier" in options else ["--weights", "a.safetensors"]
    result = stargan(*weights, *options)
    assert result.exit_code == 2, result.output
    assert said in result.stderr and "Traceback" not in result.stderr


def test_without_torch_fidelity_it_names_the_extra(stargan, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity", None)
    result = stargan("--weights", "a.safetensors", "--features", "inception")
    assert result.exit_code == 2 and "stargan-cli[eval]" in result.stderr


def test_fitting_writes_a_file_that_is_then_used(stargan, folder, tmp_path):
    classifier = tmp_path / "classifier.safetensors"
    options = ["--data", "faces", "--classifier-size", "32", "--epochs", "1", "--precision", "fp32"]
    result = stargan("--fit-classifier", *options, "--classifier", str(classifier), "--json")
    assert result.exit_code == 0, result.stderr
    assert set(one_json(result.stdout)) == {"happy", "sad"}
    used = ["--weights", "joint.safetensors", "--data", "faces", "--classifier", str(classifier), "--json"]
    assert one_json(stargan(*used).stdout)["sets"][0]["classifiers"][0]["accuracy"] == one_json(result.stdout)


def test_fitting_replaces_a_classifier_of_the_same_attributes_alone(stargan, folder, tmp_path):
    classifier = tmp_path / "classifier.safetensors"
    torch.save(resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    options = ["--fit-classifier", "--network", "resnet18", "--init", str(tmp_path / "resnet18.pth")]
    options += ["--classifier-size", "32", "--epochs", "1", "--limit", "5", "--classifier", str(classifier)]
    for other in ("faces.safetensors", "a.safetensors"):
        shutil.copy(folder / other, classifier)
        result = stargan(*options)
        assert result.exit_code == 2 and f"{classifier} is there already" in result.stderr
        assert "only a classifier of the same attributes is replaced" in result.stderr
    shutil.copy(folder / "classifier.safetensors", classifier)
    assert stargan(*options, "--attrs", "Male").exit_code == 2
    assert "to one picture at a time" in stargan(*options, "--batch-size", "1").stderr
    assert classifier.read_bytes() == (folder / "classifier.safetensors").read_bytes()
    result = stargan(*options, "--batch-size", "2")
    assert result.exit_code == 0, result.stderr
    fitted = load_classifier(classifier)
    assert (fitted.network.name, fitted.training["batch_size"]) == ("resnet18", 2)
