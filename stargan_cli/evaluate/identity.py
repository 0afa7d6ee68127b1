"""Whether a face is still the same person's, as a face embedding sees it (ArcFace; Deng et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.errors import UsageError, WeightsError


def identity_cosine(path: Path) -> Callable[[Tensor, Tensor], Tensor]:
    """A function from two sets of uint8 pictures (N, 3, S, S) to the cosines (N,) of their embeddings, on the CPU.

    `path`: an ONNX model that takes RGB faces (N, 3, H, W) in [-1, 1] and gives one vector each, as ArcFace models do.
    Raises UsageError without onnxruntime, WeightsError where the file is no such model.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError("--identity needs onnxruntime", "pip install 'stargan-cli[eval]'") from error
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        height, width = entry.shape[2:]
        if not isinstance(height, int) or not isinstance(width, int):
            raise ValueError(f"it takes {entry.shape}, and no fixed size")
    except Exception as error:  # onnxruntime has a dozen kinds of its own, none of them documented
        raise WeightsError(f"{path} is no face embedding: {str(error).splitlines()[0]}") from error

    def embed(pictures: Tensor) -> Tensor:
        resized = F.interpolate(
            pictures.float().cpu(), (height, width), mode="bilinear", antialias=True, align_corners=False
        )
        # One at a time: many of these models have a fixed batch of 1.
        rows = [session.run(None, {entry.name: one[None].numpy()})[0] for one in resized / 127.5 - 1]
        return torch.cat([torch.from_numpy(row).flatten()[None] for row in rows])

    def cosine(first: Tensor, second: Tensor) -> Tensor:
        return F.cosine_similarity(embed(first), embed(second), dim=1)

    return cosine
