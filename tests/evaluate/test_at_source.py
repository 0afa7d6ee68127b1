"""`stargan eval --at source`: photos, their faces, and the change put back."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from eval_kit import ATTRIBUTES, write_classifier, write_still_weights, write_weights
from PIL import Image
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.pictures.reading import read_picture

pytestmark = pytest.mark.numeric

FACES = Path(__file__).resolve().parents[2] / "examples" / "faces"
NAMES = ("london-003", "london-062")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """CelebA's layout: two faces, each in a corner of a larger photo, and a wall."""
    root = tmp_path_factory.mktemp("photos")
    (root / "img_align_celeba").mkdir()
    pictures = [Image.new("RGB", (420, 300), (90, 120, 150)) for _ in range(3)]
    for photo, name in zip(pictures, NAMES, strict=False):
        with Image.open(FACES / f"{name}.jpg") as face:
            photo.paste(face.resize((240, 240)), (150, 30))
    lines = []
    for number, photo in enumerate(pictures):
        photo.save(root / "img_align_celeba" / f"{number}.png")
        lines.append(f"{number}.png " + " ".join(["-1"] * len(ATTRIBUTES)))
    table = [str(len(lines)), " ".join(ATTRIBUTES), *lines]
    (root / "list_attr_celeba.txt").write_text("\n".join(table) + "\n")
    (root / "list_eval_partition.txt").write_text("0.png 2\n1.png 2\n2.png 2\nx.png 0\n")
    text = (root / "list_attr_celeba.txt").read_text().replace("3\n", "4\n", 1)
    (root / "list_attr_celeba.txt").write_text(text + "x.png " + " ".join(["-1"] * len(ATTRIBUTES)) + "\n")
    pictures[0].save(root / "img_align_celeba" / "x.png")
    write_classifier(root / "classifier.safetensors")
    return root


def measured(photos: Path, out: Path, *options: str):
    given = ["eval", "--root", str(photos), "--cache", str(photos / "cache"), "--device", "cpu", "--features", "none"]
    given += ["--classifier", str(photos / "classifier.safetensors"), "--at", "source", "--fast", "--out", str(out)]
    return CliRunner().invoke(app, [*given, "--pictures", "--json", *options])


def test_what_is_measured_is_what_translate_makes_of_photos(photos, tmp_path):
    result = measured(photos, tmp_path)
    assert result.exit_code == 0, result.output
    one = one_set(result)
    assert one["pictures"] == 2 and one["unreadable"] == 1 and one["there_and_back"] == {"through": "Young"}
    assert "without a face" in result.stderr
    sources = [str(photos / "img_align_celeba" / f"{number}.png") for number in (0, 1)]
    fixed = ["--format=png", "--precision=fp32", "--device=cpu", "--set=blond", "--face=largest"]
    result = CliRunner().invoke(app, ["translate", *sources, f"--out={tmp_path / 'made'}", *fixed])
    assert result.exit_code == 0, result.output
    for number in (0, 1):
        with Image.open(tmp_path / "made" / f"{number}.png") as picture:
            square = picture.crop((60, 0, 360, 300)).resize((128, 128), Image.Resampling.BILINEAR)
        with Image.open(tmp_path / "pictures" / "1-celeba" / "translated" / "Blond_Hair" / f"{number}.png.png") as seen:
            assert np.abs(np.asarray(seen).astype(int) - np.asarray(square)).max() <= 2
        with Image.open(tmp_path / "pictures" / "1-celeba" / "source" / f"{number}.png.png") as before:
            assert np.abs(np.asarray(before).astype(int) - np.asarray(square)).max() > 20


def test_ctrl_c_while_faces_are_found_waits_for_no_photo(photos, tmp_path, monkeypatch):
    opened, interrupted, read_before = threading.Event(), threading.Event(), []

    def read(path):
        if path.stem == "1":
            opened.set()
            read_before.append(not interrupted.wait(timeout=20))
        return read_picture(path)

    def press():
        assert opened.wait(timeout=30)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("stargan_cli.evaluate.translating.photos.read_picture", read)
    threading.Thread(target=press).start()
    result = measured(photos, tmp_path, "--workers=1")
    assert read_before == []
    interrupted.set()
    assert result.exit_code == 130 and result.stderr.splitlines()[-1] == "interrupted", result.output


