"""Hair in another colour: where it is, and what is left as it was."""

from __future__ import annotations

import pytest
import torch
from test_face_parts import EYES, IN_THE_FACE, person
from torch import Tensor

from stargan_cli.data.hair import DARKEST, LIGHTEST, LOOKS, recoloured, where_hair_is

ATTRIBUTES = (*LOOKS, "Male")
CROWN, SIDE, BESIDE_IT, WALL = (32, 6), (46, 20), (56, 20), (4, 50)


def shaded() -> Tensor:
    """`person` with waves in the hair."""
    picture = person()
    waves = 0.08 * torch.sin(torch.arange(64) * 0.8)
    hair = picture[:, :1] < -0.5
    return torch.where(hair, picture + waves, picture).clamp(-1, 1)


def painted(light: float) -> Tensor:
    """What a generator makes of it: flat hair, three pixels over its edge."""
    picture, wide = shaded(), shaded()
    hair = (picture[:, :1] < -0.5).float()
    hair = torch.nn.functional.max_pool2d(hair, 7, stride=1, padding=3)
    return torch.where(hair.bool(), torch.tensor(light), wide)


def hair() -> Tensor:
    return where_hair_is(shaded(), painted(-0.9), painted(0.5))


def dyed(name: str) -> Tensor:
    return recoloured(shaded(), hair(), torch.tensor([[float(one == name) for one in ATTRIBUTES]]), ATTRIBUTES)


def at(picture: Tensor, place: tuple[int, int]) -> Tensor:
    return picture[0, :, place[1], place[0]]


def test_hair_ends_where_the_pictures_does_and_is_neither_face_nor_eye() -> None:
    found = hair()
    assert at(found, CROWN) > 0.9 and at(found, SIDE) > 0.9
    for place in (*EYES, *IN_THE_FACE, WALL):
        assert at(found, place) < 0.1, place
    assert at(found, BESIDE_IT) < 0.15  # as far from its edge as the generator paints


def test_a_forehead_stays_bare_for_the_most_part() -> None:
    forehead = (40, 16)
    bald, fringed = painted(0.5), person()
    fringed[:, :, 14:20, 36:44] = -0.85
    on_skin = where_hair_is(shaded(), painted(-0.9), bald)
    on_hair = where_hair_is(fringed, painted(-0.9), bald)
    assert at(on_skin, forehead) < 0.4 < 0.6 < at(on_hair, forehead)


def test_ears_are_no_hair_unless_what_lies_above_a_face_may_be_no_hair_either() -> None:
    ear, with_ears = (17, 32), shaded()
    with_ears[:, :, 26:38, 14:20] = with_ears[:, :, 33:34, 32:33]
    dark_wall = torch.where(with_ears == 1, -0.9, with_ears)
    surely, perhaps = (at(where_hair_is(one, painted(-0.9), painted(0.5)), ear) for one in (with_ears, dark_wall))
    assert surely < 0.1 < 0.5 < perhaps


@pytest.mark.parametrize("name", LOOKS)
def test_hair_gets_the_colour_that_is_named_and_keeps_its_waves(name: str) -> None:
    made, sure = (dyed(name)[0] + 1) / 2, hair()[0, 0] > 0.95
    mean = made[:, sure].mean(dim=1)
    before, after = ((one[0].mean(dim=0))[sure] for one in (shaded(), dyed(name)))
    assert torch.allclose(mean, torch.tensor(LOOKS[name].colour), atol=0.15)
    assert torch.corrcoef(torch.stack([before, after]))[0, 1] > 0.9
    assert (dyed(name) - shaded())[:, :, 33, 32].abs().max() == 0


def test_darker_people_get_darker_blond_hair() -> None:
    dark = shaded()
    dark[:, :, 14:60, 20:44] -= 0.4
    targets = torch.tensor([[0.0, 1.0, 0, 0, 0]])
    mean = [recoloured(one, hair(), targets, ATTRIBUTES)[0, 0, 6, 32] for one in (shaded(), dark)]
    assert mean[1] < mean[0] - 0.1


def test_no_light_line_lies_along_hair_that_was_found_a_little_too_wide() -> None:
    """Skin or wall, which is lighter, is not taken for shining hair."""
    inside = (shaded()[:, :1] < -0.5).float()
    wide = torch.nn.functional.max_pool2d(inside, 3, stride=1, padding=1)
    made = recoloured(shaded(), wide, torch.tensor([[0.0, 1.0, 0, 0, 0]]), ATTRIBUTES).mean(dim=1, keepdim=True)
    assert made[wide > inside].mean() < made[inside.bool()].mean() + 0.1


def test_no_colour_or_two_leave_the_picture() -> None:
    for targets in ([0, 0, 0, 0, 1], [1, 1, 0, 0, 0]):
        assert torch.equal(recoloured(shaded(), hair(), torch.tensor([targets]).float(), ATTRIBUTES), shaded())


def test_larger_pictures_have_hair_alike() -> None:
    large = [torch.nn.functional.interpolate(one, scale_factor=2.0) for one in (shaded(), painted(-0.9), painted(0.5))]
    found = where_hair_is(large[0], large[1], large[2])
    assert (torch.nn.functional.avg_pool2d(found, 2) - hair()).abs().mean() < 0.02


def test_it_knows_the_ends() -> None:
    brightness = {name: sum(look.colour) for name, look in LOOKS.items()}
    assert min(brightness, key=brightness.__getitem__) == DARKEST
    assert max(brightness, key=brightness.__getitem__) == LIGHTEST
