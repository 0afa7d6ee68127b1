"""Other words for labels: given by `--alias`, and carried over from the weights that a run starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_kit import settings

from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Generator, ModelSettings
from stargan_cli.train.aliases import check_aliases, with_aliases_of_weights
from stargan_cli.weights import files as weights
from stargan_cli.weights.card import Card


def classes(*names: str, name: str = "moods") -> LabelSet:
    return LabelSet(name, names, kind="classes")


def carried(folder: Path, old: LabelLayout, aliases: dict[str, str], new: LabelLayout, **given: str) -> dict[str, str]:
    """The aliases of a run on the labels `new`, with --alias as `given`, from weights with `old` and `aliases`."""
    tiny = ModelSettings(16, old.label_dim, old.class_dim, 4, 1, 4, 2)
    path = folder / "old.safetensors"
    weights.save(path, Card(tiny, old, aliases=aliases), Generator(tiny).state_dict())
    started = settings(data=("moods",), init_from=str(path), aliases=tuple(given.items()))
    return dict(with_aliases_of_weights(started, new).aliases)


@pytest.mark.parametrize("name", ["a,b", "x=1", "a=b"])
def test_a_class_that_set_could_not_name_needs_another_word(name: str) -> None:
    layout = LabelLayout((classes(name, "happy"),))
    with pytest.raises(UsageError, match=f"--set could not name '{name}' of moods") as caught:
        check_aliases((), layout)
    assert caught.value.hint == f"rename its folder, or give another word for it: --alias 'WORD={name}'"
    check_aliases((("other", name),), layout)
    with pytest.raises(UsageError, match="--set cannot take this word"):
        check_aliases((("p,q", name),), layout)


def test_a_class_of_two_sets_needs_a_word_in_each() -> None:
    layout = LabelLayout((classes("a,b", "happy"), classes("a,b", "sad", name="others")))
    with pytest.raises(UsageError, match="--set could not name 'a,b' of moods") as caught:
        check_aliases((), layout)
    assert caught.value.hint is not None and caught.value.hint.endswith("--alias 'WORD=moods:a,b'")
    check_aliases((("one", "moods:a,b"), ("other", "others:a,b")), layout)


def test_an_alias_must_mean_something() -> None:
    layout = LabelLayout((classes("smile_open", "neutral"),))
    check_aliases((("happy", "smile_open"),), layout)
    with pytest.raises(UsageError, match="--alias happy=smiling: unknown attribute 'smiling'"):
        check_aliases((("calm", "neutral"), ("happy", "smiling")), layout)


def test_words_of_the_weights_to_start_from_are_carried_over(tmp_path: Path) -> None:
    old = LabelLayout((classes("a,b", "happy", "sad"), LabelSet("celeba", ("Male", "Young"))))
    aliases = {"ab": "a,b", "grin": "moods:happy", "blue": "sad", "aged": "no-young", "lad": "celeba:male"}
    new = LabelLayout((LabelSet("celeba", ("Young", "Male")), classes("happy", "a,b")))
    kept = carried(tmp_path, old, aliases, new)
    assert kept == {"ab": "a,b", "grin": "happy", "aged": "no-Young", "lad": "Male"}, "sad is no label of this run"
    check_aliases(tuple(kept.items()), new)


def test_a_word_that_this_run_gives_a_meaning_keeps_it(tmp_path: Path) -> None:
    old = LabelLayout((classes("happy", "sad"),))
    aliases = {"Grin": "happy", "angry": "sad", "gloom": "sad"}
    new = LabelLayout((classes("happy", "sad", "angry"),))
    assert carried(tmp_path, old, aliases, new, grin="angry") == {"gloom": "sad", "grin": "angry"}


def test_a_word_is_not_carried_over_to_labels_of_two_sets(tmp_path: Path) -> None:
    old = LabelLayout((classes("happy", "sad"),))
    new = LabelLayout((classes("happy", "angry", name="faces"), classes("happy", "sad")))
    assert carried(tmp_path, old, {"grin": "happy", "gloom": "sad"}, new) == {"gloom": "sad"}


def test_a_run_that_starts_from_nothing_has_its_own_words() -> None:
    chosen = settings(data=("moods",), aliases=(("grin", "happy"),))
    assert with_aliases_of_weights(chosen, LabelLayout((classes("happy", "sad"),))) is chosen
