"""The settings of the losses: which adversarial loss, and how each loss is weighted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stargan_cli.settings import LOSSES, Setting, Settings


@dataclass(frozen=True)
class Objective(Settings):
    """Which losses, and their weights: the part `G/rec` is weighted by `lambda_rec`. The defaults are the paper's.

    `adversarial="wgan-gp"` is the paper's (Gulrajani et al., 2017, with weight `lambda_gp`); `"nonsaturating"` is
    Goodfellow's with an R1 penalty (Mescheder et al., 2018), whose weight is also `lambda_gp`. `lambda_id` weighs the
    identity loss (CycleGAN, Zhu et al., 2017): it penalises changes of a picture whose target is its own label, and the
    discriminator's output for this picture does not count. `lambda_self` weighs the self-regularisation loss (SimGAN,
    Shrivastava et al., CVPR 2017): it penalises changes of any picture, most of all of its background.
    `lambda_features` weighs the losses from a second discriminator, on fixed features (Kumari et al., CVPR 2022).
    """

    adversarial: Annotated[
        Literal["wgan-gp", "nonsaturating"],
        Setting(LOSSES, "Adversarial loss: the paper's with a gradient penalty, or non-saturating with R1."),
    ] = "wgan-gp"
    lambda_cls: Annotated[
        float, Setting(LOSSES, "Weight of the domain classification loss.", at_least=0, changeable=True)
    ] = 1.0
    lambda_rec: Annotated[float, Setting(LOSSES, "Weight of the reconstruction loss.", at_least=0, changeable=True)] = (
        10.0
    )
    lambda_gp: Annotated[
        float, Setting(LOSSES, "Weight of the gradient penalty or of R1.", at_least=0, changeable=True)
    ] = 10.0
    lambda_id: Annotated[
        float,
        Setting(
            LOSSES,
            "Weight of the identity loss, which penalises changes of pictures whose target is their own label.",
            at_least=0,
            changeable=True,
        ),
    ] = 0.0
    lambda_self: Annotated[
        float,
        Setting(
            LOSSES,
            "Weight of the self-regularisation loss, which penalises changes of any picture. The background counts 30 "
            "times: the part that no edge divides from the top border or the upper half of the sides.",
            at_least=0,
            changeable=True,
        ),
    ] = 0.0
    lambda_features: Annotated[
        float,
        Setting(
            LOSSES,
            "Weight of a second discriminator on fixed ImageNet features (EfficientNet-Lite1), which overfits less. "
            "Needs pictures of 64 px or more. 0 turns it off.",
            at_least=0,
            changeable=True,
        ),
    ] = 0.0
    weigh_classes: Annotated[
        bool,
        Setting(
            LOSSES,
            "With --balance: weights each picture in the discriminator's classification loss by how frequent its "
            "labels are in the data.",
            changeable=True,
        ),
    ] = False
    penalty_every: Annotated[
        int,
        Setting(
            LOSSES, "Computes the gradient penalty in every N-th iteration only, with N times its weight.", at_least=1
        ),
    ] = 1
