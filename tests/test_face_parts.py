"""Which part of a face a change leaves as it is."""

from __future__ import annotations

import pytest
import torch
from training_kit import FACES, MOODS, tiny_trainer

from stargan_cli.data.celeba import LANDMARKS
from stargan_cli.data.face_parts import colour_stays, hue_stays, light_stays, what_stays

ATTRIBUTES = ("Blond_Hair", "Male", "Young")
IN_THE_FACE = ((32, 33), (32, 46), (24, 41), (40, 41))  # between the eyes, mouth, cheeks, at 64 px
EYES = [(round(x * 64), round(y * 64)) for x, y in LANDMARKS.values()]
AROUND_IT = ((32, 8), (4, 32), (60, 32), (32, 63))  # hair above, both sides, neck


def stays(changes: list[int]) -> torch.Tensor:
    return stays_of(torch.zeros(1, 3, 64, 64), changes)


def test_a_change_of_hair_leaves_the_face() -> None:
    mask = stays([1, 0, 0])
    assert all(mask[down, across] for across, down in IN_THE_FACE)
    assert not any(mask[down, across] for across, down in AROUND_IT)


def test_a_change_of_gender_leaves_what_surrounds_the_face() -> None:
    mask = stays([0, 1, 0])
    assert not any(mask[down, across] for across, down in IN_THE_FACE)
    assert all(mask[down, across] for across, down in AROUND_IT)


def test_age_and_changes_of_both_leave_the_eyes_and_no_change_leaves_both() -> None:
    eyes = stays([0, 0, 1])
    assert all(eyes[down, across] for across, down in EYES) and 0 < eyes.float().mean() < 0.03
    assert torch.equal(stays([1, 1, 0]), eyes)
    assert torch.equal(stays([0, 0, 0]), stays([1, 0, 0]) | stays([0, 1, 0]))
    assert torch.equal(stays([1, 0, 0]) & stays([0, 1, 0]), eyes)
    assert 0.8 < stays([0, 0, 0]).float().mean() < 0.95, "the outline of the face is free for both, and little else"


def person() -> torch.Tensor:
    """(1, 3, 64, 64): a light face and forehead, dark hair above and on both sides, a white wall behind."""
    picture = torch.ones(1, 3, 64, 64)
    picture[:, :, :14, 16:48] = picture[:, :, 14:, 14:50] = -0.9
    picture[:, :, 14:60, 20:44] = torch.tensor([0.4, 0.1, -0.1]).view(1, 3, 1, 1)
    picture[:, :, 14:20, 20:28] = -0.85  # a fringe over half of the forehead
    return picture


def stays_of(
    picture: torch.Tensor,
    changes: list[int],
    labels: tuple[int, ...] = (0, 1, 1),
    attributes: tuple[str, ...] = ATTRIBUTES,
) -> torch.Tensor:
    before = torch.tensor([labels])
    return what_stays(picture, before, (before + torch.tensor([changes])) % 2, attributes)[0, 0]


FOREHEAD, FRINGE, HAIR, WALL = (34, 17), (24, 17), (32, 8), (4, 30)


def test_a_bare_forehead_belongs_to_the_face_and_a_fringe_does_not() -> None:
    for changes in ([1, 0, 0], [0, 0, 1], [1, 1, 1]):
        mask = stays_of(person(), changes)
        found = [bool(mask[down, across]) for across, down in (FOREHEAD, FRINGE, HAIR)]
        assert found == [True, False, False], changes


def test_a_forehead_that_shines_under_light_hair_belongs_to_the_face() -> None:
    skin, hair = (torch.tensor(colour).view(3, 1, 1) for colour in ([0.1, -0.2, -0.3], [0.6, 0.4, 0.1]))
    picture = person()
    picture[:, :, :14, 16:48] = hair
    picture[:, :, 20:60, 20:44] = skin
    picture[:, :, 14:20, 20:44] = (skin + 1) * 1.4 - 1  # nearer to the hair's colour
    mask = stays_of(picture, [0, 0, 1])
    assert mask[FOREHEAD[1], FOREHEAD[0]]
    picture[:, :, 14:20, 20:44] = hair
    assert not stays_of(picture, [0, 0, 1])[FOREHEAD[1], FOREHEAD[0]]


@pytest.mark.parametrize(
    ("attribute", "label"), [("Young", 0), ("Bangs", 0), ("Wearing_Hat", 0), ("Bald", 1), ("Receding_Hairline", 1)]
)
def test_a_forehead_does_not_stay_bare_where_something_is_to_cover_it(attribute: str, label: int) -> None:
    kept = [stays_of(person(), [1], (now,), (attribute,))[FOREHEAD[1], FOREHEAD[0]] for now in (label, 1 - label)]
    assert kept == [False, True]


@pytest.mark.parametrize(("attribute", "kept"), [("Mustache", True), ("Pale_Skin", False)])
def test_eyes_and_foreheads_stay_with_what_shows_below_them(attribute: str, kept: bool) -> None:
    mask = stays_of(person(), [1], (0,), (attribute,))
    assert all(bool(mask[down, across]) is kept for across, down in (*EYES, FOREHEAD))


@pytest.mark.parametrize("name", ["Eyeglasses", "happy"])
def test_eyes_change_with_what_shows_in_them(name: str) -> None:
    mask = stays_of(person(), [1], (0,), (name,))
    assert not any(mask[down, across] for across, down in EYES)


