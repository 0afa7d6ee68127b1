"""An adapter that runs a clone of the reference implementation (yunjey/stargan) for comparison; it copies no code."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from stargan_cli.export.reference_format import reference_discriminator, reference_generator
from stargan_cli.weights.files import Weights

BATCH = 16


class Reference:
    """The reference's `Solver` with the tensors of `weights`, and its loader for `pictures` with labels in `table`."""

    def __init__(self, clone: Path, weights: Weights, folder: Path, pictures: Path, table: Path) -> None:
        sys.path.insert(0, str(clone))
        from data_loader import get_loader  # type: ignore[import-not-found]
        from solver import Solver  # type: ignore[import-not-found]

        settings = weights.card.model
        (names,) = (label_set.attributes for label_set in weights.card.layout.sets)
        assert weights.discriminator is not None
        torch.save(reference_generator(weights.generator), folder / "1-G.ckpt")
        torch.save(reference_discriminator(weights.discriminator), folder / "1-D.ckpt")
        with quiet():
            loader = get_loader(
                str(pictures), str(table), list(names), 178, settings.image_size, BATCH, "CelebA", "test", 1
            )
            self.solver: Any = Solver(loader, None, _config(settings, list(names), folder))
            self.solver.restore_model(1)

    def model(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            made: torch.Tensor = self.solver.G(pictures, labels)
        return made

    def test(self) -> None:
        """Run its test loop: every picture, every attribute."""
        with quiet():
            self.solver.test()

    def train(self, batches: Sequence[tuple[torch.Tensor, torch.Tensor]], n_critic: int) -> Callable[[], None]:
        """A function that runs its training loop over these batches: a D step for each, and a G step for every
        `n_critic`-th."""
        solver = self.solver

        def call() -> None:
            solver.celeba_loader = [batches[0], *batches]  # the first one is for its samples
            solver.num_iters, solver.n_critic = len(batches), n_critic
            with quiet():
                solver.train()

        return call


@contextlib.contextmanager
def quiet() -> Any:
    """Silence the reference code: it prints a line for each batch, and causes warnings of torch."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _config(settings: Any, names: list[str], folder: Path) -> SimpleNamespace:
    never = 10**9
    return SimpleNamespace(
        c_dim=len(names),
        c2_dim=0,
        image_size=settings.image_size,
        g_conv_dim=settings.width,
        d_conv_dim=settings.discriminator_width,
        g_repeat_num=settings.blocks,
        d_repeat_num=settings.discriminator_layers,
        lambda_cls=1,
        lambda_rec=10,
        lambda_gp=10,
        dataset="CelebA",
        batch_size=BATCH,
        num_iters=never,
        num_iters_decay=never // 2,
        g_lr=1e-4,
        d_lr=1e-4,
        n_critic=5,
        beta1=0.5,
        beta2=0.999,
        resume_iters=None,
        selected_attrs=names,
        test_iters=1,
        use_tensorboard=False,
        log_dir=os.fspath(folder),
        sample_dir=os.fspath(folder),
        model_save_dir=os.fspath(folder),
        result_dir=os.fspath(folder),
        log_step=never,
        sample_step=never,
        model_save_step=never,
        lr_update_step=never,
    )
