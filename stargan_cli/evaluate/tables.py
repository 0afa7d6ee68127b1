"""The document of an evaluation as tables of text, for the report and for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stargan_cli.errors import counted
from stargan_cli.evaluate.bootstrap import rounded
from stargan_cli.evaluate.glance import glance_rows
from stargan_cli.evaluate.pixel_metrics import MOST_DECIBELS

_SHARES = {
    "real": "real",
    "do_nothing": "do nothing",
    "translated": "translated",
    "accuracy_of_all": "all pictures",
}
_MEANS = {
    "background_change": "background",
    "change_inside_mask": "inside the mask",
    "change_outside_mask": "outside the mask",
    "kept_psnr": "PSNR elsewhere, dB",
    "perceptual": "perceptual elsewhere",
    "lpips": "LPIPS",
    "face_distance": "face distance",
    "below_same": "of one person",
    "below_different": "of two people",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
}
NOTHING, SINGLES, GLANCE = "-", "single changes", "At a glance"
LIMIT = f"{MOST_DECIBELS:.0f} dB at most (equal pictures)"


@dataclass(frozen=True)
class TextTable:
    """`head` names the columns; the first column is text, the others are numbers."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]


def tables(
    one: dict[str, Any], face_network: str, baseline: dict[str, Any] | None, difference: dict[str, Any] | None
) -> list[TextTable]:
    """Tables of one data set of the document. `face_network` is in the document's settings. `baseline` and `difference`
    are of the same data set, or None."""
    found = [glance(one, face_network), _accuracy(one)]
    if "classification_error" in one:
        found.append(_classification_error(one))
    if baseline is not None and difference is not None:
        found.append(_difference(one, baseline, difference))
    found += _distances(one)
    return [*found, _changes(one, face_network), _preservation(one), *map(classifier_table, one["classifiers"])]


def set_heading(one: dict[str, Any]) -> str:
    """The name of a data set of the document, the number of its pictures, and their size."""
    return f"{one['name']}: {counted(one['pictures'], 'picture')} of {one['image_size']} px"


def glance(one: dict[str, Any], face_network: str) -> TextTable:
    """A row per single change: read by all classifiers, looks real, same person, what else changed."""
    rows = [
        [
            row["name"],
            *(_share(row[key]) for key in ("before", "read")),
            ", ".join(map(_share, row["trust"])),
            *(_share(row[key]) for key in ("disagreement", "share_left", "person")),
            NOTHING if row["other"] is None else f"{row['other']} {_share(row['other_share'])}",
            NOTHING if row["kept_psnr"] is None else f"{row['kept_psnr']:.1f}",
        ]
        for row in glance_rows(one)
    ]
    own = one["own_label"]["psnr"]
    rows.append(["own label", *[NOTHING] * 7, NOTHING if own is None else f"{own['value']:.1f}"])
    note = (
        "In %. before, read: every classifier reads the target in the untouched and in the translated pictures; trust: "
        "the classifiers' lowest accuracy and balanced accuracy on real pictures when they were fitted (classes: share "
        "of pictures read as their class, and recall); apart: the classifiers disagree; left: share of the sources' "
        "distance to real pictures that is left (100: nothing gained); person: pairs of one person's photos that are "
        f"more alike than source and result, {_by(face_network)}; PSNR: where nothing should change (own label: "
        f"everywhere), {LIMIT}."
    )
    head = ["change", "before", "read", "trust", "apart", "left", "person", "what else changed", "PSNR"]
    return TextTable(GLANCE, note, head, rows)


def _accuracy(one: dict[str, Any]) -> TextTable:
    everything = [*one["targets"], {"name": SINGLES, **one["all_single_changes"]}]
    rows = [
        [row["name"], _counts(row["translated"], row["real"]), *(_percent(row.get(name)) for name in _SHARES)]
        for row in everything
    ]
    note = (
        "Share that every classifier reads as the target, in %. n: pictures that did not show it before, unchanged (do "
        "nothing) and translated; all pictures: also those that did, translated with their own label; real: unchanged "
        "pictures that show it (their number in brackets). Combinations (such as hair+gender): n is all pictures, each "
        "changed in every factor; real: as they are, read as their own labels."
    )
    return TextTable("Attribute accuracy", note, ["target", "n", *_SHARES.values()], rows)


def _classification_error(one: dict[str, Any]) -> TextTable:
    errors = one["classification_error"]
    names = [name for name in _SHARES if name in errors]
    row = [one["name"], *(_percent(errors[name]) for name in names)]
    return TextTable("Classification error", "In %, all classes.", ["", *(_SHARES[name] for name in names)], [row])


def _difference(one: dict[str, Any], other: dict[str, Any], difference: dict[str, Any]) -> TextTable:
    rows = [
        [row["name"], *map(_percent, (row["translated"], base["translated"], change["translated"]))]
        for row, base, change in zip(one["targets"], other["targets"], difference["targets"].values(), strict=True)
    ]
    totals = [part["all_single_changes"]["translated"] for part in (one, other, difference)]
    rows.append([SINGLES, *map(_percent, totals)])
    for part, label in (("own_label", "own label"), ("there_and_back", "there and back")):
        for metric in difference[part]:
            row = [source[part][metric] for source in (one, other, difference)]
            rows.append([f"{label}: {_MEANS[metric]}", *map(_number_within, row)])
    note = f"Share read as the target, in %; the difference is paired, picture by picture. PSNR: {LIMIT}."
    if one["image_size"] != other["image_size"]:
        note += (
            f" The weights are measured at {one['image_size']} px, the baseline at {other['image_size']} px: "
            "classifiers read the same pictures differently, and PSNR and SSIM are of other pixels. So a difference is "
            "not due to the networks alone."
        )
    return TextTable("Against the baseline", note, ["target", "weights", "baseline", "difference"], rows)


