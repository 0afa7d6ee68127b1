"""Checkpoints of the reference implementation (github.com/yunjey/stargan), `N-G.ckpt` and `N-D.ckpt`: read and written.

They are plain state dicts. The reference's instance normalisation also stores running statistics, which its results
never use (it does not call `.eval()`). They are dropped when a checkpoint is read, and written with their initial
values, since the reference loads with strict=True.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stargan_cli.errors import UsageError, WeightsError, reason_of
from stargan_cli.files.opening import open_regular
from stargan_cli.labels import LabelLayout
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import BOUNDS, ModelSettings
from stargan_cli.weights.foreign_files import START, is_pytorch
from stargan_cli.weights.foreign_state_dicts import read_state_dict

DEFAULT_IMAGE_SIZE = 128
RUNNING_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_SUFFIXES = (".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class ReferenceModel:
    """The tensors of a pair of checkpoints, in fp32, under the names of `Generator` and `Discriminator`."""

    settings: ModelSettings
    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor] | None

    def networks(self) -> tuple[Generator, Discriminator | None]:
        """Both in eval mode, without gradients."""
        generator, discriminator = Generator(self.settings), None
        generator.load_state_dict(self.generator)
        if self.discriminator is not None:
            discriminator = Discriminator(self.settings).eval().requires_grad_(False)
            discriminator.load_state_dict(self.discriminator)
        return generator.eval().requires_grad_(False), discriminator


def is_checkpoint(path: Path) -> bool:
    """Whether a file is PyTorch's own format (a zip or a pickle), or is named like one. Raises WeightsError."""
    try:
        with open_regular(path) as file:
            start = file.read(START)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {reason_of(error)}") from error
    return is_pytorch(start) or path.suffix.lower() in _SUFFIXES


def read_reference(
    generator: Path, discriminator: Path | None, layout: LabelLayout | None, image_size: int | None
) -> ReferenceModel:
    """Read the reference's checkpoints; width, blocks, label count and, from D, the image size come from the tensors.

    `layout` names the labels. `image_size` is needed if there is no D and the size is not 128, or if the size is not
    the least at which D has these tensors, a multiple of 2^layers. Nothing in the files is run. Raises WeightsError if
    a file is refused, and UsageError if the other arguments do not fit it.
    """
    tensors = _read_tensors(generator)
    if "conv2.weight" in tensors:
        raise WeightsError(
            f"{generator} is refused: it is a discriminator", "give the generator, and this one with --discriminator"
        )
    found = _generator_settings(generator, tensors)
    _check_labels(generator, "takes", found["label_dim"], layout)
    discriminator_tensors = _read_tensors(discriminator) if discriminator is not None else None
    if discriminator is not None and discriminator_tensors is not None:
        found |= _discriminator_settings(discriminator, discriminator_tensors, image_size)
        _check_labels(discriminator, "classifies", found["class_dim"], layout)
    else:
        size = found["image_size"] = image_size or DEFAULT_IMAGE_SIZE
        found["class_dim"] = layout.class_dim if layout else found["label_dim"]
        found["discriminator_layers"] = min(6, size.bit_length() - 1)
    settings = _settings(generator, found)
    with torch.device("meta"):
        own_generator, own_discriminator = Generator(settings), Discriminator(settings)
    generator_tensors = _checked(generator, tensors, own_generator, "generator")
    if discriminator is None or discriminator_tensors is None:
        return ReferenceModel(settings, generator_tensors, None)
    return ReferenceModel(
        settings, generator_tensors, _checked(discriminator, discriminator_tensors, own_discriminator, "discriminator")
    )


def require_reference_layout(layout: LabelLayout) -> None:
    """Raises UsageError for labels that the reference code cannot name: a checkpoint does not say what they mean."""
    if [label_set.kind for label_set in layout.sets] not in (["attributes"], ["classes"], ["attributes", "classes"]):
        raise UsageError(
            "the reference code knows attributes, classes, or attributes followed by classes, but the labels of these "
            "weights are: " + ", then ".join(f"{each.kind} ({each.name})" for each in layout.sets),
            "use --to onnx, pt2 or torchscript; of one set of each kind, name celeba first (a run with --init-from "
            "these weights can change the order)",
        )


def reference_generator(generator: Generator) -> dict[str, Tensor]:
    """The state dict that the reference's `Generator` loads with strict=True. Raises UsageError without one."""
    settings = generator.settings
    if settings.output != "tanh":
        raise UsageError(
            f"the reference's generator has no {settings.output} output, so it cannot run these weights",
            "use --to onnx, pt2 or torchscript, or train with --output tanh",
        )
    if settings.upsampling != "transposed":
        raise UsageError(
            f"the reference's generator has no {settings.upsampling} upsampling, so it cannot run these weights",
            "use --to onnx, pt2 or torchscript, or train with --upsampling transposed",
        )
    tensors: dict[str, Tensor] = {}
    for name, module in generator.named_modules():
        for key, value in module.named_parameters(recurse=False):
            tensors[f"{name}.{key}"] = value.detach().clone()
        if isinstance(module, nn.InstanceNorm2d):
            tensors[f"{name}.running_mean"] = torch.zeros(module.num_features)
            tensors[f"{name}.running_var"] = torch.ones(module.num_features)
            tensors[f"{name}.num_batches_tracked"] = torch.tensor(0)
    return tensors


