"""Networks that torch compiles for training learn what the plain ones do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException
from training_kit import FACES, MOODS, celeba, settings, tiny_trainer

from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.run import check

pytestmark = [
    pytest.mark.numeric,
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf"),  # read by torch, unseen
]

CHOSEN: dict[str, Any] = {"n_critic": 2, "penalty_every": 2, "keep_unset": True, "iterations": 100}


@pytest.fixture
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Networks are compiled by that backend; its list counts what is compiled."""
    torch.compiler.reset()
    original, names = torch.compile, []

    def compiled(function: Any, **options: Any) -> Any:
        names.append(options)
        return original(function, backend=request.param, **options)

    monkeypatch.setattr(torch, "compile", compiled)
    yield names
    torch.compiler.reset()


def pair(**changes: Any) -> tuple[Trainer, Trainer]:
    plain, compiled = (tiny_trainer(FACES, MOODS, compiled=on, **CHOSEN, **changes) for on in (False, True))
    plain.fast_generator = plain.generator  # the one for CPUs rounds otherwise
    return plain, compiled


@pytest.mark.parametrize("backend", ["aot_eager"], indirect=True)
def test_compiled_networks_learn_what_plain_ones_do(backend: list[Any]) -> None:
    plain, compiled = pair(output="attention")
    assert backend == [{"dynamic": False}] * 2
    for _ in range(4):
        expected, found = plain.iterate(), compiled.iterate()
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-4, msg=name)
    state = compiled.state()
    assert state.keys() == plain.state().keys()
    for name, value in plain.state().items():
        torch.testing.assert_close(state[name], value, atol=1e-3, rtol=1e-3, msg=name)


@pytest.mark.parametrize("backend", ["aot_eager"], indirect=True)
def test_a_distillation_takes_the_setting_of_the_run_before(backend: list[Any]) -> None:
    plain, compiled = pair(output="attention", distil=True, init_from="weights")
    expected, found = ([one.iterate() for _ in range(2)] for one in (plain, compiled))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("backend", ["inductor"], indirect=True)
def test_what_is_compiled_for_a_gpu_learns_the_same(graphs: bool, backend: list[Any]) -> None:
    plain, compiled = pair(device="cuda", graphs=graphs)
    for _ in range(20):
        expected, found = plain.iterate(), compiled.iterate()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, atol=1e-2, rtol=1e-2, msg=name)


def test_networks_that_cannot_be_compiled_are_an_error_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **options: Any) -> Any:
        raise TorchDynamoException("no compiler")

    monkeypatch.setattr(torch, "compile", lambda function, **options: refuse)
    with pytest.raises(UsageError, match="torch cannot compile the network: no compiler"):
        tiny_trainer(FACES, compiled=True).iterate()


def test_where_compiling_gains_nothing_it_is_refused(tmp_path: Path) -> None:
    chosen = settings(data=("celeba",), root=celeba(tmp_path), compiled=True)
    with pytest.raises(UsageError, match="--compile is for CUDA, and this run is on cpu") as caught:
        check(tmp_path / "run", chosen, LabelLayout((FACES,)), device="cpu")
    assert "give --no-compile" in str(caught.value.hint)  # which helps wherever the setting comes from
