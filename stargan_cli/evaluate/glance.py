"""The first part of a report: one row per change, and warnings where numbers and pictures may disagree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

READ_OFTEN, HARDLY_NEARER, MUCH_NEARER, SELDOM_READ, OFTEN_APART = 0.7, 0.9, 0.7, 0.5, 0.15
GUESSING, ANOTHER_PERSON = 0.6, 0.9


def glance_rows(one: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each single change, from one data set of the document. Unknown values are None.

    `read`: share that all classifiers read as asked; `real_share`: the same of real pictures. `accuracy`, `balanced`:
    the lowest of any classifier for the attribute. `disagreement`: share on which the classifiers disagree.
    `share_left`: share of the distance to real pictures that is left. `person`: share of pairs of one person's photos
    that are nearer than source and result. `other`, `other_share`: the other attribute that changed most often, and how
    often. `kept_psnr`: PSNR (dB) where nothing should change.
    """
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
    facts = ("name", "pictures", "classifiers")
    return settings | {"sets": [{name: one[name] for name in facts} for one in document["sets"]]}


def warnings(one: dict[str, Any]) -> Iterator[str]:
    """Sentences that name the changes of one data set whose pictures should be looked at, and why."""
    rows = glance_rows(one)
    if len(one["classifiers"]) < 2:
        yield (
            "Only one classifier read these pictures. A second one, of another network, would reveal changes that fool "
            "only the first."
        )
    hardly = [
        row["name"]
        for row in rows
        if row["share_left"] is not None and row["read"] >= READ_OFTEN and row["share_left"] > HARDLY_NEARER
    ]
    if hardly:
        yield (
            f"{_listed(hardly)}: read as asked, yet hardly nearer to real pictures than the sources were. "
            "The change may fool the classifiers alone: look for features that look drawn or flat."
        )
    unread = [
        row["name"]
        for row in rows
        if row["share_left"] is not None and row["read"] < SELDOM_READ and row["share_left"] < MUCH_NEARER
    ]
    if unread:
        yield f"{_listed(unread)}: much nearer to real pictures, yet seldom read as asked. You may see the change."
    apart = [row["name"] for row in rows if (row["disagreement"] or 0) > OFTEN_APART]
    if apart:
        yield (
            f"{_listed(apart)}: the classifiers disagree in more than {OFTEN_APART:.0%} of the pictures, as they do on "
            "adversarial examples."
        )
    blind = [row["name"] for row in rows if row["balanced"] is not None and row["balanced"] < GUESSING]
    if blind:
        yield f"{_listed(blind)}: a classifier reads it hardly better than by guessing. Fit another on more pictures."
    strangers = [row["name"] for row in rows if (row["person"] or 0) > ANOTHER_PERSON]
    if strangers:
        yield (
            f"{_listed(strangers)}: source and result are less alike than {ANOTHER_PERSON:.0%} of the pairs of one "
            "person's photos. Check whether it is still the same person."
        )
    if any(target.get("distances") for target in one["targets"]):
        unsure = [row["name"] for row in rows if row["share_left"] is None]
        if unsure:
            yield (
                f"{_listed(unsure)}: it is not certain how much of the distance to real pictures is left. Measure more "
                "pictures."
            )


def _listed(names: list[str]) -> str:
    return ", ".join(names)
