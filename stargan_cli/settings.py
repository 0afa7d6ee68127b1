"""Settings as annotated fields: one declaration gives the checks, the option, and whether `--resume` may change it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, fields
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from stargan_cli.errors import UsageError

DATA, TRAINING, MODEL, LOSSES, RUN, MACHINE, OUTPUT = "Data", "Training", "Model", "Losses", "Run", "Machine", "Output"
"""Headings of the options in the help of several commands."""

LARGEST_SEED = 2**62
"""Seeds become int64 tensors, and each data set adds its index to the seed."""
LARGEST_BATCH = 2**16
"""Pictures in a batch. A larger number is a mistake."""
Chosen = TypeVar("Chosen", bound="Settings")


@dataclass(frozen=True)
class Setting:
    """The annotation of a field: `iterations: Annotated[int, Setting(...)] = 200_000`.

    `panel` is the option's heading in the help, `help` its effect in a sentence. `at_least`, `above`, `at_most` and
    `below` bound the number, or each number of a tuple. A resumed run may be given another value if `changeable`.
    `option` is the option's name if it is not the field's. `parse` turns a text into the value; a `repeated` option is
    given once for each item of a tuple.
    """

    panel: str
    help: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    changeable: bool = False
    option: str | None = None
    metavar: str | None = None
    parse: Callable[[str], Any] | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Declared:
    """A field of a settings class: `kind` is its type without the annotation."""

    name: str
    kind: Any
    default: Any
    setting: Setting

    @property
    def option(self) -> str:
        return "--" + (self.setting.option or self.name).replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a fixed list; none where there is no such list."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def range(self) -> str:
        """Such as `at least 0 and below 1` or `from 0 to 1`; empty where nothing bounds the value."""
        if self.setting.at_least is not None and self.setting.at_most is not None:
            return f"from {shown(self.setting.at_least)} to {shown(self.setting.at_most)}"
        bounds = {name: getattr(self.setting, name) for name in ("at_least", "above", "at_most", "below")}
        return " and ".join(
            f"{name.replace('_', ' ')} {shown(bound)}" for name, bound in bounds.items() if bound is not None
        )

    def parsed(self, value: Any) -> Any:
        """What a text means, or each text of a repeated option; other values stay as they are."""
        parse = self.setting.parse or (lambda text: text)
        if self.setting.repeated:
            items = value if isinstance(value, list) else [value]
            return [parse(item) if isinstance(item, str) else item for item in items]
        return parse(value) if isinstance(value, str) else value

    def check(self, value: Any) -> None:
        """Raises UsageError where the value is out of range."""
        if self.choices and value not in self.choices:
            raise UsageError(f"{self.option} must be one of {', '.join(self.choices)}, not {value}")
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, (int, float)) and not self._holds(number):
                wanted = self.range if _is_finite(number) and self.range else "a finite number"
                raise UsageError(f"{self.option} must be {wanted}, not {number}")

    def _holds(self, number: float) -> bool:
        one, infinite = self.setting, math.inf
        low = number >= (-infinite if one.at_least is None else one.at_least)
        high = number <= (infinite if one.at_most is None else one.at_most)
        within = (one.above is None or number > one.above) and (one.below is None or number < one.below)
        return _is_finite(number) and low and high and within


def _is_finite(number: float) -> bool:
    return isinstance(number, int) or math.isfinite(number)  # an int may be too large for a float


class Settings:
    """A frozen dataclass whose fields carry a `Setting`. Making one raises UsageError where a value is out of range."""

    def __post_init__(self) -> None:
        for name, one in declared(type(self)).items():
            one.check(getattr(self, name))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_dict(cls: type[Chosen], values: Any) -> Chosen:
        """Settings from such values. Raises ValueError for an unknown name or a wrong type, UsageError out of range."""
        return cls(**checked(cls, values))


def declared(cls: Any) -> dict[str, Declared]:
    """The fields of a settings class by name."""
    hints = get_type_hints(cls, include_extras=True)
    defaults = {one.name: one.default for one in fields(cls)}
    result = {}
    for name, default in defaults.items():
        assert get_origin(hints[name]) is Annotated and default is not MISSING, name
        kind, setting = get_args(hints[name])
        result[name] = Declared(name, kind, default, setting)
    return result


def checked(cls: type[Settings], values: Any) -> dict[str, Any]:
    """Check values from JSON or TOML for a settings class; lists become tuples. Raises ValueError."""
    if not isinstance(values, dict):
        raise ValueError("it must map names of settings to values")
    known = declared(cls)
    if unknown := sorted(values.keys() - known.keys()):
        raise ValueError(f"it holds settings of another version: {', '.join(unknown)}")
    result = {name: _with_tuples(value) for name, value in values.items()}
    for name, value in result.items():
        if not _is_of(value, known[name].kind):
            raise ValueError(f"the setting {name} cannot be {values[name]!r}: it takes {_in_words(known[name].kind)}")
    return result


def _with_tuples(value: Any) -> Any:
    return tuple(map(_with_tuples, value)) if isinstance(value, (list, tuple)) else value


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type such as `float`, `str | None` or `tuple[int, ...]`. A bool is no int."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is_of(value, part) for part in parts)
    if origin is tuple:
        many = parts[-1] is Ellipsis
        expected = parts[:1] * len(value) if many and isinstance(value, tuple) else parts
        return isinstance(value, tuple) and len(value) == len(expected) and all(map(_is_of, value, expected))
    if origin is Literal:
        return value in parts
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)


def require_types(settings: Any, **options: str) -> None:
    """Raises UsageError where a field of a dataclass has a value of another type than it declares. The message names
    the field, or its option in `options`."""
    for name, kind in get_type_hints(type(settings)).items():
        value = getattr(settings, name)
        if not _is_of(value, kind):
            raise UsageError(f"{options.get(name, name)} takes {_in_words(kind)}, not {value!r}")


def _in_words(kind: Any) -> str:
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(_in_words, get_args(kind)))
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "a list"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "True or False", type(None): "None"}
    return words.get(kind) or f"a {kind.__name__}"


def shown(value: Any) -> str:
    """The value of a setting as on the command line; empty for None and for an empty tuple."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.12g}"  # 600, not 600.0, and still all digits that anybody gives
    if value is None:
        return ""
    return ",".join(map(shown, value)) if isinstance(value, tuple) else str(value)


def listed(text: str | None) -> tuple[str, ...]:
    """Split a list such as `Black_Hair, Blond_Hair` into names; no text gives none."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
