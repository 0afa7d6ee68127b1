"""From numbers per picture to means, intervals and differences: the document of an evaluation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from stargan_cli.evaluate.bootstrap import estimate
from stargan_cli.evaluate.distances import distance_rows
from stargan_cli.evaluate.same_person import TOLD_APART, Yardstick, moved
from stargan_cli.evaluate.targets import successes
from stargan_cli.evaluate.values import SetValues, TargetValues, Values

ROWS = ("real", "do_nothing", "translated")


def summarise(measured: SetValues, features: str, seed: int) -> dict[str, Any]:
    """Summarise one data set as plain values, ready for JSON. `features`: the network that gave the features."""
    labelled, readers = measured.labelled_set.pictures.labelled, measured.labelled_set.readers
    singles = {name: _singles(measured, name) for name in ROWS}
    document = {
        "name": measured.labelled_set.name,
        "kind": labelled.label_set.kind,
        "pictures": len(labelled),
        "image_size": measured.labelled_set.seen.pixels.shape[-1],
        "unreadable": len(measured.labelled_set.pictures.unreadable),
        "classifiers": [one.quality(readers.attributes) for one in readers.classifiers],
        "targets": [_target(one, measured, features, seed) for one in measured.targets],
        "all_single_changes": {name: _estimate(read, seed, pictures) for name, (read, pictures) in singles.items()},
        "own_label": _means(measured.own, seed),
        "there_and_back": _means(measured.there_and_back, seed) | {"through": measured.targets[-1].target.name},
    }
    if measured.yardstick is not None:
        medians = {"one_person": _median(measured.yardstick.same), "two_people": _median(measured.yardstick.different)}
        document["face_distances"] = medians | {"told_apart": measured.yardstick.told_apart}
    if labelled.label_set.kind == "classes":
        document["classification_error"] = {
            name: _estimate(1 - read.double(), seed, pictures) for name, (read, pictures) in singles.items()
        }
    return document


def difference(first: SetValues, second: SetValues, seed: int) -> dict[str, Any]:
    """The paired differences, first minus second, with intervals. Both have the same pictures in the same order."""
    targets: dict[str, Any] = {}
    (read, pictures), (other_read, _) = (_singles(one, "translated") for one in (first, second))
    for one, other in zip(first.targets, second.targets, strict=True):
        translated = _paired(read_by_all(one.translated), read_by_all(other.translated), seed)
        targets[one.target.name] = {"translated": translated} | _paired_means(one.values, other.values, seed)
    return {
        "targets": targets,
        "all_single_changes": {"translated": _paired(read, other_read, seed, pictures)},
        "own_label": _paired_means(first.own, second.own, seed),
        "there_and_back": _paired_means(first.there_and_back, second.there_and_back, seed),
    }


def read_by_all(successful: Tensor) -> Tensor:
    """Whether every classifier reads the target: bool (n, c) -> bool (n,)."""
    return successful.all(dim=1)


def _target(one: TargetValues, measured: SetValues, features: str, seed: int) -> dict[str, Any]:
    target, labels = one.target, measured.labelled_set.pictures.labelled.labels
    document: dict[str, Any] = {"name": target.name, "combination": target.combination}
    for key, columns in (("attributes", target.named.any(dim=0)), ("moved", target.moved)):
        pairs = zip(measured.labelled_set.readers.label_set.attributes, columns.tolist(), strict=True)
        document[key] = [name for name, chosen in pairs if chosen]
    document |= {name: _estimate(read_by_all(getattr(one, name)), seed) for name in ROWS}
    document["read_by"] = {
        classifier.name: _estimate(one.translated[:, number], seed)
        for number, classifier in enumerate(measured.labelled_set.readers.classifiers)
    }
    if one.translated.shape[1] > 1:
        apart, before = (read.any(dim=1) != read.all(dim=1) for read in (one.translated, one.do_nothing))
        document["disagreement"] = _estimate(apart, seed)
        document["more_disagreement"] = _paired(apart, before, seed)
    document["others_changed"] = _others_changed(one, measured)
    if not target.combination:
        document["accuracy_of_all"] = _estimate(_all_pictures(one, measured), seed)
        if one.features is not None and measured.features is not None:
            document["distances"] = distance_rows(features, target, labels, measured.features, one.features, seed)
    if one.descriptors is not None and measured.descriptors is not None:
        before = measured.descriptors[target.pictures]
        document |= _means(person_values(before, one.descriptors, measured.yardstick), seed)
    return document | _means(one.values, seed)


def person_values(before: Tensor, after: Tensor, yardstick: Yardstick | None) -> Values:
    """Face descriptors (n, d) of sources and results -> their distances, and the shares of pairs of photos of one
    person and of two people that are nearer, (n,) each. Nothing if the descriptors do not tell people apart."""
    distance = moved(before, after)
    if yardstick is None:
        return {"face_distance": distance}
    if yardstick.told_apart < TOLD_APART:
        return {}
    shares = {"below_same": yardstick.below_same(distance), "below_different": yardstick.below_different(distance)}
    return {"face_distance": distance} | shares


def _others_changed(one: TargetValues, measured: SetValues) -> dict[str, float]:
    """Attribute -> the share of pictures in which every classifier reads it differently from before."""
    shares = zip(measured.labelled_set.readers.attributes, one.others_changed.mean(dim=0).tolist(), strict=True)
    return {name: round(share, 4) for name, share in shares if share == share}


def _all_pictures(one: TargetValues, measured: SetValues) -> Tensor:
    """Success on all pictures: those that already show the target are translated with their own label."""
    shown, labels = one.target.real, measured.labelled_set.pictures.labelled.labels
    own = measured.labelled_set.readers.own(measured.own_read[shown])
    kept = successes(own, labels[shown], one.target.real_named)
    return read_by_all(torch.cat([one.translated, kept]))


def _singles(measured: SetValues, row: str) -> tuple[Tensor, Tensor]:
    """Whether each picture of each single change is read as wanted, bool (n,), and which picture it is, int64 (n,): a
    picture has several changes."""
    single = [one for one in measured.targets if not one.target.combination]
    pictures = [one.target.real if row == "real" else one.target.pictures for one in single]
    return read_by_all(torch.cat([getattr(one, row) for one in single])), torch.cat(pictures)


def _means(values: Values, seed: int) -> dict[str, Any]:
    return {name: _estimate(numbers, seed) for name, numbers in values.items()}


def _paired_means(first: Values, second: Values, seed: int) -> dict[str, Any]:
    return {name: _paired(first[name], second[name], seed) for name in first if name in second}


def _paired(first: Tensor, second: Tensor, seed: int, pictures: Tensor | None = None) -> dict[str, Any] | None:
    return _estimate(first.double() - second.double(), seed, pictures)


def _estimate(values: Tensor, seed: int, pictures: Tensor | None = None) -> dict[str, Any] | None:
    return estimate(values.double().numpy(), seed, None if pictures is None else pictures.numpy())


def _median(values: Tensor) -> float:
    return round(float(values.median()), 4)
