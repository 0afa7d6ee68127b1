"""Exported files: what they hold, that they give what the source gives, and what happens when they do not."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.errors import DataError, ExportError, OutputError, UsageError, WeightsError
from stargan_cli.export import run as exporting
from stargan_cli.export.check import Check, Tolerance, compare, random_labels, random_pictures
from stargan_cli.export.formats import EXPORT_FORMATS
from stargan_cli.export.onnx_file import open_onnx
from stargan_cli.export.reference_format import reference_discriminator, reference_generator
from stargan_cli.export.run import Exported, ExportSettings, default_name, export
from stargan_cli.export.sources import open_source
from stargan_cli.export.torch_files import open_pt2, open_torchscript
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.tensors import to_model
from stargan_cli.weights.card import Card
from stargan_cli.weights.checkpoints import save_checkpoint
from stargan_cli.weights.derived import averaged, strengthened
from stargan_cli.weights.files import Weights, load, save

pytestmark = pytest.mark.numeric

SIZE = 16
ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Male")


def make_weights(path: Path, output: str = "tanh", upsampling: str = "transposed") -> Weights:
    torch.manual_seed(0)
    settings = ModelSettings.from_dict(
        {
            **ModelSettings(SIZE, 3, 3, 4, 1, 4, 2).to_dict(),
            "output": output,
            "upsampling": upsampling,
        }
    )
    generator = Generator(settings)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))  # away from scale 1 and shift 0
    card = Card(settings, LabelLayout((LabelSet("celeba", ATTRIBUTES, (ATTRIBUTES[:2],)),)))
    save(path, card, generator.state_dict(), Discriminator(settings).state_dict())
    return load(str(path))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="session")
def plain(folder: Path) -> Weights:
    return make_weights(folder / "plain.safetensors")


@pytest.fixture(scope="session")
def masked(folder: Path) -> Weights:
    """The other half of the settings: attention output, resize upsampling."""
    return make_weights(folder / "masked.safetensors", "attention", "resize")


@pytest.fixture(scope="session")
def pictures(folder: Path) -> Path:
    """Six smooth pictures and a broken one."""
    place = folder / "pictures"
    place.mkdir()
    seeded = np.random.default_rng(0)
    for number in range(6):
        small = Image.fromarray(seeded.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        small.resize((24, 20), Image.Resampling.BICUBIC).save(place / f"{number}.png")
    (place / "broken.png").write_text("not a picture")
    return place


@pytest.fixture(scope="session")
def onnx_file(plain: Weights, pictures: Path, folder: Path) -> Exported:
    return export(plain, ExportSettings("onnx", pictures=pictures), folder / "plain.onnx")


def largest(exported: Exported) -> float:
    return max(check.maximum for check in exported.checks)


def test_onnx_gives_what_torch_gives(onnx_file: Exported, plain: Weights) -> None:
    assert [(check.pictures, check.batch) for check in onnx_file.checks] == [
        ("random", 1),
        ("random", 5),
        ("real", 1),
        ("real", 5),
    ]
    assert largest(onnx_file) <= 1e-5
    run = open_onnx(onnx_file.files[0])
    image, label = torch.rand(3, 3, SIZE, SIZE) * 2 - 1, torch.tensor([[0.5, 0.0, 1.0]] * 3)
    assert (run(image, label) - plain.generator(image, label)).abs().max() <= 1e-5


def test_each_picture_is_normalised_with_its_own_statistics(onnx_file: Exported) -> None:
    import onnx

    run = open_onnx(onnx_file.files[0])
    dark, bright = torch.rand(1, 3, SIZE, SIZE) * 0.1 - 1, torch.rand(1, 3, SIZE, SIZE) * 0.1 + 0.9
    label = torch.ones(1, 3)
    together = run(torch.cat([dark, bright]), torch.cat([label, label]))
    assert (together[:1] - run(dark, label)).abs().max() <= 1e-5
    kinds = [node.op_type for node in onnx.load(onnx_file.files[0]).graph.node]
    assert kinds.count("InstanceNormalization") == 7 and "BatchNormalization" not in kinds


def test_onnx_describes_itself(onnx_file: Exported, plain: Weights) -> None:
    import onnx

    model = onnx.load(onnx_file.files[0])
    about = {item.key: item.value for item in model.metadata_props}
    assert json.loads(about["attributes"]) == list(ATTRIBUTES)
    assert json.loads(about["groups"]) == [list(ATTRIBUTES[:2])]
    assert (about["image_size"], about["label_dim"]) == (str(SIZE), "3")
    assert json.loads(about["sources"]) == [{"name": "plain.safetensors", "sha256": plain.fingerprint}]
    assert Card.from_json(about["stargan"]) == plain.card
    assert [(item.domain, item.version) for item in model.opset_import] == [("", 18)] and model.ir_version == 8
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    square = ["batch", 3, SIZE, SIZE]
    assert shapes == {"image": square, "label": ["batch", 3], "picture": square}
    assert str(Path(exporting.__file__).parents[1]).encode() not in onnx_file.files[0].read_bytes()


def test_the_comparison_is_kept_beside_the_file(onnx_file: Exported, plain: Weights) -> None:
    path = onnx_file.files[0]
    record = json.loads(path.with_name("plain.onnx.json").read_text())
    assert record == {**onnx_file.to_dict(), "files": ["plain.onnx"]}
    assert (record["attributes"], record["label_dim"], record["image_size"]) == (list(ATTRIBUTES), 3, SIZE)
    assert record["unset_stays"] is False
    assert record["sources"] == [{"name": "plain.safetensors", "sha256": plain.fingerprint}]
    assert record["strength"] == 1 and len(record["checks"]) == 4
    assert onnx_file.to_dict()["files"] == [{"path": str(path), "bytes": path.stat().st_size}]


@pytest.mark.parametrize(("precision", "uint8"), [("fp16", True), ("int8", False)])
def test_smaller_onnx_files(masked: Weights, pictures: Path, folder: Path, precision: str, uint8: bool) -> None:
    import onnx

    out = folder / f"masked-{precision}.onnx"
    exported = export(masked, ExportSettings("onnx", precision, uint8=uint8, pictures=pictures), out)
    assert exported.calibration_pictures == (6 if precision == "int8" else 0)
    assert min(check.psnr or 99 for check in exported.checks) > 35
    assert 0 < largest(exported) < (3 if uint8 else 0.2)
    large = [item.data_type for item in onnx.load(out).graph.initializer if np.prod(item.dims) > 1000]
    narrow = onnx.TensorProto.INT8 if precision == "int8" else onnx.TensorProto.FLOAT16
    assert large.count(narrow) >= 2


@pytest.mark.parametrize("format_name", ["pt2", "torchscript"])
@pytest.mark.parametrize("uint8", [False, True])
def test_files_for_torch(plain: Weights, masked: Weights, folder: Path, format_name: str, uint8: bool) -> None:
    weights = masked if uint8 == (format_name == "pt2") else plain
    out = folder / f"{format_name}-{uint8}{EXPORT_FORMATS[format_name].suffix}"
    exported = export(weights, ExportSettings(format_name, uint8=uint8), out)
    assert largest(exported) <= 1e-6
    run = open_pt2(out) if format_name == "pt2" else open_torchscript(out)
    pixels, label = random_pictures(SIZE)[:3], random_labels(3, 3)
    given = run(pixels.permute(0, 2, 3, 1) if uint8 else to_model(pixels), label)
    assert given.dtype == (torch.uint8 if uint8 else torch.float32)
    assert tuple(given.shape) == ((3, SIZE, SIZE, 3) if uint8 else (3, 3, SIZE, SIZE))
    assert str(Path(exporting.__file__).parents[1]).encode() not in out.read_bytes()
    data = out.read_bytes()
    with ZipFile(out) as archive:
        for entry in archive.infolist():
            name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
            assert (entry.header_offset + 30 + name + extra) % 64 == 0


@pytest.mark.parametrize(("precision", "least"), [("fp32", 120), ("fp16", 60), ("bf16", 40)])
@pytest.mark.parametrize("discriminator", [True, False])
def test_safetensors_in_other_precisions(
    plain: Weights, tmp_path: Path, precision: str, least: float, discriminator: bool
) -> None:
    out = tmp_path / "out.safetensors"
    exported = export(plain, ExportSettings("safetensors", precision, discriminator=discriminator), out)
    again = load(str(out))
    assert (again.discriminator is not None) == discriminator and again.card == plain.card
    assert all(check.psnr is None or check.psnr > least for check in exported.checks)
    assert any("(D)" in check.pictures for check in exported.checks) == discriminator
    assert (largest(exported) <= 1e-6) == (precision == "fp32")
    assert (out.stat().st_size < plain.path.stat().st_size) == (not discriminator or precision != "fp32")


def test_checkpoints_there_and_back(plain: Weights, tmp_path: Path) -> None:
    out = tmp_path / "200000-G.ckpt"
    exported = export(plain, ExportSettings("ckpt"), out)
    assert [path.name for path in exported.files] == ["200000-G.ckpt", "200000-D.ckpt"]
    back = open_source(str(out), plain.card.layout, exported.files[1])
    assert back.card.model == plain.card.model and back.card.training["imported_from"] == "200000-G.ckpt"
    image, label = to_model(random_pictures(SIZE)), random_labels(5, 3)
    assert (back.generator(image, label) - plain.generator(image, label)).abs().max() <= 1e-6
    alone = export(plain, ExportSettings("ckpt", discriminator=False), tmp_path / "1-G.ckpt")
    assert len(alone.files) == 1 and not (tmp_path / "1-D.ckpt").exists()


def test_checkpoints_have_the_names_that_the_reference_looks_for(plain: Weights, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="would not look for a checkpoint named"):
        export(plain, ExportSettings("ckpt"), tmp_path / "out.ckpt")


@pytest.mark.parametrize("kinds", [("classes", "attributes"), ("classes", "classes"), ("attributes", "classes") * 2])
def test_a_checkpoint_with_labels_in_an_order_that_the_reference_does_not_have_is_refused(
    plain: Weights, tmp_path: Path, kinds: tuple[Any, ...]
) -> None:
    layout = LabelLayout(tuple(LabelSet(f"set{i}", ("a", "b"), kind=kind) for i, kind in enumerate(kinds)))
    weights = replace(plain, card=replace(plain.card, layout=layout))
    with pytest.raises(UsageError, match="attributes followed by classes, but .* are: .*set0.*, then .*set1") as caught:
        export(weights, ExportSettings("ckpt"), tmp_path / "1-G.ckpt")
    assert "celeba first" in caught.value.hint and not list(tmp_path.iterdir())


def test_nothing_is_left_of_a_file_that_differs(
    plain: Weights, masked: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that writes other weights, over a file that is there already."""
    good = EXPORT_FORMATS["torchscript"]
    other = replace(plain, generator=Generator(plain.card.model).eval().requires_grad_(False))
    wrong = replace(good, write=lambda job, paths: good.write(replace(job, weights=other), paths))
    monkeypatch.setitem(EXPORT_FORMATS, "torchscript", wrong)
    out = tmp_path / "out.pt"
    with pytest.raises(ExportError, match=r"out.pt was not written: on random pictures, batch 1, it differs by up to"):
        export(plain, ExportSettings("torchscript"), out)
    assert list(tmp_path.iterdir()) == []
    out.write_text("older")
    with pytest.raises(ExportError):
        export(plain, ExportSettings("torchscript", overwrite=True), out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.pt"] and out.read_text() == "older"


def test_what_a_tolerance_allows() -> None:
    near = Check("real", 1, 1e-5, 1e-6, 100.0)
    assert Tolerance(1e-4).allows(near) and not Tolerance(1e-6).allows(near)
    assert Tolerance(psnr=99).allows(near) and not Tolerance(psnr=101).allows(near)
    assert Tolerance(psnr=101, only="real").allows(replace(near, pictures="random"))
    assert Tolerance(0.0).allows(Check("real", 1, 0.0, 0.0, None))
    assert not Tolerance(psnr=25).allows(Check("real", 1, float("nan"), float("nan"), float("nan")))


def test_a_file_of_another_shape_or_with_nan_differs(plain: Weights) -> None:
    shown = {"random": random_pictures(SIZE)}
    for run in (lambda image, label: image[:, :, 1:], lambda image, label: image * float("nan")):
        for check in compare(run, plain.generator, shown, uint8=False):
            assert not Tolerance(psnr=25).allows(check) and not Tolerance(1e-4).allows(check)


def test_files_are_not_replaced_unasked(plain: Weights, tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    settings = ExportSettings("safetensors", "fp16")
    export(plain, settings, out)
    with pytest.raises(UsageError, match="is there already"):
        export(plain, settings, out)
    export(plain, replace(settings, overwrite=True), out)
    with pytest.raises(UsageError, match="would replace an input"):
        export(load(str(out)), replace(settings, overwrite=True), out)


def test_an_export_stopped_at_its_end_leaves_no_generator_alone(
    plain: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []

    def stopped_at_the_generator(path: Path, target: Path) -> None:
        placed.append(target.name)
        if target.name == "1-G.ckpt":
            raise OSError(28, "No space left on device")
        path.rename(target)

    monkeypatch.setattr("stargan_cli.export.run.os.replace", stopped_at_the_generator)
    with pytest.raises(OutputError, match="cannot write .*1-G.ckpt: No space"):
        export(plain, ExportSettings("ckpt"), tmp_path / "1-G.ckpt")
    assert placed == ["1-G.ckpt.json", "1-D.ckpt", "1-G.ckpt"] and not (tmp_path / "1-G.ckpt").exists()


def test_a_discriminator_that_is_read_is_not_replaced(plain: Weights, tmp_path: Path) -> None:
    generator, discriminator = tmp_path / "1-G.ckpt", tmp_path / "1-D.ckpt"
    export(plain, ExportSettings("ckpt"), generator)
    before = discriminator.read_bytes()
    source = open_source(str(generator), plain.card.layout, discriminator)
    for settings, out in (
        (ExportSettings("safetensors", overwrite=True), discriminator),
        (ExportSettings("ckpt", overwrite=True), generator),
    ):
        with pytest.raises(UsageError, match="would replace an input"):
            export(source, settings, out)
    assert discriminator.read_bytes() == before


def test_a_place_that_cannot_be_written(plain: Weights, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        export(plain, ExportSettings("safetensors"), tmp_path / "file" / "out.safetensors")


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.parametrize("kind", ["pt2", "torchscript", "ckpt", "safetensors"])
def test_a_full_disk_is_an_error_of_one_line(plain: Weights, tmp_path: Path, kind: str) -> None:
    """As a disk would, a limit on the size of files ends writing in the midst of one."""
    import resource

    code = "import stargan_cli.cli.app as a; a.app()"
    out = tmp_path / ("out-G.ckpt" if kind == "ckpt" else f"out.{kind}")
    command = [sys.executable, "-c", code, "export", str(plain.path), "--to", kind, "--out", str(out), "-q"]
    limit = (20_000, 20_000)
    done = subprocess.run(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert done.returncode == 1 and f"error: cannot write {out}: File too large" in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["safetensors", "ckpt", "onnx"])
def test_a_folder_is_no_name_of_a_file(plain: Weights, tmp_path: Path, kind: str, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (".", "", "..", str(tmp_path)):
        with pytest.raises(UsageError, match="folder|would not look for"):
            export(plain, ExportSettings(kind, overwrite=True), Path(out))
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_format_is_refused(plain: Weights, tmp_path: Path) -> None:
    for kind, name, other in (
        ("onnx", "a.pt2", "pt2"),
        ("onnx", "a.PT2", "pt2"),
        ("safetensors", "a.ONNX", "onnx"),
        ("safetensors", "1-G.ckpt", "ckpt"),
    ):
        with pytest.raises(UsageError, match=f"has the suffix of {other}, but is to be written as {kind}"):
            export(plain, ExportSettings(kind), tmp_path / name)


def test_a_name_that_means_another_encoding_of_onnx_is_refused_before_the_work(plain: Weights, tmp_path: Path) -> None:
    for name in ("a.json", "a.onnx.JSON", "a.textproto", "a.pbtxt", "a.onnxtxt", "a.ort"):
        with pytest.raises(UsageError, match="by which programs expect something else than onnx"):
            export(plain, ExportSettings("onnx"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_exported_program_given_for_weights_is_recognised(
    plain: Weights, onnx_file: Exported, tmp_path: Path
) -> None:
    programs = [onnx_file.files[0]]
    for kind, name in (("pt2", "a.pt2"), ("torchscript", "a.pt")):
        programs += export(plain, ExportSettings(kind), tmp_path / name).files
    for program in programs:
        for use in (load, open_source):
            with pytest.raises(WeightsError, match="a program that `stargan export` wrote") as caught:
                use(str(program))
            assert caught.value.hint == "give the weights that it was made from"


def test_files_of_torch_may_have_any_name(plain: Weights, tmp_path: Path) -> None:
    for kind in ("pt2", "torchscript"):
        with warnings.catch_warnings(record=True) as raised:
            export(plain, ExportSettings(kind), tmp_path / f"{kind} é.bin")
        assert not raised


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"format": "tflite"}, "unknown format 'tflite'"),
        ({"format": "pt2", "precision": "int8"}, "pt2 cannot be written in int8"),
        ({"format": "safetensors", "uint8": True}, "holds tensors alone"),
        ({"format": "onnx", "precision": "int8"}, "calibrated on real pictures"),
    ],
)
def test_settings_that_do_not_go_together(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ExportSettings(**arguments)


def test_a_folder_without_pictures(plain: Weights, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no readable picture"):
        export(plain, ExportSettings("safetensors", pictures=tmp_path), tmp_path / "out.safetensors")
    (tmp_path / "picture.png").touch()
    with pytest.raises(UsageError, match=r"picture\.png is not a folder"):
        export(plain, ExportSettings("safetensors", pictures=tmp_path / "picture.png"), tmp_path / "out.safetensors")
    with pytest.raises(UsageError, match="no such folder"):
        export(plain, ExportSettings("safetensors", pictures=tmp_path / "gone"), tmp_path / "new" / "out.safetensors")
    assert not (tmp_path / "new").exists()


def test_without_the_extra_it_says_how_to_get_it(
    plain: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match="writing ONNX files needs onnxscript") as caught:
        export(plain, ExportSettings("onnx"), tmp_path / "out.onnx")
    assert caught.value.hint == "pip install 'stargan-cli[export]'"


def test_label_names_are_for_checkpoints(plain: Weights) -> None:
    with pytest.raises(UsageError, match="describes itself"):
        open_source(str(plain.path), plain.card.layout)


def test_a_file_is_looked_at_before_its_options_are_refused(plain: Weights, tmp_path: Path) -> None:
    for content, words in ((b"", "but empty"), (pickle.dumps(np.zeros(9)), "not a PyTorch checkpoint")):
        (tmp_path / "w.safetensors").write_bytes(content)
        for layout, raw in ((plain.card.layout, False), (None, True)):
            with pytest.raises(WeightsError, match=words):
                open_source(str(tmp_path / "w.safetensors"), layout, raw=raw)


def test_a_mean_of_checkpoints_of_the_reference(plain: Weights, tmp_path: Path) -> None:
    for name, add in (("1-G.ckpt", 0.0), ("2-G.ckpt", 0.5)):
        state = reference_generator(plain.generator)
        torch.save({key: value + add for key, value in state.items()}, tmp_path / name)
    first, second, out = (str(tmp_path / name) for name in ("1-G.ckpt", "2-G.ckpt", "mean.safetensors"))
    call = ["export", first, "--mean", second, "--to", "safetensors", "--out", out, "--attrs", ",".join(ATTRIBUTES)]
    refused = CliRunner().invoke(app, [*call, "--discriminator", second])
    assert refused.exit_code == 2 and "--discriminator is that of one checkpoint" in refused.stderr
    done = CliRunner().invoke(app, [*call, "--image-size", str(SIZE)])
    assert done.exit_code == 0, done.stderr
    name = "main.0.weight"
    assert torch.allclose(load(out).generator.state_dict()[name], plain.generator.state_dict()[name] + 0.25)


def test_a_training_run_has_two_generators(plain: Weights, tmp_path: Path) -> None:
    assert plain.discriminator is not None
    average, trained = plain.generator.state_dict(), Generator(plain.card.model).state_dict()
    tensors = {f"ema.{name}": tensor for name, tensor in average.items()}
    tensors |= {f"generator.{name}": tensor for name, tensor in trained.items()}
    tensors |= {f"discriminator.{name}": tensor for name, tensor in plain.discriminator.state_dict().items()}
    path = save_checkpoint(tmp_path / "checkpoints", 40, tensors, {}, keep=1)
    with pytest.raises(WeightsError, match=r"weights.safetensors is missing"):
        open_source(str(path))
    save(tmp_path / "weights.safetensors", plain.card, average)
    for raw, wanted in ((False, average), (True, trained)):
        opened = open_source(str(path), raw=raw)
        assert all(torch.equal(tensor, wanted[name]) for name, tensor in opened.generator.state_dict().items())
        assert opened.card.training == {"iteration": 40, "generator": "raw" if raw else "averaged"}
        assert opened.discriminator is not None
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WeightsError, match="checksum is wrong"):
        open_source(str(path))
    with pytest.raises(UsageError, match="one generator only"):
        open_source(str(plain.path), raw=True)


def test_a_checkpoint_with_tensors_of_another_network_is_refused(plain: Weights, tmp_path: Path) -> None:
    assert plain.discriminator is not None
    tensors = {f"ema.{name}": tensor for name, tensor in plain.generator.state_dict().items()}
    tensors |= {f"discriminator.{name}": tensor for name, tensor in plain.discriminator.state_dict().items()}
    save(tmp_path / "weights.safetensors", plain.card, plain.generator.state_dict())
    path = save_checkpoint(
        tmp_path / "checkpoints", 40, tensors | {"discriminator.conv5.weight": torch.zeros(1)}, {}, 1
    )
    with pytest.raises(WeightsError, match="conv5") as caught:
        open_source(str(path))
    assert "\n" not in str(caught.value)


def shifted(weights: Weights, by: float, path: Path) -> Weights:
    """The same with `by` added to every number of both networks."""
    assert weights.discriminator is not None
    states = [network.state_dict() for network in (weights.generator, weights.discriminator)]
    save(path, weights.card, *({name: tensor + by for name, tensor in state.items()} for state in states))
    return load(str(path))


def test_the_mean_of_several(plain: Weights, tmp_path: Path) -> None:
    one = shifted(plain, 0.5, tmp_path / "one.safetensors")
    mean = averaged([plain, one, one, plain, one, one])
    for found, start in ((mean.generator, plain.generator), (mean.discriminator, plain.discriminator)):
        assert found is not None and start is not None
        before = start.state_dict()
        assert all(torch.allclose(value, before[name] + 1 / 3) for name, value in found.state_dict().items())
    assert mean.card.training["mean_of"][:2] == [
        f"{weights.path.name} (sha256 {weights.fingerprint[:16]})" for weights in (plain, one)
    ]
    assert mean.fingerprint not in (plain.fingerprint, one.fingerprint) and not mean.generator.training
    assert mean.sources == (*plain.sources, *one.sources)
    alone = [replace(weights, discriminator=None) for weights in (plain, one)]
    assert averaged(alone).discriminator is None
    with pytest.raises(UsageError, match="only one of them has a discriminator"):
        averaged([plain, alone[1]])
    stays = replace(plain.card, layout=replace(plain.card.layout, unset_stays=True))
    assert averaged([replace(one, card=stays), plain]).card.layout.unset_stays


def test_there_is_no_mean_of_two_models(plain: Weights, masked: Weights) -> None:
    with pytest.raises(UsageError, match=r"masked\.safetensors and .*plain\.safetensors cannot be averaged"):
        averaged([plain, masked])
    renamed = replace(plain.card, layout=LabelLayout((LabelSet("celeba", ("A", "B", "C")),)))
    with pytest.raises(UsageError, match="cannot be averaged"):
        averaged([plain, replace(plain, card=renamed)])


def test_a_mean_from_the_shell(plain: Weights, tmp_path: Path) -> None:
    one = shifted(plain, 0.5, tmp_path / "one.safetensors")
    out = tmp_path / "mean.safetensors"
    command = (str(plain.path), "--mean", str(one.path), "--to", "safetensors", "--overwrite", "--out")
    taken = run_export(*command, str(one.path))
    assert taken.returncode == 2 and "would replace an input" in taken.stderr
    out.write_text("an older one")
    done = run_export(*command, str(out))
    assert done.returncode == 0, done.stderr
    name = "main.0.weight"
    assert torch.allclose(load(str(out)).generator.state_dict()[name], plain.generator.state_dict()[name] + 0.25)


def test_strength_multiplies_the_odds_of_the_mask(masked: Weights) -> None:
    pictures, labels = to_model(random_pictures(SIZE)[:2]), torch.tensor([[1.0, 0, 0], [0, 1, 1]])
    stronger = strengthened(strengthened(masked, 2), 1.5)
    with torch.inference_mode():
        before, after = (weights.generator.translate(pictures, labels) for weights in (masked, stronger))
    odds = before.mask / (1 - before.mask)
    assert torch.allclose(after.mask, 3 * odds / (1 + 3 * odds), atol=1e-5)
    assert torch.equal(after.colour, before.colour)
    assert stronger.card.training["strength"] == 3 and not stronger.card.quality
    assert stronger.fingerprint != masked.fingerprint and strengthened(masked, 1) is masked


def test_there_is_no_mean_of_two_strengths(masked: Weights) -> None:
    with pytest.raises(UsageError, match="their strengths differ"):
        averaged([strengthened(masked, 2), masked])
    assert averaged([strengthened(masked, 2)] * 2).card.training["strength"] == 2


@pytest.mark.parametrize("strength", [0, -1, float("nan"), float("inf")])
def test_strength_is_a_number_above_0(masked: Weights, strength: float) -> None:
    with pytest.raises(UsageError, match="--strength takes a number above 0"):
        strengthened(masked, strength)


def test_weights_without_a_mask_have_no_strength(plain: Weights) -> None:
    with pytest.raises(UsageError, match=r"plain\.safetensors has no mask"):
        strengthened(plain, 2)


def test_strength_from_the_shell(masked: Weights, tmp_path: Path) -> None:
    out = tmp_path / "strong.safetensors"
    done = run_export(str(masked.path), "--strength", "2", "--to", "safetensors", "--out", str(out))
    assert done.returncode == 0, done.stderr
    expected = strengthened(masked, 2).generator.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in load(str(out)).generator.state_dict().items())
    record = json.loads((tmp_path / "strong.safetensors.json").read_text())
    assert record["sources"] == [{"name": "masked.safetensors", "sha256": masked.fingerprint}]
    assert record["strength"] == 2


def test_files_are_named_after_the_weights() -> None:
    source = Path("weights/celeba-128.safetensors")
    assert default_name(source, ExportSettings("onnx")) == "celeba-128.onnx"
    assert default_name(source, ExportSettings("onnx", "fp16", uint8=True)) == "celeba-128-fp16-uint8.onnx"
    assert default_name(source, ExportSettings("ckpt")) == "celeba-128-G.ckpt"
    assert default_name(source, ExportSettings("onnx"), 1.5) == "celeba-128-strength-1.5.onnx"


def run_export(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stargan_cli", "export", *arguments], capture_output=True, text=True, timeout=120
    )


def test_a_checkpoint_comes_in_from_the_shell(plain: Weights, tmp_path: Path) -> None:
    torch.save(reference_generator(plain.generator), tmp_path / "7-G.ckpt")
    assert plain.discriminator is not None
    torch.save(reference_discriminator(plain.discriminator), tmp_path / "7-D.ckpt")
    call = (str(tmp_path / "7-G.ckpt"), "--to", "safetensors", "--out", str(tmp_path / "out.safetensors"))
    with_discriminator = ("--discriminator", str(tmp_path / "7-D.ckpt"))
    done = run_export(*call, *with_discriminator, "--attrs", ",".join(ATTRIBUTES), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["checks"][0]["maximum"] <= 1e-6
    weights = load(str(tmp_path / "out.safetensors"))
    assert weights.card.layout.sets[0].attributes == ATTRIBUTES
    assert weights.card.layout.sets[0].groups == (ATTRIBUTES[:2],)
    image, label = to_model(random_pictures(SIZE)), random_labels(5, 3)
    assert (weights.generator(image, label) - plain.generator(image, label)).abs().max() <= 1e-6


def test_a_checkpoint_without_names_is_explained(plain: Weights, tmp_path: Path) -> None:
    torch.save(reference_generator(plain.generator), tmp_path / "7-G.ckpt")
    failed = CliRunner().invoke(app, ["export", str(tmp_path / "7-G.ckpt"), "--to", "onnx"])
    assert failed.exit_code == 2
    assert "takes 3 labels but does not name them" in failed.stderr and "--attrs" in failed.stderr
