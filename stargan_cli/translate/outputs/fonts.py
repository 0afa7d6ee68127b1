"""A font for a text of any script: Pillow's own where it has the letters, else one of the system's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FOLDERS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    *(os.path.join(os.environ.get("WINDIR", r"C:\Windows"), "Fonts"),),
)
SIZE = 10  # px
_FIRST = ("DejaVuSans", "NotoSans-Regular", "NotoSansCJK-Regular", "Arial Unicode", "arialuni", "segoeui", "arial")
_MISSING = "\U0010ffff"  # no font has a letter for it
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(text: str) -> tuple[Font, str]:
    r"""A font that has every letter of `text`, and `text`. If there is none, Pillow's own, and the text with letters
    beyond ASCII escaped (`\u4eba`)."""
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    own = ImageFont.load_default(SIZE)
    for font in _fonts(own) if isinstance(own, ImageFont.FreeTypeFont) else ():
        if _has(font, text):
            return font, text
    return own, text.encode("ascii", "backslashreplace").decode()


def _fonts(own: ImageFont.FreeTypeFont) -> Iterator[ImageFont.FreeTypeFont]:
    yield own
    for path in system_fonts():
        try:
            yield ImageFont.truetype(path, SIZE)
        except OSError:  # not a font, or one that cannot be read
            continue


@lru_cache(maxsize=1)
def system_fonts() -> tuple[str, ...]:
    """The paths of the system's fonts, fonts with many letters first."""
    found = (
        os.path.join(place, name)
        for folder in FOLDERS
        for place, _, names in os.walk(os.path.expanduser(folder))
        for name in names
        if name.lower().endswith((".ttf", ".ttc", ".otf"))
    )
    return tuple(sorted(found, key=_rank))


def _rank(path: str) -> tuple[int, str]:
    stem = Path(path).stem
    return (_FIRST.index(stem) if stem in _FIRST else len(_FIRST) + ("Regular" not in stem), path)


def _has(font: ImageFont.FreeTypeFont, text: str) -> bool:
    missing = _drawn(font, _MISSING)
    try:
        return all(letter.isspace() or _drawn(font, letter) != missing for letter in text)
    except (OSError, ValueError, UnicodeError):  # a lone surrogate, say
        return False


def _drawn(font: ImageFont.FreeTypeFont, letter: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
