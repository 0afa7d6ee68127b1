"""The Python interface gives what the command line gives."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from translation_kit import draw, make_weights
from typer.testing import CliRunner

import stargan_cli
from stargan_cli.cli.app import app
from stargan_cli.errors import PictureError, UsageError
from stargan_cli.pool import side_by_side
from stargan_cli.translate.settings import FaceSettings
from stargan_cli.translate.streaming.rows import rows_of
from stargan_cli.translate.translator import Translator

FACES = Path(__file__).resolve().parents[1] / "examples" / "faces"
EYES = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture(scope="module")
def model(weights: Path) -> stargan_cli.Model:
    return stargan_cli.load(str(weights), device="cpu", precision="fp32")


def test_a_picture_comes_out_as_on_the_command_line(model: stargan_cli.Model, weights: Path, tmp_path: Path) -> None:
    source = draw(tmp_path / "in.png", 3, (90, 60))
    called = CliRunner().invoke(
        app,
        ["translate", str(source), "--set", "blond", "-w", str(weights), "-o", str(tmp_path / "out")]
        + ["--device=cpu", "--precision=fp32", "--strength=1.5"],
    )
    assert called.exit_code == 0, called.output
    with Image.open(source) as image, Image.open(tmp_path / "out" / "in.png") as expected:
        made = model.translate(image, "blond", strength=1.5)
        assert made.size == image.size
        assert np.array_equal(np.asarray(made), np.asarray(expected))


def _deep() -> Image.Image:
    return Image.fromarray(np.linspace(0, 40_000, 90 * 60).reshape(60, 90).astype(np.uint16))


MODES = {
    "I;16": (_deep, "png"),
    "P": (lambda: Image.effect_noise((90, 60), 80).convert("P"), "png"),
    "CMYK": (lambda: Image.merge("CMYK", [Image.effect_noise((90, 60), 80) for _ in range(4)]), "tif"),
}


@pytest.mark.parametrize("mode", MODES)
def test_pixels_of_other_modes_are_read_as_from_a_file(
    mode: str, model: stargan_cli.Model, weights: Path, tmp_path: Path
) -> None:
    make, suffix = MODES[mode]
    image, source = make(), tmp_path / f"in.{suffix}"
    assert image.mode == mode
    image.save(source)
    called = CliRunner().invoke(
        app,
        ["translate", str(source), "--set", "blond", "-w", str(weights), "-o", str(tmp_path / "out"), "--format=png"]
        + ["--device=cpu", "--precision=fp32"],
    )
    assert called.exit_code == 0, called.output
    with Image.open(tmp_path / "out" / "in.png") as expected:
        made = model.translate(image, "blond")
        assert made.mode == expected.mode and np.array_equal(np.asarray(made), np.asarray(expected))


def test_deep_pixels_in_another_order_of_bytes_stay_deep(model: stargan_cli.Model) -> None:
    deep = _deep()
    turned = Image.frombytes("I;16L", deep.size, np.asarray(deep).astype("<u2").tobytes())
    assert np.array_equal(np.asarray(model.translate(turned, "blond")), np.asarray(model.translate(deep, "blond")))


def test_modes_whose_range_is_unknown_are_refused(model: stargan_cli.Model) -> None:
    whole = Image.fromarray(np.asarray(_deep(), np.int32))
    assert np.array_equal(np.asarray(model.translate(whole, "blond")), np.asarray(model.translate(_deep(), "blond")))
    for image in (whole.point(lambda value: value * 4), whole.convert("F")):
        with pytest.raises(PictureError, match=f"mode {image.mode}"):
            model.translate(image, "blond")


def test_reading_names_every_attribute(model: stargan_cli.Model) -> None:
    read = model.read(Image.new("RGB", (40, 40), "grey"))
    assert tuple(read) == tuple(sorted(model.attributes, key=model.attributes.index))
    assert all(0 <= value <= 1 for value in read.values())


def test_tensors_take_label_vectors_or_words(model: stargan_cli.Model) -> None:
    batch = torch.rand(2, 3, model.image_size, model.image_size) * 2 - 1
    by_words = model.generate(batch, "blond")
    assert by_words.shape == batch.shape
    assert by_words.abs().max() <= 1
    label = torch.zeros(2, 5)
    assert not torch.equal(model.generate(batch, label), by_words)


@pytest.mark.parametrize(
    ("batch", "labels"),
    [
        (torch.zeros(1, 3, 8, 8), "blond"),
        (torch.zeros(3, 16, 16), "blond"),
        (torch.zeros(0, 3, 16, 16), "blond"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.uint8), "blond"),
        (torch.full((1, 3, 16, 16), 255.0), "blond"),
        (torch.zeros(2, 3, 16, 16), torch.zeros(1, 5)),
        (torch.zeros(1, 3, 16, 16), torch.zeros(1, 6)),
        (torch.zeros(()), "blond"),
        (torch.full((1, 3, 16, 16), float("nan")), "blond"),
        (np.zeros((1, 3, 16, 16), np.float32), "blond"),
        (torch.zeros(1, 3, 16, 16), torch.full((1, 5), float("nan"))),
        (torch.zeros(1, 3, 16, 16), [[0.0] * 5]),
        (torch.zeros(1, 3, 16, 16), ["blond"]),
    ],
)
def test_what_is_no_such_tensor_is_refused(model: stargan_cli.Model, batch: Any, labels: Any) -> None:
    assert model.image_size == 16
    with pytest.raises(UsageError, match="pictures|labels"):
        model.generate(batch, labels)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"spec": ["blond", "old"]}, r"spec takes a text or None, not \['blond', 'old'\]"),
        ({"strength": "1.5"}, "strength takes a number, not '1.5'"),
        ({"quality": "high"}, "quality takes a whole number, not 'high'"),
        ({"faces": "off"}, "faces takes a FaceSettings, not 'off'"),
        ({"faces": {}}, "faces takes a FaceSettings"),
        ({"size": 256}, "--size takes model or source, not 256"),
        ({"batch_size": 0}, "--batch-size must be at least 1, not 0"),
        ({"existing": "replace"}, "existing takes finish or skip or overwrite, not 'replace'"),
        ({"each": True}, "it does not take each"),
        ({"format": "jpg"}, "it does not take format"),
        ({"strenght": 1.2}, "strenght is no option of a translation: use .*strength"),
        ({"device": "cpu"}, "device is no option of a translation"),
        ({"engine": "ray"}, "unknown engine 'ray'"),
    ],
)
def test_options_of_other_types_are_refused_by_name(
    model: stargan_cli.Model, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        model.translate(Image.new("RGB", (40, 40)), **{"spec": "blond", **options})


def test_only_pictures_of_pillow_with_pixels_are_translated(model: stargan_cli.Model) -> None:
    for other in ("in.png", Path("in.png"), np.zeros((40, 40, 3), np.uint8), torch.zeros(3, 40, 40), None):
        for call in (model.read, lambda picture: model.translate(picture, "blond")):
            with pytest.raises(UsageError, match="the picture is no PIL image but"):
                call(other)
    with pytest.raises(PictureError, match="0x40 px: it has no pixels"):
        model.translate(Image.new("RGB", (0, 40)), "blond")


def test_a_picture_that_was_closed_or_is_cut_off_is_a_picture_error(model: stargan_cli.Model, tmp_path: Path) -> None:
    closed = Image.new("RGB", (64, 64))
    closed.close()
    draw(tmp_path / "whole.png", 1)
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    with Image.open(tmp_path / "cut.png") as cut:
        for image in (closed, cut):
            with pytest.raises(PictureError, match="the picture cannot be loaded"):
                model.translate(image, "blond")


def test_generating_computes_in_fp32_wherever_it_is_called(model: stargan_cli.Model) -> None:
    pictures, labels = torch.rand(1, 3, model.image_size, model.image_size), torch.ones(1, len(model.attributes))
    with torch.autocast("cpu", torch.bfloat16):
        inside = model.generate(pictures, labels)
    assert torch.equal(inside, model.generate(pictures, labels))


def test_an_unknown_precision_is_refused_when_loading(weights: Path) -> None:
    with pytest.raises(UsageError, match="unknown precision 'fp64'"):
        stargan_cli.load(str(weights), device="cpu", precision="fp64")


def _overwrite(path: Path) -> None:
    path.write_bytes(make_weights(Path("other.safetensors"), seed=9).read_bytes())


@pytest.mark.parametrize("leave", [Path.unlink, lambda path: make_weights(path, seed=9), _overwrite])
def test_a_model_keeps_the_weights_that_it_loaded(
    leave: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, image = Path("w.safetensors"), Image.effect_noise((40, 40), 80)
    make_weights(path)
    model, other = (stargan_cli.load(path, device=device) for device in ("cpu", torch.device("cpu")))  # type: ignore[arg-type]
    before = other.translate(image, "blond")
    draw(Path("in/a.png"), 1)
    leave(path)
    assert np.array_equal(np.asarray(model.translate(image, "blond")), np.asarray(before))
    monkeypatch.chdir("/")
    assert model.read(image) == other.read(image)
    assert [row.status for row in model.translate_folder(tmp_path / "in", tmp_path / "out", "old")] == ["done"]


def test_labels_that_are_no_numbers_are_an_error(model: stargan_cli.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Translator, "read_labels", lambda self, pixels: torch.full((1, 5), torch.nan))
    with pytest.raises(PictureError, match="the network's output has NaN or infinite values"):
        model.read(Image.new("RGB", (40, 40)))


def test_a_model_works_inside_and_outside_inference_mode(model: stargan_cli.Model, weights: Path) -> None:
    image, batch = Image.effect_noise((40, 40), 80), torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.inference_mode():
        other = stargan_cli.load(weights, device="cpu", precision="fp32")
        inside = other.read(image), other.translate(image, "blond"), other.generate(batch, "blond")
    outside = other.read(image), other.translate(image, "blond"), other.generate(batch, "blond")
    assert inside[0] == outside[0] == model.read(image)
    assert np.array_equal(np.asarray(inside[1]), np.asarray(outside[1]))
    assert torch.equal(inside[2], outside[2]) and not outside[2].is_inference()


def test_a_model_works_where_new_tensors_are_float64(tmp_path: Path) -> None:
    weights = make_weights(tmp_path / "laid-out.safetensors", landmarks=EYES)
    image, batch = Image.open(FACES / "london-003.jpg"), torch.rand(1, 3, 16, 16) * 2 - 1
    made = []
    for dtype in (torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        try:
            model = stargan_cli.load(weights, device="cpu", precision="fp32")
            made.append((np.asarray(model.translate(image, "blond")), model.generate(batch, "blond")))
        finally:
            torch.set_default_dtype(torch.float32)
    assert np.array_equal(made[0][0], made[1][0]) and torch.equal(made[0][1], made[1][1])


def test_weights_that_cannot_read_need_every_label(tmp_path: Path) -> None:
    model = stargan_cli.load(make_weights(tmp_path / "w.safetensors", discriminator=False), device="cpu")
    batch = torch.zeros(1, 3, 16, 16)
    with pytest.raises(UsageError, match="must also name: Male; Young"):
        model.generate(batch, "blond")
    label = torch.tensor([[0.0, 1, 0, 0, 1]])
    assert torch.equal(model.generate(batch, "blond,no-male,young"), model.generate(batch, label))
    with pytest.raises(UsageError, match=r"w\.safetensors has no discriminator, so it cannot read attributes"):
        model.read(Image.new("RGB", (40, 40)))


def test_warnings_and_notes_are_logged(
    model: stargan_cli.Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draw(tmp_path / "in" / "a.png", 1)
    (tmp_path / "labels.csv").write_text("name,Male\na.png,1\n")
    with caplog.at_level("INFO", "stargan_cli"):
        list(model.translate_folder(tmp_path / "in", tmp_path / "out", "blond", labels=tmp_path / "labels.csv"))
    assert "labels.csv: 1 picture" in caplog.text


def test_a_folder_gives_rows_as_they_are_settled(model: stargan_cli.Model, tmp_path: Path) -> None:
    for number in range(3):
        draw(tmp_path / "in" / f"{number}.png", number)
    rows = list(model.translate_folder(tmp_path / "in", tmp_path / "out", "blond"))
    assert [row.status for row in rows] == ["done"] * 3
    again = model.translate_folder(str(tmp_path / "in"), str(tmp_path / "out"), "blond")
    assert next(again).status == "skipped"
    again.close()  # type: ignore[attr-defined]


def test_a_tilde_is_the_home_folder(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell expands it. As a path it would be a folder called ~ in the current one."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    draw(tmp_path / "home" / "in" / "a.png", 0)
    shutil.copy(weights, tmp_path / "home" / "w.safetensors")
    rows = stargan_cli.load("~/w.safetensors", device="cpu").translate_folder("~/in", Path("~/out"), "blond")
    assert [row.output for row in rows] == [str(tmp_path / "home" / "out" / "a.png")]
    assert list((tmp_path / "here").iterdir()) == []


def test_a_folder_is_translated_with_the_callers_number_of_threads() -> None:
    seen: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with side_by_side(1, "another run") as pool:
            pool.submit(int).result()
        assert list(rows_of(lambda on_row, stop: seen.append(torch.get_num_threads()))) == []
    finally:
        torch.set_num_threads(before)
    assert seen == [3]


def test_a_model_is_not_pickled(model: stargan_cli.Model) -> None:
    with pytest.raises(UsageError, match="cannot be pickled"):
        pickle.dumps(model)


def test_errors_are_those_of_the_command_line(model: stargan_cli.Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="out takes a text or a Path, not None"):
        model.translate_folder(tmp_path, None, "blond")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="out holds a NUL"):
        model.translate_folder(tmp_path, tmp_path / "a\0b", "blond")
    with pytest.raises(UsageError, match="out is empty"):
        model.translate_folder(tmp_path, "", "blond")
    with pytest.raises(UsageError, match="unknown attribute"):
        model.translate(Image.new("RGB", (40, 40)), "purple")
    with pytest.raises(UsageError, match="no such file or folder"):
        next(model.translate_folder(tmp_path / "nowhere", tmp_path / "out", "blond"))


def test_a_picture_without_a_face_is_an_error_with_weights_that_expect_one(tmp_path: Path) -> None:
    model = stargan_cli.load(str(make_weights(tmp_path / "laid-out.safetensors", landmarks=EYES)), device="cpu")
    with pytest.raises(PictureError, match="no face found"):
        model.translate(Image.new("RGB", (200, 200)), "blond", faces=FaceSettings(mode="always"))


def test_misspelt_names_do_not_pass_a_type_check(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text("import stargan_cli\nstargan_cli.load\nstargan_cli.laod\n")
    options = ["--follow-imports=skip", f"--cache-dir={tmp_path}", "--config-file="]
    found, _, _ = mypy.run([*options, stargan_cli.__file__, str(program)])
    assert 'program.py:3: error: Module has no attribute "laod"' in found
    assert "program.py:2" not in found


def test_dir_lists_the_interface() -> None:
    code = "import stargan_cli; print({*stargan_cli.__all__} <= {*dir(stargan_cli)})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_the_version_alone_loads_no_torch() -> None:
    code = "import sys, stargan_cli; print(stargan_cli.__version__, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.endswith(" False\n")