@pytest.mark.parametrize(
    ("changes", "male", "young", "whole", "patches"),
    [
        ([1, 0, 1, 0], 1, 1, True, True),
        ([1, 0, 1, 0], 1, 0, True, False),
        ([0, 1, 1, 0], 0, 1, True, True),
        ([0, 1, 1, 0], 1, 1, True, False),
        ([0, 1, 0, 0], 0, 1, True, True),
        ([0, 0, 0, 1], 1, 1, False, False),
    ],
)
def test_the_light_of_a_face_stays_and_that_of_its_patches_where_it_gets_older_or_a_mans(
    changes: list[int], male: int, young: int, whole: bool, patches: bool
) -> None:
    labels = torch.tensor([[0, male, young, 0]])
    attributes = (*ATTRIBUTES, "Pale_Skin")
    mask = light_stays(torch.zeros(1, 3, 64, 64), labels, (labels + torch.tensor([changes])) % 2, attributes)
    assert mask.shape == (1, 2, 64, 64)
    assert [[bool(part[down, across]) for across, down in IN_THE_FACE] for part in mask[0]] == [
        [whole] * 4,
        [patches] * 4,
    ]
    assert not any(part[down, across] for across, down in AROUND_IT for part in mask[0])


@pytest.mark.parametrize(("changes", "stays"), [([0, 0, 1], True), ([1, 0, 1], False), ([0, 1, 1], False)])
def test_the_light_beside_a_face_that_gets_older_stays_unless_hair_or_gender_changes(
    changes: list[int], stays: bool
) -> None:
    labels = torch.tensor([[0, 0, 1]])
    mask = light_stays(person(), labels, (labels + torch.tensor([changes])) % 2, ATTRIBUTES)
    beside, above = (3, 50), (32, 4)
    assert bool(mask[0, 1, beside[1], beside[0]]) is stays
    assert not mask[0, 1, above[1], above[0]] and not mask[0, 0, beside[1], beside[0]]


@pytest.mark.parametrize(
    ("changes", "labels", "kept"),
    [
        ([1, 0, 0], (0, 1, 1), True),
        ([1, 1, 1], (0, 0, 1), True),  # a woman shall be a man
        ([1, 1, 1], (0, 1, 1), False),  # a man shall be a woman: hair may grow
    ],
)
def test_what_is_behind_stays_where_no_hair_grows(changes: list[int], labels: tuple[int, ...], kept: bool) -> None:
    mask = stays_of(person(), changes, labels)
    assert bool(mask[WALL[1], WALL[0]]) is kept and not mask[HAIR[1], HAIR[0]]


def test_hair_before_a_wall_of_its_colour_is_not_taken_for_the_wall() -> None:
    picture = person()
    picture[:, :, :10, :] = picture[:, :, 10:, :14] = picture[:, :, 10:, 50:] = -0.8
    mask = stays_of(picture, [1, 0, 0])
    assert not mask[HAIR[1], HAIR[0]] and not mask[WALL[1], WALL[0]]


def test_colour_stays_in_the_face_and_everywhere_where_hair_does() -> None:
    pictures, labels = torch.zeros(3, 3, 64, 64), torch.tensor([[0, 1, 1]])
    changes = torch.tensor([[1, 0, 0], [1, 1, 1], [0, 1, 1]])
    mask = colour_stays(pictures, labels.expand(3, 3), (labels + changes) % 2, ATTRIBUTES)
    assert mask.shape == (3, 1, 64, 64)
    assert (mask[:2, 0, 41, 24] == 1).all() and (mask[:2, 0, 8, 32] == 0).all() and (mask[2] == 1).all()


def test_skin_keeps_its_hue_but_not_hair_that_changes_and_lips_of_another_gender_half() -> None:
    picture = person()
    picture[:, :, 26:29, 23:28] = -0.9
    pictures, labels = picture.expand(5, 3, 64, 64), torch.tensor([[0, 1, 1, 0]]).expand(5, 4)
    changes = torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 1]])
    mask = hue_stays(pictures, labels, (labels + changes) % 2, (*ATTRIBUTES, "Pale_Skin"))
    assert mask.shape == (5, 1, 64, 64)
    places = ((41, 24), (27, 25), (45, 32), (8, 32), (17, 22))
    cheek, eye, lips, hair, fringe = (mask[:, 0, down, across] for down, across in places)
    assert cheek.tolist() == eye.tolist() == [1, 1, 1, 0, 0]
    assert lips.tolist() == [0.5, 1, 0.5, 0, 0]
    assert hair.tolist() == fringe.tolist() == [1, 0, 0, 0, 0]


def test_a_run_holds_parts_to_stay_if_told_so() -> None:
    batch = tiny_trainer(FACES, lambda_stay=1.0, single_share=0.9)._batch(0, 0)
    assert batch.stays is not None and batch.stays.shape == (4, 1, 16, 16)
    assert torch.equal(batch.stays, what_stays(batch.real, batch.source, batch.target, FACES.attributes))
    plain = tiny_trainer(FACES, single_share=0.9)._batch(0, 0)
    assert plain.stays is None and plain.colour_stays is None and plain.light_stays is None and plain.hue_stays is None
    other = tiny_trainer(FACES, single_share=0.9, lambda_tint=1.0, lambda_light=1.0, lambda_hue=1.0)._batch(0, 0)
    change = (batch.real, batch.source, batch.target, FACES.attributes)
    assert torch.equal(other.colour_stays, colour_stays(*change))
    assert torch.equal(other.light_stays, light_stays(*change))
    assert torch.equal(other.hue_stays, hue_stays(*change))


def test_classes_show_in_the_face() -> None:
    trainer = tiny_trainer(MOODS, lambda_stay=1.0)
    batch = trainer._batch(0, 0)
    assert batch.stays is not None
    same = (batch.source == batch.target).all(dim=1)
    assert torch.equal(batch.stays[:, 0, 10, 8], same)  # in the face
    assert batch.stays[:, 0, 0, 0].all()
    assert all(torch.isfinite(value) for value in trainer.iterate().values())
