from __future__ import annotations

import errno
import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from eval_kit import CELEBA, one_json, write_celeba, write_classifier, write_weights
from PIL import Image
from safetensors.torch import load_file
from torchvision.models import resnet18
from typer.main import get_command
from typer.testing import CliRunner

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.cli.app import app
from stargan_cli.cli.evaluation.command import OF_FITTING, OF_MEASURING
from stargan_cli.errors import UsageError
from stargan_cli.evaluate.classifiers.classifier import load_classifier
from stargan_cli.evaluate.classifiers.places import classifiers_of, usual_classifier
from stargan_cli.evaluate.data import matching_sets
from stargan_cli.evaluate.measure import Measuring
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.labels import LabelSet
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric

MEASURING = (
    *("--weights a.safetensors", "--out report", "--min-accuracy 0.9", "--record w.safetensors", "--baseline b"),
    *("--at source", "--fast", "--features none", "--pictures", "--identity FILE", "--inception FILE", "--lpips"),
)
FITTING = ("--attrs Male", "--network resnet18", "--epochs 2", "--init FILE", "--classifier-size 64")
FACES = LabelSet("faces", ("happy", "sad"), kind="classes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """CelebA, a class folder set, weights and classifiers; nothing in it is changed by a test."""
    root = tmp_path_factory.mktemp("eval")
    write_celeba(root / "celeba", copies=2)
    for label, shade in (("happy", 250), ("sad", 5)):
        (root / "faces" / label).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (16, 16), (shade, number, 0)).save(root / "faces" / label / f"{number}.png")
    write_weights(root / "a.safetensors", seed=1)
    write_weights(root / "b.safetensors", seed=2)
    write_weights(root / "tanh.safetensors", output="tanh")
    write_weights(root / "keeps.safetensors", seed=3, unset_stays=True)
    write_weights(root / "joint.safetensors", CELEBA, FACES)
    write_classifier(root / "classifier.safetensors")
    write_classifier(root / "faces.safetensors", FACES)
    return root


@pytest.fixture
def stargan(folder, monkeypatch):
    monkeypatch.chdir(folder)

    monkeypatch.setattr("stargan_cli.evaluate.instruments.dlib_is_there", lambda: False)

    def call(*options: str):
        given = ["eval", "--cache", "cache", "--device", "cpu", *options]
        if "--root" not in options and ("--data" not in options or "celeba" in options):
            given += ["--root", "celeba"]
        if "--features" not in options and "--fit-classifier" not in options:
            given += ["--features", "none"]
        if not any(option.endswith("--classifier") for option in options):
            given += ["--classifier", "classifier.safetensors"]
        return CliRunner().invoke(app, given)

    return call


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


def test_report_folder(stargan, folder, tmp_path):
    result = stargan("--weights", "a.safetensors", "--out", str(tmp_path / "new" / "report"), "--json")
    assert result.exit_code == 0, result.stderr
    report = tmp_path / "new" / "report"
    assert json.loads((report / "evaluation.json").read_text()) == one_json(result.stdout)
    text = (report / "report.md").read_text()
    assert "| Blond\\_Hair" not in text and "| Blond_Hair | 8 (4 real) |" in text
    assert text.index("### At a glance") < text.index("### Where numbers") < text.index("sheets/celeba-random.png")
    assert text.index("sheets/celeba-worst.png") < text.index("### Attribute accuracy")
    for name in ("random", "worst"):
        with Image.open(report / "sheets" / f"celeba-{name}.png") as sheet:
            assert sheet.size == (6 * 2 * 16, 11 * 16)
    assert len(list((report / "sheets").iterdir())) == 2
    assert "- hair+gender+age: 0" in text and ".png (0." in text and "Only one classifier" in text


def test_a_report_names_classifiers_without_their_folder(stargan, folder, tmp_path):
    classifier = str(folder / "classifier.safetensors")
    result = stargan("--weights", "a.safetensors", "--limit", "3", "--out", str(tmp_path), "--classifier", classifier)
    assert result.exit_code == 0, result.stderr
    assert str(folder) not in (tmp_path / "evaluation.json").read_text()
    assert "classifiers: classifier.safetensors;" in (tmp_path / "report.md").read_text()


def test_every_measured_picture_can_be_kept(stargan, tmp_path):
    """An independent reading of the files gives the document's numbers."""
    report = tmp_path / "report"
    result = stargan("--weights", "a.safetensors", "--limit", "6", "--out", str(report), "--pictures", "--json")
    assert result.exit_code == 0, result.stderr
    one, folder = one_json(result.stdout)["sets"][0], report / "pictures" / "1-celeba"
    rows = [json.loads(line) for line in (folder / "pictures.jsonl").read_text().splitlines()]
    for target in one["targets"]:
        mine = [row for row in rows if row["target"] == target["name"]]
        pairs = [[pixels(folder / row[name]) for name in ("source", "translated")] for row in mine]
        assert len(mine) == target["translated"]["n"]
        share = np.mean([row["read_as_target"] for row in mine])
        assert share == pytest.approx(target["translated"]["value"], abs=1e-4)
        corners = [np.abs(a - b)[:2, [0, 1, -2, -1]].mean() for a, b in pairs]
        assert np.mean(corners) == pytest.approx(target["background_change"]["value"], abs=1e-4)
    assert {"Male": 1} in [row["wanted"] for row in rows]
    for kind in ("own_label", "there_and_back"):
        files = sorted((folder / kind).iterdir())
        errors = [((pixels(file) - pixels(folder / "source" / file.name)) ** 2).mean() for file in files]
        assert len(files) == 6
        assert np.mean(10 * np.log10(255**2 / np.array(errors))) == pytest.approx(one[kind]["psnr"]["value"], abs=1e-4)
    assert stargan("--weights", "a.safetensors", "--pictures").exit_code == 2


def test_the_kept_pictures_give_the_same_numbers_to_independent_code(stargan, tmp_path, monkeypatch, capsys):
    write_weights(tmp_path / "gender.safetensors", LabelSet("celeba", ("Male",)))
    (tmp_path / "other").mkdir()
    second = write_classifier(tmp_path / "other" / "classifier.safetensors", seed=2)
    root = write_celeba(tmp_path / "celeba", copies=2)
    for number in range(24, 36):  # the test part: women are dark and men are bright, so that the sets lie apart
        shade = 230 if number % 6 in (0, 2, 5) else 20
        Image.new("RGB", (16, 16), (shade, number, shade)).save(root / "img_align_celeba" / f"{number:06}.png")
    both = ["--classifier", "classifier.safetensors", "--classifier", str(second)]
    options = ["--weights", str(tmp_path / "gender.safetensors"), "--features", "efficientnet-lite0", "--pictures"]
    result = stargan(*options, *both, "--root", str(root), "--out", str(tmp_path / "report"))
    assert result.exit_code == 0, result.stderr
    (folder,) = (tmp_path / "report" / "pictures").iterdir()
    for kind in ("source", "own_label", "there_and_back"):
        Image.new("RGB", (16, 16), "red" if kind == "source" else "blue").save(folder / kind / "foreign.png")
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    recompute = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "recompute.py"))["main"]
    monkeypatch.setattr("sys.argv", ["recompute.py", str(tmp_path / "report"), *both])
    code = recompute()
    assert type(code) is int and code == 0
    said = capsys.readouterr().out
    assert "Male, real: efficientnet_lite0_frechet" in said and "Male: disagreement" in said
    assert "Male: share left" in said and said.endswith("all agree to three digits\n")
    document = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    document["sets"][0]["own_label"]["ssim"]["value"] += 0.001
    (tmp_path / "report" / "evaluation.json").write_text(json.dumps(document))
    assert recompute() == 1 and "own_label: SSIM" in capsys.readouterr().out


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(float)


