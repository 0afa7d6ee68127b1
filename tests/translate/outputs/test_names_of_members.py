"""Names of an archive's members, of which many may be alike."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from stargan_cli.translate.outputs.names import MemberNames


def named(*names: str) -> list[str]:
    found = MemberNames()
    return [str(found.next(PurePosixPath(name), "png")) for name in names]


def test_a_name_that_comes_again_stays_the_same() -> None:
    assert named("sub/a.jpg", "b.png", "sub/a.jpg", "b.png") == ["sub/a.png", "b.png", "sub/a.png", "b.png"]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("a.jpg", "a.png", "a.jpg", "a.png"), ["a.png", "a.png.png", "a.png", "a.png.png"]),
        (("a.png", "a.jpg", "a.heic", "s/a.jpg"), ["a.png", "a.jpg.png", "a.heic.png", "s/a.png"]),
        (("a.jpg", "a.png", "a.png.png", "a.jpg.png"), ["a.png", "a.png.png", "a.png.png.png", "a.jpg.png"]),
        (("a.x.jpg", "a.x.png"), ["a.x.png", "a.x.png.png"]),
    ],
)
def test_pictures_of_two_names_never_get_one_and_stay_with_their_sample(
    names: tuple[str, ...], wanted: list[str]
) -> None:
    assert named(*names) == wanted
    assert [name.split(".")[0] for name in wanted] == [name.split(".")[0] for name in names]
