"""Translate labelled pictures in batches, for measuring. The pixels are those that a written PNG would have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.device import autocast
from stargan_cli.errors import WeightsError
from stargan_cli.evaluate.translating.photos import Photos
from stargan_cli.model import Generator
from stargan_cli.pictures.tensors import NOT_FINITE, finite, to_model, to_pixels


@dataclass(frozen=True)
class TranslatedBatch:
    """One batch: its `rows` of the request, uint8 pictures before and after (n, 3, S, S), on the device that computed
    them, and the attention mask (n, 1, S, S). `faces`: the same before and after, framed as the weights expect a face;
    for photos, these are other squares. `mask` is None if the generator has no mask, and for photos, where it covers
    the face and not the picture."""

    rows: slice
    before: Tensor
    after: Tensor
    faces: tuple[Tensor, Tensor]
    mask: Tensor | None


@dataclass(frozen=True)
class Machine:
    """The networks' device, precision and batch size. Another device, processor or batch size may sum in another order:
    pictures then differ by up to 1/255 in fp32."""

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
    photos: Photos | None,
) -> Iterator[TranslatedBatch]:
    """Translate the pictures `chosen`, int64 (n,), with the label vectors `labels`, float (n, label_dim). With
    `photos`, the faces are translated and put back into the photos. Raises as `require_finite` does."""
    attention = generator.settings.output == "attention"
    for start in range(0, len(chosen), machine.batch_size):
        rows = slice(start, min(start + machine.batch_size, len(chosen)))
        before = pictures.batch(chosen[rows])[0].to(machine.device)
        seen = before if photos is None else photos.squares.batch(chosen[rows])[0].to(machine.device)
        with autocast(machine.device, machine.dtype):
            made = generator.translate(to_model(seen), labels[rows].to(machine.device))
        require_finite(made.image)
        if photos is None:
            after = to_pixels(made.image)
            yield TranslatedBatch(rows, before, after, (before, after), made.mask.float() if attention else None)
        else:
            after, faces = (part.to(machine.device) for part in photos.put_back(chosen[rows], made, attention))
            yield TranslatedBatch(rows, before, after, (seen, faces), None)


def require_finite(image: Tensor) -> None:
    """Raises WeightsError if the generator's output (n, 3, S, S) is not finite."""
    if not bool(finite(image).all()):
        raise WeightsError(NOT_FINITE, "try --precision fp32")
