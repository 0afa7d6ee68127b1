"""The changes of whole batches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of
from stargan_cli.pictures.tensors import to_model

pytestmark = pytest.mark.numeric

SIZE = 32


def batch(count: int) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(4)
    seen = torch.randint(0, 256, (count, 3, SIZE, SIZE), dtype=torch.uint8, generator=random)
    mask = torch.rand(count, 1, SIZE, SIZE, generator=random)
    return seen, mask * (2 * torch.rand(count, 3, SIZE, SIZE, generator=random) - 1), 1 - mask


@pytest.mark.parametrize("attention", [True, False])
def test_no_picture_depends_on_the_others_in_its_batch(attention: bool) -> None:
    seen, add, keep = batch(5)
    whole = changes_of(seen, add, keep if attention else None)
    for number in range(5):
        one = slice(number, number + 1)
        alone = changes_of(seen[one], add[one], keep[one] if attention else None)
        assert all(torch.allclose(part[one], own, atol=1e-5) for part, own in zip(whole, alone, strict=True))


def test_the_mask_is_a_linear_function_of_the_picture_and_stays_near_its_own_values() -> None:
    seen = batch(2)[0] // 4 + 90  # no strong edges
    mask = to_model(seen)[:, :1] * 0.8 + 0.5  # a guided filter finds this exactly, but for its smoothness
    change = changes_of(seen, mask.expand(-1, 3, -1, -1), 1 - mask)
    found = (change.slope * to_model(seen)).sum(dim=1, keepdim=True) + change.offset
    assert (found - mask).abs().mean() < 0.04 < mask.std()
    assert (change.low <= mask + 1e-3).all() and (change.high >= mask - 1e-3).all()
    assert (change.low - change.high).abs().max() <= 0.4 + 1e-3


def test_colours_are_as_fine_as_the_networks_own() -> None:
    seen, colour, _ = batch(2)
    mask = torch.rand(2, 1, SIZE, SIZE, generator=torch.manual_seed(1)) * 0.5 + 0.4
    change = changes_of(seen, mask * colour, 1 - mask)
    torch.testing.assert_close(change.colour, colour - to_model(seen), atol=1e-4, rtol=1e-4)


def test_where_the_mask_is_faint_the_colour_is_that_of_the_change_beside_it() -> None:
    seen = torch.full((1, 3, SIZE, SIZE), 128, dtype=torch.uint8)
    mask, colour = torch.full((1, 1, SIZE, SIZE), 0.02), torch.zeros(1, 3, SIZE, SIZE)
    mask[..., :16], colour[:, 2], colour[..., :16] = 0.8, 1, -0.5  # blue, where it means nothing
    change = changes_of(seen, mask * colour, 1 - mask)
    assert (change.colour[..., 16:18] < -0.4).all()


def test_a_plain_difference_has_its_own_size_for_a_mask() -> None:
    seen, add = torch.full((1, 3, SIZE, SIZE), 100, dtype=torch.uint8), torch.zeros(1, 3, SIZE, SIZE)
    add[..., :16] = 0.4
    change = changes_of(seen, add)
    assert change.high[0, 0, 8, 2] == pytest.approx(1, abs=0.01) and change.high[0, 0, 8, 28] == 0
    assert change.colour[0, :, 8, 2].tolist() == pytest.approx([0.4] * 3, abs=0.01)


def test_nothing_is_read_back_while_the_maps_are_computed() -> None:
    """On the `meta` device there are no values: what asks for one fails."""
    seen, add, keep = (part.to("meta") for part in batch(2))
    for change in (changes_of(seen, add, keep), changes_of(seen, add)):
        assert [part.shape for part in change] == [(2, count, SIZE, SIZE) for count in (3, 3, 1, 1, 1)]
