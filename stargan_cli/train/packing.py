"""Smaller checkpoints, to copy to other machines: a run's state in half the bytes, or in a sixth."""

from __future__ import annotations

from torch import Tensor

from stargan_cli.device import PRECISIONS

NETWORKS = ("generator", "discriminator", "ema")


def packed(state: dict[str, Tensor], dtype: str, moments: bool) -> dict[str, Tensor]:
    """A run's state (`Trainer.state`) as a checkpoint holds it: networks in `dtype`, a key of `PRECISIONS`, and the
    optimisers' tensors if `moments`.

    Moments are bf16 if `dtype` is fp16, in which squared gradients would underflow to 0.
    """
    made = {}
    for name, tensor in state.items():
        owner = name.partition(".")[0]
        if owner in NETWORKS:
            made[name] = tensor.to(PRECISIONS[dtype])
        elif not owner.endswith("_optimiser"):
            made[name] = tensor
        elif moments:
            made[name] = tensor if ".step." in name else tensor.to(PRECISIONS["bf16" if dtype == "fp16" else dtype])
    return made
