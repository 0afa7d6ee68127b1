"""Settings in a file: TOML, or the settings.json of a run."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.json_text import decoded, parsed_json
from stargan_cli.files.opening import open_regular
from stargan_cli.settings import checked, declared
from stargan_cli.train.recipe.presets import preset
from stargan_cli.train.recipe.settings import TrainSettings


def read_config(path: Path) -> tuple[str | None, dict[str, Any]]:
    """The preset that a file names, if any, and its settings.

    Names are those of settings.json or of the options (`attrs`, `d-lr`); a value may also be a text as on the command
    line. Raises UsageError.
    """
    try:
        values = parsed(path)
        if not values:
            raise ValueError("it gives no setting")
        name = values.pop("preset", None)
        if name is not None and not isinstance(name, str):
            raise ValueError(f"preset cannot be {name!r}")
        return name, checked(TrainSettings, _unique([_named(key, value) for key, value in values.items()]))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from error


def parsed(path: Path) -> dict[str, Any]:
    """The values in a file, unchecked. Raises OSError and ValueError."""
    with open_regular(path) as file:
        text = decoded(file.read())
    if path.suffix.lower() == ".json":
        values = parsed_json(text, _unique)
        if not isinstance(values, dict):
            raise ValueError("it must map names of settings to values")
        return values
    if sys.version_info >= (3, 11):
        import tomllib

        return tomllib.loads(text)
    raise ValueError("TOML needs Python 3.11 or newer; a run's settings.json works with this Python too")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError where a name comes twice, such as `lr`, or `attributes` as `attrs`, its option, as well."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"it gives {name} twice")
        found[name] = value
    return found


def _named(key: str, value: Any) -> tuple[str, Any]:
    """A setting by its name or by its option's, with its value."""
    known = {one.option[2:].replace("-", "_"): one for one in declared(TrainSettings).values()}
    known |= declared(TrainSettings)
    one = known.get(key.replace("-", "_"))
    if one is None:
        if isinstance(value, dict):
            raise ValueError(f"settings stand outside of tables, without [{key}]")
        close = difflib.get_close_matches(key, known, n=1)
        raise ValueError(f"unknown setting {key}" + (f"; did you mean {close[0]}?" if close else ""))
    return one.name, one.parsed(value)


def as_toml(settings: TrainSettings, preset_name: str) -> str:
    """A file for `read_config`: the preset, and all that differs from it."""
    usual = preset(preset_name).to_dict()
    shown = {name for name, value in settings.to_dict().items() if value is not None and value != usual[name]}
    if "batch_size" in shown:
        shown |= {"lr", "d_lr"}  # left out, they would be scaled by the batch size
    values = {"preset": preset_name, **{name: value for name, value in settings.to_dict().items() if name in shown}}
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
