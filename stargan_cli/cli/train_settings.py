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
    from stargan_cli.train import run_folder
    from stargan_cli.train.settings import TrainSettings
    from stargan_cli.train.settings import preset as preset_settings

    known = TrainSettings.__dataclass_fields__
    given: dict[str, Any] = {}
    for name, value in context.params.items():
        field, parse = _PARSED.get(name, (name, _unchanged))
        if field in known and value not in (None, [], ()):
            given[field] = parse(value)
    if resume:
        if context.get_parameter_source("preset").name != "DEFAULT":  # type: ignore[union-attr]
            raise UsageError("--preset and --resume exclude each other: a resumed run keeps its settings")
        return run_folder.changed(run_folder.read_settings(run), **given)
    return preset_settings(preset, **given)


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


def _unchanged(value: Any) -> Any:
    return value


# Options that go into the settings under another name, or that need parsing first.
_PARSED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "attrs": ("attributes", listed),
    "group": ("groups", lambda groups: tuple(listed(text) for text in groups)),
    "alias": ("aliases", lambda texts: tuple(_alias(text) for text in texts)),
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
