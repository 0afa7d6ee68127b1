"""Labelled pictures through the generator, in batches, for measuring: what a written PNG would hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.device import autocast
from stargan_cli.evaluate.translating.photos import Photos
from stargan_cli.model import Generator
from stargan_cli.pictures.tensors import to_model, to_pixels


@dataclass(frozen=True)
class TranslatedBatch:
    """One batch: `rows` of the request, uint8 pictures before and after (n, 3, S, S), on the device that computed them,
    and the attention mask (n, 1, S, S), where it is one and lies as the pictures do."""

    rows: slice
    before: Tensor
    after: Tensor
    mask: Tensor | None


@dataclass(frozen=True)
class Machine:
    """Where the networks run, in what precision, and how many pictures at once. Sums may come out in another order with
    another device, processor or batch size: pictures then differ by up to 1/255 in fp32."""

    device: torch.device
    dtype: torch.dtype
    batch_size: int


@torch.inference_mode()
def translate_all(
    generator: Generator,
    pictures: CachedPictures,
    chosen: Tensor,
    labels: Tensor,
    machine: Machine,
    photos: Photos | None = None,
) -> Iterator[TranslatedBatch]:
    """`chosen`: int64 (n,), which pictures; `labels`: float (n, label_dim), what to make of each. With `photos`, their
    faces are translated, and put back."""
    attention = generator.settings.output == "attention"
    for start in range(0, len(chosen), machine.batch_size):
        rows = slice(start, min(start + machine.batch_size, len(chosen)))
        before = pictures.batch(chosen[rows])[0].to(machine.device)
        seen = before if photos is None else photos.squares.batch(chosen[rows])[0].to(machine.device)
        with autocast(machine.device, machine.dtype):
            made = generator.translate(to_model(seen), labels[rows].to(machine.device))
        if photos is None:
            yield TranslatedBatch(rows, before, to_pixels(made.image), made.mask.float() if attention else None)
        else:
            after = photos.put_back(chosen[rows], made, attention).to(machine.device)
            yield TranslatedBatch(rows, before, after, None)
