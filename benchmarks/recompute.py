"""Recompute an evaluation from the PNG files that `stargan eval --pictures --out REPORT` wrote, without stargan's code:
scikit-image for PSNR and SSIM, torch-fidelity's own API for FID and KID, NumPy for the judge's distances,
torchvision and the safetensors file for what the judge reads.

    python benchmarks/recompute.py REPORT --classifier judge.safetensors [--inception FILE]

Prints every number beside the report's; exit code 1 where two differ in the third digit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchvision.models import resnet18, vgg16

SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
Found = Iterator[tuple[str, float | None, float]]


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


class Judge:
    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            card = json.loads(file.metadata()["stargan_classifier"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.labels, self.size = card["layout"]["sets"][0]["attributes"], card["image_size"]
        self.classes = card["layout"]["sets"][0]["kind"] == "classes"
        self.network = resnet18(weights=None, num_classes=len(self.labels))
        self.network.load_state_dict(
            {name.removeprefix("body.").replace("head.", "fc."): tensor for name, tensor in tensors.items()}
        )
        self.last, self.network.fc = self.network.fc, torch.nn.Identity()
        self.network.eval()

    @torch.no_grad()
    def features(self, path: Path) -> torch.Tensor:
        x = torch.from_numpy(picture(path).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        if x.shape[-1] != self.size:
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False)
        return self.network(x)[0]

    def reads(self, features: torch.Tensor, wanted: dict[str, int]) -> bool:
        logits = self.last(features)
        if self.classes:
            return wanted == {self.labels[int(logits.argmax())]: 1}
        return all(int(logits[self.labels.index(name)] > 0) == value for name, value in wanted.items())


def likeness(folder: Path, kind: str, reported: dict) -> Found:
    pairs = [
        (picture(folder / "source" / path.relative_to(folder / kind)), picture(path)) for path in pngs(folder / kind)
    ]
    psnr = np.array([peak_signal_noise_ratio(a, b) for a, b in pairs if (a != b).any()])
    yield f"{kind}: PSNR", reported["psnr"]["value"], psnr.mean()
    if "ssim" in reported:
        ssim = np.mean([structural_similarity(a, b, **SSIM) for a, b in pairs])
        yield f"{kind}: SSIM", reported["ssim"]["value"], ssim


def pngs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.png"))


def accuracy(folder: Path, reported: dict, judge: Judge) -> Found:
    success, untouched = defaultdict(list), defaultdict(list)
    for row in map(json.loads, (folder / "pictures.jsonl").read_text().splitlines()):
        success[row["target"]].append(judge.reads(judge.features(folder / row["translated"]), row["wanted"]))
        untouched[row["target"]].append(judge.reads(judge.features(folder / row["source"]), row["wanted"]))
    for target in reported["targets"]:
        yield f"{target['name']}: translated", target["translated"]["value"], np.mean(success[target["name"]])
        yield f"{target['name']}: do nothing", target["do_nothing"]["value"], np.mean(untouched[target["name"]])


def changes(folder: Path, reported: dict, lpips: Lpips | None) -> Found:
    moved, far = defaultdict(list), defaultdict(list)
    for row in map(json.loads, (folder / "pictures.jsonl").read_text().splitlines()):
        before, after = (picture(folder / row[name]) for name in ("source", "translated"))
        size, difference = len(before) // 8, np.abs(after.astype(float) - before)
        corners = np.concatenate([difference[:size, :size], difference[:size, -size:]])
        moved[row["target"]].append(corners.mean())
        if lpips:
            far[row["target"]].append(lpips.distance(before, after))
    for target in reported["targets"]:
        name = target["name"]
        yield f"{name}: background", target["background_change"]["value"], np.mean(moved[name])
        if lpips and "lpips" in target:
            yield f"{name}: LPIPS", target["lpips"]["value"], np.mean(far[name])


class Lpips:
    """Zhang et al., CVPR 2018: squared differences of VGG-16's normalised features, weighed, averaged over places."""

    def __init__(self, folder: Path) -> None:
        network = vgg16(weights=None)
        network.load_state_dict(torch.load(folder / "vgg16-397923af.pth", weights_only=True))
        self.layers = network.features.eval()
        tensors = torch.load(folder / "weights-vgg16-lpips.pth", weights_only=True)
        self.weights = {end: tensors[f"lin{i}.model.1.weight"] for i, end in enumerate((3, 8, 15, 22, 29))}

    @torch.no_grad()
    def distance(self, before: np.ndarray, after: np.ndarray) -> float:
        mean, spread = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = torch.from_numpy(np.stack([before, after])).float() / 127.5 - 1
        x, total = ((x - mean) / spread).permute(0, 3, 1, 2), 0.0
        for number, layer in enumerate(self.layers[:30]):
            x = layer(x)
            if number in self.weights:
                unit = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
                total += float((self.weights[number] * (unit[0] - unit[1])[None].square()).sum(1).mean())
        return total