def test_a_report_replaces_a_former_one_but_no_other_file(stargan, tmp_path):
    options = ["--weights", "a.safetensors", "--limit", "1", "--out", str(tmp_path)]
    assert stargan(*options).exit_code == 0 and stargan(*options).exit_code == 0
    (tmp_path / "evaluation.json").write_text("{}")
    result = stargan(*options)
    assert result.exit_code == 2
    assert "evaluation.json is there already" in result.stderr and "`stargan eval` did not write it" in result.stderr
    (tmp_path / "evaluation.json").unlink()
    assert "report.md is there already" in stargan(*options).stderr


def test_no_picture_of_a_former_report_stays_and_every_foreign_file_does(stargan, tmp_path):
    report, mine = tmp_path / "report", tmp_path / "mine.png"
    options = ["--weights", "a.safetensors", "--out", str(report), "--limit"]
    assert stargan(*options, "6", "--pictures").exit_code == 0
    folder = report / "pictures" / "1-celeba"
    foreign = [mine, report / "sheets" / "mine.png", folder / "source" / "mine.png", report / "pictures" / "mine.png"]
    for path in foreign:
        path.write_bytes(b"mine")
    with (folder / "sources.jsonl").open("a") as table:
        table.writelines(json.dumps({"source": name}) + "\n" for name in ("source/../../../../mine.png", str(mine)))
    assert stargan(*options, "2", "--pictures").exit_code == 0
    assert len(list((folder / "own_label").iterdir())) == 2
    rows = [json.loads(line) for line in (folder / "pictures.jsonl").read_text().splitlines()]
    assert {folder / row["translated"] for row in rows} == set((folder / "translated").rglob("*.png"))
    joint = ["--weights", "joint.safetensors", "--data", "faces", "--classifier", "faces.safetensors"]
    assert stargan(*joint, "--out", str(report)).exit_code == 0
    assert all(path.read_bytes() == b"mine" for path in foreign)
    left = {path for path in report.rglob("*") if path.is_file()} - set(foreign)
    assert {str(path.relative_to(report)) for path in left} == {
        *("evaluation.json", "report.md", "sheets/faces-random.png", "sheets/faces-worst.png")
    }
    assert not (folder / "own_label").exists()


