"""What is left of a change of a face when its stains are taken out."""

from __future__ import annotations

import pytest
import torch
from test_face_parts import ATTRIBUTES, FOREHEAD, HAIR, WALL, person
from torch import Tensor

from stargan_cli.data.images import lightness
from stargan_cli.data.stains import BESIDE, BROW, EYES, FAIR, LIGHT, MOST, without_stains

CHEEK, LIP, BETWEEN_BROWS, EYE = (24, 41), (32, 44), (32, 23), (25, 28)
HAIR_CHANGES, MALE_GONE, OLDER = (1, 0, 0), (0, 1, 0), (0, 0, 1)


def cleaned(made: Tensor, changes: tuple[int, ...], picture: Tensor | None = None, **more: int) -> Tensor:
    """What is left of a change of `person`: (3, 64, 64). Their labels are all 1 but for the hair; `more` adds
    attributes that come (1) or go (0)."""
    before = torch.tensor([[0, 1, 1, *(1 - value for value in more.values())]])
    after = (before + torch.tensor([[*changes, *(1 for _ in more)]])) % 2
    picture = person() if picture is None else picture
    return (without_stains(picture, made, before, after, (*ATTRIBUTES, *more)) - picture)[0]


def spot(place: tuple[int, int], light: float, radius: int = 2) -> Tensor:
    made = person()
    across, down = place
    made[:, :, down - radius : down + radius + 1, across - radius : across + radius + 1] += light
    return made


def at(change: Tensor, place: tuple[int, int]) -> Tensor:
    return change[:, place[1], place[0]]


def test_the_own_label_leaves_the_picture_whatever_was_made_of_it() -> None:
    assert not cleaned(torch.zeros(1, 3, 64, 64), (0, 0, 0)).any()


def test_new_hair_stays_and_leaves_the_face_and_what_is_behind() -> None:
    made = (person() + torch.tensor([0.9, 0.6, 0.2]).view(1, 3, 1, 1)).clamp(-1, 1)
    made[:, :, : WALL[1] + 1, : WALL[0] + 1] = 0.5
    change = cleaned(made, HAIR_CHANGES)
    assert torch.allclose(at(change, HAIR), torch.tensor([0.9, 0.6, 0.2]), atol=1e-5)
    for place in (CHEEK, EYE, LIP, WALL):
        assert at(change, place).abs().max() < 0.02, place


def test_hair_may_grow_over_the_wall_where_a_man_becomes_a_woman() -> None:
    made = person()
    made[:, :, 14:50, :14] = -0.8
    kept = [at(cleaned(made, changes), (6, 30)).mean().item() for changes in ((1, 1, 0), HAIR_CHANGES)]
    assert kept[0] == pytest.approx(-1.8, abs=0.01) and abs(kept[1]) < 0.01


def test_skin_keeps_most_of_its_colour_and_gets_no_bluer() -> None:
    change = cleaned(person() + torch.tensor([0.3, -0.15, -0.077]).view(1, 3, 1, 1), MALE_GONE)
    light = lightness(change)
    assert 0 < at(change - light, CHEEK)[0] < 0.11, "three tenths of it"
    blue = person()
    blue[:, 2, 35:48, 22:30] = 0.9
    left = (person()[0] + cleaned(blue, MALE_GONE))[:, CHEEK[1], CHEEK[0]]
    assert left[2] <= left[1] <= left[0]


def test_a_face_gets_hardly_lighter_as_a_whole() -> None:
    made = person()
    made[:, :, 14:60, 20:44] += 0.1
    change = cleaned(made, MALE_GONE)
    assert 0 < at(change, CHEEK).mean() < 0.1 * (1 - LIGHT) + 0.02


def test_a_face_that_is_to_be_pale_gets_lighter() -> None:
    made = person()
    made[:, :, 14:60, 20:44] += 0.1
    assert at(cleaned(made, MALE_GONE, Pale_Skin=1), CHEEK).mean() > 0.07


@pytest.mark.parametrize("light", [-0.6, 0.5])
def test_patches_of_skin_do_not_become_stains(light: float) -> None:
    change = at(cleaned(spot(CHEEK, light, 4), MALE_GONE), CHEEK).mean()
    assert 0 < change * (1 if light > 0 else -1) < MOST + 0.1 < abs(light)


def test_an_open_mouth_is_as_dark_as_it_was_made() -> None:
    change = at(cleaned(spot(LIP, -1.0, 3), (0, 0, 0), Mouth_Slightly_Open=1), LIP).mean()
    assert change < -0.9


def test_no_moustache_comes_with_age() -> None:
    older, other = (at(cleaned(spot(LIP, -0.3, 3), changes), LIP).mean() for changes in (OLDER, MALE_GONE))
    assert other < older < 0 and older > 0.6 * other


@pytest.mark.parametrize(
    ("place", "share", "free"), [(FOREHEAD, BROW, "Bangs"), (BETWEEN_BROWS, BROW, "Bangs"), (EYE, EYES, "Eyeglasses")]
)
def test_foreheads_brows_and_eyes_stay_in_part_unless_something_is_to_be_there(
    place: tuple[int, int], share: float, free: str
) -> None:
    made = spot(place, -0.1, 1)
    left, whole = (at(cleaned(made, MALE_GONE, **more), place).mean() for more in ({}, {free: 1}))
    assert left == pytest.approx((1 - share) * whole.item(), rel=0.15)


def beside_a_face(targets: tuple[int, int, int], light: float) -> list[float]:
    """How much lighter long black hair gets beside a young woman's cheek, and at its ends."""
    picture, made = person(), person()
    made[:, :, 38:, 46:50] = light
    labels, wanted = torch.tensor([[0, 0, 1]]), torch.tensor([targets])
    change = (without_stains(picture, made, labels, wanted, ATTRIBUTES) - picture)[0]
    return [at(change, place).mean().item() for place in ((49, 42), (49, 54))]


def test_long_hair_beside_a_face_that_is_to_be_a_mans_is_no_light_patch() -> None:
    assert beside_a_face((0, 0, 0), 0.2) == pytest.approx([1.1, 1.1], abs=0.05)  # old
    assert beside_a_face((0, 1, 1), 0.2) == pytest.approx([1.1 * (1 - BESIDE), 1.1 * (1 - BESIDE) ** 2], abs=0.05)
    assert beside_a_face((1, 1, 1), 0.2) == pytest.approx([1.1, 1.1 * (1 - BESIDE)], abs=0.05)  # blond


def test_nothing_beside_a_face_gets_white() -> None:
    assert beside_a_face((1, 0, 1), 1.0)[0] == pytest.approx(FAIR + 0.9, abs=0.02)


def test_larger_pictures_are_cleaned_alike() -> None:
    made = spot(CHEEK, -0.6, 4)
    large = [torch.nn.functional.interpolate(one, scale_factor=2.0) for one in (person(), made)]
    small = at(cleaned(made, MALE_GONE), CHEEK).mean().item()
    assert at(cleaned(large[1], MALE_GONE, large[0]), (48, 82)).mean() == pytest.approx(small, abs=0.03)
