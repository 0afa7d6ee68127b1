"""The rows that a report opens with, and its doubts."""

from __future__ import annotations

import pytest

from stargan_cli.cli.evaluation import tables as shown_tables
from stargan_cli.cli.stdout import stdout_console
from stargan_cli.evaluate.glance import caveats, glance_rows, log_row, measured_with, score
from stargan_cli.evaluate.tables import TextTable, classifier_table, glance


def rate(value: float, within: float = 0.02, n: int = 400) -> dict:
    return {"value": value, "low": value - within, "high": value + within, "n": n}


def target(name: str, read: float, left: float | None, apart: float | None = 0.0, **more: dict) -> dict:
    found = {"name": name, "combination": False, "attributes": ["Male"], "others_changed": {"Young": 0.1, "Bald": 0.3}}
    found |= {"do_nothing": rate(0.05), "translated": rate(read), "real": rate(0.9), "kept_psnr": rate(40.0)}
    if left is not None:
        found["distances"] = {"share_left": rate(left)}
    if apart is not None:
        found |= {"disagreement": rate(0.2), "more_disagreement": rate(apart)}
    return found | more


def document(*targets: dict, classifiers: int = 2, kind: str = "attributes") -> dict:
    shares = [
        {"accuracy": 0.98, "recall": 0.9, "specificity": 1.0},
        {"accuracy": 0.97, "recall": 0.8, "specificity": 1.0},
    ]
    facts = {"network": "n", "kind": kind, "measured_on": None}
    facts["read_right"] = 0.75 if kind == "classes" else None
    known = [{"name": str(n), "accuracy": {"Male": shares[n]}, **facts} for n in range(classifiers)]
    return {"targets": list(targets), "classifiers": known, "own_label": {"psnr": None}}


def test_a_row_says_what_counts():
    one = document(target("female", 0.8, 0.7), target("male+old", 0.1, None) | {"combination": True})
    (row,) = glance_rows(one)
    assert (row["read"], row["real_share"], row["share_left"], row["person"]) == (0.8, 0.9, 0.7, None)
    assert row["trust"] == (0.97, pytest.approx(0.9))
    assert (row["other"], row["other_share"], row["kept_psnr"]) == ("Bald", 0.3, 40.0)
    assert glance(one, "dlib").rows[0] == [
        "female",
        "5.0",
        "80.0",
        "97.0, 90.0",
        "20.0",
        "70.0",
        "-",
        "Bald 30.0",
        "40.0",
    ]
    assert "60 dB at most (equal pictures)" in glance(one, "dlib").note


def test_the_first_table_fits_a_narrow_terminal(capsys):
    rows = [target(name, 0.85, 0.7, below_same=rate(0.2)) for name in ("Black_Hair", "Brown_Hair", "female")]
    one = document(*rows) | {"own_label": {"psnr": rate(34.9)}}
    shown_tables._show(stdout_console(80), glance(one, "dlib"))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (heading,) = [line for line in lines if line.startswith("change")]
    assert " ".join(heading.split()) == "change before read trust apart left person what else changed PSNR"
    assert "Black_Hair    5.0 85.0 97.0, 90.0  20.0 70.0   20.0         Bald 30.0 40.0" in [x.rstrip() for x in lines]


def test_square_brackets_in_names_are_no_markup(capsys):
    shown_tables._show(stdout_console(80), TextTable("accuracy", "", ["class", "[red]wine"], [["[b]", "1"]]))
    assert "[red]wine" in (out := capsys.readouterr().out) and "[b]" in out


def test_no_attribute_is_named_as_changed_if_none_changed():
    still = target("female", 0.8, 0.7, others_changed={"Bald": 0.0, "Young": 0.0})
    (row,) = glance_rows(document(still))
    assert (row["other"], row["other_share"]) == (None, None) and glance(document(still), "dlib").rows[0][-2] == "-"


def test_of_classes_the_share_that_is_read_right_is_trusted():
    """The accuracy of one class against all others is high for a classifier that guesses among many classes."""
    one = document(target("happy", 0.8, 0.7), kind="classes")
    assert glance(one, "dlib").rows[0][3] == "75.0, 80.0"
    table = classifier_table(one["classifiers"][0])
    assert table.head == ["class", "recall"] and table.rows == [["Male", "90.0"], ["all classes", "75.0"]]