def files_below(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def interrupted(monkeypatch):
    """Makes a call stop in the midst of its measuring; what a killed one leaves behind stays, and becomes old."""

    def call(stargan, *options, killed=False):
        calls, keep = [], Measuring._one_target

        def stop(measuring, target, real):
            calls.append(target)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return keep(measuring, target, real)

        with monkeypatch.context() as patched:
            patched.setattr(Measuring, "_one_target", stop)
            if killed:
                patched.setattr("shutil.rmtree", lambda *_, **__: None)
            assert stargan(*options).exit_code == 130

    monkeypatch.setattr("stargan_cli.files.scratch.YOUNG_SECONDS", -1)
    return call


@pytest.mark.parametrize("killed", [False, True])
def test_an_interrupted_call_leaves_the_earlier_report_as_it_was(stargan, interrupted, tmp_path, killed):
    options = ["--out", str(tmp_path), "--pictures", "--limit"]
    assert stargan("--weights", "a.safetensors", *options, "2").exit_code == 0
    before = files_below(tmp_path)
    interrupted(stargan, "--weights", "b.safetensors", *options, "6", killed=killed)
    after = files_below(tmp_path)
    assert before.items() <= after.items() and (len(after) > len(before)) == killed
    assert stargan("--weights", "a.safetensors", *options, "2").exit_code == 0
    assert files_below(tmp_path).keys() == before.keys()


def test_a_report_that_is_interrupted_on_its_way_in_leaves_nothing_to_the_next(stargan, tmp_path, monkeypatch):
    """Every file of it is found by the names in another one, wherever the process was killed."""
    options = ["--weights", "a.safetensors", "--out", str(tmp_path), "--limit"]
    assert stargan(*options, "1").exit_code == 0
    wanted = files_below(tmp_path).keys()
    for moved in (1, 2, 4, 12):
        assert stargan(*options, "3", "--pictures").exit_code == 0
        moves, move = [], shutil.move

        def stop(path, target, most=moved, moves=moves, move=move):
            moves.append(path)
            if len(moves) > most:
                raise KeyboardInterrupt
            return move(path, target)

        joint = ["--weights", "joint.safetensors", "--data", "faces", "--classifier", "faces.safetensors", "--pictures"]
        with monkeypatch.context() as patched:
            patched.setattr("shutil.move", stop)
            assert stargan(*joint, "--out", str(tmp_path)).exit_code == 130
        assert json.loads((tmp_path / "evaluation.json").read_text())["sets"][0]["name"] == "faces"
        assert stargan(*options, "1").exit_code == 0
        assert files_below(tmp_path).keys() == wanted


def test_a_reports_folder_of_pictures_may_lie_on_another_file_system(stargan, tmp_path, monkeypatch):
    """Renaming across file systems fails with EXDEV."""
    rename = os.rename

    def only_within(source, target, **options):
        if ("pictures" in Path(target).parts) != ("pictures" in Path(source).parts) or ".stargan-eval-" in str(source):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(source, target, **options)

    monkeypatch.setattr("os.rename", only_within)
    out = tmp_path / "report"
    options = ["--weights", "a.safetensors", "--limit", "2", "--pictures"]
    result = stargan(*options, "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert len(list((out / "pictures" / "1-celeba" / "source").rglob("*.png"))) == 2


@pytest.mark.parametrize("name", ["sheets", "pictures"])
def test_a_file_where_the_report_has_a_folder_is_refused_before_the_work(stargan, tmp_path, name):
    (tmp_path / name).write_text("mine")
    result = stargan("--weights", "a.safetensors", "--out", str(tmp_path))
    assert result.exit_code == 2 and f"{name} is no folder" in result.stderr and "measuring" not in result.stderr


def test_without_dlib_a_note_names_the_extra(stargan):
    result = stargan("--weights", "a.safetensors", "--limit", "1")
    assert result.stderr.count("note: dlib is missing") == 1 and "stargan-cli[identity]" in result.stderr
    assert "source and result, by the first classifier;" in " ".join(result.stdout.split())


def test_pictures_that_a_class_folder_shares_with_celeba_are_measured_there_alone(stargan, folder, tmp_path):
    shutil.copytree(folder / "faces", tmp_path / "faces")
    for number, label in ((24, "happy"), (25, "happy"), (26, "sad")):
        shutil.copy(folder / "celeba" / "img_align_celeba" / f"{number:06}.png", tmp_path / "faces" / label)
    options = ["--weights", "joint.safetensors", "--data", "celeba", "--data", str(tmp_path / "faces"), "--json"]
    both = ["--classifier", "classifier.safetensors", "--classifier", "faces.safetensors"]
    result = stargan(*options, *both, "--baseline", "joint.safetensors")
    assert result.exit_code == 0, result.stderr
    assert [one["pictures"] for one in one_json(result.stdout)["sets"]] == [9, 4]
    assert result.stderr.count("test pictures that are in a set of class folders too: 3, left out here") == 1


def test_a_baseline_for_other_attributes_is_refused(stargan, tmp_path):
    write_weights(tmp_path / "two.safetensors", LabelSet("celeba", ("Male", "Young")))
    result = stargan("--weights", "a.safetensors", "--baseline", str(tmp_path / "two.safetensors"))
    assert result.exit_code == 2 and "the baseline knows other attributes of celeba: Male, Young" in result.stderr


def test_parts_without_pictures_are_named(stargan, folder, tmp_path):
    root = write_celeba(tmp_path / "celeba", copies=1)
    partition = root / "list_eval_partition.txt"
    partition.write_text(partition.read_text().replace(" 2\n", " 1\n"))
    result = stargan("--weights", "a.safetensors", "--root", str(root))
    assert result.exit_code == 2
    assert "celeba has no test picture" in result.stderr and "--split reference" in result.stderr
    fitting = stargan("--fit-classifier", "--root", str(root), "--classifier", str(tmp_path / "classifier"))
    assert fitting.exit_code == 2 and "celeba has no test picture" in fitting.stderr
    partition.unlink()
    gone = stargan("--weights", "a.safetensors", "--root", str(root))
    assert gone.exit_code == 2 and "list_eval_partition.txt is missing" in gone.stderr


def test_an_attribute_that_no_test_picture_has_leaves_a_gap(stargan, tmp_path):
    root = write_celeba(tmp_path / "celeba", copies=1)
    table = (root / "list_attr_celeba.txt").read_text().splitlines()
    bald = [line if number < 2 else " ".join([*line.split()[:4], "-1", line.split()[5]])
            for number, line in enumerate(table)]  # fmt: skip
    (root / "list_attr_celeba.txt").write_text("\n".join(bald) + "\n")
    options = ["--weights", "a.safetensors", "--root", str(root), "--features", "classifier"]
    rows = {row["name"]: row for row in one_json(stargan(*options, "--json").stdout)["sets"][0]["targets"]}
    assert rows["Male"]["real"] is None and rows["Male"]["distances"] is None and "female" not in rows
    assert rows["Male"]["translated"]["n"] == 6
    text = stargan(*options).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("Male ") and "(" in line]
    assert line.split()[:5] == ["Male", "6", "(0", "real)", "-"]


def test_few_measured_pictures_are_compared_with_photos_of_people_from_the_whole_part(stargan, tmp_path):
    """Few pictures rarely show one person twice: then nothing was said of the person."""
    root = write_celeba(tmp_path / "celeba", copies=8)
    people = "".join(f"{number:06}.png {number % 12}\n" for number in range(144))
    (root / "identity_CelebA.txt").write_text(people)
    result = stargan("--weights", "a.safetensors", "--root", str(root), "--limit", "3", "--json")
    assert result.exit_code == 0, result.stderr
    (one,) = one_json(result.stdout)["sets"]
    assert one["pictures"] == 3 and one["face_distances"]["two_people"] > 0
    assert all("below_same" in row for row in one["targets"] if not row["combination"])


def test_pictures_whose_person_is_not_known_are_left_out_and_counted(stargan, tmp_path):
    """One missing row of identity_CelebA.txt left all people unknown, without a word."""
    root = write_celeba(tmp_path / "celeba", copies=8)
    rows = [f"{number:06}.png {number % 12}\n" for number in range(144)]
    (root / "identity_CelebA.txt").write_text("".join(rows[:100] + rows[101:]))
    common = ("--weights", "a.safetensors", "--root", str(root), "--limit", "12", "--fast")
    result = stargan(*common, "--json", "--out", str(tmp_path / "report"), "--pictures")
    assert result.exit_code == 0, result.stderr
    assert "identity_CelebA.txt names the person on 47 of 48 test pictures" in result.stderr
    (one,) = one_json(result.stdout)["sets"]
    assert one["face_distances"]["two_people"] > 0
    sources = (tmp_path / "report" / "pictures" / "1-celeba" / "sources.jsonl").read_text().splitlines()
    unnamed = [row["source"] for row in map(json.loads, sources) if "person" not in row]
    assert len(sources) == 12 and unnamed == ["source/000100.png.png"]
    (root / "identity_CelebA.txt").write_text("".join(rows).replace(".", "-small."))
    result = stargan(*common)
    assert result.exit_code == 0 and "names the person on 0 of 48 test pictures" in result.stderr


def test_a_class_with_one_picture(stargan, tmp_path):
    for part, counts in (("train", (3, 3)), ("test", (2, 1))):
        for label, count in zip(("happy", "sad"), counts, strict=True):
            (tmp_path / "faces" / part / label).mkdir(parents=True)
            for number in range(count):
                shade = (9 * number, 99, 250)
                Image.new("RGB", (16, 16), shade).save(tmp_path / "faces" / part / label / f"{number}.png")
    options = ["--weights", "joint.safetensors", "--classifier", "faces.safetensors", "--features", "classifier"]
    result = stargan(*options, "--data", str(tmp_path / "faces"), "--out", str(tmp_path / "report"), "--json")
    assert result.exit_code == 0, result.stderr
    rows = {row["name"]: row for row in one_json(result.stdout)["sets"][0]["targets"]}
    assert (rows["happy"]["translated"]["n"], rows["sad"]["translated"]["n"]) == (1, 2)
    assert rows["happy"]["distances"] is None
    (tmp_path / "faces" / "test" / "sad" / "0.png").unlink()
    gone = stargan(*options, "--data", str(tmp_path / "faces"))
    assert gone.exit_code == 2 and "sad has no pictures" in gone.stderr


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


def test_ctrl_c_ends_with_130_and_leaves_no_report(stargan, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("stargan_cli.evaluate.measure.Measuring.run", interrupt)
    result = stargan("--weights", "a.safetensors", "--out", str(tmp_path / "report"), "--json")
    assert result.exit_code == 130 and result.stdout == ""
    assert list((tmp_path / "report").iterdir()) == []


def test_a_missing_classifier_leaves_no_empty_report(stargan, tmp_path):
    result = stargan(
        "--weights", "a.safetensors", "--classifier", "none.safetensors", "--out", str(tmp_path / "report")
    )
    assert result.exit_code == 2
    assert not (tmp_path / "report").exists()


def test_broken_weights_are_refused(stargan, folder, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((folder / "a.safetensors").read_bytes()[:-100])
    result = stargan("--weights", str(cut))
    assert result.exit_code == 2 and "cut.safetensors" in result.stderr


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


@pytest.mark.parametrize("option", ["--cache", "--out"])
def test_a_place_among_the_classes_is_refused(stargan, option):
    weights = ["--weights", "joint.safetensors", "--classifier", "faces.safetensors", "--data", "faces"]
    result = stargan(*weights, option, "faces/new")
    assert result.exit_code == 2 and f"{option} faces/new lies among the classes of faces" in result.stderr
    assert not Path("faces/new").exists()


@pytest.mark.parametrize("options", [["--out", "file"], ["--record", "file/copy"], ["--record", "folder"]])
def test_a_result_without_a_place_is_refused_before_the_work(stargan, tmp_path, options):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    result = stargan("--weights", "a.safetensors", options[0], str(tmp_path / options[1]))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr and "measuring" not in result.stderr
    fitting = stargan("--fit-classifier", "--classifier", str(tmp_path / "file" / "classifier"))
    assert fitting.exit_code == 2 and "cannot write" in fitting.stderr


def test_a_call_that_is_refused_makes_no_folder(stargan, tmp_path):
    new = tmp_path / "new" / "copy.safetensors"
    for options in (
        ["--weights", "a.safetensors", "--record", str(new), "--classifier", "missing"],
        ["--fit-classifier", "--classifier", str(new), "--network", "huge"],
    ):
        assert stargan(*options).exit_code == 2
    assert not new.parent.exists()


def test_broken_pictures_are_left_out_and_counted(folder, stargan, tmp_path):
    root = write_celeba(tmp_path / "celeba", copies=2)
    (root / "img_align_celeba" / "000030.png").write_bytes(b"broken")
    result = stargan("--weights", "a.safetensors", "--root", str(root), "--json")
    assert result.exit_code == 0, result.stderr
    assert "celeba: 1 picture left out: unreadable, or without a face" in result.stderr
    assert one_json(result.stdout)["sets"][0]["pictures"] == 11


def test_joint_weights_with_a_classifier_for_each_set(stargan):
    options = ["--data", "celeba", "--data", "faces", "--classifier", "classifier.safetensors"]
    result = stargan("--weights", "joint.safetensors", *options, "--classifier", "faces.safetensors", "--json")
    assert result.exit_code == 0, result.stderr
    first, second = one_json(result.stdout)["sets"]
    assert (first["name"], second["name"], second["pictures"]) == ("celeba", "faces", 4)
    assert [row["name"] for row in second["targets"]] == ["happy", "sad"]
    error = second["classification_error"]
    total = second["all_single_changes"]
    assert error["translated"]["value"] == pytest.approx(1 - total["translated"]["value"])
    assert "classification_error" not in first


def test_of_sets_with_the_same_classes_each_is_measured_as_its_own(folder, tmp_path):
    shutil.copytree(folder / "faces", tmp_path / "more")

    def index_of(data, *names, others=()):
        sets = [LabelSet(name, FACES.attributes, kind="classes") for name in names]
        weights = load(str(write_weights(tmp_path / "w.safetensors", *sets)))
        settings = EvalSettings(data=(str(data), *map(str, others)))
        return matching_sets(weights.card.layout, settings)[0][0]

    faces, more = folder / "faces", tmp_path / "more"
    assert [index_of(data, "faces", "more") for data in (faces, more)] == [0, 1]
    assert index_of(more, "renamed") == 0
    assert index_of(more, "one", "other", others=[faces]) == 0
    with pytest.raises(UsageError, match="several label sets .*: one, other"):
        index_of(more, "one", "other")


def test_two_folders_of_one_name_have_two_results(stargan, tmp_path):
    sets = (FACES, LabelSet("others", ("cat", "dog"), kind="classes"))
    weights = write_weights(tmp_path / "w.safetensors", *sets)
    options = ["--weights", str(weights), "--record", str(tmp_path / "copy")]
    for label_set in sets:
        options += ["--classifier", str(write_classifier(tmp_path / f"{label_set.name}.safetensors", label_set))]
        options += ["--data", str(tmp_path / label_set.name / "moods")]
        for shade, label in enumerate(label_set.attributes):
            (tmp_path / label_set.name / "moods" / label).mkdir(parents=True)
            for number in range(20):
                picture = Image.new("RGB", (16, 16), (99 * shade, number, 9))
                picture.save(tmp_path / label_set.name / "moods" / label / f"{number}.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "faces" / "moods" / "loose.png")
    result = stargan(*options, "--json")
    assert result.exit_code == 0, result.stderr
    assert [one["name"] for one in one_json(result.stdout)["sets"]] == ["moods", "moods (2)"]
    quality = load(str(tmp_path / "copy")).card.quality
    assert [list(quality[name]["read_as_target"]) for name in ("moods", "moods (2)")] == [
        ["happy", "sad"],
        ["cat", "dog"],
    ]
    assert result.stderr.count("in no class folder: 1, left out") == 1
    assert "left out" not in stargan(*options, "--quiet").stderr


def test_a_report_among_the_classes_would_be_one_of_them(stargan, folder):
    result = stargan("--weights", "joint.safetensors", "--data", "faces", "--out", "faces/report")
    assert result.exit_code == 2 and "would be taken for one of them" in result.stderr
    assert not (folder / "faces" / "report").exists()


def test_each_data_set_finds_its_own_classifiers(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "stargan").mkdir()
    sets = ("celeba", str(tmp_path / "celeba"), str(tmp_path / "a" / "moods"), str(tmp_path / "b" / "moods"))
    usual = [usual_classifier(data, DEFAULT_NETWORK, tmp_path, "official") for data in sets]
    assert len(set(usual)) == 4 and usual[2].stem.startswith("classifier-moods-")
    fitted = [[path, path.with_stem(path.stem.replace("efficientnet-lite0", "resnet18"))] for path in usual]
    for path in [one for both in fitted for one in both]:
        path.touch()
    assert [classifiers_of((data,), tmp_path, "official") for data in sets] == fitted


def test_celeba_in_another_folder_or_split_has_other_classifiers(tmp_path, monkeypatch):
    """Test pictures of one split are training pictures of the other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    choices = ((None, "official"), (Path("other"), "official"), (None, "reference"))
    first, other, reference = (usual_classifier("celeba", "net", *choice) for choice in choices)
    assert len({first, other, reference}) == 3 and first.stem.startswith("classifier-celeba-")
    assert usual_classifier("celeba", "net", tmp_path / "link", "official") == first
    moods, again = (usual_classifier("moods", "net", None, split) for split in ("official", "reference"))
    assert moods == again


@pytest.mark.parametrize(
    ("data", "root", "call"),
    [("my faces", None, "--data 'my faces'"), ("celeba", Path("there"), "--data celeba --root there --split official")],
)
def test_a_data_set_without_a_classifier_is_named_with_the_call_that_fits_one(tmp_path, monkeypatch, data, root, call):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=f"no classifier was fitted on {data}") as found:
        classifiers_of((data,), root, "official")
    assert f"with: stargan eval --fit-classifier {call}; --classifier FILE" in str(found.value.hint)


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
