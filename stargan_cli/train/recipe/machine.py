"""The settings of the machine: in which number type an iteration is computed, and how its work reaches the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stargan_cli.settings import MACHINE, Setting, Settings


@dataclass(frozen=True)
class MachineChoice(Settings):
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Setting(
            MACHINE,
            "Number type of the convolutions. auto takes bf16 if an x86 processor or a GPU has instructions for it, "
            "else fp32.",
            changeable=True,
        ),
    ] = "auto"
    graphs: Annotated[
        bool,
        Setting(
            MACHINE,
            "On CUDA, replays iterations as CUDA graphs, with the same numbers within rounding.",
            changeable=True,
        ),
    ] = True
    compiled: Annotated[
        bool,
        Setting(
            MACHINE,
            "On CUDA, lets torch compile both networks first. This takes minutes; the numbers are the same within "
            "rounding. The gradient penalty is not compiled, as it is differentiated twice.",
            option="compile",
            changeable=True,
        ),
    ] = False
