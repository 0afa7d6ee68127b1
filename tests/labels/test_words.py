"""`--set`: what people write, and the target label that comes of it."""

from __future__ import annotations

import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.labels import (
    LabelLayout,
    LabelSet,
    Vocabulary,
    each,
    parse_set,
    passes,
    require_said,
    target_label,
    unsaid,
)
from stargan_cli.labels.changes import is_sayable
from stargan_cli.labels.synonyms import ANTONYMS, SYNONYMS
from stargan_cli.labels.variants import shows
from stargan_cli.labels.vocabulary import Meaning

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
FACES = LabelSet("celeba", (*HAIR, "Male", "Young"), (HAIR,))
EXPRESSIONS = LabelSet("expressions", ("neutral", "smile_open", "smile_closed"), kind="classes")
ONE = LabelLayout((FACES,))
TWO = LabelLayout((FACES, EXPRESSIONS))


def values(spec: str, layout: LabelLayout = ONE) -> dict[str, float | str]:
    return {change.attribute: change.value for change in parse_set(spec, layout)}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("blond", {"Blond_Hair": 1}),
        ("Blond_Hair", {"Blond_Hair": 1}),
        ("blonde", {"Blond_Hair": 1}),
        ("blond-hair", {"Blond_Hair": 1}),
        (" BLOND hair ", {"Blond_Hair": 1}),
        ("no-young", {"Young": 0}),
        ("not young", {"Young": 0}),
        ("young=0", {"Young": 0}),
        ("young=No", {"Young": 0}),
        ("old=yes", {"Young": 0}),
        ("blond=50%", {"Blond_Hair": 0.5}),
        ("old", {"Young": 0}),
        ("no-old", {"Young": 1}),
        ("female", {"Male": 0}),
        ("female=0.25", {"Male": 0.75}),
        ("blond=0.5,male", {"Blond_Hair": 0.5, "Male": 1}),
        ("male=flip", {"Male": "flip"}),
        ("celeba:young", {"Young": 1}),
        ("CelebA:no-young", {"Young": 0}),
        ("no-celeba:young", {"Young": 0}),
    ],
)
def test_names_are_forgiving(spec: str, expected: dict[str, float | str]) -> None:
    assert values(spec) == expected


def test_all_forty_attributes_know_their_synonyms() -> None:
    layout = LabelLayout((LabelSet("celeba", tuple(SYNONYMS)),))
    assert len(SYNONYMS) == 40
    for name, words in SYNONYMS.items():
        for word in (name, name.replace("_", " ").lower(), *words):
            assert values(word, layout) == {name: 1}, word
            assert values(f"no-{word}", layout) == {name: 0}, word
    for name, words in ANTONYMS.items():
        for word in words:
            assert values(word, layout) == {name: 0}, word


@pytest.mark.parametrize("spec", ["-male", "!male", "~ male", "\u2212male", "celeba:-male", "blond,-female", "-male=1"])
def test_a_sign_is_no_negation_and_is_not_passed_over(spec: str) -> None:
    with pytest.raises(UsageError, match="on or off") as refused:
        values(spec)
    assert refused.value.hint == "for off, write no-NAME"


def test_a_sign_may_be_part_of_a_name() -> None:
    layout = LabelLayout((LabelSet("moods", ("-1", "+1")),))
    assert values("-1,moods:+1", layout) == {"-1": 1, "+1": 1}
    assert values("moods:-1", layout) == {"-1": 1}


def test_no_beard_is_a_name_and_not_a_negation() -> None:
    layout = LabelLayout((LabelSet("celeba", ("No_Beard",)),))
    assert values("no-beard", layout) == {"No_Beard": 1}
    assert values("beard", layout) == {"No_Beard": 0}
    assert values("no-no-beard", layout) == {"No_Beard": 0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("blnd", "did you mean blond (Blond_Hair)"),
        ("femal", "did you mean female (no-Male)"),
        ("blond male", "separate names with commas: blond,male"),
        ("blond; no-young", "separate names with commas: blond,no-young"),
        ("blond=0,5", "unknown attribute '5'; decimals have a point"),
        ("happy", "unknown attribute 'happy'"),
        ("blond,black", "'blond' and 'black' exclude each other"),
        ("black=0.6,blond=0.6", "exclude each other"),
        ("male,female", "'male' and 'female' both set Male"),
        ("blond,blonde", "both set Blond_Hair"),
        ("blond=1.5", "from 0 to 1"),
        ("blond=-0.1", "from 0 to 1"),
        ("blond=-1", "from 0 to 1"),
        ("blond= -100%", "from 0 to 1"),
        ("blond=nan", "from 0 to 1"),
        ("blond=", "from 0 to 1"),
        ("blond=n/a", "from 0 to 1"),
        ("blond=flip", "no opposite"),
        ("", "empty name"),
        ("blond,,male", "empty name"),
        ("=1", "unknown attribute"),
    ],
)
def test_what_cannot_be_meant_is_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_set(spec, ONE)
    assert message in str(caught.value)


