"""Everything a training run can be told, checked; and the named presets."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from stargan_cli.datasets.celeba_table import SPLITS
from stargan_cli.errors import UsageError


@dataclass(frozen=True)
class TrainSettings:
    """A run's settings, resolved. The defaults are the paper's (section 5 and its code's published values).

    An iteration is one D step on each data set; every `n_critic`-th also takes a G step. The learning rates (`lr` of
    G, `d_lr` of D) stay constant for the first half and then fall linearly to zero at `iterations`.
    """

    data: tuple[str, ...] = ("celeba",)
    root: str | None = None
    attributes: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    split: Literal["official", "reference"] = "official"
    mix: tuple[int, ...] = ()
    balance: bool = False
    weigh_classes: bool = False
    init_from: str | None = None

    iterations: int = 200_000
    image_size: int = 128
    batch_size: int = 16
    lr: float = 1e-4
    d_lr: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    n_critic: int = 5
    head_start: int = 0
    own_share: float = 0.0
    single_share: float = 0.0
    keep_unset: bool = False
    ema: float = 0.999
    seed: int = 0
    precision: str = "auto"

    adversarial: Literal["wgan-gp", "nonsaturating"] = "wgan-gp"
    lambda_cls: float = 1.0
    lambda_rec: float = 10.0
    lambda_gp: float = 10.0
    lambda_id: float = 0.0
    penalty_every: int = 1

    width: int = 64
    blocks: int = 6
    discriminator_width: int = 64
    discriminator_layers: int = 6
    output: Literal["tanh", "attention"] = "tanh"
    upsampling: Literal["transposed", "resize"] = "transposed"
    projection: bool = False
    downscale: int = 1

    flip: bool = True
    jitter: float = 0.0
    view_jitter: float = 0.0
    view_zoom: float = 0.0
    view_noise: float = 0.0

    log_every: int = 10
    sample_every: int = 1000
    checkpoint_every: int = 1000
    keep: int = 3

    def learning_rate_factor(self, iteration: int) -> float:
        """1 over the first half, then linearly to 0 at the end (the paper's decay)."""
        half = self.iterations / 2
        return min(1.0, max(0.0, (self.iterations - iteration) / half))

    def __post_init__(self) -> None:
        every = ("penalty_every", "log_every", "sample_every", "checkpoint_every")
        for name in ("iterations", "batch_size", "n_critic", *every, "keep"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        self._require("head_start", self.head_start >= 0, "at least 0")
        for name in ("lr", "d_lr"):
            self._require(name, 0 < getattr(self, name) < 1, "between 0 and 1")
        for name in ("beta1", "beta2", "ema"):
            self._require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        for name in ("lambda_cls", "lambda_rec", "lambda_gp", "lambda_id"):
            self._require(name, 0 <= getattr(self, name) < float("inf"), "a number from 0 up")
        for name in ("own_share", "single_share"):
            self._require(name, 0 <= getattr(self, name) < 1, "at least 0 and below 1")
        if self.own_share + self.single_share > 1:
            raise UsageError("--own-share and --single-share are more than all targets together")
        for name in ("jitter", "view_jitter", "view_zoom", "view_noise"):
            self._require(name, 0 <= getattr(self, name) <= 0.5, "between 0 and 0.5")
        self._require("mix", all(share >= 1 for share in self.mix), "whole numbers from 1 up")
        if self.mix and len(self.mix) != len(self.data):
            raise UsageError(f"--mix has {len(self.mix)} shares for {len(self.data)} data sets", "one for each --data")
        self._choice("precision", ("auto", "fp32", "bf16"))
        self._choice("split", SPLITS)
        self._choice("adversarial", ("wgan-gp", "nonsaturating"))

    def _require(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise UsageError(f"{option(name)} must be {what}, not {getattr(self, name)}")

    def _choice(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            raise UsageError(f"{option(name)} must be one of {', '.join(allowed)}, not {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for settings.json and checkpoints; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainSettings:
        """Raises ValueError where a name is unknown or a value of the wrong kind."""
        if not isinstance(values, dict):
            raise ValueError("training settings are an object")
        known = {entry.name: entry.default for entry in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"it holds settings of another version: {', '.join(unknown)}")
        for name, value in values.items():
            if not _is_like(value, known[name], int if name == "mix" else str):
                raise ValueError(f"the training setting {name} cannot be {value!r}")
        tuples: dict[str, Any] = {name: tuple(values[name]) for name in ("data", "attributes", "mix") if name in values}
        for name in {"groups", "aliases"} & values.keys():
            tuples[name] = tuple(tuple(words) for words in values[name])
        return cls(**{**values, **tuples})


def _is_like(value: Any, default: Any, item: type) -> bool:
    """Whether a value from JSON is of the kind of a setting's default; lists hold `item`s, or lists of texts."""
    if isinstance(default, tuple) or default is MISSING:
        return isinstance(value, (list, tuple)) and all(
            type(one) is item or (isinstance(one, (list, tuple)) and item is str and all(type(w) is str for w in one))
            for one in value
        )
    if default is None:
        return value is None or type(value) is str
    return type(value) in ((int, float) if type(default) is float else (type(default),))


def option(name: str) -> str:
    """The command-line option of a setting."""
    return "--" + OPTION_NAMES.get(name, name).replace("_", "-")


OPTION_NAMES = {"attributes": "attrs", "groups": "group", "aliases": "alias"}

FAST: dict[str, Any] = {
    "width": 32,
    "discriminator_width": 32,
    "output": "attention",
    "upsampling": "resize",
    "projection": True,
    "adversarial": "nonsaturating",
    "lr": 2e-4,
    "d_lr": 4e-4,
    "beta2": 0.99,
    "n_critic": 1,
    "head_start": 300,
    "balance": True,
    "lambda_cls": 0.5,
    "lambda_rec": 3.0,
    "lambda_gp": 0.1,
    "penalty_every": 4,
    "jitter": 0.03,
    "view_jitter": 0.1,
    "view_noise": 0.03,
}

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {
        "width": 32,
        "discriminator_width": 32,
        "output": "attention",
        "lr": 2e-4,
        "d_lr": 2e-4,
        "n_critic": 2,
    },
    "fast": FAST,
}
"""`paper`: the paper's values. `small`: the paper's losses on networks of a quarter of the cost, for CPUs and quick
starts. `fast`: the same networks with what made them learn in fewer steps; see docs/decisions/training-recipe.md."""


def preset(name: str, **changes: Any) -> TrainSettings:
    """The settings of a preset with some of them changed. Raises UsageError."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", f"there are: {', '.join(PRESETS)}")
    return TrainSettings(**{**PRESETS[name], **changes})
