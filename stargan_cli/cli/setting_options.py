"""Command-line options, made from the settings that a class declares."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_origin

import typer

from stargan_cli.cli.completion import attribute_names, weights_names
from stargan_cli.settings import Declared, Settings, declared, shown

_METAVARS = {int: "N", float: "X"}  # short, so that the longest option fits into 80 columns
_COMPLETIONS: dict[str | None, Callable[..., list[str]]] = {"WEIGHTS": weights_names, "NAME,NAME,…": attribute_names}
Defaults = Mapping[str, Mapping[str, Any]]
"""For each preset, the settings that it changes."""


def option_of(cls: type[Settings], name: str) -> Any:
    """The Typer option of one setting of a class."""
    return _option(declared(cls)[name], {"": {}})


def _option(one: Declared, presets: Defaults) -> Any:
    flag = f"/--no-{one.option[2:]}" if one.kind is bool else ""
    return typer.Option(
        one.option + flag,
        help=_help(one, presets),
        metavar=one.setting.metavar or _METAVARS.get(one.kind, "NAME" if one.choices else None),
        autocompletion=(lambda: list(one.choices)) if one.choices else _COMPLETIONS.get(one.setting.metavar),
        rich_help_panel=one.setting.panel,
        show_default=False,
    )


def takes_settings(
    cls: type[Settings], presets: Defaults, panels: tuple[str, ...]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that gives a command one option for each setting of `cls`. The command receives the settings that
    the call names, as the dictionary `given`.

    The options come first in the help, panel by panel in the order of `panels`. Typer reads a command's signature, so
    the decorator writes each setting into it as a parameter.
    """
    known = sorted(declared(cls).values(), key=lambda one: panels.index(one.setting.panel))

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            texts = {one: values.pop(one.name) for one in known}
            given = {one.name: _parsed(one, text) for one, text in texts.items() if text not in (None, [], ())}
            return command(**values, given=given)

        own = dict(inspect.signature(command, eval_str=True).parameters)
        del own["given"]
        made = {
            one.name: inspect.Parameter(
                one.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_text_type(one), _option(one, presets)],
            )
            for one in known
        }
        parameters = made | {name: one.replace(kind=one.KEYWORD_ONLY) for name, one in own.items()}
        called.__signature__ = inspect.Signature([*parameters.values()])  # type: ignore[attr-defined]
        called.__annotations__ = {name: one.annotation for name, one in parameters.items()}
        return called

    return decorate


def _parsed(one: Declared, value: Any) -> Any:
    joined = ",".join(value) if isinstance(value, list) and not one.setting.repeated else value
    made = one.parsed(joined)
    return tuple(made) if isinstance(made, list) else made


def _text_type(one: Declared) -> Any:
    """The type for Typer: `str` for values that are parsed later or come from a fixed list. A comma list that is given
    twice is one list."""
    if one.setting.repeated or get_origin(one.kind) is tuple:
        return list[str] | None
    return (one.kind if one.kind in (bool, int, float) else str) | None


def _help(one: Declared, presets: Defaults) -> str:
    """The effect, then the range and the default of each preset."""
    defaults = {name: changes.get(one.name, one.default) for name, changes in presets.items()}
    texts = {name: shown(value) for name, value in defaults.items() if shown(value)}
    common, *others = texts.values() or [""]
    if all(other == common for other in others):
        values = f"default {common}" if common else ""
    else:
        values = ", ".join(f"{name} {value}" for name, value in texts.items())
    details = "; ".join(filter(None, (one.range or " or ".join(one.choices), values)))
    return one.setting.help.rstrip(".") + (f" ({details})." if details else ".")
