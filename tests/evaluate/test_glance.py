"""The rows that a report opens with, and its doubts."""

from __future__ import annotations

import pytest

from stargan_cli.evaluate.glance import glance_rows, log_row, score, warnings
from stargan_cli.evaluate.tables import glance

RATE = {"low": 0.0, "high": 1.0, "n": 9}


def target(name: str, read: float, left: float | None, apart: float | None = 0.0) -> dict:
    found = {"name": name, "combination": False, "attributes": ["Male"], "others_changed": {"Young": 0.1, "Bald": 0.3}}
    found |= {"translated": RATE | {"value": read}, "real": RATE | {"value": 0.9}, "kept_psnr": RATE | {"value": 40.0}}
    if left is not None:
        found["distances"] = {"share_left": RATE | {"value": left}}
    return found if apart is None else found | {"disagreement": RATE | {"value": apart}}


def document(*targets: dict, classifiers: int = 2) -> dict:
    shares = [
        {"accuracy": 0.98, "recall": 0.9, "specificity": 1.0},
        {"accuracy": 0.97, "recall": 0.8, "specificity": 1.0},
    ]
    known = [{"name": str(n), "network": "n", "accuracy": {"Male": shares[n]}} for n in range(classifiers)]
    return {"targets": list(targets), "classifiers": known, "own_label": {"psnr": None}}


def test_a_row_says_what_counts():
    one = document(target("female", 0.8, 0.7), target("male+old", 0.1, None) | {"combination": True})
    (row,) = glance_rows(one)
    assert (row["read"], row["real_share"], row["share_left"], row["person"]) == (0.8, 0.9, 0.7, None)
    assert (row["accuracy"], row["balanced"]) == (0.97, pytest.approx(0.9))
    assert (row["other"], row["other_share"], row["kept_psnr"]) == ("Bald", 0.3, 40.0)
    assert glance(one).rows[0] == ["female", "80.0", "97.0, 90.0", "0.0", "70.0", "-", "Bald 30.0", "40.0"]


def test_numbers_that_contradict_one_another_are_named():
    assert list(warnings(document(target("female", 0.8, 0.5)))) == []
    (painted,) = warnings(document(target("old", 0.8, 0.95), target("female", 0.8, 0.5)))
    assert painted.startswith("old: read as asked, yet hardly nearer")
    (unread,) = warnings(document(target("old", 0.3, 0.5)))
    assert unread.startswith("old: much nearer to real pictures, yet seldom read")
    (apart,) = warnings(document(target("old", 0.6, 0.8, 0.2), target("young", 0.6, 0.8, 0.1)))
    assert apart.startswith("old: the classifiers disagree in more than 15%")
    (stranger,) = warnings(document(target("old", 0.6, 0.8) | {"below_same": RATE | {"value": 0.95}}))
    assert stranger.startswith("old: source and result are less alike than 90%")
    (unsure,) = warnings(document(target("young", 0.6, 0.8), target("old", 0.6, None)))
    assert unsure == "old: it is not certain how much of the distance to real pictures is left. Measure more pictures."
    blind = document(target("old", 0.6, 0.8))
    blind["classifiers"][1]["accuracy"]["Male"] = {"accuracy": 0.8, "recall": 0.02, "specificity": 1.0}
    assert [sentence[:24] for sentence in warnings(blind)] == ["old: a classifier reads "]
    (alone,) = warnings(document(target("old", 0.6, None, None), classifiers=1))
    assert alone.startswith("Only one classifier")


def test_a_change_that_pleases_the_classifiers_alone_scores_nothing():
    honest, painted = (document(target("old", read, left)) for read, left in ((0.5, 0.6), (1.0, 1.1)))
    assert score(painted) == 0 < score(honest) == pytest.approx(0.5 * 0.4)
    another = target("old", 0.5, 0.6) | {"below_same": RATE | {"value": 0.25}}
    assert score(document(another)) == pytest.approx(0.5 * 0.4 * 0.75)
    assert score(document(target("old", 0.5, None))) == 0.5
    row = log_row({"sets": [honest | {"name": "celeba"}]})
    assert row == {
        "score": pytest.approx(0.2),
        "celeba/old/read": 0.5,
        "celeba/old/share_left": 0.6,
        "celeba/old/kept_psnr": 40.0,
    }
