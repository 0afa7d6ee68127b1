"""What can be exported: a weights file, a checkpoint of a training run, or one of the reference implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from torch import Tensor, nn

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.export.reference_format import is_checkpoint, read_reference
from stargan_cli.labels import LabelLayout, LabelSet, with_hair_colours
from stargan_cli.model import Discriminator, Generator
from stargan_cli.weights import checkpoints
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import Weights, fingerprint, load, open_tensors, read_card, under
from stargan_cli.weights.foreign_state_dicts import why_not_loaded
from stargan_cli.weights.places import resolve

_Network = TypeVar("_Network", bound=nn.Module)
FOR_CHECKPOINTS = (
    "--attrs, --classes, --group, --discriminator and --image-size are for checkpoints of the reference code"
)


def open_source(
    source: str,
    layout: LabelLayout | None = None,
    discriminator: Path | None = None,
    image_size: int | None = None,
    raw: bool = False,
) -> Weights:
    """A weights file (see `weights.load`), `RUN/checkpoints/N.safetensors` of a training run, or, with `layout`,
    `discriminator` and `image_size`, a checkpoint of the reference code.

    The generator of a training run's checkpoint is the exponential moving average, or with `raw` the trained one.
    Raises UsageError and WeightsError.
    """
    path = resolve(source)
    of_reference = is_checkpoint(path)
    of_run = not of_reference and _is_of_run(path)
    if of_reference:
        weights = _import(path, layout, discriminator, image_size)
    else:
        weights = _from_run(path, raw) if of_run else load(source)
        if layout is not None or discriminator is not None or image_size is not None:
            raise UsageError(f"{path} describes itself", FOR_CHECKPOINTS)
    if raw and not of_run:
        raise UsageError(
            f"{path} holds one generator only", "--raw is for RUN/checkpoints/N.safetensors, which holds two"
        )
    return weights


def _import(path: Path, layout: LabelLayout | None, discriminator: Path | None, image_size: int | None) -> Weights:
    if discriminator is not None and not discriminator.is_file():
        raise UsageError(f"no checkpoint at {discriminator}")
    model = read_reference(path, discriminator, layout, image_size)
    assert layout is not None
    sources = [(one, fingerprint(one)) for one in (path, discriminator) if one is not None]
    record = {"imported_from": path.name, "sha256": sources[0][1]}
    if discriminator is not None:
        record |= {"discriminator_from": discriminator.name, "discriminator_sha256": sources[1][1]}
    card = Card(model.settings, layout, training=record)
    return Weights(path, card, sources[0][1], *model.networks(), sources=tuple(sources))


def _is_of_run(path: Path) -> bool:
    try:
        with open_tensors(path) as file:
            return checkpoints.CHECKPOINT_KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False  # `load` reports what is wrong


def _from_run(path: Path, raw: bool) -> Weights:
    run = path.resolve().parent.parent
    described = run / "weights.safetensors"
    if not described.is_file():
        raise WeightsError(
            f"{path} does not say what its labels mean: {described} is missing",
            "export a checkpoint from where its training run wrote it: RUN/checkpoints/N.safetensors",
        )
    card = read_card(described)
    try:
        checkpoint = checkpoints.load_checkpoint(path)
        generator = _filled(Generator(card.model), "generator." if raw else "ema.", checkpoint.tensors)
        discriminator = _filled(Discriminator(card.model), "discriminator.", checkpoint.tensors)
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} is refused: {why_not_loaded(error)}") from error
    training = {
        **card.training,
        "iteration": checkpoint.record["iteration"],
        "generator": "raw" if raw else "averaged",
    }
    heads = under("features.", checkpoint.tensors) or None
    card = replace(card, training=training, quality={})
    sources = tuple((one, fingerprint(one)) for one in (path, described))
    return Weights(path, card, sources[0][1], generator, discriminator, heads, sources)


def _filled(network: _Network, prefix: str, tensors: dict[str, Tensor]) -> _Network:
    network.load_state_dict(under(prefix, tensors))
    return network.eval().requires_grad_(False)


def layout_of(
    attributes: Sequence[str], classes: Sequence[str], groups: Sequence[Sequence[str]] = ()
) -> LabelLayout | None:
    """The layout of attributes followed by classes, as the reference joins CelebA and RaFD; None if nothing is named.

    Hair colours are an exclusive group even if not declared. Raises UsageError on names that contradict each other.
    """
    if groups and not attributes:
        raise UsageError("--group is given without --attrs", FOR_CHECKPOINTS)
    sets = []
    try:
        if "" in (*attributes, *classes):
            raise ValueError("an empty name between two commas")
        if attributes:
            sets.append(LabelSet("attributes", tuple(attributes), with_hair_colours(attributes, groups)))
        if classes:
            sets.append(LabelSet("classes", tuple(classes), kind="classes"))
        return LabelLayout(tuple(sets)) if sets else None
    except ValueError as error:
        raise UsageError(f"--attrs, --classes and --group do not fit each other: {error}") from error
