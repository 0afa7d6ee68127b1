"""Perceptual distance of two pictures (LPIPS; Zhang et al., CVPR 2018; the VGG-16 variant), by torch-fidelity."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.weights.foreign_state_dicts import read_state_dict, why_not_loaded

ADDRESSES = {
    "vgg16-397923af.pth": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "weights-vgg16-lpips.pth": (
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-vgg16-lpips.pth\n"
        "(or put lpips/weights/v0.1/vgg.pth of the PyPI package lpips there, as weights-vgg16-lpips.pth)"
    ),
}
FIRST_TENSORS = {"vgg16-397923af.pth": "features.0.weight", "weights-vgg16-lpips.pth": "lin0.model.1.weight"}


def find_lpips() -> list[Path]:
    """Both weight files, in torch's cache. Raises UsageError that says which are missing and where to put them."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    missing = [address for name, address in ADDRESSES.items() if not (folder / name).is_file()]
    if missing:
        raise UsageError(f"LPIPS needs files that are not in {folder}", "\n".join(["fetch into it:", *missing]))
    return [folder / name for name in ADDRESSES]


def lpips(device: torch.device) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from two sets of uint8 pictures (N, 3, S, S) on `device` to their distances (N,), 0 for equal ones.

    Raises UsageError if the weight files are missing, WeightsError if they do not fit or hold more than tensors.
    """
    files = find_lpips()
    from torch_fidelity.sample_similarity_lpips import SampleSimilarityLPIPS

    # torch-fidelity unpickles the files, which could run code: make sure first that they hold only tensors.
    for file in files:
        hint = f"fetch {ADDRESSES[file.name]}\ninto {file.parent}"
        if FIRST_TENSORS[file.name] not in read_state_dict(file, hint):
            raise WeightsError(f"{file} is refused: it has no tensor {FIRST_TENSORS[file.name]}", hint)
    try:
        network = SampleSimilarityLPIPS("lpips-vgg16").to(device)
    except RuntimeError as error:
        hint = "\n".join([f"fetch into {files[0].parent}:", *ADDRESSES.values()])
        raise WeightsError(f"the LPIPS files do not fit the network: {why_not_loaded(error)}", hint) from error

    def distance(first: Tensor, second: Tensor) -> Tensor:
        found: Tensor = network(first, second)
        return found

    return distance
