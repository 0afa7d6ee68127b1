"""Start a training run from the weights of another: another picture size, more attributes, more data sets."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor, nn

from stargan_cli.errors import UsageError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.vocabulary import Vocabulary, labels_of, plain
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.train.learning.feature_discriminator import FeatureHeads
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
    whole: bool = False,
) -> list[str]:
    """Copy what fits into the networks. Returns notes on what does not.

    The generator's tensors must have the same shapes, except that the label planes of its first convolution are
    matched by the labels' names, and those of the mask vector by the sets (new ones start at zero, so that the pictures
    stay as they were). The discriminator takes over tensors of the same name and shape, since its depth depends on the
    picture size; so do `heads`, those of the discriminator on fixed features. Raises UsageError where the generator
    does not fit; if `whole`, where anything does not.
    """
    _copy_generator(generator, layout, weights)
    given = weights.discriminator.state_dict() if weights.discriminator else None
    notes = [*_not_carried_over(layout, weights), _copy("the discriminator", discriminator, given, layout, weights)]
    if heads is not None:
        notes.append(_copy("the discriminator on features", heads, weights.feature_heads, layout, weights))
    found = [note for note in notes if note]
    if whole and found:
        raise UsageError(
            f"--distil must take over the weights whole: {'; '.join(found)}",
            "give the data, labels and networks of the run that made them, and weights with their discriminators",
        )
    return found


def _require_fit(model: ModelSettings, given: ModelSettings, path: Path) -> None:
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
    _require_fit(generator.settings, weights.card.model, weights.path)
    given = weights.generator.state_dict()
    given[FIRST] = _planes_by_name(generator.state_dict()[FIRST], given[FIRST], layout, weights.card.layout)
    generator.load_state_dict(given)


def _not_carried_over(layout: LabelLayout, weights: Weights) -> list[str]:
    """Notes on the labels that the weights do not have, and on a mask vector that this run does not have."""
    old, words = weights.card.layout, Vocabulary(layout)
    carried = {here for here, _ in same_labels(layout, old)}
    fresh = [words.full_name(label) for here, label in enumerate(labels_of(layout)) if here not in carried]
    notes = [f"labels that {weights.path} does not have, which start afresh: {', '.join(fresh)}"] if fresh else []
    if len(old.sets) > 1 and len(layout.sets) == 1:
        notes.append(f"{weights.path} has a mask vector, a run on one data set has none: pictures change at the start")
    return notes


def _planes_by_name(own: Tensor, given: Tensor, layout: LabelLayout, old: LabelLayout) -> Tensor:
    planes = torch.zeros_like(own)
    planes[:, :PICTURE_CHANNELS] = given[:, :PICTURE_CHANNELS]
    for here, there in (*same_labels(layout, old), *_same_masks(layout, old)):
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
            for here, there in same_labels(layout, old):
                tensor[here] = found[there]
        elif found is not None and found.shape == tensor.shape:
            tensor.copy_(found)
        else:
            fresh.append(tensor_name)
    with torch.no_grad():
        module.load_state_dict(own)
    return f"{name} starts afresh in: {', '.join(fresh)}" if fresh else None


def same_labels(layout: LabelLayout, old: LabelLayout) -> list[tuple[int, int]]:
    """Pairs of positions in the label vectors of both layouts that mean the same: a label of the set that corresponds
    or, if that does not have it, of the next."""
    pairs = []
    for index, label_set in enumerate(layout.sets):
        corresponding = _corresponding(label_set, old)
        for here, name in enumerate(label_set.attributes, layout.positions(index).start):
            found = ((there, _position(name, old.sets[there])) for there in corresponding)
            places = (old.positions(there).start + place for there, place in found if place is not None)
            pairs += [(here, place) for place in islice(places, 1)]
    return pairs


def _same_masks(layout: LabelLayout, old: LabelLayout) -> list[tuple[int, int]]:
    """Pairs of positions of mask entries: that of each set, and that of the old set that corresponds to it."""
    pairs = []
    for index, label_set in enumerate(layout.sets):
        here = layout.mask_position(index)
        there = next(map(old.mask_position, _corresponding(label_set, old)), None)
        if here is not None and there is not None:
            pairs.append((here, there))
    return pairs


def _corresponding(label_set: LabelSet, old: LabelLayout) -> list[int]:
    """The old sets with the name of this one or labels in common, the most alike first. Names alone do not tell: an
    imported checkpoint has `attributes` and `classes` where a run has `celeba` and a folder."""

    def likeness(index: int) -> tuple[bool, int, bool]:
        other = old.sets[index]
        shared = sum(_position(name, other) is not None for name in label_set.attributes)
        return other.name == label_set.name, shared, other.kind == label_set.kind

    indices = sorted(range(len(old.sets)), key=likeness, reverse=True)
    return [index for index in indices if any(likeness(index)[:2])]


def _position(name: str, label_set: LabelSet) -> int | None:
    """Where a set has the label of this name, compared like words of `--set` if only one label is alike then."""
    if name in label_set.attributes:
        return label_set.attributes.index(name)
    alike = [place for place, other in enumerate(label_set.attributes) if plain(other) == plain(name)]
    return alike[0] if len(alike) == 1 else None
