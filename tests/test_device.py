from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from stargan_cli import device, launcher
from stargan_cli.errors import UsageError

CPU = torch.device("cpu")


def test_a_device_that_is_not_there_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.pick_device("auto") == CPU
    with pytest.raises(UsageError, match="no CUDA device"):
        device.pick_device("cuda")
    with pytest.raises(UsageError, match="no Apple GPU"):
        device.pick_device("mps")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        device.pick_device("gpu")


def test_a_cuda_index_beyond_the_last_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device.pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(UsageError, match="this machine has 1 CUDA device$"):
        device.pick_device("cuda:1")


@pytest.mark.parametrize(
    ("bf16", "amx", "allowed", "expected"),
    [
        (True, False, True, "bf16"),
        (False, True, True, "bf16"),
        (False, False, True, "fp32"),
        (True, True, False, "fp32"),
    ],
)
def test_auto_precision_follows_the_cpu(
    monkeypatch: pytest.MonkeyPatch, bf16: bool, amx: bool, allowed: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: allowed, raising=False)
    assert device.pick_precision("auto", CPU) is device.PRECISIONS[expected]


def test_precisions_that_make_no_sense_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="fp16 is slow on the CPU"):
        device.pick_precision("fp16", CPU)
    with pytest.raises(UsageError, match="unknown precision 'int8'"):
        device.pick_precision("int8", CPU)


def test_half_precision_on_mps_takes_a_pytorch_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mps = torch.device("mps")
    assert device.pick_precision("auto", mps) is torch.float32
    monkeypatch.setattr(torch.amp, "is_autocast_available", lambda name: name != "mps")
    assert device.pick_precision("fp32", mps) is torch.float32
    with pytest.raises(UsageError, match="this PyTorch computes in fp32 alone on mps"):
        device.pick_precision("fp16", mps)


def test_autocast_changes_the_type_that_convolutions_compute_in() -> None:
    convolution, x = torch.nn.Conv2d(1, 1, 3), torch.zeros(1, 1, 4, 4)
    with device.autocast(CPU, torch.bfloat16):
        assert convolution(x).dtype is torch.bfloat16
    with device.autocast(CPU, torch.float32):
        assert convolution(x).dtype is torch.float32


def test_the_same_seed_gives_the_same_numbers() -> None:
    device.seed_everything(3)
    first = torch.rand(4)
    device.seed_everything(3)
    assert torch.equal(first, torch.rand(4))


def test_the_cpu_takes_planes_and_cuda_interleaved_pixels() -> None:
    assert device.memory_layout(CPU) is torch.contiguous_format
    assert device.memory_layout(torch.device("cuda")) is torch.channels_last


@pytest.mark.parametrize("variable", launcher.LOCAL_RANKS)
def test_each_process_of_a_launcher_has_its_own_cuda_device(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for name in launcher.LOCAL_RANKS:
        monkeypatch.delenv(name, raising=False)
    assert str(device.pick_device("auto")) == "cuda"
    monkeypatch.setenv(variable, "3")
    assert [str(device.pick_device(name)) for name in ("auto", "cuda", "cuda:1", "cpu")] == [
        "cuda:3",
        "cuda:3",
        "cuda:1",
        "cpu",
    ]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)  # as Slurm may show each process its own alone
    assert str(device.pick_device("auto")) == "cuda:0"


def test_what_torch_cannot_compile_is_an_error_of_the_call() -> None:
    from torch._dynamo.exc import TorchDynamoException

    def failing(error: Exception) -> None:
        raise error

    with pytest.raises(UsageError, match="torch cannot compile the network: No working C.. compiler found") as found:
        device.compiling()(failing)(TorchDynamoException("No working C++ compiler found\nSet TORCHDYNAMO_VERBOSE=1"))
    assert found.value.hint == "leave --compile out (train: give --no-compile)"
    with pytest.raises(RuntimeError, match="out of memory"):
        device.compiling()(failing)(RuntimeError("CUDA out of memory"))


def test_for_training_cudnn_tries_its_algorithms_on_the_current_device(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[torch.device] = []
    for name, value in (("benchmark", False), ("deterministic", False), ("allow_tf32", True)):
        monkeypatch.setattr(torch.backends.cudnn, name, value)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    device.tune_for_training(torch.device("cuda"))
    assert torch.backends.cudnn.benchmark and chosen == []
    device.repeatable(torch.device("cuda"))
    device.tune_for_training(torch.device("cuda"))
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32) == (False, True)
    device.tune_for_training(torch.device("cuda:1"))
    assert chosen == [torch.device("cuda:1")]
    device.tune_for_training(torch.device("cpu:0"))
    assert not torch.backends.cudnn.benchmark and len(chosen) == 1


def test_off_cuda_the_settings_of_the_process_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        device.repeatable(torch.device("cpu"))
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.deterministic) == ("high", False)
        device.repeatable(torch.device("cuda"))
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.deterministic) == ("highest", True)
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 2),
        ("0::/", {"cpu.max": "10000 100000"}, 1),
        ("0::/", {"cpu.max": "max 100000"}, 64),
        ("0::/pod/one", {"pod/cpu.max": "300000 100000", "pod/one/cpu.max": "max 100000"}, 3),
        ("0::/pod/one", {"cpu.max": "400000 100000"}, 4),
        ("4:memory:/\n3:cpu,cpuacct:/", {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ("3:cpu,cpuacct:/docker/1", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        ("nonsense", {}, 64),
        ("0::/", {"cpu.max": "nonsense"}, 64),
    ],
)
def test_a_containers_quota_limits_the_cores(
    own: str, files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"own": own, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(device, "GROUPS", tmp_path)
    monkeypatch.setattr(device, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert device.cpu_count() == expected


@pytest.mark.parametrize(("asked", "expected"), [(None, 2), ("5", 5)])
def test_torch_uses_no_more_threads_than_the_quota_has_cores_unless_it_is_told_to(
    asked: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr(device, "cpu_count", lambda: 2)
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        device.limit_threads()
        assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)
