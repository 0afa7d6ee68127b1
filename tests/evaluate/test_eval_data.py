"""`stargan eval`: the data sets that it measures, and their classifiers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from eval_kit import FACES, one_json, write_celeba, write_classifier, write_weights
from PIL import Image

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.errors import UsageError
from stargan_cli.evaluate.classifiers.places import classifiers_of, usual_classifier
from stargan_cli.evaluate.data import matching_sets
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.labels import LabelSet
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric


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
