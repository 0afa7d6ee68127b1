"""Both networks, their optimisers and one training iteration, for one data set or several."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stargan_cli.captured import Captured, CudaGraphs
from stargan_cli.datasets.draws import Draws, key
from stargan_cli.device import autocast, compiling, memory_layout
from stargan_cli.distributed import ALONE, Processes
from stargan_cli.fast_cpu.networks import FastGenerator
from stargan_cli.labels import LabelLayout
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.progress import Say, unheard
from stargan_cli.train.learning.adaptive import Augmentation
from stargan_cli.train.learning.batches import BatchSource
from stargan_cli.train.learning.distillation import Teacher, distillation_loss
from stargan_cli.train.learning.feature_discriminator import FeatureDiscriminator
from stargan_cli.train.learning.learner import Learner, frozen
from stargan_cli.train.learning.losses import (
    Batch,
    View,
    discriminator_loss,
    feature_discriminator_loss,
    generator_loss,
)
from stargan_cli.train.learning.turns import Turns
from stargan_cli.train.recipe.settings import TrainSettings

Losses = dict[str, Tensor]
WARM_UP = 100
"""Iterations over which learning rates rise after a run was resumed without its optimisers' moments."""


class Trainer:
    """The state of a run, and `iterate`, which changes it by one iteration.

    Every random choice is a function of the seed and the iteration: the tensors of `state` and the iteration are all
    that a checkpoint needs. On CUDA an iteration is one graph, so nothing in `_iteration` may wait for the device, or
    read from the host what changes between iterations: the iteration's number and the learning rates are tensors.
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
        warn: Say = unheard,
    ) -> None:
        """`warn` gets the reason if something makes the run slower than it could be."""
        torch.manual_seed(settings.seed)
        self.model, self.layout, self.sources, self.settings = model, layout, sources, settings
        self.device, self.precision, self.processes = device, precision, processes
        self.rows = processes.rows(settings.batch_size)
        self.iteration, self.clock = 0, torch.zeros((), dtype=torch.int64, device=device)
        self.turns = Turns(layout, sources, settings, self.rows, device, self._read)
        self.generator = Generator(model).to(device).to(memory_format=memory_layout(device))
        self.fast_generator = self._fast(self.generator)
        self.discriminator = Discriminator(model).to(device).to(memory_format=memory_layout(device))
        self.ema = copy.deepcopy(self.generator).requires_grad_(False)
        self.teacher: Teacher | None = None
        if settings.distil:
            copied = copy.deepcopy(self.ema)
            self.teacher = Teacher(copied, self._fast(copied).translate, settings.jitter, settings.flip)
        if settings.compiled:
            self.generator.compile(dynamic=False)
            self.discriminator.compile(dynamic=False)
        betas = (settings.beta1, settings.beta2)
        self.learning_generator = Learner("generator", self.generator, settings.lr, betas)
        self.learning_discriminator = Learner("discriminator", self.discriminator, settings.d_lr, betas)
        self.learners = [self.learning_generator, self.learning_discriminator]
        self.features: FeatureDiscriminator | None = None
        if settings.lambda_features:
            self.features = FeatureDiscriminator(model.class_dim).to(device).to(memory_format=memory_layout(device))
            self.learning_features = Learner("features", self.features.heads, settings.d_lr, betas)
            self.learners.append(self.learning_features)
        self.augmentation = Augmentation(settings.augment, settings.augment_target, device)
        self.cold_start = -WARM_UP
        self._warn = warn
        self._iterate = self._captured()

    def _fast(self, generator: Generator) -> Generator:
        """On a CPU, a faster network with the same parameters; elsewhere, or compiled, the generator itself."""
        fast = self.device.type == "cpu" and not self.settings.compiled
        return FastGenerator(generator, self.precision) if fast else generator

    def begin_with_generator(self) -> None:
        """Let the average, and the teacher if there is one, begin with the generator's weights."""
        for network in (self.ema, *([self.teacher.network] if self.teacher else [])):
            network.load_state_dict(self.generator.state_dict())

    def _captured(self) -> Callable[[bool, bool], Losses]:
        graphs = self.device.type == "cuda" and self.settings.graphs
        iteration = compiling()(self._iteration) if self.settings.compiled else self._iteration
        return Captured(iteration, CudaGraphs(), self._warn) if graphs else iteration

    def iterate(self) -> Losses:
        """One iteration: a D step for each set's turn, and every `n_critic`-th time a G step too.

        Returns the named losses of the last turn of each set, as tensors on the device that the next iteration may
        overwrite.
        """
        self._set_clock(self.iteration)
        for learner in self.learners:
            learner.set_rate(self._learning_rate_factor())
        losses = self._iterate(*self._steps())
        self.iteration += 1
        return losses

    def _steps(self) -> tuple[bool, bool]:
        """Whether this iteration has a gradient penalty, and whether it has a step of G."""
        start, every = self.settings.generator_steps
        number = self.iteration + 1
        with_penalty = self.teacher is None and number % self.settings.penalty_every == 0
        return with_penalty, number % every == 0 and self.iteration >= start

    def _learning_rate_factor(self) -> float:
        """That of the settings, lower in the first `WARM_UP` iterations after resuming without moments."""
        since = self.iteration - self.cold_start
        return self.settings.learning_rate_factor(self.iteration) * min(1.0, (since + 1) / WARM_UP)

    def _set_clock(self, iteration: int) -> None:
        self.clock.fill_(iteration)
        self.turns.load(iteration)

    def _iteration(self, with_penalty: bool, with_generator: bool) -> Losses:
        losses: Losses = {}
        for turn, index in enumerate(self.turns.order):
            draws = self._draws(turn)
            batch = self.turns.batch(turn, self.clock, draws)
            if self.teacher is not None:
                parts = self._distillation_step(batch, draws, self.teacher)
            else:
                parts = self._adversarial_steps(batch, draws, with_penalty, with_generator)
            prefix = f"{self.layout.sets[index].name}/" if len(self.sources) > 1 else ""
            losses |= {prefix + name: value.detach() for name, value in parts.items()}
        return losses

    def _distillation_step(self, batch: Batch, draws: Draws, teacher: Teacher) -> Losses:
        with autocast(self.device, self.precision):
            taught = teacher.mean_change(batch.real, batch.target, draws)
            loss = distillation_loss(self.fast_generator.translate(batch.real, batch.target), batch.real, taught)
        self.learning_generator.descend(loss * self.share, self.processes)
        self._average()
        return {"G/distil": loss}

    def _adversarial_steps(self, batch: Batch, draws: Draws, with_penalty: bool, with_generator: bool) -> Losses:
        # G does not change in between: both steps can use the same fakes.
        with torch.set_grad_enabled(with_generator), autocast(self.device, self.precision):
            fake = self.fast_generator(batch.real, batch.target)
        parts = self._discriminator_step(batch, fake.detach(), draws, with_penalty)
        parts |= self._feature_step(batch, fake.detach(), draws)
        if with_generator:
            parts |= self._generator_step(batch, fake, draws)
        return parts

    def _discriminator_step(self, batch: Batch, fake: Tensor, draws: Draws, with_penalty: bool) -> Losses:
        alpha = draws.uniform().view(-1, 1, 1, 1)
        with autocast(self.device, self.precision):
            total, parts = discriminator_loss(
                self.discriminator,
                batch,
                fake,
                alpha,
                self.settings,
                self._view(draws),
                penalise=self.settings.penalty_every if with_penalty else 0,
            )
        self.learning_discriminator.descend(total * self.share, self.processes)
        if self.augmentation.target:
            sign = {"D/sign": parts["D/sign"]}
            self.augmentation.adapt(self.processes.mean(sign, self.share)["D/sign"], self.settings.batch_size)
            parts["D/augment"] = self.augmentation.probability
        return parts

    def _feature_step(self, batch: Batch, fake: Tensor, draws: Draws) -> Losses:
        if self.features is None:
            return {}
        with autocast(self.device, self.precision):
            total, parts = feature_discriminator_loss(self.features, batch, fake, self.settings, self._view(draws))
        self.learning_features.descend(total * self.share, self.processes)
        return parts

    def _generator_step(self, batch: Batch, fake: Tensor, draws: Draws) -> Losses:
        with autocast(self.device, self.precision), frozen(self.learners[1:]):
            total, parts = generator_loss(
                self.fast_generator, self.discriminator, batch, fake, self.settings, self._view(draws), self.features
            )
        self.learning_generator.descend(total * self.share, self.processes)
        self._average()
        return parts

    @torch.no_grad()
    def _average(self) -> None:
        # The average decays faster at first, so that the first samples do not show the random start.
        start, every = self.settings.generator_steps
        steps = torch.div((self.clock - start).clamp(min=0), every, rounding_mode="floor")
        rest = 1 - ((1 + steps) / (10 + steps)).clamp(max=self.settings.ema)
        for average, parameter in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(parameter, rest)

    @torch.no_grad()
    def _read(self, real: Tensor) -> Tensor:
        """The probabilities (N, class_dim) that D reads from pictures, as in `translate`."""
        with autocast(self.device, self.precision):
            classes: Tensor = self.discriminator(real).classes
        return classes.float().sigmoid()

    @property
    def share(self) -> float:
        """This process's share of every batch (0..1)."""
        count: int = self.rows.stop - self.rows.start
        return count / self.settings.batch_size

    def _draws(self, turn: int) -> Draws:
        return Draws(key(self.clock, self.settings.seed, 1, turn), self.settings.batch_size, self.rows)

    def _view(self, draws: Draws) -> View:
        return lambda pictures: self.augmentation(pictures, draws)

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint holds, by name."""
        average = {f"ema.{name}": value for name, value in self.ema.state_dict().items()}
        teacher = self.teacher.state() if self.teacher else {}
        learners = {name: tensor for learner in self.learners for name, tensor in learner.state().items()}
        cold = {"trainer.cold_start": torch.tensor(self.cold_start)} if self.cold_start > 0 else {}
        return learners | average | teacher | self.augmentation.state() | cold

    def load_state(self, tensors: dict[str, Tensor], iteration: int) -> None:
        """Restore what `state` returned. Raises KeyError and RuntimeError where it does not fit."""
        for learner in self.learners:
            learner.load(tensors)
        self.ema.load_state_dict({name: tensors[f"ema.{name}"] for name in self.ema.state_dict()})
        if self.teacher is not None:
            self.teacher.load(tensors)
        self.augmentation.load(tensors)
        has_moments = any("_optimiser." in name for name in tensors)
        if "trainer.cold_start" in tensors:
            self.cold_start = int(tensors["trainer.cold_start"])
        if iteration > 0 and not has_moments:
            self.cold_start = iteration
        self.iteration = iteration
        self._iterate = self._captured()  # graphs recorded before would use the optimisers' old tensors