def _distances(one: dict[str, Any]) -> list[TextTable]:
    found = [row for row in one["targets"] if row.get("distances")]
    if not found:
        return []
    names = [name for name in found[0]["distances"]["translated"] if name not in ("n", "n_real")]
    rows = [
        [row["name"], kind.replace("_", " "), f"{values['n']:,}", f"{values['n_real']:,}"]
        + [f"{values[name]:.4g}" for name in names]
        + [_percent(row["distances"]["share_left"]) if kind == "translated" else ""]
        for row in found
        for kind, values in row["distances"].items()
        if kind != "share_left"
    ]
    note = (
        "From n pictures to n real ones that show the target, weighted so that their other attributes are as frequent "
        "as the sources'. real: from one half to the other; left: the kernel distance of translated over that of do "
        "nothing, in %. The Fréchet distance grows as pictures get fewer: compare it only where n and n real are the "
        "same, so not with real. Targets with fewer than four pictures on either side are left out."
    )
    return [TextTable("Distances", note, ["target", "pictures", "n", "n real", *names, "left"], rows)]


def _changes(one: dict[str, Any], face_network: str) -> TextTable:
    metrics = [metric for metric in _MEANS if any(metric in row for row in one["targets"])]
    rows = [[row["name"], *(_number(row.get(metric)) for metric in metrics)] for row in one["targets"]]
    note = (
        "Mean absolute difference to the source, in 1/255; background: the two upper corners. Elsewhere: where nothing "
        f"should change (new hair: the face; other changes: the background). PSNR: {LIMIT}. LPIPS: of the whole "
        f"square. Face distance: between descriptors, {_by(face_network)}; of one person, of two people: the share of "
        "such pairs of photos that are nearer."
    )
    return TextTable("How much changes", note, ["translated to", *(_MEANS[metric] for metric in metrics)], rows)


def _by(face_network: str) -> str:
    return f"by {'the first classifier' if face_network == 'classifier' else face_network}"


def _preservation(one: dict[str, Any]) -> TextTable:
    back = one["there_and_back"]
    rows = {"own label": one["own_label"]}
    if "psnr" in back:
        rows[f"{back['through']} and back"] = back
    metrics = [metric for metric in _MEANS if any(metric in row for row in rows.values())]
    body = [
        [name, f"{row['psnr']['n'] if row['psnr'] else 0:,}", *(_number_within(row.get(metric)) for metric in metrics)]
        for name, row in rows.items()
    ]
    note = f"Likeness to the source, translated with its own label, and to the last target and back. PSNR: {LIMIT}."
    return TextTable("What stays", note, ["translated to", "n", *(_MEANS[metric] for metric in metrics)], body)


def classifier_table(classifier: dict[str, Any]) -> TextTable:
    """A classifier's `quality`: recall, specificity and accuracy per attribute, or the recall of each class."""
    title, measured = f"Classifier {classifier['name']} ({classifier['network']})", _measured_on(classifier)
    if classifier["kind"] == "classes":
        rows = [[name, _share(shares.get("recall"))] for name, shares in classifier["accuracy"].items()]
        rows.append(["all classes", _share(classifier["read_right"])])
        note = f"{measured} In %. recall: share of the pictures of the class that are read so; of all, in the last row."
        return TextTable(title, note, ["class", "recall"], rows)
    columns = ["accuracy", "balanced", "recall", "specificity"]
    known = {name: shares | _balanced(shares) for name, shares in classifier["accuracy"].items()}
    rows = [[name, *(_share(shares.get(key)) for key in columns)] for name, shares in known.items()]
    means = [[shares[key] for shares in known.values() if key in shares] for key in columns]
    rows.append(["mean", *(_share(sum(values) / len(values) if values else None) for values in means)])
    note = (
        f"{measured} In %. recall: share of the pictures with the attribute that are read so; "
        "specificity: the same of the pictures without it; balanced: the mean of the two (guessing: 50)."
    )
    return TextTable(title, note, ["attribute", *columns], rows)


def _measured_on(classifier: dict[str, Any]) -> str:
    known = classifier["measured_on"]
    if known is None:
        return "Measured when it was fitted, on test pictures that its file does not name."
    split = f", {known['split']} split" if "split" in known else ""
    return f"Measured when it was fitted, on {known.get('pictures')} test pictures of {known.get('data')}{split}."


def _balanced(shares: dict[str, float]) -> dict[str, float]:
    sides = [shares[key] for key in ("recall", "specificity") if key in shares]
    return {"balanced": sum(sides) / 2} if len(sides) == 2 else {}


def _share(value: float | None) -> str:
    return NOTHING if value is None else _of_100(value)


def _counts(translated: dict[str, Any], real: dict[str, Any] | None) -> str:
    return f"{translated['n']:,} ({real['n'] if real else 0:,} real)"


def _percent(found: dict[str, Any] | None) -> str:
    if found is None:
        return NOTHING
    return f"{_of_100(found['value'])} ({_of_100(found['low'])} to {_of_100(found['high'])})"


def _of_100(share: float) -> str:
    return f"{rounded(100 * share, 1):.1f}"


def _number(found: dict[str, Any] | None) -> str:
    return NOTHING if found is None else f"{found['value']:.4g}"


def _number_within(found: dict[str, Any] | None) -> str:
    return NOTHING if found is None else f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g})"
