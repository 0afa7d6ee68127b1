"""Changes of what the networks see: read back from pictures that say where each of their points lies."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.datasets.augment import changed, colour_jitter, flip, jitter
from stargan_cli.datasets.draws import Draws

SIDE = 16


def places(count: int) -> Tensor:
    """(count, 3, SIDE, SIDE): across in the first channel, down in the second, -1 to 1 between the outer borders."""
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across, down = line.expand(SIDE, SIDE), line[:, None].expand(SIDE, SIDE)
    return torch.stack([across, down, torch.zeros(SIDE, SIDE)]).expand(count, 3, SIDE, SIDE).contiguous()


def draws(count: int) -> Draws:
    return Draws(torch.tensor(5), count)


def test_jitter_shifts_scales_and_turns_within_its_amount() -> None:
    seen = jitter(places(400), 0.2, draws(400))
    middle = seen[:, :2, 7:9, 7:9].mean(dim=(2, 3))
    assert 0.38 < middle.abs().max() <= 0.4 + 1e-5, "a fifth of the side, which is 2 long here"
    along = seen[:, :2, 8, 9] - seen[:, :2, 8, 8]
    scale = along.norm(dim=1) * SIDE / 2
    assert 0.8 <= scale.min() < 0.82 and 1.18 < scale.max() <= 1.2 + 1e-5
    angle = torch.atan2(along[:, 1], along[:, 0])
    assert 0.095 < angle.abs().max() <= 0.1 + 1e-5


def test_colour_jitter_changes_the_light_within_its_amount() -> None:
    plain = torch.tensor([-0.5, 0.0, 0.2])[None, :, None, None].expand(2000, 3, SIDE, SIDE)
    seen = colour_jitter(plain, 0.2, draws(2000))
    assert (seen.flatten(2).std(dim=2) < 1e-5).all(), "one colour stays one colour"
    exposure = (seen.mean(dim=(1, 2, 3)) + 1) / 0.9
    assert 0.76 < exposure.min() < 0.82 and 1.18 < exposure.max() < 1.26, "a fifth, and a twentieth by the channels"
    chroma = (seen[:, 2, 0, 0] - seen[:, 0, 0, 0]) / (seen.mean(dim=(1, 2, 3)) + 1) / (0.7 / 0.9)
    assert 0.5 < chroma.min() < 0.75 and 1.25 < chroma.max() < 1.6, "contrast and saturation, a fifth each"


def test_colour_jitter_changes_contrast_about_the_mean() -> None:
    across = places(2000)[:, :1].expand(2000, 3, SIDE, SIDE) / 2
    seen = colour_jitter(across, 0.2, draws(2000))
    contrast = seen.std(dim=(1, 2, 3)) / (seen.mean(dim=(1, 2, 3)) + 1) / across[0].std()
    assert 0.78 < contrast.min() < 0.82 and 1.18 < contrast.max() < 1.22


def test_colour_jitter_stays_within_the_range_and_leaves_pictures_alone_at_zero() -> None:
    assert colour_jitter(places(400), 0.5, draws(400)).abs().max() == 1
    torch.testing.assert_close(colour_jitter(places(4), 0.0, draws(4)), places(4), atol=1e-6, rtol=0)


def test_flip_mirrors_half_of_them() -> None:
    seen = flip(places(400), draws(400))
    mirrored = seen[:, 0, 0, 0] > 0
    assert 0.4 < mirrored.float().mean() < 0.6
    assert torch.equal(seen[mirrored], places(400)[mirrored].flip(3))


def test_each_change_is_made_with_its_probability() -> None:
    pictures = places(1000)
    untouched = (changed(pictures, torch.tensor(0.2), draws(1000)) - pictures).abs().amax(dim=(1, 2, 3)) < 1e-5
    assert abs(untouched.float().mean() - 0.8**7) < 0.04
    torch.testing.assert_close(changed(pictures, torch.tensor(0.0), draws(1000)), pictures, atol=1e-5, rtol=0)


def test_changes_move_and_colour_as_much_as_in_the_paper() -> None:
    across, down, _ = changed(places(2000), torch.tensor(1.0), draws(2000)).unbind(1)
    plain = torch.full((2000, 3, SIDE, SIDE), 0.3)
    coloured = changed(plain, torch.tensor(1.0), draws(2000))
    assert (coloured.flatten(2).std(dim=2) < 1e-5).all(), "one colour stays one colour"
    assert coloured.flatten(1).std(dim=1).max() < 1e-5, "grey stays grey"
    grey = coloured[:, 0, 0, 0]
    assert abs(float(grey.median()) - 0.3) < 0.03
    assert 0.25 < float(grey.std()) < 0.5  # (0.3 + 0.2 N) 2^(0.5 N): 0.27 and more
    turned = across[:, 8, 9] - across[:, 8, 8], across[:, 9, 8] - across[:, 8, 8]
    assert (turned[0] < 0).float().mean() > 0.3 and (turned[1].abs() > 0.05).float().mean() > 0.3


def test_colours_keep_their_hue() -> None:
    red = torch.tensor([0.8, -0.4, -0.4])[None, :, None, None].expand(500, 3, SIDE, SIDE)
    seen = changed(red, torch.tensor(1.0), draws(500))[:, :, 8, 8]
    assert (seen[:, 0] >= seen[:, 1]).all()
    torch.testing.assert_close(seen[:, 1], seen[:, 2], atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_picture_through_every_view() -> None:
    picture = places(2).requires_grad_(True)
    changed(colour_jitter(jitter(picture, 0.1, draws(2)), 0.1, draws(2)), torch.tensor(0.5), draws(2)).sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0
