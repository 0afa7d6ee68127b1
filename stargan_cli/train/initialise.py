"""Start a training run from the weights of another: another picture size, more attributes, more data sets."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.train.feature_discriminator import FeatureHeads
from stargan_cli.weights.files import Weights

PICTURE_CHANNELS = 3
FIRST = "main.0.weight"
ROWS = r"conv[23]\.weight|readers\.\d+\.\w+|judges\.\d+\.agreement\.(bias|parametrizations\.weight\.(original|0\._u))"
"""Tensors of the discriminators with a row for each label."""


def initialise(
    generator: Generator,
    discriminator: Discriminator,
    heads: FeatureHeads | None,
    layout: LabelLayout,
    weights: Weights,
) -> list[str]:
    """Copy what fits into the networks. Returns notes on what does not.

    The generator's tensors must have the same shapes, except that the label planes of its first convolution are
    matched by attribute name (new ones start at zero, so that the pictures stay as they were). The discriminator
    takes over tensors of the same name and shape, since its depth depends on the picture size; so do `heads`, those of
    the discriminator on fixed features. Raises UsageError where the generator does not fit.
    """
    _copy_generator(generator, layout, weights)
    given = weights.discriminator.state_dict() if weights.discriminator else None
    notes = [_copy("the discriminator", discriminator, given, layout, weights)]
    if heads is not None:
        notes.append(_copy("the discriminator on features", heads, weights.feature_heads, layout, weights))
    return [note for note in notes if note]


def require_fit(model: ModelSettings, given: ModelSettings, path: Path) -> None:
    """Raises UsageError where the generator of the weights at `path`, whose settings are `given`, does not fit."""
    with torch.device("meta"):
        own, there = (Generator(settings).state_dict() for settings in (model, given))
    if there[FIRST].shape[0] != own[FIRST].shape[0]:
        raise UsageError(f"{path} does not fit this model: its width differs", "train with the same --width")
    for name in sorted(own.keys() | there.keys()):
        if name not in own or name not in there or (name != FIRST and there[name].shape != own[name].shape):
            raise UsageError(
                f"{path} does not fit this model: {name} differs",
                "train with the same width, blocks, output and upsampling as the weights to start from",
            )


def _copy_generator(generator: Generator, layout: LabelLayout, weights: Weights) -> None:
    require_fit(generator.settings, weights.card.model, weights.path)
    given = weights.generator.state_dict()
    given[FIRST] = _planes_by_name(generator.state_dict()[FIRST], given[FIRST], layout, weights.card.layout)
    generator.load_state_dict(given)


def _planes_by_name(own: Tensor, given: Tensor, layout: LabelLayout, old: LabelLayout) -> Tensor:
    planes = torch.zeros_like(own)
    planes[:, :PICTURE_CHANNELS] = given[:, :PICTURE_CHANNELS]
    for here, there in _same_labels(layout, old):
        planes[:, PICTURE_CHANNELS + here] = given[:, PICTURE_CHANNELS + there]
    return planes


def _copy(
    name: str, module: nn.Module, given: dict[str, Tensor] | None, layout: LabelLayout, weights: Weights
) -> str | None:
    """Copy what fits from `given` into `module`. Returns a note on what does not; `name` is for people."""
    if given is None:
        return f"{weights.path} does not have {name}: it starts afresh"
    own, old = module.state_dict(), weights.card.layout
    fresh = []
    for tensor_name, tensor in own.items():
        found = given.get(tensor_name)
        if re.fullmatch(ROWS, tensor_name) and found is not None and found.shape[1:] == tensor.shape[1:]:
            for here, there in _same_labels(layout, old):
                if here < layout.class_dim and there < old.class_dim:
                    tensor[here] = found[there]
        elif found is not None and found.shape == tensor.shape:
            tensor.copy_(found)
        else:
            fresh.append(tensor_name)
    with torch.no_grad():
        module.load_state_dict(own)
    return f"{name} starts afresh in: {', '.join(fresh)}" if fresh else None


def _same_labels(layout: LabelLayout, old: LabelLayout) -> list[tuple[int, int]]:
    """Pairs of positions in the label vectors of both layouts that mean the same: an attribute of the same set or, in
    a set of another name, the first of that name; and the mask entries of the same set."""
    there = _places(old)
    pairs = []
    for (set_name, attribute), here in _places(layout).items():
        alike = [place for (_, name), place in there.items() if name == attribute is not None]
        place = there.get((set_name, attribute), alike[0] if alike else None)
        if place is not None:
            pairs.append((here, place))
    return pairs


def _places(layout: LabelLayout) -> dict[tuple[str, str | None], int]:
    """Set and attribute -> position in the label vector; the attribute None stands for the set's mask entry."""
    places: dict[tuple[str, str | None], int] = {}
    for index, label_set in enumerate(layout.sets):
        start = layout.positions(index).start
        for offset, attribute in enumerate(label_set.attributes):
            places[label_set.name, attribute] = start + offset
        mask = layout.mask_position(index)
        if mask is not None:
            places[label_set.name, None] = mask
    return places
