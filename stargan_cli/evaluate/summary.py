"""From numbers per picture to means, intervals and differences: the document of an evaluation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stargan_cli.evaluate.accuracy import successes
from stargan_cli.evaluate.bootstrap import estimate
from stargan_cli.evaluate.distances import distance_rows
from stargan_cli.evaluate.measure import SetValues, TargetValues, Values

ROWS = ("real", "do_nothing", "translated")


def summarise(measured: SetValues, features: str | None = None, seed: int = 0) -> dict[str, Any]:
    """One data set, as plain values ready for JSON. `features`: whose features were collected."""
    labelled, judge = measured.labelled_set.pictures.labelled, measured.labelled_set.classifier
    document = {
        "name": labelled.label_set.name,
        "kind": labelled.label_set.kind,
        "pictures": len(labelled),
        "unreadable": len(measured.labelled_set.pictures.unreadable),
        "classifier": {name: judge.accuracy[name] for name in labelled.label_set.attributes},
        "targets": [_target(one, measured, features, seed) for one in measured.targets],
        "all_single_changes": {name: _estimate(_singles(measured, name), seed) for name in ROWS},
        "own_label": _means(measured.own, seed),
        "there_and_back": _means(measured.there_and_back, seed) | {"through": measured.targets[-1].target.name},
    }
    if labelled.label_set.kind == "classes":
        document["classification_error"] = {
            name: _estimate(1 - _singles(measured, name).double(), seed) for name in ROWS
        }
    return document


def difference(first: SetValues, second: SetValues, seed: int = 0) -> dict[str, Any]:
    """First minus second on the same pictures, paired, with intervals."""
    targets = {}
    for one, other in zip(first.targets, second.targets, strict=True):
        targets[one.target.name] = {"translated": _paired(one.translated, other.translated, seed)}
        targets[one.target.name] |= _paired_means(one.values, other.values, seed)
    return {
        "targets": targets,
        "all_single_changes": {
            "translated": _paired(_singles(first, "translated"), _singles(second, "translated"), seed)
        },
        "own_label": _paired_means(first.own, second.own, seed),
        "there_and_back": _paired_means(first.there_and_back, second.there_and_back, seed),
    }


def _target(one: TargetValues, measured: SetValues, features: str | None, seed: int) -> dict[str, Any]:
    target = one.target
    document: dict[str, Any] = {"name": target.name, "combination": target.combination}
    document |= {name: _estimate(getattr(one, name), seed) for name in ROWS}
    if not target.combination:
        document["accuracy_of_all"] = _estimate(_all_pictures(one, measured), seed)
        if features is not None and one.features is not None and measured.features is not None:
            document["distances"] = distance_rows(features, target, measured.features, one.features)
    return document | _means(one.values, seed)


def _all_pictures(one: TargetValues, measured: SetValues) -> Tensor:
    """Success over all pictures: those that showed the target before are translated with their own label."""
    shown, labels = one.target.real, measured.labelled_set.pictures.labelled.labels
    kept = successes(measured.own_read[shown], labels[shown], one.target.real_judged)
    return torch.cat([one.translated, kept])


def _singles(measured: SetValues, row: str) -> Tensor:
    return torch.cat([getattr(one, row) for one in measured.targets if not one.target.combination])


def _means(values: Values, seed: int) -> dict[str, Any]:
    return {name: _estimate(numbers, seed) for name, numbers in values.items()}


def _paired_means(first: Values, second: Values, seed: int) -> dict[str, Any]:
    return {name: _paired(first[name], second[name], seed) for name in first if name in second}


def _paired(first: Tensor, second: Tensor, seed: int) -> dict[str, Any] | None:
    return _estimate(first.double() - second.double(), seed)


def _estimate(values: Tensor, seed: int) -> dict[str, Any] | None:
    found = estimate(values.double().numpy(), seed)
    return found.to_dict() if found else None
