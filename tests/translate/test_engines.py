"""The engines of `translate` give the same pictures, and say what they cannot do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import torch
from squares_kit import labels, laying_of, squares
from torch._dynamo.exc import TorchDynamoException
from translation_kit import draw, make_weights

from stargan_cli import device
from stargan_cli.compositing.maps import HIGH, LOW
from stargan_cli.errors import UsageError
from stargan_cli.evaluate.pixel_metrics import psnr
from stargan_cli.translate.engines.engine import make_engine, pick_engine_device
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.translate.translator import Translator, _batches_at_once
from stargan_cli.translate.work import automatic_workers
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric

CPU = torch.device("cpu")
LIBRARIES = ("openvino", "onnxruntime")


def require(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package)
    if "openvino" in packages and "ONEDNN_MAX_CPU_ISA" in os.environ:
        pytest.skip("OpenVINO chooses by the processor; its oneDNN then refuses what ONEDNN_MAX_CPU_ISA rules out")


@pytest.fixture(scope="module")
def generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_weights(tmp_path_factory.mktemp("engines") / "w.safetensors")


@pytest.mark.parametrize(("engine", "output"), [("openvino", "attention"), ("onnxruntime", "tanh")])
def test_an_engine_gives_torchs_pictures(engine: str, output: str, tmp_path: Path) -> None:
    require("onnx", "onnxscript", engine)
    weights = make_weights(tmp_path / "w.safetensors", output=output)
    plain = Translator(load(str(weights)), CPU, torch.float32, 4)
    made = Translator(load(str(weights)), CPU, torch.float32, 4, engine=engine)
    expected, found = (each.translate(squares(6), labels(6, 2), laying_of(6)).changes for each in (plain, made))
    assert torch.allclose(found[:, LOW : HIGH + 1].float(), expected[:, LOW : HIGH + 1].float(), atol=5e-3)
    expected, found = (each.translate(squares(6), labels(6, 2)).changes for each in (plain, made))
    assert (found.int() - expected.int()).abs().max() <= 1
    assert torch.equal(found[:4], made.translate(squares(6)[:4], labels(6, 2)[:4]).changes)


def test_openvino_in_bf16_stays_within_forty_decibels(generator_file: Path) -> None:
    require("openvino")
    plain = Translator(load(str(generator_file)), CPU, torch.float32, 4)
    made = Translator(load(str(generator_file)), CPU, torch.bfloat16, 4, engine="openvino")
    expected, found = (each.translate(squares(4), labels(4)).changes for each in (plain, made))
    assert float(psnr(found, expected).min()) > 40


def test_a_run_uses_the_engine_it_is_given(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    weights = make_weights(tmp_path / "w.safetensors")
    draw(tmp_path / "in" / "a.png", 1)
    settings = TranslationSettings("blond", weights=str(weights), engine="onnxruntime", device="cpu")
    assert translate([tmp_path / "in"], tmp_path / "out", settings, Run()).done == 1


@pytest.mark.parametrize("engine", LIBRARIES)
def test_without_the_engine_no_output_folder_is_made(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    weights = make_weights(tmp_path / "w.safetensors")
    draw(tmp_path / "in" / "a.png", 1)
    settings = TranslationSettings("blond", weights=str(weights), engine=engine, device="cpu")
    with pytest.raises(UsageError):
        translate([tmp_path / "in"], tmp_path / "out", settings, Run())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("engine", LIBRARIES)
def test_a_missing_package_is_named_with_its_extra(
    engine: str, generator_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, engine, None)
    generator = load(str(generator_file)).generator
    with pytest.raises(UsageError, match=f"--engine {engine} needs {engine}") as caught:
        make_engine(engine, generator, CPU, torch.float32)
    assert caught.value.hint == f"pip install 'stargan-cli[{'onnx' if engine == 'onnxruntime' else engine}]'"


def test_what_an_engine_cannot_do_is_refused(generator_file: Path) -> None:
    with pytest.raises(UsageError, match="unknown engine 'tensorrt'"):
        pick_engine_device("tensorrt", "auto", "auto")
    with pytest.raises(UsageError, match="openvino is used on the CPU alone, not on cuda"):
        pick_engine_device("openvino", "cuda", "auto")
    with pytest.raises(UsageError, match="onnxruntime computes in fp32 on the CPU, not in bf16"):
        pick_engine_device("onnxruntime", "auto", "bf16")
    with pytest.raises(UsageError, match="not with --engine openvino"):
        make_engine("openvino", load(str(generator_file)).generator, CPU, torch.float32, compiled=True)


def test_onnxruntime_computes_in_fp32_by_itself() -> None:
    assert pick_engine_device("onnxruntime", "auto", "auto") == (CPU, torch.float32)
    assert pick_engine_device("openvino", "cpu", "fp32") == (CPU, torch.float32)


def test_compiling_reaches_the_network(generator_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[dict[str, object]] = []
    monkeypatch.setattr(torch, "compile", lambda function, **options: compiled.append(options) or function)
    made = Translator(load(str(generator_file)), CPU, torch.float32, 4, compiled=True)
    assert compiled == [{"dynamic": False}]
    assert len(made.translate(squares(2), labels(2)).changes) == 2


def test_a_network_that_cannot_be_compiled_is_an_error_of_the_call(
    generator_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise TorchDynamoException("no compiler")

    monkeypatch.setattr(torch, "compile", lambda function, **options: refuse)
    made = Translator(load(str(generator_file)), CPU, torch.float32, 4, compiled=True)
    with pytest.raises(UsageError, match="torch cannot compile the network: no compiler"):
        made.translate(squares(2), labels(2))


def test_a_gpu_computes_one_batch_while_another_is_brought_and_fetched() -> None:
    assert [_batches_at_once(torch.device("cuda"), "torch", compiled) for compiled in (False, True)] == [2, 2]
    assert _batches_at_once(torch.device("mps"), "torch", False) == _batches_at_once(CPU, "torch", True) == 1


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (16, 16), (64, 16)])
def test_readers_and_writers_follow_the_cores_up_to_a_point(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert automatic_workers() == workers
