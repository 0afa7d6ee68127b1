"""Source labels: the table first, then --rest off or the classifier; and what cannot be known is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.labels import LabelLayout, LabelSet, Vocabulary, parse_set
from stargan_cli.labels.probabilities import as_read
from stargan_cli.progress import unheard
from stargan_cli.translate.label_table import LabelTable
from stargan_cli.translate.source_labels import LabelSource, read_table

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair")
FACES = LabelSet("celeba", (*HAIR, "Male", "Young"), (HAIR,))
MOODS = LabelSet("moods", ("neutral", "happy"), kind="classes")
LAYOUT = LabelLayout((FACES,))
SOFT = LabelLayout((FACES,), unset_stays=True)


def source(
    layout: LabelLayout = LAYOUT, can_read: bool = False, rest_off: bool = False, table: LabelTable | None = None
) -> LabelSource:
    return LabelSource(layout, Vocabulary(layout), can_read, rest_off, table)


def table(tmp_path: Path, text: str) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return read_table(path, Vocabulary(LAYOUT), unheard)


def test_what_is_read_says_how_sure_it_is() -> None:
    known = as_read(LAYOUT, [-9.0, 0.4, -1.0, -0.1, 9.0])
    assert known == {
        (0, "Black_Hair"): 0.0,
        (0, "Blond_Hair"): 0.6,
        (0, "Brown_Hair"): 0.27,
        (0, "Male"): 0.48,
        (0, "Young"): 0.99,
    }


def test_soft_labels_are_read_for_weights_that_know_them_and_what_is_said_is_certain(tmp_path: Path) -> None:
    labels = source(SOFT, can_read=True, table=table(tmp_path, "name,Male\n1.jpg,1\n"))
    changes = parse_set("blond", SOFT)
    read = labels.completed({}, [-9.0, -9.0, -9.0, 99.0, -99.0])
    assert labels.vectors(read, changes)[0] == pytest.approx([0, 1, 0, 0.794, 0.206])
    said = labels.completed(labels.known(Path("1.jpg")), [-9.0, -9.0, -9.0, -99.0, 0.0])
    assert labels.vectors(said, changes)[0] == pytest.approx([0, 1, 0, 1, 0.5])


def test_weights_that_know_no_soft_labels_get_0_or_1() -> None:
    layout = LabelLayout((FACES, MOODS))
    labels = source(layout, can_read=True)
    known = labels.completed({}, [9.0, -9.0, 0.0, 0.1, -0.1, 0.0, 9.0])
    assert known[0, "Male"] == 0.52
    (vector,) = labels.vectors(known, parse_set("young=0.25", layout))
    assert vector[:5] == [1, 0, 0, 1, 0.25]
    (vector,) = labels.vectors(known, parse_set("neutral=0.5", layout))
    assert vector[5:7] == [0.5, 0.5]
    unsure = labels.completed({}, [0.0, 0.0, 0.0, 0.1, -0.1, 0.0, 9.0])
    (vector,) = labels.vectors(unsure, parse_set("male", layout))
    assert vector[:3] == [0, 0, 0], "hair that is like none of the three"
    off = source(layout, rest_off=True)
    (vector,) = off.vectors(off.known(None), parse_set("happy=0.5", layout))
    assert vector[5:7] == [0, 0.5], "0 is what --rest off says, for classes too"


def test_members_of_a_group_that_all_look_likely_share_one() -> None:
    known = as_read(LAYOUT, [9.0, 9.0, 0.0, 9.0, 9.0])
    assert [known[0, name] for name in HAIR] == [0.4, 0.4, 0.2]
    assert known[0, "Male"] == known[0, "Young"] == 0.99


def test_classes_add_up_to_one_and_each_set_reads_its_own_logits() -> None:
    known = as_read(LabelLayout((FACES, MOODS)), [-9.0, -9.0, -9.0, -9.0, -9.0, -7.0, -5.0])
    assert known[1, "happy"] == 0.88
    assert known[1, "neutral"] == 0.12
    assert [known[0, name] for name in FACES.attributes] == [0, 0, 0, 0.01, 0.01]


def test_the_table_goes_before_the_classifier(tmp_path: Path) -> None:
    labels = source(can_read=True, table=table(tmp_path, "name,Female\n1.jpg,1\n"))
    known = labels.completed(labels.known(Path("x/1.jpg")), [9.0] * 5)
    assert known[0, "Male"] == 0.0
    assert known[0, "Young"] == 0.99
    assert labels.lacks(labels.known(Path("1.jpg")), parse_set("blond", LAYOUT)) == ["Young"]
    assert labels.lacks(labels.known(Path("2.jpg")), parse_set("blond", LAYOUT)) == ["Male", "Young"]
    assert labels.lacks({}, parse_set("blond,male,young", LAYOUT)) == []


def test_rest_off_takes_everything_unknown_for_off(tmp_path: Path) -> None:
    labels = source(can_read=True, rest_off=True, table=table(tmp_path, "name,Male\n1.jpg,1\n"))
    changes = parse_set("blond", LAYOUT)
    known = labels.known(Path("1.jpg"))
    assert labels.lacks(known, changes) == []
    assert labels.vectors(known, changes) == [[0, 1, 0, 1, 0]]
    labels.check(changes)


def test_weights_without_a_classifier_need_everything_said(tmp_path: Path) -> None:
    source().check(parse_set("blond,male,young", LAYOUT))
    with pytest.raises(UsageError, match="must also name: Male; Young"):
        source().check(parse_set("blond", LAYOUT))
    with_table = source(table=table(tmp_path, "name,Male\n1.jpg,1\n"))
    with_table.check(parse_set("blond,young", LAYOUT))
    with pytest.raises(UsageError, match="has no column for Young"):
        with_table.check(parse_set("blond", LAYOUT))


def test_a_picture_that_the_table_leaves_out_is_that_pictures_error(tmp_path: Path) -> None:
    labels = source(table=table(tmp_path, "name,Male,Young\n1.jpg,1,\n"))
    changes = parse_set("blond,young", LAYOUT)
    labels.require(labels.known(Path("1.jpg")), changes)
    with pytest.raises(PictureError, match=r"labels\.csv has no value for Male$"):
        labels.require(labels.known(Path("2.jpg")), changes)


def test_columns_with_one_meaning_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Male and Female both mean Male"):
        table(tmp_path, "name,Male,Female\n1.jpg,1,0\n")


def test_rows_that_contradict_themselves_are_counted(tmp_path: Path) -> None:
    rows = (
        "path,Black_Hair,Blond_Hair,no-Brown_Hair,Male\n1.jpg,1,1,1,1\n2.jpg,0.5,0.5,1,1\n3.jpg,1,,0,1\n4.jpg,1,0,1,1\n"
    )
    _, note = source(can_read=True, table=table(tmp_path, rows)).notes()
    assert note.endswith(
        ": pictures that show several of Black_Hair, Blond_Hair, Brown_Hair, which exclude each other: 2"
    )
    assert len(source(can_read=True, table=table(tmp_path, "path,Black_Hair,Male\n1.jpg,1,1\n")).notes()) == 1


def test_the_labels_of_the_table_are_not_the_other_faces_unless_nothing_else_is_known(tmp_path: Path) -> None:
    rows = table(tmp_path, "name,Male\n1.jpg,1\n")
    for can_read, rest_off, others in ((True, False, {}), (False, False, {(0, "Male"): 1.0})):
        labels = source(can_read=can_read, rest_off=rest_off, table=rows)
        assert labels.of_others(labels.known(Path("1.jpg"))) == others
    off = source(rest_off=True, table=rows)
    assert set(off.of_others(off.known(Path("1.jpg"))).values()) == {0.0}


def test_each_set_has_its_own_pass_in_the_order_given() -> None:
    layout = LabelLayout((FACES, MOODS))
    labels = source(layout)
    changes = parse_set("happy,blond", layout)
    known = {(0, "Male"): 1.0, (0, "Black_Hair"): 1.0, (1, "neutral"): 1.0}
    vectors = labels.vectors(known, changes)
    assert vectors == [[0, 0, 0, 0, 0, 0, 1, 0, 1], [0, 1, 0, 1, 0, 0, 0, 1, 0]]
    assert labels.target(vectors, changes) == {
        "neutral": 0,
        "happy": 1,
        "Black_Hair": 0,
        "Blond_Hair": 1,
        "Brown_Hair": 0,
        "Male": 1,
        "Young": 0,
    }
