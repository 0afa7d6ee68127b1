"""LPIPS and face descriptors: files that a network would have fetched are made up here."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.evaluate.feature_networks.face_descriptor import (
    ARCFACE_EYES,
    DLIB_EYES,
    chip_transform,
    chips_of,
    dlib_descriptors,
    dlib_is_there,
    onnx_descriptors,
)
from stargan_cli.evaluate.feature_networks.lpips import ADDRESSES, find_lpips, lpips
from stargan_cli.pictures.tensors import load_square

pytestmark = pytest.mark.numeric


@pytest.fixture
def torch_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def small_vgg(monkeypatch):
    """VGG-16's layers without its 120 million weights behind them."""
    import torch_fidelity.sample_similarity_lpips as library
    from torchvision.models import VGG, vgg16

    def build(**_):
        monkeypatch.setattr(VGG, "__init__", _small_vgg_init)
        return vgg16(weights=None)

    monkeypatch.setattr(library, "torchvision_load_pretrained_vgg16", build)


def _small_vgg_init(self, features, **_):
    nn.Module.__init__(self)
    self.features = features


def lpips_layers() -> dict[str, torch.Tensor]:
    return {
        f"lin{number}.model.1.weight": torch.rand(1, channels, 1, 1)
        for number, channels in enumerate((64, 128, 256, 512, 512))
    }


def test_lpips_names_the_missing_files(torch_home):
    (torch_home / "vgg16-397923af.pth").touch()
    with pytest.raises(UsageError, match=str(torch_home)) as found:
        find_lpips()
    assert "lpips/weights/v0.1/vgg.pth of the PyPI package lpips" in found.value.hint
    assert "weights-vgg16-lpips.pth" in found.value.hint and "vgg16-397923af" not in found.value.hint
    (torch_home / "weights-vgg16-lpips.pth").touch()
    assert [file.name for file in find_lpips()] == list(ADDRESSES)


def test_lpips_refuses_other_files_by_name(torch_home):
    trunk, layers = (torch_home / name for name in ADDRESSES)
    torch.save({"features.0.weight": torch.zeros(1)}, trunk)
    layers.write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=r"weights-vgg16-lpips\.pth is refused") as found:
        lpips(torch.device("cpu"))
    assert found.value.hint == f"fetch {ADDRESSES[layers.name]}\ninto {torch_home}"
    torch.save(lpips_layers(), layers)
    torch.save({"conv1.weight": torch.zeros(1)}, trunk)
    with pytest.raises(WeightsError, match=r"vgg16-397923af\.pth is refused: it has no tensor features\.0\.weight"):
        lpips(torch.device("cpu"))


def test_lpips_layers_of_another_network_do_not_fit(torch_home):
    trunk, layers = (torch_home / name for name in ADDRESSES)
    torch.save({"features.0.weight": torch.zeros(1)}, trunk)
    torch.save({"lin0.model.1.weight": torch.zeros(1, 64, 1, 1)}, layers)
    with pytest.raises(WeightsError, match="do not fit the network: Missing key"):
        lpips(torch.device("cpu"))


def test_lpips_of_equal_pictures_is_nothing_and_grows_with_the_change(torch_home, small_vgg):
    torch.manual_seed(0)
    torch.save({"features.0.weight": torch.zeros(1)}, torch_home / "vgg16-397923af.pth")
    torch.save(lpips_layers(), torch_home / "weights-vgg16-lpips.pth")
    distance = lpips(torch.device("cpu"))
    picture = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    near = (picture.int() + torch.randint(-9, 10, picture.shape)).clamp(0, 255).to(torch.uint8)
    far = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    found = distance(picture.repeat(3, 1, 1, 1), torch.cat([picture, near, far]))
    assert found.shape == (3,) and found[0] == 0
    assert 0 < found[1] < found[2]