def test_accuracies_say_on_which_pictures_they_were_measured():
    classifier = document()["classifiers"][0]
    assert "on test pictures that its file does not name" in classifier_table(classifier).note
    known = {"data": "celeba", "pictures": 472, "split": "official", "fingerprint": "0"}
    note = classifier_table(classifier | {"measured_on": known}).note
    assert "when it was fitted, on 472 test pictures of celeba, official split." in note


def test_numbers_that_contradict_one_another_are_named():
    assert list(caveats(document(target("female", 0.8, 0.5)))) == []
    (painted,) = caveats(document(target("old", 0.8, 0.95), target("female", 0.8, 0.5)))
    assert painted.startswith("old: read as asked, yet hardly nearer")
    (unread,) = caveats(document(target("old", 0.3, 0.5)))
    assert unread.startswith("old: much nearer to real pictures, yet seldom read")
    (apart,) = caveats(document(target("old", 0.6, 0.8, 0.2), target("young", 0.6, 0.8, 0.05)))
    assert apart.startswith("old: the classifiers disagree more often than in the untouched pictures, by over 10%")
    (stranger,) = caveats(document(target("old", 0.6, 0.8, below_same=rate(0.95))))
    assert stranger.startswith("old: source and result are less alike than 90%")
    (unsure,) = caveats(document(target("young", 0.6, 0.8), target("old", 0.6, None)))
    assert unsure == "old: it is not certain how much of the distance to real pictures is left. Measure more pictures."
    blind = document(target("old", 0.6, 0.8))
    blind["classifiers"][1]["accuracy"]["Male"] = {"accuracy": 0.8, "recall": 0.02, "specificity": 1.0}
    assert [sentence[:24] for sentence in caveats(blind)] == ["old: a classifier reads "]
    (alone,) = caveats(document(target("old", 0.6, None, None), classifiers=1))
    assert alone.startswith("Only one classifier")


def test_a_target_that_is_read_no_more_often_than_before_is_named():
    idle = target("male", 1.0, None, do_nothing=rate(1.0))
    few = target("young", 1.0, None, translated=rate(1.0, 0, n=2), do_nothing=rate(0.0, 0, n=2))
    more = target("old", 1.0, None, translated=rate(1.0, 0, n=9), do_nothing=rate(0.0, 0, n=9))
    (said,) = caveats(document(idle, few, more))
    assert said.startswith("male, young: read no more often than in the untouched pictures, or")


def test_few_pictures_contradict_nothing():
    """Each of these would be named if its interval were narrow."""
    wide = 0.3
    rows = [
        target("a", 0.8, None, translated=rate(0.8, wide), distances={"share_left": rate(0.95)}),
        target("b", 0.3, None, translated=rate(0.3, wide), distances={"share_left": rate(0.5)}, do_nothing=rate(-0.1)),
        target("c", 0.8, 0.5, more_disagreement=rate(0.2, wide), below_same=rate(0.95, wide)),
        target("d", 0.8, 0.5, more_disagreement=rate(1.0, 0, n=3)),
    ]
    assert list(caveats(document(*rows))) == []


def test_a_change_that_pleases_the_classifiers_alone_scores_nothing():
    honest, painted = (document(target("old", read, left)) for read, left in ((0.5, 0.6), (1.0, 1.1)))
    assert score(painted) == 0 < score(honest) == pytest.approx(0.5 * 0.4)
    another = target("old", 0.5, 0.6, below_same=rate(0.25))
    assert score(document(another)) == pytest.approx(0.5 * 0.4 * 0.75)
    assert score(document(target("old", 0.5, None))) == 0.5
    row = log_row({"sets": [honest | {"name": "celeba"}]})
    assert row == {
        "score": pytest.approx(0.2),
        "celeba/old/read": 0.5,
        "celeba/old/share_left": 0.6,
        "celeba/old/kept_psnr": 40.0,
    }


def test_scores_with_and_without_the_person_do_not_compare():
    one = document(target("old", 0.5, 0.6)) | {"name": "celeba", "pictures": 3}
    settings = {"features": "none", "face_network": "dlib"}
    blind, seeing = ({"face_distances": {"told_apart": share}} for share in (0.7, 0.99))
    found = [measured_with({"settings": settings, "sets": [one | more]}) for more in ({}, blind, seeing)]
    assert found[0] == found[1] != found[2]


def test_a_small_share_below_nothing_is_shown_without_a_sign():
    one = document(target("old", -0.0002, 0.6, translated=rate(-0.0002, 0.0001)))
    assert glance(one, "dlib").rows[0][2] == "0.0"
