"""Both networks, their optimisers and one training iteration, for one data set or several."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version
from torch.optim import Adam

from stargan_cli.datasets import augment
from stargan_cli.device import autocast, memory_layout, send
from stargan_cli.distributed import ALONE, Processes
from stargan_cli.fast_cpu.networks import fast_generator
from stargan_cli.labels import LabelLayout
from stargan_cli.labels.vectors import layout_vector
from stargan_cli.model import Discriminator, Generator, ModelSettings, Translation
from stargan_cli.pictures.tensors import to_model
from stargan_cli.train.batches import Ahead, BatchSource, generator_for
from stargan_cli.train.losses import Batch, View, discriminator_loss, generator_loss
from stargan_cli.train.settings import TrainSettings
from stargan_cli.train.targets import asked_for, training_targets
from stargan_cli.weights.discriminator_view import square_of


class Trainer:
    """The state of a run, and `iterate`, which changes it by one iteration.

    Every random choice is a function of the seed and the iteration: the tensors of `state` and the iteration are all
    that a checkpoint needs.
    """

    def __init__(
        self,
        model: ModelSettings,
        layout: LabelLayout,
        sources: Sequence[BatchSource],
        settings: TrainSettings,
        device: torch.device,
        precision: torch.dtype,
        processes: Processes = ALONE,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.model, self.layout, self.sources, self.settings = model, layout, sources, settings
        self.device, self.precision, self.processes = device, precision, processes
        self.rows = processes.rows(settings.batch_size)
        self.batches = [Ahead(source, self.rows) for source in sources]
        self.iteration = 0
        self.layout_in_memory = memory_layout(device)
        self.generator = Generator(model).to(device).to(memory_format=self.layout_in_memory)
        self.translator = fast_generator(self.generator, precision) if device.type == "cpu" else self.generator
        self.discriminator = Discriminator(model).to(device).to(memory_format=self.layout_in_memory)
        self.ema = copy.deepcopy(self.generator).requires_grad_(False)
        betas, fused = (settings.beta1, settings.beta2), device.type in ("cpu", "cuda")
        self.generator_optimiser = Adam(self.generator.parameters(), settings.lr, betas, fused=fused)
        self.discriminator_optimiser = Adam(self.discriminator.parameters(), settings.d_lr, betas, fused=fused)
        self.turns = tuple(
            index for index, share in enumerate(settings.mix or (1,) * len(sources)) for _ in range(share)
        )

    def iterate(self) -> dict[str, Tensor]:
        """One iteration: a D step for each set's turn, and every `n_critic`-th time a G step too.

        Returns the named losses of the last turn of each set, as tensors on the device.
        """
        self._set_learning_rate()
        losses: dict[str, Tensor] = {}
        due = (self.iteration + 1) % self.settings.n_critic == 0
        with_generator = due and self.iteration >= self.settings.head_start
        for turn, index in enumerate(self.turns):
            step = self.iteration * len(self.turns) + turn
            batch = self._batch(index, self.iteration * self.turns.count(index) + self.turns[:turn].count(index))
            prefix = f"{self.layout.sets[index].name}/" if len(self.sources) > 1 else ""
            # G does not change in between: both steps can use the same fakes.
            with torch.set_grad_enabled(with_generator), autocast(self.device, self.precision):
                fake = self.translator.translate(batch.real, batch.target)
            parts = self._discriminator_step(batch, fake.image.detach(), step)
            if with_generator:
                parts |= self._generator_step(batch, fake, step)
            losses |= {prefix + name: value.detach() for name, value in parts.items()}
        self.iteration += 1
        return losses

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint holds, by name."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in self._modules():
            tensors |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
        for prefix, module, optimiser in self._optimisers():
            for name, parameter in module.named_parameters():
                for key, value in optimiser.state[parameter].items():
                    tensors[f"{prefix}_optimiser.{key}.{name}"] = value
        return tensors

    def load_state(self, tensors: dict[str, Tensor], iteration: int) -> None:
        """Take over what `state` gave. Raises KeyError and RuntimeError where it does not fit."""
        for prefix, module in self._modules():
            module.load_state_dict({name: tensors[f"{prefix}.{name}"] for name in module.state_dict()})
        for prefix, module, optimiser in self._optimisers():
            for name, parameter in module.named_parameters():
                if (step := tensors.get(f"{prefix}_optimiser.step.{name}")) is None:
                    continue  # an optimiser that has not stepped yet
                there = parameter.device if optimiser.defaults["fused"] else torch.device("cpu")
                optimiser.state[parameter] = {"step": step.to(there, copy=True)}
                for key in ("exp_avg", "exp_avg_sq"):
                    moment = tensors[f"{prefix}_optimiser.{key}.{name}"]
                    optimiser.state[parameter][key] = torch.empty_like(parameter).copy_(moment)
        self.iteration = iteration

    def _modules(self) -> list[tuple[str, nn.Module]]:
        return [("generator", self.generator), ("discriminator", self.discriminator), ("ema", self.ema)]

    def _optimisers(self) -> list[tuple[str, nn.Module, Adam]]:
        return [
            ("generator", self.generator, self.generator_optimiser),
            ("discriminator", self.discriminator, self.discriminator_optimiser),
        ]

    def _set_learning_rate(self) -> None:
        factor = self.settings.learning_rate_factor(self.iteration)
        for optimiser, rate in (
            (self.generator_optimiser, self.settings.lr),
            (self.discriminator_optimiser, self.settings.d_lr),
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor

    def _batch(self, index: int, step: int) -> Batch:
        """Pictures with their own labels and their targets."""
        pixels, importance, labels = self.batches[index].batch(step)
        random = generator_for(self.settings.seed, 1, index, step)
        label_set = self.layout.sets[index]
        targets = training_targets(
            labels,
            label_set,
            random,
            own_share=self.settings.own_share,
            single_share=self.settings.single_share,
            keep_unset=self.settings.keep_unset,
        )
        labels, targets = labels[self.rows], targets[self.rows]
        real = to_model(send(pixels, self.device)).contiguous(memory_format=self.layout_in_memory)
        draws = self._draws(random)
        if self.settings.flip:
            real = augment.flip(real, draws)
        if self.settings.jitter:
            real = augment.jitter(real, self.settings.jitter, draws)
        targets = send(targets, self.device)
        labels = send(labels, self.device)
        asked = targets
        if self.settings.keep_unset and label_set.kind == "attributes":
            all_named = torch.rand(self.settings.batch_size, 1, generator=random)[self.rows] < 0.5
            read = self._read(real)[:, self.layout.positions(index)]
            asked = asked_for(labels, targets, read, send(all_named, self.device), label_set)
        return Batch(
            real=real,
            source=layout_vector(labels, self.layout, index),
            target=layout_vector(asked, self.layout, index),
            source_classes=labels,
            target_classes=targets,
            positions=self.layout.positions(index),
            kind=label_set.kind,
            importance=send(importance, self.device) if self.settings.weigh_classes else None,
        )

    @torch.no_grad()
    def _read(self, real: Tensor) -> Tensor:
        """What D reads from pictures, as probabilities (N, class_dim), as `translate` lets it."""
        square = augment.mean_square(self.settings.view_zoom)
        with autocast(self.device, self.precision):
            classes: Tensor = self.discriminator(square_of(real, square)).classes
        return classes.float().sigmoid()

    def _discriminator_step(self, batch: Batch, fake: Tensor, step: int) -> dict[str, Tensor]:
        draws = self._draws(generator_for(self.settings.seed, 2, step))
        alpha = send(draws.uniform(), self.device).view(-1, 1, 1, 1)
        every = self.settings.penalty_every
        with autocast(self.device, self.precision):
            total, parts = discriminator_loss(
                self.discriminator,
                batch,
                fake,
                alpha,
                self.settings,
                self._view(draws),
                penalise=every if self.iteration % every == 0 else 0,  # for every set in its turn
            )
        self._descend(total, self.discriminator, self.discriminator_optimiser)
        return parts

    def _generator_step(self, batch: Batch, fake: Translation, step: int) -> dict[str, Tensor]:
        draws = self._draws(generator_for(self.settings.seed, 3, step))
        with autocast(self.device, self.precision), _frozen(self.discriminator):
            total, parts = generator_loss(
                self.translator, self.discriminator, batch, fake, self.settings, self._view(draws)
            )
        self._descend(total, self.generator, self.generator_optimiser)
        self._average(self.iteration // self.settings.n_critic)
        return parts

    def _descend(self, total: Tensor, module: nn.Module, optimiser: Adam) -> None:
        optimiser.zero_grad()
        (total * self.share).backward()  # type: ignore[no-untyped-call]
        self.processes.add_gradients(module)
        optimiser.step()
        increment_version(list(module.parameters()))  # the fused one does not count its changes; `Rearranged` asks

    @property
    def share(self) -> float:
        """Which part of every batch is this process's."""
        count: int = self.rows.stop - self.rows.start
        return count / self.settings.batch_size

    def _draws(self, random: torch.Generator) -> augment.Draws:
        return augment.Draws(random, self.settings.batch_size, self.rows)

    def _view(self, draws: augment.Draws) -> View:
        def view(pictures: Tensor) -> Tensor:
            if self.settings.view_zoom:
                pictures = augment.zoom(pictures, self.settings.view_zoom, draws)
            if self.settings.view_jitter:
                pictures = augment.jitter(pictures, self.settings.view_jitter, draws)
            if self.settings.view_noise:
                pictures = augment.noise(pictures, self.settings.view_noise, draws)
            return pictures

        return view

    @torch.no_grad()
    def _average(self, generator_step: int) -> None:
        # Young averages forget fast, so that the first samples do not show the random start.
        decay = min(self.settings.ema, (1 + generator_step) / (10 + generator_step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.generator.parameters()), 1 - decay)


@contextmanager
def _frozen(module: nn.Module) -> Any:
    """No gradients for the parameters of `module` meanwhile: they would be thrown away."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
