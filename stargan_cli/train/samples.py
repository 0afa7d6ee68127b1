"""Sample grids of a training run: held-out pictures in rows, one column per attribute."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from stargan_cli.files.atomic import replacement
from stargan_cli.labels import LabelLayout
from stargan_cli.labels.vectors import layout_vector
from stargan_cli.model import Generator
from stargan_cli.pictures.grid import plain_grid
from stargan_cli.pictures.tensors import to_model, to_pixels


def toggled(labels: Tensor, layout: LabelLayout, set_index: int) -> list[Tensor]:
    """Label vectors (N, label_dim), one tensor per attribute of the set: that attribute is set on where it belongs to
    an exclusive group, and reversed where it does not. `labels` is (N, k)."""
    label_set = layout.sets[set_index]
    results = []
    for column, attribute in enumerate(label_set.attributes):
        changed = labels.clone()
        others = label_set.exclusive_with(attribute)
        if others:
            changed[:, [label_set.attributes.index(name) for name in others]] = 0
            changed[:, column] = 1
        else:
            changed[:, column] = 1 - changed[:, column]
        results.append(layout_vector(changed, layout, set_index))
    return results


@torch.inference_mode()
def sample_grid(
    generator: Generator, pixels: Tensor, labels: Tensor, layout: LabelLayout, set_index: int
) -> Image.Image:
    """A grid: the source in the first column, then one column per attribute of the set, then (attention output) the
    mask of the last attribute. `pixels` uint8 (N, 3, S, S), `labels` float (N, k)."""
    device = next(generator.parameters()).device
    pictures = to_model(pixels).to(device)
    columns = [pictures]
    for target in toggled(labels.to(device), layout, set_index):
        translation = generator.translate(pictures, target)
        columns.append(translation.image)
    if generator.settings.output == "attention":
        columns.append(translation.mask.expand_as(pictures) * 2 - 1)
    rows = to_pixels(torch.stack(columns, dim=1).movedim(2, -1)).cpu()  # N, columns, S, S, 3
    return plain_grid([[Image.fromarray(picture.numpy()) for picture in row] for row in rows])


def save_grid(path: Path, grid: Image.Image) -> None:
    """Write a grid as PNG. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacement(path, sync="nothing") as temporary:
        grid.save(temporary, format="PNG")
