"""Features for FID and KID: the Inception network of the original FID, by torch-fidelity, from a local file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.weights.foreign_state_dicts import read_state_dict, why_not_loaded

FILE_NAME = "weights-inception-2015-12-05-6726825d.pth"
ADDRESS = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE_NAME}"


def find_inception(path: Path | None) -> Path:
    """The given file, else where torch-fidelity keeps it in torch's cache. Raises UsageError where there is none."""
    found = path or _usual_place()
    if found.is_file():
        return found
    lack = f"{found} is a folder" if found.is_dir() else f"there is no file {found}"
    raise UsageError(f"FID and KID need the Inception weights, and {lack}", _where_from())


def _usual_place() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE_NAME


def _where_from() -> str:
    return f"fetch {ADDRESS}\nand put it at {_usual_place()}, or give its place with --inception FILE"


def inception_features(path: Path, device: torch.device) -> Callable[[Tensor], Tensor]:
    """A function from uint8 pictures (N, 3, H, W) on `device` to features float (N, 2048) on the CPU.

    Raises WeightsError where the file does not fit the network, or holds more than tensors.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # torch-fidelity unpickles the file, which could run code: make sure first that it holds only tensors.
    read_state_dict(path, _where_from())
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(path))
    except RuntimeError as error:
        reason = why_not_loaded(error)
        raise WeightsError(f"{path} does not hold the Inception weights of FID: {reason}", _where_from()) from error
    network.to(device)

    def features(pictures: Tensor) -> Tensor:
        found: Tensor = network(pictures)[0]
        return found.cpu()

    return features
