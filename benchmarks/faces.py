"""How well photos are translated: faces found and aligned, detail kept, pixels outside untouched, and photos a second.

    python benchmarks/faces.py --london LONDON/neutral_front --weights celeba-128
    python benchmarks/faces.py --photos my-photos --weights celeba-128          # speed and detail alone

With the London set, photos of 12 megapixels with known eye positions are made (synthetic_photos.py). Prints one JSON
document.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from synthetic_photos import Photo, photos, portraits

from stargan_cli.compositing.placement import Place, fitted
from stargan_cli.faces.asking import answered
from stargan_cli.faces.finding import exact, find_faces, place_of
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings

LANDMARKS = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
"""Positions of the eyes in a square, as fractions of the side (left and right in the picture)."""
FOUND = 0.5  # eye distances: a face is found where both eyes are nearer than this


def aligned(taken: list[Photo]) -> dict[str, float]:
    """How well faces are found and aligned, on one core, as in the threads of `translate`. A face's error is the larger
    one of its two eyes after alignment, in eye distances."""
    torch.set_num_threads(1)
    errors, missed, extra, seconds = [], 0, 0, []
    answer = FaceNetworks(torch.device("cpu")).answer
    for photo in taken:
        start = time.perf_counter()
        found = answered(exact(photo.image, answered(find_faces(photo.image), answer)), answer)
        places = [place_of(face, LANDMARKS) for face in found]
        seconds.append(time.perf_counter() - start)
        for eyes in photo.eyes:
            nearest = min((_eye_error(place, eyes) for place in places), default=9.0)
            missed += nearest >= FOUND
            errors += [nearest] if nearest < FOUND else []
        extra += max(0, len(places) - len(photo.eyes))
    total = len(errors) + missed
    return {
        "faces": total,
        "recall": len(errors) / total,
        "within_5_percent": sum(error < 0.05 for error in errors) / total,
        "median_error": statistics.median(errors),
        "largest_error": max(errors),
        "false_faces": extra,
        "ms_a_photo": 1000 * statistics.median(seconds),
    }


def _eye_error(place: Place, eyes: tuple[complex, complex]) -> float:
    found = [place.origin + place.span * complex(*LANDMARKS[name]) for name in ("left_eye", "right_eye")]
    return max(abs(a - b) for a, b in zip(found, eyes, strict=True)) / abs(eyes[1] - eyes[0])


def kept(taken: list[Photo], folder: Path, weights: str, spec: str) -> dict[str, float]:
    """Translate photos, and compare the detail inside the faces and the pixels outside their squares with before."""
    source, out = folder / "photos", folder / "out"
    source.mkdir()
    for number, photo in enumerate(taken):
        photo.image.save(source / f"{number}.png", compress_level=1)
    translate([source], out, _settings(weights, spec), Run())
    ratios, plain, touched = [], [], 0
    for number, photo in enumerate(taken):
        with Image.open(out / f"{number}.png") as opened:
            after = opened.convert("RGB")
        outside = np.ones(photo.image.size[::-1], dtype=bool)
        for eyes in photo.eyes:
            place = fitted(eyes, [complex(*LANDMARKS[name]) for name in ("left_eye", "right_eye")])
            box = place.region(*photo.image.size)
            margin = round(0.06 * place.side)
            outside[max(0, box[1] - margin) : box[3] + margin, max(0, box[0] - margin) : box[2] + margin] = False
            inner = tuple(round(a + (b - a) * share) for a, b, share in _inner(box))
            before = photo.image.crop(inner)
            small = before.resize((max(1, round(128 * (inner[2] - inner[0]) / place.side)),) * 2)
            ratios.append(gradient_energy(after.crop(inner)) / gradient_energy(before))
            plain.append(gradient_energy(small.resize(before.size, Image.Resampling.BICUBIC)) / gradient_energy(before))
        touched += int((np.asarray(photo.image) != np.asarray(after)).any(axis=2)[outside].sum())
    return {
        "median_detail_kept": statistics.median(ratios),
        "least_detail_kept": min(ratios),
        "detail_of_plain_128_px": statistics.median(plain),
        "pixels_touched_outside": touched,
    }


def _inner(box: tuple[int, int, int, int]) -> list[tuple[int, int, float]]:
    """For each side of the middle half of a box, where the face itself is: both ends of its axis, and a fraction."""
    left, top, right, bottom = box
    return [(left, right, 0.25), (top, bottom, 0.25), (left, right, 0.75), (top, bottom, 0.75)]


def gradient_energy(image: Image.Image) -> float:
    values = np.asarray(image.convert("L")).astype(float)
    return float((np.diff(values, axis=0) ** 2).mean() + (np.diff(values, axis=1) ** 2).mean())


def speed(source: Path, folder: Path, weights: str, spec: str) -> dict[str, float]:
    """Photos a second, the best of two runs each: with face finding; with the centred square instead (`--faces off`);
    and writing only the network's square (`--size model`)."""
    ways = {"faces": ("auto", "source"), "plain": ("off", "source"), "square": ("off", "model")}
    rates = dict.fromkeys(ways, 0.0)
    for way, (mode, size) in 2 * list(ways.items()):
        settings = _settings(weights, spec, mode, size)
        start = time.perf_counter()
        done = translate([source], Path(tempfile.mkdtemp(dir=folder)), settings, Run()).done
        rates[way] = max(rates[way], done / (time.perf_counter() - start))
    share = {f"of_{way}": rates["faces"] / rates[way] for way in ("plain", "square")}
    return {f"{way}_a_second": rate for way, rate in rates.items()} | share


def _settings(weights: str, spec: str, mode: str = "auto", size: str = "source") -> TranslationSettings:
    faces = FaceSettings(mode=mode)  # type: ignore[arg-type]
    return TranslationSettings(spec, weights=weights, rest_off=True, faces=faces, size=size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--london", type=Path, help="folder with the set's neutral pictures and .tem files")
    parser.add_argument("--photos", type=Path, help="your own photos, to measure the speed on")
    parser.add_argument("--weights", default="celeba-128")
    parser.add_argument("--set", dest="spec", default="blond")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--width", type=int, default=4000, help="width of the photos (px); they are 4:3")
    parser.add_argument("--turn", type=float, default=40, help="largest rotation of a face (degrees)")
    args = parser.parse_args()
    if not (args.london or args.photos):
        parser.error("give --london or --photos")
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.london:
            people = portraits(args.london)
            size, largest = (args.width, args.width * 3 // 4), args.width * 0.09

            def take(count: int, seed: int, least: float, faces: int = 1) -> list[Photo]:
                most = largest / faces**0.5
                return list(photos(people, max(1, count), seed, size, faces, (least, most), args.turn / faces**0.5))

            result["one_face"] = aligned(take(args.count, 1, 20))
            result["five_faces"] = aligned(take(args.count // 5, 2, 20, faces=5))
            result["kept"] = kept(take(args.count // 4, 3, 60), folder, args.weights, args.spec)
            (folder / "jpeg").mkdir()
            for number, photo in enumerate(take(2, 4, 80)):
                for copy in range(6):
                    photo.image.save(folder / "jpeg" / f"{number}-{copy}.jpg", quality=92)
        result["speed"] = speed(args.photos or folder / "jpeg", folder, args.weights, args.spec)
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
