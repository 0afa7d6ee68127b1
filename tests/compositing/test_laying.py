"""The maps of whole batches, laid out for their pictures."""

from __future__ import annotations

import cmath

import numpy as np
import pytest
import torch
from torch import Tensor

from stargan_cli.compositing.change import SquareChange, changes_of
from stargan_cli.compositing.laying import laid
from stargan_cli.compositing.maps import CHANNELS, COLOUR, LIGHTER, MASK, SEEN, SLOPE
from stargan_cli.compositing.placement import Laying, Place, centred

pytestmark = pytest.mark.numeric

SIZE = 32
PICTURE = (300, 200)
TURNED = Place(120 + 40j, cmath.rect(100, 0.4))


def change(mask: Tensor, colour: float = 0.9, level: int = 100) -> tuple[SquareChange, Tensor]:
    """What a generator says that paints `colour` through `mask` (S, S) over one level, and what it was given."""
    seen = torch.full((1, 3, SIZE, SIZE), level, dtype=torch.uint8)
    return changes_of(seen, mask * torch.full((1, 3, SIZE, SIZE), colour), (1 - mask)[None, None]), seen


def maps_of(made: SquareChange, seen: Tensor, laying: Laying, straight: bool = False) -> np.ndarray:
    fades, matrices = torch.from_numpy(laying.fades), torch.from_numpy(laying.matrices)
    maps = laid(made, seen, fades, None if straight else matrices)
    assert maps.shape == (len(seen), CHANNELS, SIZE, SIZE) and maps.dtype == torch.float16
    found: np.ndarray = maps.float().numpy()
    return found


@pytest.mark.parametrize("side", range(4))
def test_a_change_that_goes_on_beyond_the_square_has_a_longer_way_out(side: int) -> None:
    """Hair down to the lower border, say: at that border alone, and only where it lies."""
    mask = torch.zeros(SIZE, SIZE)
    mask[:10, 8:24] = 0.9
    made, seen = change(torch.rot90(mask, 1 - side))
    whole, faded, others = (
        laid(made, seen, torch.tensor([[float(fades(number)) for number in range(4)]]))[0, COLOUR].float().numpy()
        for fades in (lambda number: False, lambda number: True, lambda number: number != side)
    )
    left = np.rot90(faded[0] / whole[0].clip(1e-6), side - 1)[:, 12:20].mean(axis=1)
    assert left[0] < 0.1 and 0.3 < left[3] < 0.7
    assert left[8] == pytest.approx(1, abs=0.01)
    assert np.array_equal(others, whole)


def test_a_straight_square_needs_no_matrix() -> None:
    made, seen = change(torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(1)))
    laying = Laying.of([centred(*PICTURE)], *PICTURE)
    assert laying.straight and Laying.of([Place(10.1 + 20.3j, 100.7 + 0j)], *PICTURE).straight
    assert np.array_equal(maps_of(made, seen, laying), maps_of(made, seen, laying, True))
    assert not Laying.of([centred(*PICTURE), TURNED], *PICTURE).straight
    assert not Laying.of([Place(-20 + 10j, 100 + 0j)], *PICTURE).straight


def test_a_straight_squares_maps_do_not_hang_on_a_turned_one_beside_it() -> None:
    """To the bit; 37 px, whose middles are no round numbers."""
    random = torch.Generator().manual_seed(2)
    seen = torch.randint(0, 256, (1, 3, 37, 37), dtype=torch.uint8, generator=random).repeat(2, 1, 1, 1)
    made = changes_of(seen, torch.rand(1, 3, 37, 37, generator=random).repeat(2, 1, 1, 1))
    laying = Laying.of([centred(*PICTURE), TURNED], *PICTURE)
    fades, matrices = torch.from_numpy(laying.fades), torch.from_numpy(laying.matrices)
    beside, alone = laid(made, seen, fades, matrices), laid(made, seen, fades)
    assert torch.equal(beside[0], alone[0]) and not torch.allclose(beside[1], alone[1], atol=0.1)


@pytest.mark.parametrize("place", [TURNED, Place(-30 + 20j, 150 + 0j), Place(200 + 80j, cmath.rect(160, -2.8))])
def test_what_lies_at_a_point_of_the_square_lies_at_its_place_in_the_picture(place: Place) -> None:
    """The maps cover that part of the picture which holds the square."""
    made, _ = change(torch.full((SIZE, SIZE), 0.5))
    across, down = (torch.arange(SIZE) + 0.5).expand(SIZE, SIZE), (torch.arange(SIZE) + 0.5)[:, None].expand(SIZE, SIZE)
    seen = torch.stack([across, down, across], dim=0)[None].mul(7).to(torch.uint8)
    maps = maps_of(made, seen, Laying.of([place], *PICTURE))[0, SEEN] / 7 / SIZE
    left, top, right, bottom = place.box(*PICTURE)
    for unit in (0.25 + 0.3j, 0.5 + 0.5j, 0.6 + 0.4j):
        at = place.origin + place.span * unit
        x, y = ((at.real - left) / (right - left) * SIZE, (at.imag - top) / (bottom - top) * SIZE)
        if 1 <= x < SIZE - 1 and 1 <= y < SIZE - 1:
            found = maps[:2, int(y), int(x)]
            assert (
                np.abs(found - [unit.real, unit.imag]).max() < 1.6 * max(right - left, bottom - top) / place.side / SIZE
            )


def test_the_mask_and_how_much_lighter_a_place_gets_are_those_of_what_was_seen() -> None:
    made, seen = change(torch.full((SIZE, SIZE), 0.5), colour=0.4)
    maps = maps_of(made, seen, Laying.of([centred(*PICTURE)], *PICTURE), True)[0, :, 8, 8]
    added = 0.4 + 1 - 100 / 127.5  # what turns into the colour where the mask is whole
    assert maps[COLOUR].tolist() == pytest.approx([added * 127.5] * 3, rel=0.01)
    assert maps[MASK] == pytest.approx(0.5, abs=2e-3) and np.abs(maps[SLOPE]).max() < 1e-3
    assert maps[LIGHTER] == pytest.approx(added * 127.5 / (100 + 0.15 * 127.5), rel=0.01)


def test_nothing_is_read_back_while_maps_are_laid_out() -> None:
    """On the `meta` device there are no values: what asks for one fails."""
    parts = [torch.zeros(2, count, SIZE, SIZE, device="meta") for count in (3, 3, 1, 1, 1)]
    seen = torch.zeros(2, 3, SIZE, SIZE, dtype=torch.uint8, device="meta")
    fades, matrices = torch.zeros(2, 4, device="meta"), torch.zeros(2, 2, 3, device="meta")
    assert laid(SquareChange(*parts), seen, fades, matrices).shape == (2, CHANNELS, SIZE, SIZE)