@pytest.mark.parametrize("word", ["smile", "gender", "hair"])
def test_a_word_that_is_merely_as_short_is_not_proposed(word: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_set(word, ONE)
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["की", "कि", "fröhlich", "χαμόγελο", "微笑", "😀", "❤\ufe0f", "☀\ufe0f"])
def test_names_of_every_script_are_told_apart(name: str, form: str) -> None:
    names = ("की", "कि", "fröhlich", "frohlich", "χαμόγελο", "微笑", "😀", "❤\ufe0f", "☀\ufe0f")
    layout = LabelLayout((LabelSet("moods", names, kind="classes"),))
    assert values(unicodedata.normalize(form, name), layout) == {name: 1}
    assert values(f" {unicodedata.normalize(form, name).upper()} ", layout) == {name: 1}


def test_an_unknown_name_lists_all() -> None:
    with pytest.raises(UsageError) as caught:
        parse_set("wings", TWO)
    assert caught.value.hint == (
        "celeba can set: Black_Hair, Blond_Hair, Brown_Hair, Male, Young\n"
        "expressions can set: neutral, smile_open, smile_closed"
    )


def test_a_name_in_two_sets_needs_its_set() -> None:
    layout = LabelLayout((LabelSet("a", ("Young", "Male")), LabelSet("b", ("young",))))
    with pytest.raises(UsageError) as caught:
        parse_set("YOUNG", layout)
    assert caught.value.hint == "write one of: a:Young, b:young"
    assert [(change.set_index, change.value) for change in parse_set("a:young,b:no-young", layout)] == [(0, 1), (1, 0)]
    assert parse_set("young", layout)[0].set_index == 1, "a name written exactly as in one set means that one"


def test_aliases_of_the_weights() -> None:
    aliases = {"happy": "smile_open", "grumpy": "no-young"}
    changes = parse_set("happy,grumpy", TWO, aliases)
    assert [(change.set_index, change.attribute, change.value) for change in changes] == [
        (1, "smile_open", 1),
        (0, "Young", 0),
    ]
    with pytest.raises(WeightsError, match="'x' means 'y'"):
        Vocabulary(TWO, {"x": "y"})


def test_words_for_info_look_through_the_aliases_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"a{number}" for number in range(30)]
    aliases = {f"word{number}": names[number % 30] for number in range(300)}
    vocabulary = Vocabulary(LabelLayout((LabelSet("x", tuple(names)),)), aliases)
    search, calls = vocabulary.search, []
    monkeypatch.setattr(vocabulary, "search", lambda word: calls.append(word) or search(word))
    assert [vocabulary.words_for(0, name)[0] for name in names[:2]] == [
        [word for word, meant in aliases.items() if meant == name] for name in names[:2]
    ]
    assert calls == list(aliases)


def test_words_for_info() -> None:
    vocabulary = Vocabulary(TWO, {"the lady": "no-Male"})
    same, opposite = vocabulary.words_for(0, "Male")
    assert "man" in same
    assert {"female", "the lady"} <= set(opposite)


@pytest.mark.parametrize(
    ("spec", "source", "expected"),
    [
        ("blond", [1, 0, 0, 1, 1], [0, 1, 0, 1, 1]),
        ("no-male", [1, 0, 0, 1, 1], [1, 0, 0, 0, 1]),
        ("blond=0.5", [1, 0, 0, 1, 1], [0.5, 0.5, 0, 1, 1]),
        ("blond=0", [1, 0, 0, 1, 1], [1, 0, 0, 1, 1]),
        ("no-black", [1, 0, 0, 1, 1], [0, 0, 0, 1, 1]),
        ("blond=0.25,brown=0.5", [1, 0, 0, 0, 0], [0.25, 0.25, 0.5, 0, 0]),
        ("male=flip,young=flip", [1, 0, 0, 1, 0], [1, 0, 0, 0, 1]),
        ("male=flip,young=flip", [0.3, 0, 0.6, 0.6, 0.5], [0.3, 0, 0.6, 0, 1]),
    ],
)
def test_target_label(spec: str, source: list[float], expected: list[float]) -> None:
    [(index, wanted)] = passes(ONE, parse_set(spec, ONE))
    assert target_label(ONE, index, wanted, source) == expected


