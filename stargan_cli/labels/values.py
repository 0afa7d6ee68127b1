"""Read the value of a label as people and their programs write it."""

from __future__ import annotations

import re

_ON = (
    *("true", "t", "yes", "y", "on", "x", "ja", "oui", "si", "sí", "sim", "да"),
    # what spreadsheets write for TRUE, by their language
    *("wahr", "vrai", "vero", "verdadero", "verdadeiro", "waar", "sant", "sann", "sand", "tosi", "prawda", "pravda"),
    *("igaz", "doğru", "истина", "真", "참"),
)
_OFF = (
    *("false", "f", "no", "n", "off", "nein", "non", "não", "нет"),
    *("falsch", "faux", "falso", "onwaar", "falskt", "usann", "falsk", "epätosi", "fałsz", "nepravda", "hamis"),
    *("yanlış", "ложь", "偽", "거짓"),
)
_NOTHING = ("", "na", "n/a", "#n/a", "nan", "<na>", "null", "none", "nil", "?", "-")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:e[+-]?\d+)?%?", re.IGNORECASE)
_WORDS = dict.fromkeys(_ON, 1.0) | dict.fromkeys(_OFF, 0.0) | dict.fromkeys(_NOTHING, None)


def label_value(text: str) -> float | None:
    """The value (0..1) of 1, 0, -1 (off), TRUE and FALSE as spreadsheets write them in many languages, a number from 0
    to 1 with a decimal point or comma, or a percentage; None if the field has no value (empty, NA, NaN, NULL).

    Raises ValueError for anything else.
    """
    word = text.strip().casefold()
    if word in _WORDS:
        return _WORDS[word]
    number = word.replace(",", ".") if DECIMAL_COMMA.fullmatch(word) else word
    try:
        value = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        value = float("nan")
    if value == -1:
        return 0.0
    if not 0 <= value <= 1:
        raise ValueError("1, 0, -1, TRUE, FALSE or a number from 0 to 1 is expected")
    return value
