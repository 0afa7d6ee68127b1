"""What a run writes, and how often: rows of the log, evaluations, sample grids and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stargan_cli.settings import RUN, Setting, Settings


@dataclass(frozen=True)
class WritingChoice(Settings):
    log: Annotated[
        Literal["jsonl", "tensorboard"],
        Setting(
            RUN,
            "Writes losses into log.jsonl; tensorboard also writes losses and sample grids for TensorBoard.",
            changeable=True,
        ),
    ] = "jsonl"
    log_every: Annotated[int, Setting(RUN, "Iterations between rows of the log.", at_least=1, changeable=True)] = 10
    log_seconds: Annotated[
        float, Setting(RUN, "Seconds between rows of the log at most.", above=0, changeable=True)
    ] = 60.0
    eval_every: Annotated[
        int,
        Setting(
            RUN,
            "Iterations between evaluations of the averaged generator on validation pictures (as eval --fast). Each "
            "writes its numbers into log.jsonl; best.safetensors keeps the best weights so far. 0 turns them off.",
            at_least=0,
            changeable=True,
        ),
    ] = 0
    sample_every: Annotated[int, Setting(RUN, "Iterations between sample grids.", at_least=1, changeable=True)] = 1000
    sample_seconds: Annotated[
        float, Setting(RUN, "Seconds between sample grids at most.", above=0, changeable=True)
    ] = 600.0
    checkpoint_every: Annotated[int, Setting(RUN, "Iterations between checkpoints.", at_least=1, changeable=True)] = (
        1000
    )
    checkpoint_seconds: Annotated[
        float, Setting(RUN, "Seconds between checkpoints at most.", above=0, changeable=True)
    ] = 600.0
    checkpoint_dtype: Annotated[
        Literal["fp32", "bf16", "fp16"],
        Setting(RUN, "Number type of the networks in checkpoints. Only fp32 resumes exactly.", changeable=True),
    ] = "fp32"
    checkpoint_moments: Annotated[
        bool,
        Setting(
            RUN,
            "Saves the optimisers' moments in checkpoints. Without them a resumed run raises its learning rates from "
            "zero over 100 iterations.",
            changeable=True,
        ),
    ] = True
    keep: Annotated[int, Setting(RUN, "Keeps this many of the newest checkpoints.", at_least=1, changeable=True)] = 3
