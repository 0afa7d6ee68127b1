"""A generator learns the mean of what it draws in several views of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_kit import FACES, after, batch_of, celeba, run_training, same_end, settings, tiny_trainer

from stargan_cli.datasets.draws import Draws
from stargan_cli.errors import UsageError
from stargan_cli.model import Translation
from stargan_cli.train.data import load_data
from stargan_cli.train.learning.distillation import MeanChange, Teacher, distillation_loss
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.resolve import new_settings, resumed_settings
from stargan_cli.train.run import check
from stargan_cli.weights import files as weights

pytestmark = pytest.mark.numeric
COUNT, SIDE = 20, 16
PICTURES, TARGETS = torch.rand(COUNT, 3, SIDE, SIDE) / 2, torch.zeros(COUNT, 2)


def draws() -> Draws:
    return Draws(torch.tensor(5), COUNT)


def left_half(pictures: Tensor, targets: Tensor) -> Translation:
    """A teacher that makes the left half of what it sees lighter by 0.5."""
    mask = torch.zeros_like(pictures[:, :1])
    mask[..., : SIDE // 2] = 1
    return Translation(pictures + 0.5 * mask, pictures + 0.5, mask)


def everything(pictures: Tensor, targets: Tensor) -> Translation:
    mask = torch.ones_like(pictures[:, :1])
    return Translation(pictures + 0.5, pictures + 0.5, mask)


def taught_by(teacher: Any, jitter: float, mirror: bool = True) -> MeanChange:
    return Teacher(torch.nn.Identity(), teacher, jitter, mirror).mean_change(PICTURES, TARGETS, draws())  # type: ignore[arg-type]


def test_what_each_view_draws_elsewhere_is_halved() -> None:
    taught = taught_by(left_half, 0.0)
    torch.testing.assert_close(taught.mask, torch.full_like(taught.mask, 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(taught.added, torch.full_like(taught.added, 0.25), atol=1e-5, rtol=0)
    plain = taught_by(left_half, 0.0, mirror=False)
    torch.testing.assert_close(plain.mask, left_half(PICTURES, TARGETS).mask, atol=1e-5, rtol=0)


def test_a_change_that_moves_with_the_picture_is_kept_where_a_view_shows_it() -> None:
    taught = taught_by(everything, 0.3)
    assert 0.7 < taught.seen.float().mean() < 1
    seen = taught.seen.expand_as(taught.added)
    torch.testing.assert_close(taught.added[seen], torch.full_like(taught.added[seen], 0.5), atol=1e-4, rtol=0)


def test_what_no_view_shows_does_not_count() -> None:
    taught = taught_by(everything, 0.3)
    assert distillation_loss(everything(PICTURES, TARGETS), PICTURES, taught) < 1e-5
    other = left_half(PICTURES, TARGETS)
    assert distillation_loss(other, PICTURES, taught) > 0.5


def networks(trainer: Trainer) -> dict[str, list[Tensor]]:
    return {
        name: [tensor.clone() for key, tensor in trainer.state().items() if key.startswith(f"{name}.")]
        for name in ("generator", "ema", "discriminator", "teacher")
    }


def test_the_generator_alone_learns_to_draw_alike_in_both_mirror_images() -> None:
    distil = {"distil": True, "init_from": "weights", "output": "attention", "lr": 0.01, "jitter": 0.05}
    trainer = tiny_trainer(FACES, iterations=100, head_start=50, n_critic=5, **distil)
    batch, before = batch_of(trainer, 0), networks(trainer)

    def apart() -> float:
        with torch.no_grad():
            one, other = trainer.ema(batch.real, batch.target), trainer.ema(batch.real.flip(3), batch.target)
        return float((one - other.flip(3)).abs().mean())

    first = apart()
    losses = [trainer.iterate() for _ in range(60)]
    assert all(one.keys() == {"G/distil"} for one in losses)
    assert apart() < first / 2
    for name, found in networks(trainer).items():
        same = all(torch.equal(one, other) for one, other in zip(found, before[name], strict=True))
        assert same == (name in ("discriminator", "teacher")), name


@pytest.fixture
def chosen(tmp_path: Path, cache: Path) -> dict[str, Any]:
    root = str(celeba(tmp_path / "data"))
    run_training(tmp_path / "first", settings(root=root, attributes=("Male", "Smiling"), iterations=2), cache)
    given = {"distil": True, "init_from": str(tmp_path / "first" / "weights.safetensors")}
    return settings(root=root, attributes=("Male", "Smiling"), **given).to_dict()


def test_a_distillation_is_resumed_with_its_teacher(tmp_path: Path, cache: Path, chosen: dict[str, Any]) -> None:
    _, whole = new_settings(None, None, chosen)
    run_training(tmp_path / "whole", whole, cache)
    run_training(tmp_path / "run", whole, cache, stop=after(4))
    run_training(tmp_path / "run", resumed_settings(tmp_path / "run", {}), cache, resume=True)
    same_end(tmp_path / "run", tmp_path / "whole")
    before, after_it = (weights.load(str(tmp_path / name / "weights.safetensors")) for name in ("first", "whole"))
    assert before.discriminator is not None and after_it.discriminator is not None
    kept = after_it.discriminator.state_dict()
    assert all(torch.equal(one, kept[name]) for name, one in before.discriminator.state_dict().items())


@pytest.mark.parametrize(
    ("more", "why", "hint"),
    [
        ({}, "--distil needs weights to learn from", "name them with --init-from"),
        (
            {"init_from": "celeba-128", "flip": False},
            "--distil needs several views of each picture",
            "add --flip or --jitter 0.06",
        ),
    ],
)
def test_a_distillation_that_cannot_be_is_refused(more: dict[str, Any], why: str, hint: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        settings(distil=True, **more)
    assert caught.value.hint == hint


def without_discriminator(path: Path) -> Path:
    given = weights.load(str(path))
    weights.save(path.with_name("generator.safetensors"), given.card, given.generator.state_dict())
    return path.with_name("generator.safetensors")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"attributes": ("Male", "Smiling", "Young")}, "labels that .* does not have, which start afresh: Young"),
        ({"image_size": 32}, "the discriminator starts afresh in: conv2.weight"),
        ({"init_from": "generator.safetensors"}, "does not have the discriminator: it starts afresh"),
        ({"image_size": 64, "discriminator_layers": 4, "lambda_features": 1.0}, "does not have the discriminator on"),
    ],
)
def test_a_distillation_whose_weights_lack_something_is_refused(
    tmp_path: Path, cache: Path, chosen: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    """It would stay untrained in the weights, which `translate` takes for trained."""
    if "init_from" in more:
        more = {"init_from": str(without_discriminator(Path(chosen["init_from"])))}
    _, wanted = new_settings(None, None, chosen | more)
    with pytest.raises(UsageError, match=f"--distil must take over the weights whole: .*{why}"):
        check(tmp_path / "run", wanted, load_data(wanted)[1], device="cpu")  # before pictures are decoded
    with pytest.raises(UsageError, match=f"--distil must take over the weights whole: .*{why}"):
        run_training(tmp_path / "run", wanted, cache)


def test_a_distillation_averages_from_its_first_step_and_each_one() -> None:
    usual, late = (
        tiny_trainer(FACES, iterations=100, distil=True, init_from="weights", **more)
        for more in ({"n_critic": 1}, {"n_critic": 5, "head_start": 50})
    )
    for trainer in (usual, late):
        for _ in range(4):
            trainer.iterate()
    torch.testing.assert_close(networks(late)["ema"], networks(usual)["ema"], atol=0, rtol=0)


def test_a_head_start_that_is_as_long_as_a_distillation_is_no_matter(chosen: dict[str, Any]) -> None:
    said: list[str] = []
    new_settings(None, None, chosen | {"head_start": 100}, said.append)
    assert not said
    new_settings(None, None, chosen | {"head_start": 100, "distil": False}, said.append)
    assert len(said) == 1
