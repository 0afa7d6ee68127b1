"""What to see first: one row per change, and where numbers and pictures may disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

READ_OFTEN, HARDLY_NEARER, MUCH_NEARER, SELDOM_READ, OFTEN_APART = 0.7, 0.9, 0.7, 0.5, 0.15


def glance_rows(one: dict[str, Any]) -> list[dict[str, Any]]:
    """Of one data set of the document, for each single change: `name`; `read`, the share that all classifiers read so;
    `real_share`, the same of real pictures; `accuracy` and `balanced` of the classifier that reads the attribute worst;
    `disagreement`, the share in which some read it so and some not; `share_left` of the distance to real pictures;
    `person`, the share of pairs of one person's photos that are nearer than source and result; `other` and
    `other_share`, the other attribute that changed most often; `kept_psnr` in dB where nothing was to change. None
    where one is unknown."""
    return [_row(target, one["classifiers"]) for target in one["targets"] if not target["combination"]]


def _row(target: dict[str, Any], classifiers: list[dict[str, Any]]) -> dict[str, Any]:
    shares = [classifier["accuracy"][name] for classifier in classifiers for name in target["attributes"]]
    sides = [(one["recall"] + one["specificity"]) / 2 for one in shares if {"recall", "specificity"} <= one.keys()]
    others = target["others_changed"]
    other = max(others, key=lambda name: others[name]) if others else None
    return {
        "name": target["name"],
        "read": _value(target["translated"]),
        "real_share": _value(target["real"]),
        "accuracy": min((one["accuracy"] for one in shares if "accuracy" in one), default=None),
        "balanced": min(sides, default=None),
        "disagreement": _value(target.get("disagreement")),
        "share_left": _value((target.get("distances") or {}).get("share_left")),
        "person": _value(target.get("below_same")),
        "other": other,
        "other_share": None if other is None else others[other],
        "kept_psnr": _value(target.get("kept_psnr")),
    }


def _value(found: dict[str, Any] | None) -> float | None:
    return None if found is None else float(found["value"])


def warnings(one: dict[str, Any]) -> Iterator[str]:
    """Sentences on the changes of one data set whose numbers ought to be compared with the pictures."""
    rows = glance_rows(one)
    if len(one["classifiers"]) < 2:
        yield (
            "One classifier alone read these pictures: a second one, of another network, would show changes that "
            "please only the first."
        )
    hardly = [
        row["name"]
        for row in rows
        if row["share_left"] is not None and row["read"] >= READ_OFTEN and row["share_left"] > HARDLY_NEARER
    ]
    if hardly:
        yield (
            f"{_listed(hardly)}: read as asked, yet hardly nearer to real pictures than the sources were. "
            "The classifiers may take signs for the thing: look for drawn or flat features."
        )
    unread = [
        row["name"]
        for row in rows
        if row["share_left"] is not None and row["read"] < SELDOM_READ and row["share_left"] < MUCH_NEARER
    ]
    if unread:
        yield f"{_listed(unread)}: much nearer to real pictures, yet seldom read as asked. The eye may see the change."
    apart = [row["name"] for row in rows if (row["disagreement"] or 0) > OFTEN_APART]
    if apart:
        yield (
            f"{_listed(apart)}: the classifiers disagree in more than {OFTEN_APART:.0%} of the pictures, as they do on "
            "adversarial ones."
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names)