def distances(folder: Path, reported: dict, judge: Judge, inception: Path | None) -> Found:
    rows = list(map(json.loads, (folder / "pictures.jsonl").read_text().splitlines()))
    everything = [str(path.relative_to(folder)) for path in pngs(folder / "source")]
    for target in reported["targets"]:
        if not target.get("distances"):
            continue
        mine = [row for row in rows if row["target"] == target["name"]]
        real = [path for path in everything if path not in {row["source"] for row in mine}]
        sets = {
            "translated": ([row["translated"] for row in mine], real),
            "do_nothing": ([row["source"] for row in mine], real),
            "real": (real[::2], real[1::2]),
        }
        for kind, pair in sets.items():
            paths = [[folder / path for path in part] for part in pair]
            values, told = target["distances"][kind], f"{target['name']}, {kind.replace('_', ' ')}"
            if "fid" in values:
                found = by_torch_fidelity(paths, inception)
            else:
                found = by_formula([torch.stack([judge.features(path) for path in part]).numpy() for part in paths])
            for (name, value), again in zip(list(values.items())[2:4], found, strict=True):
                yield f"{told}: {name}", value, again


def by_torch_fidelity(paths: list[list[Path]], inception: Path | None) -> tuple[float, float]:
    from torch_fidelity import calculate_metrics

    with tempfile.TemporaryDirectory() as place:
        for name, part in zip("ab", paths, strict=True):
            os.mkdir(Path(place, name))
            for number, path in enumerate(part):
                os.symlink(path.resolve(), Path(place, name, f"{number:06}.png"))
        found = calculate_metrics(
            input1=f"{place}/a", input2=f"{place}/b", fid=True, kid=True, cuda=False, verbose=False, cache=False,
            batch_size=1, kid_subset_size=min(1000, *map(len, paths)), save_cpu_ram=True,
            feature_extractor_weights_path=inception and str(inception),
        )  # fmt: skip
    return found["frechet_inception_distance"], found["kernel_inception_distance_mean"]


def by_formula(features: list[np.ndarray]) -> tuple[float, float]:
    """The Fréchet distance by the root of A^1/2 B A^1/2, A and B the covariances; the mean of 100 unbiased MMDs with
    the cubic kernel."""
    a, b = (part.astype(np.float64) for part in features)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = np.linalg.eigh(cov_a)
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    root = np.sqrt(np.linalg.eigvalsh(half @ cov_b @ half).clip(0))
    frechet = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root.sum()
    size, random, found = min(len(a), len(b), 1000), np.random.RandomState(2020), []
    for _ in range(100):
        x, y = (part[random.choice(len(part), size, replace=False)] for part in (a, b))
        xx, yy, xy = ((p @ q.T / p.shape[1] + 1) ** 3 for p, q in ((x, x), (y, y), (x, y)))
        within = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (size * (size - 1))
        found.append(within - 2 * xy.mean())
    return frechet, float(np.mean(found))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("--classifier", type=Path, action="append", required=True, help="one for each data set")
    parser.add_argument("--inception", type=Path, help="the file that the report's FID was made with")
    parser.add_argument("--lpips", type=Path, help="folder with the files that the report's LPIPS was made with")
    options = parser.parse_args()
    document, wrong = json.loads((options.report / "evaluation.json").read_text()), 0
    lpips = Lpips(options.lpips) if options.lpips else None
    folders = sorted((options.report / "pictures").iterdir(), key=lambda path: int(path.name.split("-")[0]))
    for folder, one, path in zip(folders, document["sets"], options.classifier, strict=True):
        judge = Judge(path)
        print(f"{one['name']}: {one['pictures']} pictures")
        for kind in ("own_label", "there_and_back"):
            wrong += compare(likeness(folder, kind, one[kind]))
        wrong += compare(accuracy(folder, one, judge))
        wrong += compare(changes(folder, one, lpips))
        wrong += compare(distances(folder, one, judge, options.inception))
    print(f"{wrong} differ" if wrong else "all agree to three digits")
    return min(1, wrong)


def compare(found: Found) -> int:
    wrong = 0
    for name, told, again in found:
        off = abs(told - again) > max(5e-4 * abs(told), 1e-4)
        print(f"  {name:48} {told:14.6g} {again:14.6g}{'  DIFFERS' if off else ''}", flush=True)
        wrong += bool(off)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
