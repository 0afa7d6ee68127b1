"""From the options of `stargan train` to its settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from stargan_cli.cli.options import listed
from stargan_cli.errors import UsageError


def resolve_settings(context: typer.Context, run: Path, resume: bool, preset: str) -> Any:
    """The preset, or with --resume the run's own settings, with the options that were given."""
    from stargan_cli.tasks import run_folder, training_settings

    known = training_settings.TrainSettings.__dataclass_fields__
    given: dict[str, Any] = {}
    for name, value in context.params.items():
        field, parse = _PARSED.get(name, (name, _unchanged))
        if field in known and value not in (None, [], ()):
            given[field] = parse(value)
    if resume:
        if context.get_parameter_source("preset").name != "DEFAULT":  # type: ignore[union-attr]
            raise UsageError("--preset and --resume exclude each other: a resumed run keeps its settings")
        return run_folder.changed(run_folder.read_settings(run), **given)
    settings = training_settings.preset(preset, **given)
    if preset == "polish" and not settings.teacher:
        raise UsageError("--preset polish learns from weights: --teacher is missing", "name the weights to learn from")
    return settings


def _shares(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--mix takes whole numbers such as 2,1, not {text}") from error


def _pairs(option: str, form: str, example: str) -> Callable[[list[str]], tuple[tuple[str, str], ...]]:
    def pair(text: str) -> tuple[str, str]:
        left, separator, right = text.partition("=")
        if not (left.strip() and separator and right.strip()):
            raise UsageError(f"{option} takes {form}, not {text}", f"for example {option} {example}")
        return left.strip(), right.strip()

    return lambda texts: tuple(pair(text) for text in texts)


def _unchanged(value: Any) -> Any:
    return value


# Options that go into the settings under another name, or that need parsing first.
_PARSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "attrs": ("attributes", listed),
    "group": ("groups", lambda groups: tuple(listed(text) for text in groups)),
    "watch": ("watched", listed),
    "alias": ("aliases", _pairs("--alias", "WORD=NAME", "happy=smiling")),
    "prototypes": ("prototypes", _pairs("--prototypes", "NAME=STRENGTH", "Male=3")),
    "push": ("push", _pairs("--push", "NAME=FACTOR", "Young=0.5")),
    "data": ("data", tuple),
    "root": ("root", str),
    "mix": ("mix", _shares),
}


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `45m`, `2h`, `1h30m`, `1.5h`. Raises UsageError."""
    found = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.strip())
    try:
        hours, minutes, seconds = (float(part) if part else 0.0 for part in found.groups()) if found else (0.0,) * 3
    except ValueError:
        hours = minutes = seconds = 0.0
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise UsageError(f"not a time: {text}", "write it as 45m, 2h or 1h30m")
    return total