def test_the_face_is_measured_wherever_it_is_in_the_photo(photos, tmp_path):
    """The region that new hair leaves alone, and the face descriptor's part, were cut out of the photo's middle."""
    wide = shutil.copytree(photos, tmp_path / "wide")
    for number in (0, 1):
        with Image.open(photos / "img_align_celeba" / f"{number}.png") as photo:
            wider = Image.new("RGB", (720, 300), (90, 120, 150))
            wider.paste(photo, (300, 0))
        wider.save(wide / "img_align_celeba" / f"{number}.png")
    rows = []
    for root in (photos, wide):
        result = measured(root, tmp_path / f"{root.name} out")
        assert result.exit_code == 0, result.output
        (row,) = [row for row in one_set(result)["targets"] if row["name"] == "Blond_Hair"]
        rows.append([row[name]["value"] for name in ("kept_psnr", "perceptual", "face_distance")])
    assert rows[0] == pytest.approx(rows[1], rel=0.1), rows


def test_weights_that_change_nothing_are_not_charged_with_the_decoders_work(photos, tmp_path, monkeypatch, capsys):
    """A large JPEG is decoded at a fraction of its size for the square alone, but in full to be changed."""
    large = shutil.copytree(photos, tmp_path / "large")
    for number in (0, 1):
        path = large / "img_align_celeba" / f"{number}.png"
        with Image.open(path) as photo:
            noise = np.random.default_rng(number).integers(-20, 20, (1200, 1680, 3))
            pixels = np.asarray(photo.resize((1680, 1200))).astype(int) + noise
        path.unlink()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path.with_suffix(".jpg"), quality=85)
    weights = write_still_weights(
        tmp_path / "still.safetensors", 128, {"left_eye": [0.38, 0.43], "right_eye": [0.6, 0.43]}
    )
    result = measured(large, tmp_path / "out", "--weights", str(weights))
    assert result.exit_code == 0, result.output
    one = one_set(result)
    assert one["pictures"] == 2
    assert (one["own_label"]["psnr"]["value"], one["own_label"]["ssim"]["value"]) == (60, 1)
    for row in one["targets"]:
        assert (row["background_change"]["value"], row["kept_psnr"]["value"]) == (0, 60), row["name"]
        assert row["do_nothing"]["value"] == row["translated"]["value"]
    assert recomputed(tmp_path / "out", photos / "classifier.safetensors", monkeypatch) == 0
    assert "own_label: PSNR                                              60             60" in capsys.readouterr().out


def recomputed(report: Path, classifier: Path, monkeypatch) -> int:
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    monkeypatch.syspath_prepend(benchmarks)
    monkeypatch.setattr("sys.argv", ["recompute.py", str(report), "--classifier", str(classifier)])
    return runpy.run_path(str(benchmarks / "recompute.py"))["main"]()


def test_independent_code_agrees_with_a_report_of_photos(photos, tmp_path, monkeypatch, capsys):
    """It measured elsewhere on the photos, while stargan does on the squares around the faces."""
    assert measured(photos, tmp_path / "out").exit_code == 0
    assert recomputed(tmp_path / "out", photos / "classifier.safetensors", monkeypatch) == 0
    said = capsys.readouterr().out
    assert "Male: background" in said and "elsewhere" not in said


def one_set(result) -> dict:
    (one,) = json.loads(result.stdout)["sets"]
    return one


def test_photos_without_any_face_are_said_to_be_such(photos, tmp_path):
    walls = shutil.copytree(photos, tmp_path / "walls")
    (walls / "list_eval_partition.txt").write_text("0.png 1\n1.png 1\n2.png 2\nx.png 0\n")
    result = measured(walls, tmp_path / "out")
    assert result.exit_code == 2 and "error: no test picture of celeba shows a face" in result.stderr


def test_weights_that_do_not_know_where_faces_are_cannot_be_measured_so(photos, tmp_path):
    weights = write_weights(tmp_path / "a.safetensors")
    result = measured(photos, tmp_path, "--weights", str(weights))
    assert result.exit_code == 2 and "do not say where they expect a face" in result.stderr


def test_networks_of_two_sizes_are_compared_on_the_pictures_of_both(photos, tmp_path):
    """A picture without a face counts as a crop for the larger network: it is at most twice as large."""
    eyes = {"left_eye": [0.38, 0.43], "right_eye": [0.6, 0.43]}
    small, large = (
        write_weights(tmp_path / f"{size}.safetensors", size=size, landmarks=eyes, seed=size) for size in (128, 256)
    )
    alone, both = (
        measured(photos, tmp_path / name, "--weights", str(large), *options)
        for name, options in (("alone", []), ("both", ["--baseline", str(small)]))
    )
    assert one_set(alone)["pictures"] == 3
    assert both.exit_code == 0, both.output
    document = json.loads(both.stdout)
    for part in (document, document["baseline"]):
        (one,) = part["sets"]
        assert (one["pictures"], one["unreadable"]) == (2, 1)
    found = document["baseline"]["difference"][0]["own_label"]["psnr"]
    own, other = (part["sets"][0]["own_label"]["psnr"]["value"] for part in (document, document["baseline"]))
    assert found["n"] == 2 and found["value"] == pytest.approx(own - other, abs=2e-4)
