"""The example programs give what the weights give: Python with ONNX Runtime, a web page, C++ with libtorch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stargan_cli.export.run import ExportSettings, export
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.arrays import to_array
from stargan_cli.pictures.tensors import to_model, to_pixels
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import Weights, load, save

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "deploy"
SIZE, ATTRIBUTES = 32, ("Blond_Hair", "Male", "Young")
ON, LABEL = ("Blond_Hair", "Young"), (1.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    torch.manual_seed(1)
    settings = ModelSettings(SIZE, 3, 3, 4, 1, 4, 2, output="attention", upsampling="resize")
    path = tmp_path_factory.mktemp("deploy") / "model.safetensors"
    save(path, Card(settings, LabelLayout((LabelSet("celeba", ATTRIBUTES),))), Generator(settings).state_dict())
    return load(str(path))


@pytest.fixture(scope="module")
def onnx_file(weights: Weights) -> Path:
    return export(weights, ExportSettings("onnx", uint8=True), weights.path.with_name("model.onnx")).files[0]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture of the model's own size, so that no scaling comes between."""
    seeded = np.random.default_rng(0)
    small = Image.fromarray(seeded.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    path = tmp_path / "a picture.png"
    small.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(path)
    return path


def assert_translated(result: Path, source: Path, weights: Weights, label: tuple[float, ...] = LABEL) -> None:
    with Image.open(source) as image, Image.open(result) as written:
        pixels, given = (torch.from_numpy(to_array(opened.convert("RGB"))) for opened in (image, written))
    wanted = to_pixels(weights.generator(to_model(pixels[None]), torch.tensor([label])))[0]
    assert (given.int() - wanted.int()).abs().max() <= 1
    assert (given.int() - pixels.int()).abs().max() > 10


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def test_python(onnx_file: Path, picture: Path, weights: Weights, tmp_path: Path) -> None:
    program = EXAMPLES / "python" / "translate.py"
    assert "stargan_cli" not in program.read_text()
    run(sys.executable, "-I", program, onnx_file, picture, tmp_path / "out.png", *ON, cwd=tmp_path)
    assert_translated(tmp_path / "out.png", picture, weights)


def test_python_with_joined_sets(picture: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    layout = LabelLayout((LabelSet("celeba", ATTRIBUTES), LabelSet("moods", ("happy", "sad"), kind="classes")))
    settings = ModelSettings(
        SIZE, layout.label_dim, layout.class_dim, 4, 1, 4, 2, output="attention", upsampling="resize"
    )
    path = tmp_path / "joint.safetensors"
    save(path, Card(settings, layout), Generator(settings).state_dict())
    joint = load(str(path))
    model = export(joint, ExportSettings("onnx", uint8=True), tmp_path / "joint.onnx").files[0]
    program, out = EXAMPLES / "python" / "translate.py", tmp_path / "out.png"
    run(sys.executable, "-I", program, model, picture, out, "happy", cwd=tmp_path)
    assert_translated(out, picture, joint, (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0))
    for named in ((), ("Male", "happy")):
        command = [sys.executable, "-I", str(program), str(model), str(picture), str(out), *named]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert refused.returncode == 1 and "name attributes of one set: Blond_Hair, Male" in refused.stderr


def test_web(onnx_file: Path, picture: Path, weights: Weights, tmp_path: Path) -> None:
    """Where `npm install` was run in examples/deploy/web, or STARGAN_NODE_MODULES says where it was."""
    modules = Path(os.environ.get("STARGAN_NODE_MODULES") or EXAMPLES / "web" / "node_modules")
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not modules.is_dir() or not browser or not shutil.which("node"):
        pytest.skip("needs node, Chromium and npm install in examples/deploy/web")
    site = tmp_path / "site"
    site.mkdir()
    for name in ("index.html", "check.mjs"):
        shutil.copy(EXAMPLES / "web" / name, site)
    shutil.copy(onnx_file, site)
    shutil.copy(onnx_file.with_name("model.onnx.json"), site)
    (site / "node_modules").symlink_to(modules)
    run("env", f"CHROMIUM={browser}", "node", "check.mjs", site, picture, tmp_path / "out.png", *ON, cwd=site)
    assert_translated(tmp_path / "out.png", picture, weights)


def test_cpp(picture: Path, weights: Weights, tmp_path: Path) -> None:
    """STARGAN_CPP_BUILD names a folder to build in: compiling takes minutes."""
    build = os.environ.get("STARGAN_CPP_BUILD")
    if not build or not shutil.which("cmake"):
        pytest.skip("needs cmake and a folder to build in (STARGAN_CPP_BUILD)")
    torch_folder = Path(torch.__file__).parent
    run("cmake", "-S", EXAMPLES / "cpp", "-B", build, f"-DTORCH={torch_folder}", cwd=tmp_path)
    run("cmake", "--build", build, cwd=tmp_path)
    model = export(weights, ExportSettings("torchscript", uint8=True), tmp_path / "model.pt").files[0]
    with Image.open(picture) as image:
        image.save(tmp_path / "in.ppm")
    run(Path(build) / "translate", model, tmp_path / "in.ppm", tmp_path / "out.ppm", *map(str, LABEL), cwd=tmp_path)
    assert_translated(tmp_path / "out.ppm", picture, weights)
