"""What the discriminator on fixed features has learnt stays with the weights: another run goes on with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_kit import celeba, run_training, settings
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.weights.derived import averaged
from stargan_cli.weights.files import load, save

pytestmark = pytest.mark.numeric

STANDING: dict[str, Any] = {"iterations": 2, "lr": 1e-30, "d_lr": 1e-30}


def of_features(root: Path, *attributes: str, **changes: Any) -> TrainSettings:
    given = {"image_size": 64, "lambda_features": 1.0, "adversarial": "nonsaturating", "projection": True, **changes}
    return settings(root=str(root), attributes=attributes, **given)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return celeba(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(root: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first") / "run"
    run_training(folder, of_features(root, "Male", "Smiling", iterations=2), cache)
    return folder


def heads(path: Path) -> dict[str, Tensor]:
    found = load(str(path)).feature_heads
    assert found is not None
    return found


def test_another_run_goes_on_with_the_heads_and_finds_its_labels(
    root: Path, run: Path, cache: Path, tmp_path: Path
) -> None:
    given = run / "weights.safetensors"
    said: list[str] = []
    second = of_features(root, "Young", "Smiling", "Male", init_from=str(given), **STANDING)
    run_training(tmp_path / "second", second, cache, say=said.append)
    assert said == [f"labels that {given} does not have, which start afresh: Young"]
    old, new = heads(given), heads(tmp_path / "second" / "weights.safetensors")
    assert old.keys() == new.keys()
    for name, tensor in new.items():
        if name.endswith(("._u", "._v")):  # vectors of the spectral norm, which every step makes truer
            continue
        if "agreement" in name or "readers" in name:
            assert torch.equal(tensor[1:], old[name].flip(0)), name
        else:
            assert torch.equal(tensor, old[name]), name


def test_weights_without_heads_say_that_they_start_afresh(root: Path, run: Path, cache: Path, tmp_path: Path) -> None:
    given = load(str(run / "weights.safetensors"))
    assert given.discriminator is not None
    without = tmp_path / "without.safetensors"
    save(without, given.card, given.generator.state_dict(), given.discriminator.state_dict())
    said: list[str] = []
    second = of_features(root, "Male", "Smiling", init_from=str(without), **STANDING)
    run_training(tmp_path / "second", second, cache, say=said.append)
    assert said == [f"{without} does not have the discriminator on features: it starts afresh"]


def test_a_run_without_that_discriminator_takes_weights_with_it(
    root: Path, run: Path, cache: Path, tmp_path: Path
) -> None:
    second = of_features(
        root, "Male", "Smiling", lambda_features=0.0, init_from=str(run / "weights.safetensors"), **STANDING
    )
    run_training(tmp_path / "second", second, cache)
    assert load(str(tmp_path / "second" / "weights.safetensors")).feature_heads is None


def test_exports_keep_the_heads_with_the_discriminator(run: Path, tmp_path: Path) -> None:
    given = run / "weights.safetensors"
    old = heads(given)
    (checkpoint,) = (run / "checkpoints").iterdir()
    for number, source in enumerate((given, checkpoint)):
        out = tmp_path / f"{number}.safetensors"
        call = ["export", str(source), "--to", "safetensors", "--out", str(out)]
        assert CliRunner().invoke(app, call).exit_code == 0
        assert {name: tensor.tolist() for name, tensor in heads(out).items()} == {
            name: tensor.tolist() for name, tensor in old.items()
        }
        assert CliRunner().invoke(app, [*call, "--no-discriminator", "--overwrite"]).exit_code == 0
        assert load(str(out)).feature_heads is None


def test_a_mean_has_the_heads_of_the_first(run: Path) -> None:
    first = load(str(run / "weights.safetensors"))
    assert averaged([first, first]).feature_heads is first.feature_heads


def test_info_counts_their_parameters(run: Path) -> None:
    path = run / "weights.safetensors"
    facts = json.loads(CliRunner().invoke(app, ["info", str(path), "--json"]).stdout)
    assert facts["feature_heads_parameters"] == sum(tensor.numel() for tensor in heads(path).values())