def test_target_label_needs_a_source_for_every_attribute() -> None:
    with pytest.raises(ValueError, match="2 source labels for 5"):
        target_label(ONE, 0, {}, [0, 1])


def test_two_sets_are_two_passes_in_the_order_given() -> None:
    first, second = passes(TWO, parse_set("smile_open,blond,male", TWO))
    assert first == (1, {"smile_open": 1})
    assert second == (0, {"Blond_Hair": 1, "Male": 1})
    assert target_label(TWO, *first, [1, 0, 0]) == [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]
    assert target_label(TWO, *second, [1, 0, 0, 0, 1]) == [0, 1, 0, 1, 1, 0, 0, 0, 1, 0]


def test_of_classes_one_must_be_on() -> None:
    with pytest.raises(UsageError, match="does not say which class to show instead"):
        parse_set("no-neutral", TWO)
    assert values("no-neutral,smile_open", TWO) == {"neutral": 0, "smile_open": 1}


MOODS = LabelLayout((LabelSet("moods", ("happy", "sad"), kind="classes"), FACES))


@pytest.mark.parametrize(
    ("spec", "layout", "expected"),
    [
        ("no-happy", MOODS, {"sad": 1}),
        ("happy=0", MOODS, {"sad": 1}),
        ("not sad,blond", MOODS, {"Blond_Hair": 1, "happy": 1}),
        ("no-happy,sad", MOODS, {"happy": 0, "sad": 1}),
        ("no-neutral,no-smile_open", TWO, {"smile_closed": 1}),
    ],
)
def test_the_only_class_left_is_meant(spec: str, layout: LabelLayout, expected: dict[str, float]) -> None:
    assert values(spec, layout) == expected


def test_all_classes_off_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="does not say which class to show instead"):
        parse_set("no-happy,no-sad", MOODS)


@pytest.mark.parametrize(
    ("name", "sayable"),
    [("a,b", False), ("a=b", False), ("x=1", False), (" ", False), ("no-happy", True), ("a:b", True), ("微笑", True)],
)
def test_names_that_set_cannot_take(name: str, sayable: bool) -> None:
    layout = LabelLayout((LabelSet("moods", (name, "happy", "x"), kind="classes"),))
    assert is_sayable(name, Meaning(0, name), Vocabulary(layout)) is sayable
    assert is_sayable("word", Meaning(0, name), Vocabulary(layout, {"word": name}))


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ("blond", ("Male", "Young")),
        ("blond,female,old", ()),
        ("male,young", HAIR),
        ("blond=0.5,male,young", ("Black_Hair", "Brown_Hair")),
        ("blond=0.5,black=0.5,male,young", ()),
        ("no-blond,no-black,male,young", ("Brown_Hair",)),
        ("blond,male=flip,young", ("Male",)),
    ],
)
def test_what_remains_unsaid(spec: str, missing: tuple[str, ...]) -> None:
    changes = parse_set(spec, ONE)
    [(_, wanted)] = passes(ONE, changes)
    assert unsaid(ONE, 0, wanted) == missing
    if missing:
        with pytest.raises(UsageError) as caught:
            require_said(ONE, changes)
        assert all(name in str(caught.value) for name in missing)
        assert "--rest off" in str(caught.value.hint)
    else:
        require_said(ONE, changes)


def test_a_group_of_which_none_is_named_is_off_where_that_leaves_it_as_it_is() -> None:
    stays = LabelLayout((FACES,), unset_stays=True)
    for spec, expected, missing in (
        ("old", [0, 0, 0, 0.7, 0], ("Male",)),
        ("blond=0.5", [0.1, 0.5, 0.2, 0.7, 0.8], ("Black_Hair", "Brown_Hair", "Male", "Young")),
        ("no-black", [0, 0.3, 0.4, 0.7, 0.8], ("Blond_Hair", "Brown_Hair", "Male", "Young")),
        ("male,old", [0, 0, 0, 1, 0], ()),
    ):
        [(index, wanted)] = passes(stays, parse_set(spec, stays))
        assert target_label(stays, index, wanted, [0.2, 0.3, 0.4, 0.7, 0.8]) == expected
        assert unsaid(stays, index, wanted) == missing
    require_said(stays, parse_set("male,old", stays))


