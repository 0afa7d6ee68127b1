"""Recompute an evaluation from the PNG files that `stargan eval --pictures --out REPORT` wrote, without stargan's code:
scikit-image for PSNR and SSIM, NumPy for distances and shares, the networks' own packages for labels and features.

    python benchmarks/recompute.py REPORT --classifier FILE [--classifier FILE ...] [--inception FILE]

Prints every number beside the report's; exit code 1 where two differ in the third digit.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from networks_again import Classifier, Inception, Lite0, Lpips, picture
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
Found = Iterator[tuple[str, float | None, float]]
Rows = list[dict]


def likeness(folder: Path, kind: str, reported: dict) -> Found:
    if "psnr" not in reported:
        return
    through = reported.get("through")
    rows = sources_of(folder) if through is None else by_target(folder)[through]
    names = [Path(row["source"]).relative_to("source") for row in rows]
    pairs = [(picture(folder / "source" / name), picture(folder / kind / name)) for name in names]
    psnr = [min(60.0, peak_signal_noise_ratio(a, b)) if (a != b).any() else 60.0 for a, b in pairs]
    yield f"{kind}: PSNR", reported["psnr"]["value"], np.mean(psnr)
    if "ssim" in reported:
        ssim = np.mean([structural_similarity(a, b, **SSIM) for a, b in pairs])
        yield f"{kind}: SSIM", reported["ssim"]["value"], ssim


def sources_of(folder: Path) -> Rows:
    return list(map(json.loads, (folder / "sources.jsonl").read_text().splitlines()))


def readings(folder: Path, reported: dict, classifiers: dict[str, Classifier]) -> Found:
    """How often all classifiers read the target, how often each does, how often they disagree, what else changed."""
    every = by_target(folder)
    seen: dict[str, list[dict[str, int]]] = {}
    for target in reported["targets"]:
        rows, name = every[target["name"]], target["name"]
        for row in rows:
            for path in (row["source"], row["translated"]):
                if path not in seen:
                    seen[path] = [one.labels_of(folder / path) for one in classifiers.values()]
        after, before = (
            np.array([[row["wanted"].items() <= read.items() for read in seen[row[kind]]] for row in rows])
            for kind in ("translated", "source")
        )
        yield f"{name}: translated", target["translated"]["value"], after.all(1).mean()
        yield f"{name}: do nothing", target["do_nothing"]["value"], before.all(1).mean()
        for number, one in enumerate(classifiers):
            yield f"{name}: read by {one}", target["read_by"][one]["value"], after[:, number].mean()
        if len(classifiers) > 1:
            yield f"{name}: disagreement", target["disagreement"]["value"], (after.any(1) != after.all(1)).mean()
        for other, share in target["others_changed"].items():
            changed = [
                all(a[other] != b[other] for a, b in zip(seen[row["source"]], seen[row["translated"]], strict=True))
                for row in rows
            ]
            yield f"{name}: {other} changed", share, np.mean(changed)


def by_target(folder: Path) -> dict[str, Rows]:
    found: dict[str, Rows] = defaultdict(list)
    for row in map(json.loads, (folder / "pictures.jsonl").read_text().splitlines()):
        found[row["target"]].append(row)
    return found


def changes(folder: Path, reported: dict, lpips: Lpips | None, at: str) -> Found:
    """How much changes. With `--at source`, PSNR elsewhere and LPIPS are of the faces' squares, which are no files."""
    every, faces = by_target(folder), at == "source"
    for target in reported["targets"]:
        name, moved, far, background = target["name"], [], [], []
        for row in every[name]:
            before, after = (picture(folder / row[kind]) for kind in ("source", "translated"))
            size, difference = len(before) // 8, after.astype(float) - before
            corners = np.concatenate([difference[:size, :size], difference[:size, -size:]])
            moved.append(np.abs(corners).mean())
            background.append(min(60.0, 10 * np.log10(255**2 / max(1e-9, (corners**2).mean()))))
            if lpips:
                far.append(lpips.distance(before, after))
        yield f"{name}: background", target["background_change"]["value"], np.mean(moved)
        if not faces and not set(target["moved"]) <= set(HAIR):  # for new hair it is the face: see the card
            yield f"{name}: PSNR elsewhere", target["kept_psnr"]["value"], np.mean(background)
        if lpips and not faces and "lpips" in target:
            yield f"{name}: LPIPS", target["lpips"]["value"], np.mean(far)


