"""Skin in another light."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stargan_cli.data.images import lightness
from stargan_cli.data.skin import in_other_light, with_hues_of


def pixel(*colour: float) -> Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1)


def test_light_multiplies_what_skin_reflects() -> None:
    skin = pixel(0.2, -0.2, -0.6)  # 1.2, 0.8, 0.4 from black
    light = 0.5 * lightness(skin + 1)
    assert torch.allclose(in_other_light(skin, light), pixel(0.6, 0.4, 0.2))
    assert torch.allclose(in_other_light(skin, -5 * light), -(skin + 1)), "no darker than black"


def test_what_is_nearly_black_gets_no_colours() -> None:
    assert in_other_light(pixel(-1, -1, -0.99), torch.full((1, 1, 1, 1), 0.12)).abs().max() <= 0.0100001


@pytest.mark.parametrize(("where", "expected"), [(0.0, (0.6, 0.6, 0.6)), (1.0, (0.92, 0.6, -0.04))])
def test_what_keeps_its_hue_gets_as_light_as_it_was_to_be(where: float, expected: tuple[float, ...]) -> None:
    skin = pixel(0.2, 0.0, -0.4)  # 1.2, 1, 0.6 from black; 1.0142 as a grey
    grey = pixel(0.6, 0.6, 0.6)
    made = with_hues_of(skin, grey, torch.full((1, 1, 1, 1), where))
    ratios = (made + 1) / (skin + 1)
    assert lightness(made).item() == pytest.approx(0.6, abs=1e-5)
    assert made.flatten().tolist() == pytest.approx(expected, abs=0.03)
    assert where == 0 or ratios.max() - ratios.min() < 1e-5
