"""Whatever a card says is of the right type, or the weights are refused: nothing that reads a card meets another."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from translation_kit import HAIR, make_weights

from stargan_cli.cli.info import describe
from stargan_cli.cli.weights_page import show_history, show_page
from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.labels import LabelSet
from stargan_cli.translate.plan import make_plan
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.derived import averaged, strengthened
from stargan_cli.weights.files import load

OTHERS: tuple[Any, ...] = (None, True, -1, 0, 1.5, 1e300, "text", "", [], ["a"], [1, 2], {}, {"a": "b"}, {"a": 1}, [[]])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A weights file, and the JSON of a card that has every field."""
    faces = LabelSet("celeba", (*HAIR, "Male"), (HAIR,))
    landmarks = {"left_eye": [0.3, 0.4], "right_eye": [0.7, 0.4], "nose": [0.5, 0.6]}
    path = make_weights(tmp_path_factory.mktemp("weights") / "w.safetensors", (faces,), landmarks=landmarks)
    card = json.loads(load(str(path)).card.to_json())
    card["aliases"] = {"blondie": "Blond_Hair"}
    origin = {"iterations": 10, "hours": 0.5, "mean_of": ["a", "b"]}
    card["training"] = {"program": "stargan", "terms": "for research", "pictures": {"celeba": 3}, "settings": {"lr": 1},
                        "strength": 2, "started_from": origin | {"started_from": origin}} | origin  # fmt: skip
    card["quality"] = {"celeba": {"test_pictures": 3, "read_as_target": {"Male": 0.5}, "own_label": {"psnr": 20.5}}}
    return path, card


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    for name in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[name], (*place, name))


def changed(card: dict[str, Any], place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    card = copy.deepcopy(card)
    inner = card
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return card


def with_card(path: Path, text: str, place: Path) -> Path:
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, place, {"stargan": text})
    return place


def use(path: Path) -> None:
    """All that reads a card."""
    weights = load(str(path))
    facts = json.loads(json.dumps(describe(weights)))
    show_page(facts)
    show_history(facts)
    averaged([strengthened(weights, 2.0)] * 2)
    make_plan(TranslationSettings("male"), weights, "fp32")


@pytest.mark.filterwarnings("error")
def test_every_field_of_another_type_is_refused_or_harmless(
    plain: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, card = plain
    use(with_card(path, json.dumps(card), tmp_path / "whole.safetensors"))
    refused = 0
    for place in places(card):
        for value in OTHERS:
            text = json.dumps(changed(card, place, value))
            try:
                Card.from_json(text)
            except ValueError:
                refused += 1
                continue
            try:
                use(with_card(path, text, tmp_path / "changed.safetensors"))
            except (WeightsError, UsageError):
                pass
            except Exception as error:
                raise AssertionError(f"{place} = {value!r} is taken, and then: {error!r}") from error
    assert refused > 300
    capsys.readouterr()


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (("training", "strength"), "2", "training strength '2': it must be a number above 0"),
        (("training", "iterations"), "many", "training iterations 'many': it must be a count"),
        (("training", "started_from", "started_from", "hours"), [1], "hours [1]: it must be a number, 0 or more"),
        (("preprocessing", "landmarks", "nose"), ["0.5", 0.5], "names with two numbers each"),
        (("aliases", "blondie"), 5, "aliases are not all texts"),
        (("layout", "sets", 0, "attributes"), "Male", "'Male' in 'celeba' is no list of names"),
        (("layout", "sets", 0, "groups"), ["ab"], "'ab' in 'celeba' is no list of names"),
        (("layout", "sets", 0, "name"), 7, "the name of a set is 7"),
        (("layout", "sets", 0, "attributes", 0), "", "no list of names"),
        (("layout", "unset_stays"), "yes", "unset_stays is 'yes'"),
        (("model", "projection"), 1, "projection must be bool"),
        (("format_version",), True, "its format version is True"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    plain: tuple[Path, dict[str, Any]], place: tuple[Any, ...], value: Any, reason: str
) -> None:
    with pytest.raises(ValueError) as caught:
        Card.from_json(json.dumps(changed(plain[1], place, value)))
    assert reason in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused(plain: tuple[Path, dict[str, Any]], number: str) -> None:
    text = json.dumps(plain[1]).replace("20.5", number)
    with pytest.raises(ValueError, match="its card holds the number"):
        Card.from_json(text)


def test_a_record_that_is_nested_deeply_is_refused(plain: tuple[Path, dict[str, Any]]) -> None:
    nested: Any = 1
    for _ in range(200):
        nested = {"a": nested}
    with pytest.raises(ValueError, match="nested too deeply"):
        Card.from_json(json.dumps(changed(plain[1], ("quality", "celeba"), nested)))
