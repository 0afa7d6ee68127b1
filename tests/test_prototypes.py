"""What a label changes in a face, as a data set shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_face_parts import EYES, IN_THE_FACE, WALL, person
from torch import Tensor

from stargan_cli.attributes import LabelSet
from stargan_cli.data import prototypes
from stargan_cli.data.cache import CachedPictures
from stargan_cli.data.images import colour, lightness, to_pixels
from stargan_cli.data.labelled import Labelled
from stargan_cli.data.prototypes import Prototypes

SET = LabelSet("faces", ("Male", "Smiling", "Young"))
_, LIP, CHEEK, _ = IN_THE_FACE
BEARD = (slice(44, 49), slice(26, 39))  # rows and columns around LIP
DIMPLE = (slice(39, 44), slice(22, 27))  # and around CHEEK


def faces(male: Tensor, smiling: Tensor, young: Tensor, seed: int = 0) -> Tensor:
    """(N, 3, 64, 64): men have a dark lip, smiling people a light cheek, and light comes from anywhere, though from
    the right for men more often."""
    random = torch.Generator().manual_seed(seed)
    pictures = person().repeat(len(male), 1, 1, 1)
    across, down = torch.randn(2, len(male), 1, 1, 1, generator=random) * 0.2
    line = torch.linspace(-1, 1, 64)
    across += 0.2 * male[:, None, None, None]
    pictures += across * line + down * line[:, None] + torch.randn(pictures.shape, generator=random) * 0.02
    pictures[(slice(None), slice(None), *BEARD)] -= 0.2 * male[:, None, None, None]
    pictures[(slice(None), slice(None), *DIMPLE)] += 0.2 * smiling[:, None, None, None]
    return pictures.clamp(-1, 1)


def data_set(count: int = 400, watched: bool = False) -> CachedPictures:
    """Most men smile, most women do not; half of all are young."""
    random = torch.Generator().manual_seed(7)
    male = torch.arange(count) % 2
    smiling = torch.where(torch.rand(count, generator=random) < 0.85, male, 1 - male)
    young = (torch.rand(count, generator=random) < 0.5).long()
    labels = torch.stack([male, smiling, young], dim=1).to(torch.uint8)
    files = tuple(f"{i}.png" for i in range(count))
    labelled = Labelled(SET, Path("memory"), files, labels)
    if watched:
        only = replace(SET, attributes=("Male", "Young"))
        labelled = replace(labelled, label_set=only, labels=labels[:, [0, 2]], watched=labels[:, 1:2])
    return CachedPictures(labelled, to_pixels(faces(male, smiling, young)).numpy(), {})


ONE_WOMAN = faces(*torch.zeros(3, 1).long(), seed=1)


def change(pictures: CachedPictures, target: list[float], strengths: dict[str, float]) -> Tensor:
    labels, targets = torch.zeros(1, len(target)), torch.tensor([target])
    return Prototypes(pictures, strengths).changes(ONE_WOMAN, labels, targets)[0]


def at(picture: Tensor, place: tuple[int, int]) -> Tensor:
    return picture[:, place[1], place[0]]


@pytest.fixture(autouse=True)
def light_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What describes faces is where light comes from."""
    monkeypatch.setattr(prototypes, "COMPONENTS", 2)


@pytest.mark.parametrize(("strength", "least", "most"), [(0.5, 0.06, 0.12), (1.0, 0.12, 0.22), (9.0, 0.25, 0.32)])
def test_a_face_gets_what_those_with_the_label_have_as_strong_as_told_and_never_too_strong(
    strength: float, least: float, most: float
) -> None:
    made = change(data_set(), [1, 0, 0], {"Male": strength})
    assert -most < at(made, LIP).mean() < -least
    assert all(at(made, place).abs().max() < 0.05 for place in (WALL, (32, 3), (4, 32)))


def test_where_a_label_goes_its_change_does() -> None:
    pictures = data_set()
    man = faces(*torch.tensor([[1], [0], [0]]), seed=2)
    made = Prototypes(pictures, {"Male": 1.0}).changes(man, torch.tensor([[1.0, 0, 0]]), torch.zeros(1, 3))[0]
    assert 0.15 < at(made, LIP).mean() < 0.25


@pytest.mark.parametrize("watched", [False, True])
def test_what_goes_with_another_label_does_not_come_along(watched: bool) -> None:
    target = [1.0, 0.0] if watched else [1.0, 0.0, 0.0]
    assert at(change(data_set(watched=watched), target, {"Male": 1.0}), CHEEK).mean().abs() < 0.05


