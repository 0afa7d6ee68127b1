"""Names of an archive's members, of which many may be alike."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from stargan_cli.translate.outputs import names
from stargan_cli.translate.outputs.names import MemberNames


def test_members_of_one_name_have_a_name_each_and_it_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0
    candidates = names._candidates

    def counted(*arguments: object) -> object:
        nonlocal tried
        for name in candidates(*arguments):  # type: ignore[arg-type]
            tried += 1
            yield name

    monkeypatch.setattr(names, "_candidates", counted)
    found = MemberNames()
    given = [found.next(PurePosixPath("sub/a.jpg"), "png") for _ in range(5000)]
    assert len(set(given)) == 5000
    assert given[:2] == [PurePosixPath("sub/a.png"), PurePosixPath("sub/a.jpg.png")]
    assert tried < 4 * 5000


def test_a_member_may_be_called_like_the_output_of_another() -> None:
    found = MemberNames()
    given = [str(found.next(PurePosixPath(name), "png")) for name in ("a.jpg", "a.png", "a.jpg.png", "a.jpg", "a.jpg")]
    assert given[:2] == ["a.png", given[1]] and len(set(given)) == 5