def reference_discriminator(discriminator: Discriminator) -> dict[str, Tensor]:
    """The state dict that the reference's `Discriminator` loads with strict=True. Raises UsageError without one."""
    if discriminator.settings.projection:
        raise UsageError(
            "the reference's discriminator has no projection head, so it cannot run this one",
            "leave it out with --no-discriminator",
        )
    if discriminator.settings.downscale > 1:
        raise UsageError(
            "the reference's discriminator reads pictures at full size, this one reads them downscaled",
            "leave it out with --no-discriminator",
        )
    return {name: tensor.detach().clone() for name, tensor in discriminator.state_dict().items()}


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, without running statistics and `module.` prefixes."""
    hint = "save the plain state dict of the network: torch.save(G.state_dict(), FILE); nothing in this file was run"
    content = read_state_dict(path, hint)
    prefix = "module." if all(name.startswith("module.") for name in content) else ""
    plain = {name.removeprefix(prefix): value for name, value in content.items()}
    return {name: value for name, value in plain.items() if not name.endswith(RUNNING_STATISTICS)}


def _numbered(tensors: Iterable[str], pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in tensors)


def _generator_settings(path: Path, tensors: dict[str, Tensor]) -> dict[str, Any]:
    first = tensors.get("main.0.weight")
    if first is None or first.dim() != 4 or first.shape[1] <= 3:
        raise WeightsError(
            f"{path} is refused: it is no StarGAN generator (main.0.weight is missing or has an unexpected shape)"
        )
    return {
        "width": int(first.shape[0]),
        "label_dim": int(first.shape[1]) - 3,
        "blocks": _numbered(tensors, r"main\.\d+\.main\.0\.weight"),
    }


def _discriminator_settings(path: Path, tensors: dict[str, Tensor], image_size: int | None) -> dict[str, Any]:
    first, last = tensors.get("main.0.weight"), tensors.get("conv2.weight")
    if first is None or last is None or first.dim() != 4 or last.dim() != 4 or last.shape[2] == 0:
        raise WeightsError(
            f"{path} is refused: it is no StarGAN discriminator "
            "(main.0.weight or conv2.weight is missing or has an unexpected shape)"
        )
    layers, rest = _numbered(tensors, r"main\.\d+\.weight"), int(last.shape[2])
    if layers > (most := BOUNDS["discriminator_layers"][1]):
        raise WeightsError(f"{path} is refused: it has {layers:,} layers, and {most} are the most")
    least = rest * 2**layers
    size = image_size or least
    if size // 2**layers != rest:
        raise UsageError(
            f"{path} was trained at {least} to {least + 2**layers - 1} px, not {size}", f"use --image-size {least}"
        )
    found = {
        "image_size": size,
        "class_dim": int(last.shape[0]),
        "discriminator_width": int(first.shape[0]),
        "discriminator_layers": layers,
    }
    _settings(path, found)  # by themselves: what is wrong with them is not wrong with the generator
    return found


def _settings(path: Path, found: dict[str, Any]) -> ModelSettings:
    try:
        return ModelSettings(**found)
    except ValueError as error:
        raise WeightsError(f"{path} is refused: {error}") from error


def _check_labels(path: Path, verb: str, found: int, layout: LabelLayout | None) -> None:
    if layout is None:
        raise UsageError(
            f"{path} {verb} {found} labels but does not name them",
            f"name all {found} in the order of training: --attrs Black_Hair,Blond_Hair,...",
        )
    named = layout.label_dim if verb == "takes" else layout.class_dim
    if found != named:
        mask = " (with one more for each of the two sets)" if verb == "takes" and len(layout.sets) > 1 else ""
        raise UsageError(
            f"{path} {verb} {found} labels, but {named} are named{mask}: "
            + ", ".join(name for label_set in layout.sets for name in label_set.attributes),
            "name every label, in the order of training: attributes with --attrs, expressions with --classes "
            "(a model of both sets takes 2 more, the mask vector)",
        )


def _checked(path: Path, tensors: dict[str, Tensor], module: nn.Module, kind: str) -> dict[str, Tensor]:
    wanted = module.state_dict()
    for name in sorted(wanted.keys() ^ tensors.keys()):
        verb = "has an unexpected" if name in tensors else "lacks the"
        raise WeightsError(f"{path} is refused: as a StarGAN {kind} it {verb} tensor {name}")
    for name, tensor in wanted.items():
        given = tensors[name]
        if given.shape != tensor.shape:
            raise WeightsError(
                f"{path} is refused: {name} is {tuple(given.shape)}, but this {kind} needs {tuple(tensor.shape)}"
            )
        if given.layout is not torch.strided or given.is_meta or not given.is_floating_point():
            raise WeightsError(f"{path} is refused: {name} holds no plain floating-point numbers")
        if not bool(torch.isfinite(given).all()):
            raise WeightsError(f"{path} is refused: {name} holds NaN or infinite numbers")
    return {name: tensors[name].float().contiguous() for name in wanted}