def test_light_that_goes_with_a_label_does_not_come_along() -> None:
    made = change(data_set(), [1, 0, 0], {"Male": 1.0})
    left, right = (at(made, place).mean() for place in ((22, 34), (42, 34)))
    assert (right - left).abs() < 0.05 < 0.2 * 20 / 32


def test_labels_that_are_not_named_change_nothing() -> None:
    pictures = data_set()
    known = Prototypes(pictures, {"Male": 1.0, "Young": 1.0})
    labels, targets = torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 0.0]])
    assert not known.changes(ONE_WOMAN, labels, targets).any()


def test_two_changes_add_up_one_after_the_other() -> None:
    pictures = data_set()
    both = change(pictures, [1, 1, 0], {"Male": 1.0, "Smiling": 1.0})
    assert at(both, LIP).mean() < -0.15 and at(both, CHEEK).mean() > 0.15


def test_a_label_that_nobody_alike_has_or_lacks_changes_nothing() -> None:
    pictures = data_set()
    labels = pictures.labelled.labels.clone()
    labels[:, 0] = 0
    alone = replace(pictures, labelled=replace(pictures.labelled, labels=labels))
    assert not change(alone, [1, 0, 0], {"Male": 1.0}).any()


def test_eyes_keep_most_of_their_colour_and_nothing_gets_blue() -> None:
    pictures = data_set()
    pixels = torch.from_numpy(pictures.pixels).float()
    men = pictures.labelled.labels[:, 0] == 1
    for across, down in (*EYES, CHEEK):
        pixels[men, 2, down - 3 : down + 4, across - 3 : across + 4] += 40
        pixels[men, 0, down - 3 : down + 4, across - 3 : across + 4] -= 40
    tinted = replace(pictures, pixels=pixels.clamp(0, 255).to(torch.uint8).numpy())
    made = change(tinted, [1, 0, 0], {"Male": 1.0})
    eye, cheek = (colour(made)[:, down, across].abs().mean() for across, down in (EYES[0], CHEEK))
    assert eye < 0.6 * cheek
    red, green, blue = at(ONE_WOMAN[0] + made, CHEEK)
    assert blue <= green + 0.03 and green <= red + 0.03


def test_colours_change_with_the_light_as_if_it_fell_on_the_same_skin() -> None:
    before = ONE_WOMAN[0]
    after = before + change(data_set(), [1, 0, 0], {"Male": 1.0})
    before, after = (at(picture, LIP) + 1 for picture in (before, after))
    assert after.mean() < 0.95 * before.mean()
    assert after / after.mean() == pytest.approx(before / before.mean(), abs=0.02)


def test_what_is_almost_black_gets_little_light() -> None:
    pictures = data_set()
    labels, targets = torch.tensor([[1.0, 0, 0]]), torch.zeros(1, 3)
    dark = faces(*torch.tensor([[1], [0], [0]]), seed=2)
    dark[..., LIP[1], LIP[0]] = -0.98
    made = Prototypes(pictures, {"Male": 3.0}).changes(dark, labels, targets)[0]
    assert 0 < at(made, LIP).mean() < 0.05 < 0.2 < at(made, (LIP[0] + 2, LIP[1])).mean()


def test_darker_skin_changes_its_colours_less() -> None:
    pictures = data_set()
    pixels = torch.from_numpy(pictures.pixels).int()
    men = (pictures.labelled.labels[:, 0] == 1).int()[:, None, None]
    pixels[(slice(None), 0, *DIMPLE)] += 30 * men
    pixels[(slice(None), 2, *DIMPLE)] -= 30 * men
    known = Prototypes(replace(pictures, pixels=pixels.clamp(0, 255).to(torch.uint8).numpy()), {"Male": 0.3})
    labels, targets = torch.zeros(1, 3), torch.tensor([[1.0, 0, 0]])
    light, dark = (
        colour(known.changes((ONE_WOMAN + 1) * share - 1, labels, targets))[0, 0, CHEEK[1], CHEEK[0]]
        for share in (1, 0.4)
    )
    assert 0 < dark / 0.4 < 0.8 * light


def test_only_so_many_pictures_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prototypes, "AMONG", 150)
    some = Prototypes(data_set(), {"Male": 1.0})
    assert len(some.chosen) == len(some.besides) == 134
    made = some.changes(ONE_WOMAN, torch.zeros(1, 3), torch.tensor([[1.0, 0, 0]]))
    assert lightness(made)[0, 0, LIP[1], LIP[0]] < -0.12
