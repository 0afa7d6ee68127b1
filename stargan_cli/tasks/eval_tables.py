"""The document of an evaluation as tables of text, for the report and for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_SHARES = {"real": "real pictures", "do_nothing": "do nothing", "translated": "translated", "accuracy_of_all": "all"}
_MEANS = {
    "background_change": "background",
    "change_inside_mask": "inside the mask",
    "change_outside_mask": "outside the mask",
    "lpips": "LPIPS",
    "identity": "identity",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
}


@dataclass(frozen=True)
class TextTable:
    """`head` names the columns; the first column is text, the others are numbers."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]


def tables(one: dict[str, Any], baseline: dict[str, Any] | None, difference: dict[str, Any] | None) -> list[TextTable]:
    """Tables of one data set of the document; `baseline` and `difference`: of the same set, where there is one."""
    found = [_accuracy(one)]
    if "classification_error" in one:
        found.append(_classification_error(one))
    if baseline is not None and difference is not None:
        found.append(_difference(one, baseline, difference))
    found += _distances(one)
    return [*found, _preservation(one), _judge(one)]


def _accuracy(one: dict[str, Any]) -> TextTable:
    rows = [
        [row["name"], f"{row['translated']['n']:,}", *(_percent(row.get(name)) for name in _SHARES)]
        for row in one["targets"]
    ]
    total = one["all_single_changes"]
    number = f"{total['translated']['n']:,}"
    rows.append(["all single changes", number, *(_percent(total.get(name)) for name in _SHARES)])
    note = (
        "Share read as the target by a classifier trained apart, in %. n: pictures that did not show it before; "
        "all: those too that did, translated with their own label."
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
    rows.append(["all single changes", *map(_percent, totals)])
    for part, label in (("own_label", "own label"), ("there_and_back", "there and back")):
        for metric in difference[part]:
            row = [source[part][metric] for source in (one, other, difference)]
            rows.append([f"{label}: {_MEANS[metric]}", *map(_number, row)])
    note = "Share read as the target, in %; the difference is paired, picture by picture."
    return TextTable("Against the baseline", note, ["target", "weights", "baseline", "difference"], rows)


def _distances(one: dict[str, Any]) -> list[TextTable]:
    found = [row for row in one["targets"] if row.get("distances")]
    if not found:
        return []
    names = [name for name in found[0]["distances"]["translated"] if name not in ("n", "n_real")]
    rows = [
        [row["name"], kind.replace("_", " "), f"{values['n']:,}", f"{values['n_real']:,}"]
        + [f"{values[name]:.4g}" for name in names]
        for row in found
        for kind, values in row["distances"].items()
    ]
    note = "To real pictures that show the target: of n pictures to n real ones; `real`: one half to the other."
    return [TextTable("Distances", note, ["target", "pictures", "n", "n real", *names], rows)]


def _preservation(one: dict[str, Any]) -> TextTable:
    back = one["there_and_back"]
    rows = {row["name"]: row for row in one["targets"]} | {"own label": one["own_label"]}
    rows[f"{back['through']} and back"] = back
    metrics = [metric for metric in _MEANS if any(metric in row for row in rows.values())]
    body = [[name, *(_number(row.get(metric)) for metric in metrics)] for name, row in rows.items()]
    note = "Changes: mean absolute difference, in 1/255; background: the two upper corners."
    return TextTable("What stays", note, ["translated to", *(_MEANS[metric] for metric in metrics)], body)


def _judge(one: dict[str, Any]) -> TextTable:
    columns = ["accuracy", "recall", "specificity"]
    rows = [
        [name, *(f"{100 * shares[key]:.1f}" if key in shares else "" for key in columns)]
        for name, shares in one["classifier"].items()
    ]
    return TextTable("The classifier", "On real test pictures, in %.", ["attribute", *columns], rows)


def _percent(found: dict[str, Any] | None) -> str:
    return (
        "" if found is None else f"{100 * found['value']:.1f} ({100 * found['low']:.1f} to {100 * found['high']:.1f})"
    )


def _number(found: dict[str, Any] | None) -> str:
    return "" if found is None else f"{found['value']:.4g}"
