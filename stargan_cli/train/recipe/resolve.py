"""Resolve the settings of a call of `train`: from a preset, a file, the call, or the run that it resumes."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES
from stargan_cli.errors import UsageError
from stargan_cli.labels.vocabulary import plain
from stargan_cli.progress import Say, unheard
from stargan_cli.settings import declared, shown
from stargan_cli.train.recipe.config import read_config
from stargan_cli.train.recipe.presets import DEFAULT_PRESET, PRESETS, preset_changes
from stargan_cli.train.recipe.presets import preset as preset_settings
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import read_settings, with_changes

OF_THE_DATA = ("data", "root", "attributes", "split", "groups", "aliases", "mix")


def new_settings(
    preset: str | None, config: Path | None, given: dict[str, Any], say: Say = unheard
) -> tuple[str, TrainSettings]:
    """The name of the preset, and the settings of a new run. What is `given` overrides the file, the file the
    preset. Settings of the file's data (OF_THE_DATA) do not count for other data that is given. With another batch
    size, learning rates that neither gives are scaled. `say` gets a note about that, and a warning if the generator
    would not be trained.

    Paths are absolute, so that the run can be resumed from any folder. Raises UsageError.
    """
    named, in_file = read_config(config) if config is not None else (None, {})
    if preset is not None and {setting for one in PRESETS.values() for setting in one.changes} <= in_file.keys():
        raise UsageError(
            f"--preset {preset} has no effect: {config} has a value for everything that presets set",
            "leave --preset out, or remove from the file what the preset should set",
        )
    if "data" in given and _absolute(in_file).get("data", ()) not in ((), _absolute(given)["data"]):
        in_file = {key: value for key, value in in_file.items() if key not in OF_THE_DATA}
    name = preset or named or DEFAULT_PRESET
    values = {"data": TrainSettings.data, **preset_changes(name), **in_file, **given}
    values |= _scaled_rates(name, {**in_file, **given}, say)
    if "celeba" in values["data"]:
        values["root"] = values.get("root") or "data"
        values["attributes"] = values.get("attributes") or DEFAULT_ATTRIBUTES
    _refuse_options_of_celeba(values["data"], given)
    settings = TrainSettings(**_absolute(values))
    start, every = settings.generator_steps
    if settings.iterations // every * every <= start:
        say(
            f"no iteration trains the generator, with --iterations {settings.iterations}, "
            f"--head-start {settings.head_start} and --n-critic {settings.n_critic}"
        )
    return name, settings


def _refuse_options_of_celeba(data: tuple[str, ...], given: dict[str, Any]) -> None:
    for name in ("root", "split", "keep_unset"):
        usual = getattr(TrainSettings, name)
        if "celeba" not in data and given.get(name, usual) != usual:
            option = declared(TrainSettings)[name].option
            raise UsageError(f"{option} is for celeba, which is not among --data", "leave it out, or add --data celeba")


def _scaled_rates(name: str, given: dict[str, Any], say: Say) -> dict[str, float]:
    """The preset's learning rates for the batch size that is `given`: Adam's scale with the square root of the batch
    size (Malladi et al., NeurIPS 2022)."""
    of_preset = preset_settings(name)
    batch_size = given.get("batch_size", of_preset.batch_size)
    declared(TrainSettings)["batch_size"].check(batch_size)
    factor = math.sqrt(batch_size / of_preset.batch_size)
    rates = {rate: getattr(of_preset, rate) for rate in ("lr", "d_lr") if rate not in given}
    if factor == 1 or not rates:
        return {}
    scaled = {rate: float(f"{value * factor:.3g}") for rate, value in rates.items()}
    words = ", ".join(f"{declared(TrainSettings)[rate].option} {shown(value)}" for rate, value in scaled.items())
    say(f"for batches of {given['batch_size']}, learning rates are {factor:.3g} times the preset's: {words}")
    return scaled


def resumed_settings(run: Path, given: dict[str, Any]) -> TrainSettings:
    """The settings of the run, changed by what is `given`. Raises UsageError for a setting that may not change.

    Aliases are added to those of the run, and replace what the same words meant. The data may have been moved: their
    contents are compared when the checkpoint is loaded.
    """
    settings, given = read_settings(run), _absolute(given)
    if "celeba" in settings.data and not settings.attributes:  # as earlier versions wrote the default
        settings = replace(settings, attributes=DEFAULT_ATTRIBUTES)
    if "data" in given:
        settings = _with_names(settings, given["data"])
    if "aliases" in given:
        words = {plain(word) for word, _ in given["aliases"]}
        kept = tuple(alias for alias in settings.aliases if plain(alias[0]) not in words)
        given["aliases"] = kept + given["aliases"]
    _refuse_options_of_celeba(settings.data, given)
    changed = with_changes(settings, **given)
    changed.refuse_without_effect(given)
    return changed


def _absolute(values: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if "data" in values:
        made["data"] = tuple(one if one == "celeba" else _path(one) for one in values["data"])
    if values.get("root"):
        made["root"] = _path(values["root"])
    if values.get("init_from") and os.path.exists(_path(values["init_from"])):
        made["init_from"] = _path(values["init_from"])
    return {**values, **made}


def _path(text: str) -> str:
    return os.path.abspath(os.path.expanduser(text))  # no shell expands the ~ of a file


def _with_names(settings: TrainSettings, data: tuple[str, ...]) -> TrainSettings:
    """Sets keep the names that they have in the run, even if their class folders were renamed."""
    if [one == "celeba" for one in data] != [one == "celeba" for one in settings.data]:
        raise UsageError(
            f"a resumed run keeps its data sets: {', '.join(settings.data)}, not {', '.join(data)}",
            "give --data for each of them, in their order, or leave it out",
        )
    if [os.path.basename(one) for one in data] == [os.path.basename(one) for one in settings.data]:
        return settings
    groups = [group for group in settings.groups if len(group) > 1]
    names = [group for group in settings.groups if len(group) == 1]
    folders = [one for one in settings.data if one != "celeba"]
    names += [(os.path.basename(os.path.abspath(folder)),) for folder in folders[len(names) :]]
    return replace(settings, groups=(*groups, *names))
