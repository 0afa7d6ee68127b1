"""A network with its optimiser: gradient steps, and the state of both for checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.optim import Adam

from stargan_cli.distributed import Processes

MOMENTS = ("exp_avg", "exp_avg_sq")


class Learner:
    """`module` and its Adam with `rate` and `betas`. Checkpoints call their tensors `name.…`, `name_optimiser.…`."""

    def __init__(self, name: str, module: nn.Module, rate: float, betas: tuple[float, float]) -> None:
        self.name, self.module, self.rate = name, module, rate
        self.device = next(module.parameters()).device
        self.optimiser = Adam(
            module.parameters(),
            torch.tensor(rate, device=self.device),  # a tensor: a CUDA graph reads it anew each time
            betas,
            fused=self.device.type in ("cpu", "cuda"),
            capturable=self.device.type == "cuda",
        )

    def set_rate(self, factor: float) -> None:
        """Set the learning rate to `factor` times `rate`."""
        for group in self.optimiser.param_groups:
            group["lr"].fill_(self.rate * factor)

    def descend(self, total: Tensor, processes: Processes) -> None:
        """One step of the optimiser on the sum of all processes' `total`."""
        self.optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        processes.add_gradients(self.module)
        self.optimiser.step()
        for parameter in self.module.parameters():  # fused Adam does not do it, and `WithDerivedWeight` needs it
            increment_version(parameter)  # torch 2.4 takes no list

    def state(self) -> dict[str, Tensor]:
        """All tensors of the network and the optimiser, by name."""
        tensors = {f"{self.name}.{name}": value for name, value in self.module.state_dict().items()}
        for name, parameter in self.module.named_parameters():
            for entry, value in self.optimiser.state[parameter].items():
                tensors[f"{self.name}_optimiser.{entry}.{name}"] = value
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `state` returned. Raises KeyError and RuntimeError where it does not fit."""
        self.module.load_state_dict({name: tensors[f"{self.name}.{name}"] for name in self.module.state_dict()})
        for name, parameter in self.module.named_parameters():
            if (step := tensors.get(f"{self.name}_optimiser.step.{name}")) is None:
                continue  # an optimiser that has not stepped yet
            there = self.device if self.optimiser.defaults["fused"] else torch.device("cpu")
            self.optimiser.state[parameter] = {"step": step.to(there, torch.float32, copy=True)}
            for entry in MOMENTS:
                moment = tensors[f"{self.name}_optimiser.{entry}.{name}"]
                self.optimiser.state[parameter][entry] = torch.empty_like(parameter).copy_(moment)


@contextmanager
def frozen(learners: Sequence[Learner]) -> Iterator[None]:
    """Compute no gradients for these learners' parameters meanwhile: they would be thrown away."""
    for learner in learners:
        learner.module.requires_grad_(False)
    try:
        yield
    finally:
        for learner in learners:
            learner.module.requires_grad_(True)
