"""Names of outputs: the sources' own as far as formats and file systems allow, and never two alike."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import count
from pathlib import Path, PurePosixPath

from stargan_cli.files.atomic import temporary_name
from stargan_cli.pictures.formats import FALLBACK, WRITABLE, written_by_name

MAX_NAME_BYTES = 255
MAX_SUFFIX = 8


def converted(name: str, target: str) -> str:
    """The output's name for a source's: with `target="same"` the same where its format can be written; else with the
    suffix of the target format (PNG, where its own format cannot be written)."""
    if target == "as is":
        return name
    own = written_by_name(name)
    wanted = (own or FALLBACK) if target == "same" else WRITABLE[target]
    return name if own is wanted else os.path.splitext(name)[0] + wanted.suffixes[0]


def folded(name: str) -> str:
    """What a case-insensitive and Unicode-normalising file system takes a name for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def names_for(sources: Iterable[str], taken: Iterable[str], target: str, fold: Callable[[str], str]) -> dict[str, str]:
    """Output names for the sources of one folder, no two alike under `fold`, nor like one of `taken` (its subfolders').

    Names that need no change come first; a converted name that is taken keeps its old extension too (`a.jpg.png`),
    and what is taken still gets a mark made from the source's name (`a~1b2c3d4e.png`). It depends on the names in
    the folder alone.
    """
    used = {fold(name) for name in taken}
    names: dict[str, str] = {}
    wanted = sorted((plain != source, source, plain) for source in sources for plain in (converted(source, target),))
    for _, source, plain in wanted:
        name = next(name for name in _candidates(source, plain) if _fits(name) and fold(name) not in used)
        used.add(fold(name))
        names[source] = name
    return names


class MemberNames:
    """The same for names that are known one after the other only, as in an archive, where many may be alike."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._seen: Counter[PurePosixPath] = Counter()

    def next(self, path: PurePosixPath, target: str) -> PurePosixPath:
        names = _candidates(path.name, converted(path.name, target), self._seen[path])
        place = next(place for name in names if str(place := path.with_name(name)) not in self._used)
        self._used.add(str(place))
        self._seen[path] += 1
        return place


def _candidates(source: str, plain: str, seen: int = 0) -> Iterator[str]:
    """Ever more names, as somebody may have made files with the first of them. Of sources of one name, `seen` had the
    first ones."""
    if seen < 2:
        yield plain
    stem, suffix = os.path.splitext(plain)
    if source != plain and seen < 2:
        yield source + suffix
    suffix = suffix if len(suffix) <= MAX_SUFFIX else ""
    for number in count(max(0, seen - 1)):
        mark = blake2b(os.fsencode(source), digest_size=4, salt=str(number).encode()).hexdigest()
        yield f"{stem}~{mark}{suffix}"
        yield f"{mark}{suffix}"


def _fits(name: str) -> bool:
    return 4 * len(name) <= MAX_NAME_BYTES or len(os.fsencode(name)) <= MAX_NAME_BYTES


def folding_of(folder: Path) -> Callable[[str], str]:
    """`folded` where the file system of `folder` (or of its nearest ancestor that exists) takes names that differ in
    case or Unicode form for one, or where this cannot be found out; else names as they are."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    mark = secrets.token_hex(8)  # process numbers may be alike on two machines that share the folder
    try:  # a name that the next run removes, where this one is killed
        probe = folder / temporary_name(f"stargan-\u00e9-{mark}")
    except UnicodeEncodeError:  # the encoding of the locale lacks the letter
        return folded
    try:
        with probe.open("xb"):
            pass
        alike = any(
            folder.joinpath(name).exists() for name in (probe.name.upper(), temporary_name(f"stargan-e\u0301-{mark}"))
        )
    except OSError:
        return folded
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return folded if alike else str
