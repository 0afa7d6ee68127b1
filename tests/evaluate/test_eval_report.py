"""`stargan eval --out`: the folder of the report."""

from __future__ import annotations

import errno
import json
import os
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from eval_kit import one_json, pixels, write_celeba, write_classifier, write_weights
from PIL import Image

from stargan_cli.evaluate.measure import Measuring
from stargan_cli.labels import LabelSet

pytestmark = pytest.mark.numeric


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


def test_a_report_among_the_classes_would_be_one_of_them(stargan, folder):
    result = stargan("--weights", "joint.safetensors", "--data", "faces", "--out", "faces/report")
    assert result.exit_code == 2 and "would be taken for one of them" in result.stderr
    assert not (folder / "faces" / "report").exists()


@pytest.mark.parametrize("option", ["--cache", "--out"])
def test_a_place_among_the_classes_is_refused(stargan, option):
    weights = ["--weights", "joint.safetensors", "--classifier", "faces.safetensors", "--data", "faces"]
    result = stargan(*weights, option, "faces/new")
    assert result.exit_code == 2 and f"{option} faces/new lies among the classes of faces" in result.stderr
    assert not Path("faces/new").exists()
