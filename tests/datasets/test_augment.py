"""Changes of what the networks see: read back from pictures that say where each of their points lies."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.datasets.augment import Draws, flip, jitter, mean_square, noise, zoom

SIDE = 16


def places(count: int) -> Tensor:
    """(count, 3, SIDE, SIDE): across in the first channel, down in the second, -1 to 1 between the outer borders."""
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across, down = line.expand(SIDE, SIDE), line[:, None].expand(SIDE, SIDE)
    return torch.stack([across, down, torch.zeros(SIDE, SIDE)]).expand(count, 3, SIDE, SIDE).contiguous()


def draws(count: int) -> Draws:
    return Draws(torch.Generator().manual_seed(5), count, slice(None))


def test_zoom_shows_squares_from_anywhere_inside() -> None:
    side, middle = squares(zoom(places(400), 0.4, draws(400)))
    assert 0.6 <= side.min() < 0.62 and 0.98 < side.max() <= 1
    for position in middle.T:
        assert (position.abs() <= 1 - side + 1e-5).all(), "the square reaches out of the picture"
        relative = (position / (1 - side))[side < 0.95]
        assert relative.min() < -0.95 and relative.max() > 0.95 and relative.mean().abs() < 0.1


def test_the_mean_square_is_what_zoom_shows_on_average() -> None:
    side, middle = squares(zoom(places(400), 0.4, draws(400)))
    left, top, mean = mean_square(0.4)
    assert abs(side.mean() - mean) < 0.01
    across, down = middle.mean(dim=0).tolist()
    assert abs(across - (2 * left + mean - 1)) < 0.03 and abs(down - (2 * top + mean - 1)) < 0.03


def squares(seen: Tensor) -> tuple[Tensor, Tensor]:
    """The side of each square (N,), 1 for the whole picture's, and where its middle lies (N, 2)."""
    step = seen[:, 0, 8, 9] - seen[:, 0, 8, 8]
    torch.testing.assert_close(seen[:, 1, 9, 8] - seen[:, 1, 8, 8], step, atol=1e-5, rtol=0)
    return step * SIDE / 2, seen[:, :2, 7:9, 7:9].mean(dim=(2, 3))


def test_jitter_shifts_scales_and_turns_within_its_amount() -> None:
    seen = jitter(places(400), 0.2, draws(400))
    middle = seen[:, :2, 7:9, 7:9].mean(dim=(2, 3))
    assert 0.38 < middle.abs().max() <= 0.4 + 1e-5, "a fifth of the side, which is 2 long here"
    along = seen[:, :2, 8, 9] - seen[:, :2, 8, 8]
    scale = along.norm(dim=1) * SIDE / 2
    assert 0.8 <= scale.min() < 0.82 and 1.18 < scale.max() <= 1.2 + 1e-5
    angle = torch.atan2(along[:, 1], along[:, 0])
    assert 0.095 < angle.abs().max() <= 0.1 + 1e-5


def test_flip_mirrors_half_of_them_and_noise_has_its_deviation() -> None:
    seen = flip(places(400), draws(400))
    mirrored = seen[:, 0, 0, 0] > 0
    assert 0.4 < mirrored.float().mean() < 0.6
    assert torch.equal(seen[mirrored], places(400)[mirrored].flip(3))
    assert abs(float((noise(places(400), 0.3, draws(400)) - places(400)).std()) - 0.3) < 0.01


def test_gradients_reach_the_picture_through_every_view() -> None:
    picture = places(2).requires_grad_(True)
    noise(jitter(zoom(picture, 0.3, draws(2)), 0.1, draws(2)), 0.1, draws(2)).sum().backward()
    assert picture.grad is not None and picture.grad.abs().sum() > 0
