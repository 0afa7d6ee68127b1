"""The settings of a training run."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from stargan_cli.datasets.choice import DataChoice
from stargan_cli.errors import UsageError
from stargan_cli.settings import DATA, LARGEST_BATCH, LARGEST_SEED, TRAINING, Setting, declared, listed, shown
from stargan_cli.train.recipe.machine import MachineChoice
from stargan_cli.train.recipe.networks import NetworkChoice
from stargan_cli.train.recipe.objective import Objective
from stargan_cli.train.recipe.writing import WritingChoice

LARGEST_AUGMENT = 0.8
"""Above it the generator learns to make augmented pictures (Karras et al., NeurIPS 2020, section 2.2)."""

SMALLEST_FOR_FEATURES = 64
"""Pixels. EfficientNet's kernels do not fit into the feature maps of smaller pictures."""


def _shares(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--mix takes whole numbers such as 2,1, not {text}") from error


def _alias(text: str) -> tuple[str, str]:
    word, _, name = text.partition("=")
    if not (word.strip() and name.strip()):
        raise UsageError(f"--alias takes WORD=NAME, not {text}", "for example --alias happy=smiling")
    return word.strip(), name.strip()


@dataclass(frozen=True)
class TrainSettings(MachineChoice, WritingChoice, NetworkChoice, Objective, DataChoice):
    """A run's settings, resolved. The defaults are the paper's (section 5 and its code's published values).

    An iteration is one step of the discriminator on each data set (`mix` sets how many); every `n_critic`-th also takes
    as many of the generator. The learning rates stay constant for the first half and then fall linearly to zero at
    `iterations`.
    """

    groups: Annotated[
        tuple[tuple[str, ...], ...],
        Setting(
            DATA,
            "Attributes that exclude each other; hair colours always do. A single NAME names a set of class folders.",
            option="group",
            metavar="NAME,NAME,…",
            parse=listed,
            repeated=True,
        ),
    ] = ()
    aliases: Annotated[
        tuple[tuple[str, str], ...],
        Setting(
            DATA,
            "Another word for an attribute or class, for --set to understand. --resume adds it to those of the run.",
            option="alias",
            metavar="WORD=NAME",
            parse=_alias,
            repeated=True,
            changeable=True,
        ),
    ] = ()
    mix: Annotated[
        tuple[int, ...],
        Setting(
            DATA,
            "Steps on each data set in an iteration, such as 2,1. By default one on each.",
            at_least=1,
            metavar="N,N",
            parse=_shares,
        ),
    ] = ()
    balance: Annotated[bool, Setting(DATA, "Draws rare combinations of labels more often.")] = False

    iterations: Annotated[
        int,
        Setting(
            TRAINING,
            "Iterations in all. Each has a discriminator step on each data set, or as many as --mix says.",
            at_least=1,
            changeable=True,
        ),
    ] = 200_000
    batch_size: Annotated[int, Setting(TRAINING, "Pictures in a step.", at_least=1, at_most=LARGEST_BATCH)] = 16
    lr: Annotated[
        float,
        Setting(
            TRAINING,
            "Learning rate of the generator. It falls to zero over the second half of --iterations.",
            above=0,
            below=1,
            changeable=True,
        ),
    ] = 1e-4
    d_lr: Annotated[
        float,
        Setting(
            TRAINING,
            "Learning rate of the discriminator. It falls in the same way.",
            above=0,
            below=1,
            changeable=True,
        ),
    ] = 1e-4
    beta1: Annotated[float, Setting(TRAINING, "Adam's decay of the mean gradient.", at_least=0, below=1)] = 0.5
    beta2: Annotated[float, Setting(TRAINING, "Adam's decay of the squared gradient.", at_least=0, below=1)] = 0.999
    n_critic: Annotated[int, Setting(TRAINING, "Every N-th iteration also has a generator step.", at_least=1)] = 5
    head_start: Annotated[
        int, Setting(TRAINING, "Iterations at the start that train only the discriminator.", at_least=0)
    ] = 0
    own_share: Annotated[
        float,
        Setting(TRAINING, "Share of pictures whose target is their own label.", at_least=0, below=1, changeable=True),
    ] = 0.0
    single_share: Annotated[
        float,
        Setting(
            TRAINING,
            "Share of pictures whose target differs from their own label in one attribute or group only.",
            at_least=0,
            below=1,
            changeable=True,
        ),
    ] = 0.0
    keep_unset: Annotated[
        bool,
        Setting(
            TRAINING,
            "If a target names no member of a group, such as hair colours, the picture keeps its own. Trains with the "
            "soft labels that translate uses for attributes which --set does not name.",
            changeable=True,
        ),
    ] = False
    ema: Annotated[
        float,
        Setting(TRAINING, "Decay of the exponential moving average of the generator's weights.", at_least=0, below=1),
    ] = 0.999
    seed: Annotated[int, Setting(TRAINING, "Seed of all random numbers.", at_least=0, at_most=LARGEST_SEED)] = 0
    flip: Annotated[bool, Setting(TRAINING, "Mirrors half of the pictures.")] = True
    jitter: Annotated[
        float,
        Setting(
            TRAINING,
            "Randomly shifts and scales training pictures by up to this share X of their side, and turns them by up "
            "to X / 2 radians.",
            at_least=0,
            at_most=0.5,
            changeable=True,
        ),
    ] = 0.0
    colour_jitter: Annotated[
        float,
        Setting(
            TRAINING,
            "Multiplies exposure, contrast and saturation of training pictures by random factors from 1 - X to 1 + X.",
            at_least=0,
            at_most=0.5,
            changeable=True,
        ),
    ] = 0.0
    augment: Annotated[
        float,
        Setting(
            TRAINING,
            "Probability of each augmentation of the discriminator's pictures, real and generated: shift, scale, "
            "stretch, rotation, brightness, contrast, saturation.",
            at_least=0,
            at_most=LARGEST_AUGMENT,
            changeable=True,
        ),
    ] = 0.0
    augment_target: Annotated[
        float,
        Setting(
            TRAINING,
            "Adapts the probability --augment until the mean sign of the discriminator's output on real pictures has "
            "this value. 0.6 is usual; 0 turns it off.",
            at_least=0,
            below=1,
            changeable=True,
        ),
    ] = 0.0
    init_from: Annotated[
        str | None,
        Setting(TRAINING, "Weights to start from: a file, the name of bundled weights or hf://….", metavar="WEIGHTS"),
    ] = None
    distil: Annotated[
        bool,
        Setting(
            TRAINING,
            "Trains the generator alone, after a run has ended: it learns the mean of the changes that --init-from "
            "makes of moved (--jitter) and mirrored (--flip) views of each picture. Stains get weaker. Each "
            "iteration is a step of the generator. Settings of losses and of the discriminator's training have no "
            "effect.",
        ),
    ] = False

    @property
    def generator_steps(self) -> tuple[int, int]:
        """After how many iterations the generator's steps begin, and how many iterations there are to each."""
        return (0, 1) if self.distil else (self.head_start, self.n_critic)

    def learning_rate_factor(self, iteration: int) -> float:
        """1 over the first half, then linearly to 0 at the end (the paper's decay)."""
        half = self.iterations / 2
        return min(1.0, max(0.0, (self.iterations - iteration) / half))

    def refuse_without_effect(self, given: Collection[str] = ("weigh_classes", "own_share", "single_share")) -> None:
        """Raises UsageError for one of the `given` settings that changes nothing beside the others. `__post_init__`
        accepts it: runs of earlier versions have such settings, and can be resumed with them."""
        if "weigh_classes" in given and self.weigh_classes and not self.balance:
            raise UsageError("--weigh-classes has no effect without --balance", "add --balance or --no-weigh-classes")
        for name in ("own_share", "single_share"):
            share, option = getattr(self, name), declared(TrainSettings)[name].option
            if name in given and 0 < share * self.batch_size < 1:
                raise UsageError(
                    f"{option} {shown(share)} has no effect: "
                    f"it is less than one of {self.batch_size} pictures in a step",
                    f"give {option} {math.ceil(1000 / self.batch_size) / 1000} or more, or {option} 0",
                )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.own_share + self.single_share > 1:
            raise UsageError("--own-share and --single-share must not add up to more than 1")
        if self.distil:
            self._require_views()
        if self.augment_target and self.adversarial != "nonsaturating":
            raise UsageError(
                "--augment-target needs --adversarial nonsaturating",
                "the sign of a Wasserstein critic means nothing; --augment alone works with both",
            )
        if self.lambda_features and self.image_size < SMALLEST_FOR_FEATURES:
            raise UsageError(
                f"--lambda-features needs pictures of {SMALLEST_FOR_FEATURES} px or more, not {self.image_size}",
                "its network's kernels do not fit into smaller ones",
            )
        if self.mix and len(self.mix) != len(self.data):
            raise UsageError(f"--mix has {len(self.mix)} shares for {len(self.data)} data sets", "one for each --data")

    def _require_views(self) -> None:
        if not self.init_from:
            raise UsageError("--distil needs weights to learn from", "name them with --init-from")
        if not self.flip and not self.jitter:
            raise UsageError("--distil needs several views of each picture", "add --flip or --jitter 0.06")