def embedding(path, shape=(1, 3, 4, 4), number=TensorProto.FLOAT, operation="Flatten"):
    """An ONNX model whose embedding is the picture itself."""
    entry = helper.make_tensor_value_info("input", number, shape)
    leave = helper.make_tensor_value_info("output", number, None)
    graph = helper.make_graph([helper.make_node(operation, ["input"], ["output"])], "g", [entry], [leave])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_descriptors_of_the_same_of_a_darker_and_of_the_opposite_picture(tmp_path):
    describe = onnx_descriptors(embedding(tmp_path / "face.onnx"))(None)
    picture = torch.tensor([255, 0, 255, 0], dtype=torch.uint8).repeat(3, 4, 1)[None]
    same, opposite = (describe(other)[0] for other in (picture, 255 - picture))
    assert float(same.norm()) == pytest.approx(1) and torch.allclose(same, -opposite)
    large = picture.repeat_interleave(8, 2).repeat_interleave(8, 3)
    assert torch.allclose(describe(large)[0], same, atol=0.2)


def test_no_embedding(tmp_path):
    (tmp_path / "face.onnx").write_bytes(b"no model")
    with pytest.raises(WeightsError, match=r"face\.onnx is no face embedding"):
        onnx_descriptors(tmp_path / "face.onnx")


def test_what_lies_in_the_place_of_an_embedding_is_said(tmp_path):
    (tmp_path / "face.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0")
    with pytest.raises(WeightsError, match=r"face\.onnx is no face embedding but a pointer of Git LFS") as caught:
        onnx_descriptors(tmp_path / "face.onnx")
    assert "git lfs pull" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"shape": (1, 3, "height", "width")}, r"its input \[1, 3, 'height', 'width'\] is not \[N, 3, H, W\]"),
        ({"shape": (1, 112, 112, 3)}, r"its input \[1, 112, 112, 3\] is not \[N, 3, H, W\]"),
        ({"shape": (1, 3)}, "is no face embedding"),
        ({"number": TensorProto.UINT8}, "is no face embedding"),
        ({"operation": "Log"}, "NaN or infinite numbers"),
    ],
)
def test_an_embedding_of_something_else_is_refused_when_it_is_loaded(tmp_path, model, said):
    with pytest.raises(WeightsError, match=said):
        onnx_descriptors(embedding(tmp_path / "face.onnx", **model))


def test_an_embedding_that_is_not_there_is_no_wrong_embedding(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*face\.onnx: No such file or directory"):
        onnx_descriptors(tmp_path / "face.onnx")


def test_identity_without_onnxruntime_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="onnxruntime") as found:
        onnx_descriptors(tmp_path / "face.onnx")
    assert "stargan-cli[eval]" in found.value.hint


@pytest.mark.parametrize("expected", [DLIB_EYES, ARCFACE_EYES])
def test_a_network_is_given_the_eyes_where_it_expects_them(expected):
    landmarks = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
    theta = chip_transform(landmarks, expected)
    for name, place in expected.items():
        seen = theta @ torch.tensor([2 * place.real - 1, 2 * place.imag - 1, 1.0])
        assert ((seen + 1) / 2).tolist() == pytest.approx(landmarks[name], abs=0.005)
    assert torch.equal(chip_transform({}, expected), torch.eye(2, 3))


def test_a_face_embedding_is_given_the_face_not_the_whole_square(tmp_path):
    """ArcFace learns from faces that fill its picture."""
    eyes = {"left_eye": [0.42, 0.49], "right_eye": [0.58, 0.49]}  # the face is the middle half of the square
    square = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    square[:, :, 14:51, 14:51] = 255
    describe = onnx_descriptors(embedding(tmp_path / "face.onnx"))
    assert describe(eyes)(square).min() > 0 > describe(None)(square).min()


def test_no_pixel_of_a_large_picture_is_skipped():
    stripes = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    stripes[..., ::4] = 200
    chips = chips_of(stripes, torch.eye(2, 3), (8, 8))
    assert torch.allclose(chips, torch.tensor(50.0), atol=10)


def test_dlib_tells_two_people_apart():
    if not dlib_is_there():
        pytest.skip("dlib and face-recognition-models are not installed")
    faces = Path(__file__).resolve().parents[2] / "examples" / "faces"
    photos = [load_square(path, 128) for path in sorted(faces.glob("*.jpg"))[:2]]
    describe = dlib_descriptors({"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]})
    dimmed = (photos[0] * 0.8).to(torch.uint8)
    first, other, dim = describe(torch.stack([*photos, dimmed]))
    assert first.shape == (128,) and float((first - dim).norm()) < 0.5 * float((first - other).norm())


def test_without_dlib_it_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed") as found:
        dlib_descriptors(None)
    assert "stargan-cli[identity]" in found.value.hint