def test_each_gives_one_variant_per_target() -> None:
    variants = each(ONE)
    targets = ["black", "blond", "brown", "male", "female", "young", "old"]
    assert [variant.folder for variant in variants] == [variant.target for variant in variants] == targets
    assert [variant.changes[0].value for variant in variants] == [1, 1, 1, 1, 0, 1, 0]
    assert [variant.opposite for variant in variants] == [None, None, None, "female", "male", "old", "young"]
    variants = each(ONE, parse_set("blond=0.5,old,male=flip", ONE))
    assert [variant.folder for variant in variants] == ["blond-0.5", "old", "male", "female"]
    assert [variant.opposite for variant in variants] == [None, None, "female", "male"]


@pytest.mark.parametrize(
    ("attribute", "on", "off"),
    [
        ("Eyeglasses", "eyeglasses", "no-eyeglasses"),
        ("Wavy_Hair", "wavy", "no-wavy"),
        ("No_Beard", "no_beard", "beard"),
        ("Mouth_Slightly_Open", "mouth_slightly_open", "mouth_closed"),
        ("Own_Name", "Own_Name", "no-Own_Name"),
    ],
)
def test_targets_are_called_as_people_call_them(attribute: str, on: str, off: str) -> None:
    assert [variant.target for variant in each(LabelLayout((LabelSet("a", (attribute,)),)))] == [on, off]


def test_folders_are_safe_and_unlike_each_other() -> None:
    names = ("../x", "a:b", "Y", "y", "con", ".hidden", "end.", "100%", "tab\t", "\udc80")
    layout = LabelLayout((LabelSet("a", names, kind="classes"), LabelSet("b/", ("Y",), kind="classes")))
    folders = [variant.folder for variant in each(layout)]
    assert folders == [
        *("%2E.%2Fx", "a%3Ab", "a-Y", "y", "%63on", "%2Ehidden", "end%2E", "100%25", "tab%09", "%80", "b%2F-Y"),
    ]
    assert [unquote(folder, errors="surrogateescape") for folder in folders[4:10]] == list(names[4:])


SCRIPTS = ("улыбка", "微笑", "ابتسامة", "मुस्कान", "χαμόγελο", "웃음", "fröhlich", "スマイル")


def test_folders_keep_letters_of_every_script() -> None:
    layout = LabelLayout((LabelSet("moods", SCRIPTS, kind="classes"),))
    assert tuple(variant.folder for variant in each(layout)) == SCRIPTS


def test_folders_that_a_file_system_takes_for_one_are_kept_apart() -> None:
    names = (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"), "a", "A", "x" * 300, "x" * 301)
    layout = LabelLayout((LabelSet("moods", names, kind="classes"),))
    folders = [variant.folder for variant in each(layout)]
    assert folders[:4] == [names[0], f"{names[1]}-2", "a", "A-2"]
    assert folders[4] != folders[5] and all(len(folder) < 220 for folder in folders)


@pytest.mark.parametrize(
    ("known", "spec", "expected"),
    [
        ({"Male": 0.9}, "male", True),
        ({"Male": 0.9}, "female", False),
        ({"Male": 0.1, "Young": 0.2}, "female,old", True),
        ({"Male": 0.1, "Young": 0.8}, "female,old", False),
        ({"Male": 0.9}, "male=0.5", False),
        ({"Male": 0.9}, "male=flip", False),
        ({}, "male", False),
    ],
)
def test_what_a_picture_shows_already(known: dict[str, float], spec: str, expected: bool) -> None:
    assert shows({(0, name): value for name, value in known.items()}, parse_set(spec, ONE)) is expected


@given(st.text() | st.text(alphabet="noblackmle:=,-_. 015", max_size=40))
def test_any_text_is_read_or_refused(spec: str) -> None:
    try:
        changes = parse_set(spec, TWO, {"happy": "smile_open"})
    except UsageError as error:
        assert len(str(error)) < 300
        return
    for index, wanted in passes(TWO, changes):
        label = target_label(TWO, index, wanted, [0.5] * len(TWO.sets[index].attributes))
        assert all(0 <= number <= 1 for number in label)


def test_a_huge_text_is_refused_quickly() -> None:
    for spec in ("x" * 10**6, "no-" * 10**5, ":" * 10**5, "blond=" + "9" * 10**5, "no-a:" * 10**5):
        with pytest.raises(UsageError):
            parse_set(spec, TWO)
