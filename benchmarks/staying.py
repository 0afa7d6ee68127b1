"""How much changes that was not named: inside the face with new hair, outside it with another gender or age.

    python benchmarks/staying.py PICTURES [--weights W] [--limit 300]

PICTURES: a folder of pictures aligned as CelebA's. For each way of telling the generator what stays: the mean change
of a picture, in units of 255, and that of the worst tenth of pictures.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from stargan_cli.attributes import Vocabulary, parse_set
from stargan_cli.data.face_parts import INNER_FACE, OUTER_FACE, ellipse
from stargan_cli.data.images import load_square
from stargan_cli.tasks.source_labels import LabelSource, as_read
from stargan_cli.tasks.translator import Translator
from stargan_cli.weights import load

HAIR = ("black", "blond", "brown")
FACE = ("male=flip", "young=flip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--weights", default="celeba-128")
    parser.add_argument("--limit", type=int, default=300)
    given = parser.parse_args()
    weights = load(given.weights)
    translator = Translator(weights, torch.device("cpu"), torch.bfloat16)
    files = sorted(given.pictures.iterdir())[: given.limit]
    squares = torch.stack([load_square(file, translator.size) for file in files])
    logits = translator.read_labels(squares)
    inside, outside = ellipse(*INNER_FACE, squares) < 1, ellipse(*OUTER_FACE, squares) >= 1
    named = replace(weights.card.layout, unset_stays=False)
    read = [as_read(named, row) for row in logits.tolist()]
    ways = {
        "0 or 1": (named, True),
        "in doubt": (named, False),
        "as translate does": (weights.card.layout, False),
    }
    print(f"{len(files)} pictures, mean and worst tenth", *HAIR, *FACE, sep=" | ")
    for way, (layout, certain) in ways.items():
        labels = LabelSource(layout, Vocabulary(layout), can_read=True)
        shown = [{key: float(value > 0.5) if certain else value for key, value in one.items()} for one in read]
        cells = []
        for spec in HAIR + FACE:
            changes = parse_set(spec, layout)
            vectors = [labels.vectors(one, changes) for one in shown]
            made = translator.translate(squares, torch.tensor(vectors)).pixels
            change = _change(squares, made, inside if spec in HAIR else outside)
            worst = change.sort().values[-max(1, len(change) // 10) :]
            cells.append(f"{change.mean():.2f} {worst.mean():.1f}")
        print(way, *cells, sep=" | ", flush=True)


def _change(before: Tensor, after: Tensor, where: Tensor) -> Tensor:
    """The mean absolute difference of each picture (N,) where `where` (1 or N, 1, S, S) says."""
    difference = (after.float() - before.float()).abs().mean(dim=1, keepdim=True) * where
    return difference.sum(dim=(1, 2, 3)) / where.expand_as(difference).sum(dim=(1, 2, 3))


if __name__ == "__main__":
    main()
