"""Safetensors files as stargan writes them, read by safetensors itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from stargan_cli.weights.writing import TYPES, save_tensors


@pytest.mark.parametrize("dtype", TYPES, ids=TYPES.values())
def test_every_number_type_is_read_back(tmp_path: Path, dtype: torch.dtype) -> None:
    written = {
        "b": torch.tensor([[0.0, 1.0], [1.0, 0.0]]).to(dtype),
        "a": torch.ones((), dtype=torch.float32),
        "one": torch.ones(1, dtype=torch.bool),
        "none": torch.zeros((0, 3)).to(dtype),
    }
    save_tensors(tmp_path / "x.safetensors", written, {"note": 'é "quoted"'})
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        assert file.metadata() == {"note": 'é "quoted"'}
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    assert found.keys() == written.keys()
    for name, tensor in written.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape
        assert found[name].float().equal(tensor.float())


def test_the_bytes_are_those_of_safetensors_own_writer(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(3, 5), "b": torch.randn(5), "half": torch.randn(3).half(), "n": torch.tensor(7)}
    save_tensors(tmp_path / "x.safetensors", tensors, {"stargan": "{}"})
    assert (tmp_path / "x.safetensors").read_bytes() == save(tensors, {"stargan": "{}"})


def test_others_may_read_the_file_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_tensors(tmp_path / "x.safetensors", {"x": torch.ones(1)}, {})
    assert (tmp_path / "x.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("there", [False, True])
def test_a_file_system_that_refuses_permissions_holds_files_all_the_same(
    tmp_path: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    if there:
        save_tensors(path, {"x": torch.zeros(1)}, {})

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    for name in ("chmod", "chown", "fchmod"):
        monkeypatch.setattr(os, name, refused, raising=False)
    save_tensors(path, {"x": torch.ones(1)}, {})
    with safe_open(path, framework="pt") as file:
        assert file.get_tensor("x").equal(torch.ones(1))
