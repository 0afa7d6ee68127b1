"""What counts as background: what no edge divides from the border above and beside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stargan_cli.train.learning.background import background


def wall_with_a_head(size: int = 64) -> tuple[Tensor, Tensor]:
    """A wall that grows darker from left to right (1, 3, S, S), and where a dark head and its shoulders hide it."""
    picture = torch.linspace(0.6, 0.2, size).expand(1, 3, size, size).clone()
    head = torch.zeros(size, size, dtype=torch.bool)
    part = size // 8
    head[3 * part : 6 * part, 3 * part : 5 * part] = True
    head[6 * part :, part : 7 * part] = True
    picture[:, :, head] = -0.5
    return picture, head


@pytest.mark.parametrize("size", [64, 128])
def test_a_wall_is_background_up_to_the_head(size: int) -> None:
    picture, head = wall_with_a_head(size)
    found = background(picture)
    assert found.shape == (1, 1, size, size)
    assert found[0, 0, head].mean() < 0.02
    assert found[0, 0, ~head].mean() > 0.99
    assert found[0, 0, head].max() < 0.5 < found[0, 0, ~head].min()


def test_what_only_the_lower_border_is_joined_to_is_none() -> None:
    picture, head = wall_with_a_head()
    assert head[-1].any()
    assert background(picture)[0, 0, -1, head[-1]].max() < 1e-6


def test_a_way_may_turn_around_corners() -> None:
    """A wall seen through a maze of three turns is background; one that is walled in is none."""
    picture = torch.full((1, 3, 64, 64), 0.5)
    picture[..., 8, :48] = picture[..., 8:40, 48] = picture[..., 8:, 4] = picture[..., 8:, 60] = -1
    picture[..., 40, 12:49] = -1
    inside = background(picture)[0, 0]
    assert inside[30, 30] == 1
    picture[..., 8, :] = -1
    assert background(picture)[0, 0, 30, 30] == 0


def test_every_picture_of_a_batch_is_looked_at_alone() -> None:
    picture, _ = wall_with_a_head()
    busy = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    both = background(torch.cat([picture, busy]))
    assert torch.equal(both[:1], background(picture))
    assert both[1].mean() < 0.2, "where every step is an edge, little more than the border is background"


def test_nothing_is_learnt_from_it() -> None:
    assert not background(torch.zeros(1, 3, 16, 16, requires_grad=True)).requires_grad
