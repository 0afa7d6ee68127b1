"""Settings as annotated fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.settings import Setting, Settings, declared


@dataclass(frozen=True)
class Colours(Settings):
    count: Annotated[int, Setting("Panel", "How many.", at_least=1)] = 3
    share: Annotated[float, Setting("Panel", "How much.", at_least=0, at_most=1, option="part")] = 0.5
    rate: Annotated[float, Setting("Panel", "How fast.", above=0, below=2)] = 1.0
    weight: Annotated[float, Setting("Panel", "Any number.")] = -1.0
    hue: Annotated[Literal["red", "green"], Setting("Panel", "Which.")] = "red"
    turns: Annotated[tuple[int, ...], Setting("Panel", "Turns.", at_least=1)] = ()
    words: Annotated[tuple[tuple[str, str], ...], Setting("Panel", "Words.")] = ()
    file: Annotated[str | None, Setting("Panel", "A file.")] = None
    on: Annotated[bool, Setting("Panel", "On.")] = False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "--count must be at least 1, not 0"),
        ({"share": 1.5}, "--part must be from 0 to 1, not 1.5"),
        ({"rate": 0.0}, "--rate must be above 0 and below 2, not 0.0"),
        ({"rate": 2.0}, "--rate must be above 0 and below 2, not 2.0"),
        ({"weight": float("inf")}, "--weight must be a finite number, not inf"),
        ({"share": float("nan")}, "--part must be a finite number, not nan"),
        ({"hue": "blue"}, "--hue must be one of red, green, not blue"),
        ({"turns": (2, 0)}, "--turns must be at least 1, not 0"),
    ],
)
def test_values_out_of_range_are_refused_with_the_option_and_the_range(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Colours(**values)
    assert str(caught.value) == message


def test_json_values_come_back_with_tuples() -> None:
    colours = Colours(turns=(2, 1), words=(("rouge", "red"),), file="x")
    assert Colours.from_dict({**colours.to_dict(), "turns": [2, 1], "words": [["rouge", "red"]]}) == colours


@pytest.mark.parametrize(
    "values",
    [{"count": 1.5}, {"count": True}, {"share": "0.5"}, {"hue": None}, {"turns": 3}, {"turns": ["1"]},
     {"words": [["one"]]}, {"words": [["a", "b", "c"]]}, {"file": 3}, {"on": 1}],
)  # fmt: skip
def test_values_of_another_type_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"setting {next(iter(values))} cannot be"):
        Colours.from_dict(values)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="settings of another version: lightness"):
        Colours.from_dict({"count": 2, "lightness": 1})
    with pytest.raises(ValueError, match="names of settings to values"):
        Colours.from_dict([1])


def test_a_fixed_list_is_known_as_such() -> None:
    assert declared(Colours)["hue"].choices == ("red", "green")
    assert declared(Colours)["file"].choices == ()
