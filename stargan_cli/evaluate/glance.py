"""The first part of a report: one row per change, and caveats where numbers and pictures may disagree."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from stargan_cli.evaluate.same_person import TOLD_APART

READ_OFTEN, HARDLY_NEARER, MUCH_NEARER, SELDOM_READ, MORE_APART = 0.7, 0.9, 0.7, 0.5, 0.1
GUESSING, ANOTHER_PERSON = 0.6, 0.9


def glance_rows(one: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each single change, from one data set of the document. Unknown values are None.

    `read`: share that all classifiers read as asked; `before`, `real_share`: the same of the untouched and of real
    pictures. `balanced`: the lowest balanced accuracy of any classifier for the attribute. `trust`: the lowest
    accuracy, and `balanced`; for classes the lowest share of pictures that are read as their class, and the lowest
    recall. `disagreement`: share on which the classifiers disagree. `share_left`: share of the distance to real
    pictures that is left. `person`: share of pairs of one person's photos that are nearer than source and result.
    `other`, `other_share`: the other attribute that changed most often, and how often; None if none did. `kept_psnr`:
    PSNR (dB) where nothing should change.
    """
    return [_row(target, one["classifiers"]) for target in _singles(one)]


def _singles(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [target for target in one["targets"] if not target["combination"]]


def _row(target: dict[str, Any], classifiers: list[dict[str, Any]]) -> dict[str, Any]:
    shares = [classifier["accuracy"][name] for classifier in classifiers for name in target["attributes"]]
    sides = [(one["recall"] + one["specificity"]) / 2 for one in shares if {"recall", "specificity"} <= one.keys()]
    accuracy, recall = (_lowest([one.get(key) for one in shares]) for key in ("accuracy", "recall"))
    right = [one["read_right"] for one in classifiers if one["kind"] == "classes"]
    others = {name: share for name, share in target["others_changed"].items() if share}
    other = max(others, key=lambda name: others[name], default=None)
    return {
        "name": target["name"],
        "before": _value(target["do_nothing"]),
        "read": _value(target["translated"]),
        "real_share": _value(target["real"]),
        "trust": (_lowest(right), recall) if right else (accuracy, _lowest(sides)),
        "balanced": _lowest(sides),
        "disagreement": _value(target.get("disagreement")),
        "share_left": _value(_share_left(target)),
        "person": _value(target.get("below_same")),
        "other": other,
        "other_share": None if other is None else others[other],
        "kept_psnr": _value(target.get("kept_psnr")),
    }


def _value(found: dict[str, Any] | None) -> float | None:
    return None if found is None else float(found["value"])


def _lowest(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _share_left(target: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (target.get("distances") or {}).get("share_left")
    return found


def _low(found: dict[str, Any] | None) -> float:
    """The least that a share may be (95 %); minus infinity if it is unknown."""
    return -math.inf if found is None else found["low"] - _rule_of_three(found)


def _high(found: dict[str, Any] | None) -> float:
    """The most that a share may be (95 %); infinity if it is unknown."""
    return math.inf if found is None else found["high"] + _rule_of_three(found)


def _rule_of_three(found: dict[str, Any]) -> float:
    """How much wider an interval is than resampling says, which gives none if all pictures are alike."""
    return 3 / found["n"] if found["low"] == found["high"] else 0.0


def score(one: dict[str, Any]) -> float:
    """One number in [0, 1] to choose weights by, from one data set of the document.

    It is the mean over single changes of a product: the share read as asked, times the share of the distance to real
    pictures that is gone, times the share of pairs of one person's photos that are less alike than source and result.
    An unknown factor is 1. A change that fools the classifiers without coming nearer to real pictures scores 0.
    """
    found: list[float] = []
    for row in glance_rows(one):
        gone = 1.0 if row["share_left"] is None else 1 - row["share_left"]
        kept = 1.0 if row["person"] is None else 1 - row["person"]
        found.append(row["read"] * min(1.0, max(0.0, gone)) * kept)
    return sum(found) / len(found)


def log_row(document: dict[str, Any]) -> dict[str, float]:
    """The numbers of an evaluation for the log of a training run: `score`, the mean over data sets, and the known
    values of each change's row."""
    row = {"score": sum(map(score, document["sets"])) / len(document["sets"])}
    for one in document["sets"]:
        for change in glance_rows(one):
            values = {key: change[key] for key in ("read", "share_left", "person", "kept_psnr")}
            name = f"{one['name']}/{change['name']}"
            row |= {f"{name}/{key}": value for key, value in values.items() if value is not None}
        if one["own_label"]["psnr"] is not None:
            row[f"{one['name']}/own_label/psnr"] = one["own_label"]["psnr"]["value"]
    return row


def measured_with(document: dict[str, Any]) -> dict[str, Any]:
    """What the `score` depends on beside the weights: scores of different instruments or pictures do not compare."""
    settings = {name: document["settings"][name] for name in ("features", "face_network")}
    sets = [
        {
            "name": one["name"],
            "pictures": one["pictures"],
            "person": "face_distances" in one and not _cannot_tell_people(one),
            "classifiers": [
                {fact: found[fact] for fact in ("name", "network", "accuracy")} for found in one["classifiers"]
            ],
        }
        for one in document["sets"]
    ]
    return settings | {"sets": sets}


class Caveat(NamedTuple):
    """Why the pictures of some changes should be looked at. It ranges over a change's target in the document, and its
    row of `glance_rows`."""

    holds: Callable[[dict[str, Any], dict[str, Any]], bool]
    sentence: str
    """What follows the names of the changes and a colon."""


CAVEATS = (
    Caveat(
        lambda target, row: _low(target["translated"]) <= _high(target["do_nothing"]),
        "read no more often than in the untouched pictures, or the pictures are too few to tell: the intervals "
        "overlap.",
    ),
    Caveat(
        lambda target, row: _low(target["translated"]) >= READ_OFTEN and _low(_share_left(target)) > HARDLY_NEARER,
        "read as asked, yet hardly nearer to real pictures than the sources were. The change may fool the classifiers "
        "alone: look for features that look drawn or flat.",
    ),
    Caveat(
        lambda target, row: _high(target["translated"]) < SELDOM_READ and _high(_share_left(target)) < MUCH_NEARER,
        "much nearer to real pictures, yet seldom read as asked. You may see the change.",
    ),
    Caveat(
        lambda target, row: _low(target.get("more_disagreement")) > MORE_APART,
        f"the classifiers disagree more often than in the untouched pictures, by over {MORE_APART:.0%} of all "
        "pictures, as they do on adversarial examples.",
    ),
    Caveat(
        lambda target, row: row["balanced"] is not None and row["balanced"] < GUESSING,
        "a classifier reads it hardly better than by guessing. Fit another on more pictures.",
    ),
    Caveat(
        lambda target, row: _low(target.get("below_same")) > ANOTHER_PERSON,
        f"source and result are less alike than {ANOTHER_PERSON:.0%} of the pairs of one person's photos. Check "
        "whether it is still the same person.",
    ),
)
"""In the order in which they are said."""
OF_DISTANCES = Caveat(
    lambda target, row: row["share_left"] is None,
    "it is not certain how much of the distance to real pictures is left. Measure more pictures.",
)
"""Said last, of an evaluation that measured distances."""


def caveats(one: dict[str, Any]) -> Iterator[str]:
    """Sentences that name the changes of one data set whose pictures should be looked at, and why. They hold for all
    values within the intervals, so few pictures give rise to fewer."""
    if len(one["classifiers"]) < 2:
        yield (
            "Only one classifier read these pictures. A second one, of another network, would reveal changes that fool "
            "only the first."
        )
    if _cannot_tell_people(one):
        yield (
            "The face descriptors tell photos of one person from photos of two in only "
            f"{one['face_distances']['told_apart']:.0%} of the cases (guessing: 50%): whether the person stays is not "
            "measured. It takes a network for faces, and weights whose card says where the eyes are."
        )
    has_distances = any(target.get("distances") for target in one["targets"])
    changes = list(zip(_singles(one), glance_rows(one), strict=True))
    for caveat in (*CAVEATS, OF_DISTANCES) if has_distances else CAVEATS:
        if names := [row["name"] for target, row in changes if caveat.holds(target, row)]:
            yield f"{', '.join(names)}: {caveat.sentence}"


def _cannot_tell_people(one: dict[str, Any]) -> bool:
    return "face_distances" in one and one["face_distances"]["told_apart"] < TOLD_APART
