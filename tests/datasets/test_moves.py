"""Moves of pictures, and their undoing."""

from __future__ import annotations

import torch

from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.moves import Move

SIDE = 32


def random_move(count: int, amount: float) -> Move:
    return Move.random(amount, Draws(torch.tensor(5), count))


def test_a_move_that_is_undone_leaves_the_picture_where_it_was() -> None:
    line = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    places = torch.stack([line.expand(SIDE, SIDE), line[:, None].expand(SIDE, SIDE)]).expand(50, 2, SIDE, SIDE)
    move = random_move(50, 0.1)
    assert (move.of(places) - places).abs().max() > 0.2
    inside = slice(SIDE // 4, -SIDE // 4)
    back = move.undone(move.of(places))
    torch.testing.assert_close(back[..., inside, inside], places[..., inside, inside], atol=1e-4, rtol=0)


def test_what_the_moved_picture_does_not_show_is_zero() -> None:
    shown = random_move(50, 0.2).undone(torch.ones(50, 1, SIDE, SIDE))
    assert shown.min() == 0 and shown.mean() > 0.8
    assert (shown[..., SIDE // 2, SIDE // 2] > 0.999).all()
