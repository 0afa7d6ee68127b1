"""One walk finds the pictures and counts them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stargan_cli.translate.inputs import counting as module
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.found import Found


def found(number: int) -> Iterator[Found]:
    return (Found(Path(f"{index}.png"), Path(f"{index}.png")) for index in range(number))


def test_the_number_is_known_before_the_work_is_done() -> None:
    counting = Counting()
    with closing(counting.ahead(found(100))) as items:
        first = next(items)
        assert str(first.source) == "0.png"
        assert len(list(items)) == 99
    assert counting.total == 100


def test_the_walk_stays_a_bounded_way_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AHEAD", 10)
    counting, walked = Counting(), []
    with closing(counting.ahead(item for item in found(1000) if walked.append(item) is None)) as items:
        next(items)
        next(items)
    assert len(walked) < 20
    assert counting.total is None


def test_archives_leave_the_number_unknown() -> None:
    counting = Counting()
    archive = Found(Path("a.tar"), Path("a.tar"), role="archive")
    with closing(counting.ahead([*found(3), archive])) as items:
        assert len(list(items)) == 4
    assert counting.total is None