def distances(folder: Path, reported: dict, features: Callable[[Path], torch.Tensor]) -> Found:
    """Fréchet and kernel distances by their formulas. Real pictures are weighted so that their other attributes are as
    frequent as among the sources."""
    every, seen = by_target(folder), {}

    def of(paths: list[str]) -> np.ndarray:
        for path in paths:
            if path not in seen:
                seen[path] = features(folder / path).double().numpy()
        return np.array([seen[path] for path in paths])

    labels = {row["source"]: row["labels"] for row in sources_of(folder)}
    for target in reported["targets"]:
        if not target.get("distances"):
            continue

        def kind(path: str, moved: list[str] = target["moved"]) -> tuple:
            return tuple(value for name, value in labels[path].items() if name not in moved)

        rows = every[target["name"]]
        left = [row["source"] for row in rows]
        real = [path for path in labels if path not in set(left)]
        kinds = {kind(path) for path in left} & {kind(path) for path in real}
        rows, real = [row for row in rows if kind(row["source"]) in kinds], [x for x in real if kind(x) in kinds]
        many = [[kind(path) for path in part] for part in (left, real)]
        weight = np.array([many[0].count(kind(path)) / many[1].count(kind(path)) for path in real])
        ones = np.ones(len(rows))
        there = of(real)
        sets = {
            "translated": (of([row["translated"] for row in rows]), ones, there, weight),
            "do_nothing": (of([row["source"] for row in rows]), ones, there, weight),
            "real": (there[::2], weight[::2], there[1::2], weight[1::2]),
        }
        kernels = {}
        for name, (a, v, b, w) in sets.items():
            values, title = target["distances"][name], f"{target['name']}, {name.replace('_', ' ')}"
            (first, frechet), (second, kernel) = list(values.items())[2:4]
            kernels[name] = mmd(a, v / v.sum(), b, w / w.sum())
            yield f"{title}: {first}", frechet, frechet_distance(a, v / v.sum(), b, w / w.sum())
            yield f"{title}: {second}", kernel, kernels[name]
        if share := target["distances"]["share_left"]:
            yield f"{target['name']}: share left", share["value"], kernels["translated"] / kernels["do_nothing"]


def frechet_distance(a: np.ndarray, v: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
    """The squared Fréchet distance, by the square root of A^1/2 B A^1/2 with the weighted covariances A and B."""
    cov_a, cov_b = np.cov(a, rowvar=False, aweights=v), np.cov(b, rowvar=False, aweights=w)
    values, vectors = np.linalg.eigh(cov_a)
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    root = np.sqrt(np.linalg.eigvalsh(half @ cov_b @ half).clip(0))
    return ((v @ a - w @ b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root.sum()


def mmd(a: np.ndarray, v: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
    """The unbiased MMD with the cubic kernel."""
    aa, bb, ab = ((p @ q.T / p.shape[1] + 1) ** 3 for p, q in ((a, a), (b, b), (a, b)))
    within = [(u @ k @ u - u**2 @ np.diag(k)) / (1 - u @ u) for u, k in ((v, aa), (w, bb))]
    return sum(within) - 2 * v @ ab @ w


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--classifier", type=Path, action="append", required=True, help="each classifier of the report")
    parser.add_argument("--inception", type=Path, help="the Inception file of the report's FID")
    parser.add_argument("--lpips", type=Path, help="folder with the two files of the report's LPIPS")
    options = parser.parse_args()
    document, wrong = json.loads((options.report / "evaluation.json").read_text()), 0
    lpips = Lpips(options.lpips) if options.lpips else None
    classifiers: dict[str, Classifier] = {}
    for classifier in map(Classifier, options.classifier):
        same = sum(known.name == classifier.name for known in classifiers.values())
        classifiers[f"{classifier.name} ({same + 1})" if same else classifier.name] = classifier
    folders = sorted((options.report / "pictures").iterdir(), key=lambda path: int(path.name.split("-")[0]))
    for folder, one in zip(folders, document["sets"], strict=True):
        used = {known["name"]: classifiers[known["name"]] for known in one["classifiers"]}
        print(f"{one['name']}: {one['pictures']} pictures")
        for kind in ("own_label", "there_and_back"):
            wrong += compare(likeness(folder, kind, one[kind]))
        wrong += compare(readings(folder, one, used))
        wrong += compare(changes(folder, one, lpips, document["settings"]["at"]))
        network = document["settings"]["features"]
        if network != "none":
            first = next(iter(used.values()))
            eyes = first if network == "classifier" else Inception(options.inception) if options.inception else Lite0()
            wrong += compare(distances(folder, one, eyes.features))
    print(f"{wrong} differ" if wrong else "all agree to three digits")
    return min(1, wrong)


def compare(found: Found) -> int:
    wrong = 0
    for name, reported, again in found:
        off = not abs(reported - again) <= max(5e-4 * abs(reported), 1e-4)  # as NaN is, too
        print(f"  {name:48} {reported:14.6g} {again:14.6g}{'  DIFFERS' if off else ''}", flush=True)
        wrong += bool(off)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
