"""Names of outputs: the names of their sources as far as formats and file systems allow, and never two alike."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import chain, count
from pathlib import Path, PurePosixPath

from stargan_cli.files.atomic import temporary_name
from stargan_cli.pictures.formats import FALLBACK, WRITABLE, written_by_name

MAX_NAME_BYTES = 255
MAX_SUFFIX = 8


def converted(name: str, target: str) -> str:
    """The output's name for a source's name. `target` is a format, or "same": the source's format, or PNG if that
    cannot be written. The suffix changes if the format does. With "as is", the name stays."""
    if target == "as is":
        return name
    own = written_by_name(name)
    wanted = (own or FALLBACK) if target == "same" else WRITABLE[target]
    return name if own is wanted else os.path.splitext(name)[0] + wanted.suffixes[0]


def folded(name: str) -> str:
    """The form in which a case-insensitive and Unicode-normalising file system compares a name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def names_for(sources: Iterable[str], taken: Iterable[str], target: str, fold: Callable[[str], str]) -> dict[str, str]:
    """Output names for the sources of one folder, no two alike under `fold`, nor like one of `taken` (its subfolders').

    Names that need no change come first. If a converted name is taken, it keeps its old extension too (`a.jpg.png`). If
    that is taken too, it gets a hash of the source's name (`a~1b2c3d4e.png`). The result depends only on the names in
    the folder.
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
    """Output names for an archive's pictures, which come one after the other.

    A name that comes again has the same output name again, as archives that were joined hold names twice. If pictures
    of two names would get one, the second keeps its old extension too (`a.jpg.png`). So a name keeps its beginning up
    to the first dot, which is the key of its sample.
    """

    def __init__(self) -> None:
        self._sources: dict[PurePosixPath, PurePosixPath] = {}

    def next(self, path: PurePosixPath, target: str) -> PurePosixPath:
        plain = converted(path.name, target)
        suffix = os.path.splitext(plain)[1]
        names = chain([plain], (path.name + number * suffix for number in count(1)))
        return next(place for name in names if self._sources.setdefault(place := path.with_name(name), path) == path)


def _candidates(source: str, plain: str) -> Iterator[str]:
    """Names to try, without end, as a name may be taken."""
    yield plain
    stem, suffix = os.path.splitext(plain)
    if source != plain:
        yield source + suffix
    suffix = suffix if len(suffix) <= MAX_SUFFIX else ""
    for number in count():
        digest = blake2b(os.fsencode(source), digest_size=4, salt=str(number).encode()).hexdigest()
        yield f"{stem}~{digest}{suffix}"
        yield f"{digest}{suffix}"


def _fits(name: str) -> bool:
    return 4 * len(name) <= MAX_NAME_BYTES or len(os.fsencode(name)) <= MAX_NAME_BYTES


def folding_of(folder: Path, dry: bool = False) -> Callable[[str], str]:
    """`folded` if the file system of `folder` (or of its nearest existing ancestor) ignores case or Unicode form in
    names, or if that cannot be found out; else `str`, which keeps names as they are.

    Makes a file for a moment. With `dry` it makes none, and looks for a name that is there in another case instead;
    then it does not notice a file system that ignores the Unicode form alone.
    """
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        alike = _ignores_case_of_a_name(folder) if dry else _takes_names_for_one(folder)
    except OSError:
        return folded
    return folded if alike else str


def _takes_names_for_one(folder: Path) -> bool:
    token = secrets.token_hex(8)  # process numbers may be alike on two machines that share the folder
    words = (f"{word}-{token}" for word in ("stargan-\u00e9", "STARGAN-\u00e9", "stargan-e\u0301"))
    # temporary names: if this run is killed, the next one removes the file. The same bytes in every locale
    probe, *others = (folder / temporary_name(os.fsdecode(word.encode())) for word in words)
    try:
        with probe.open("xb"):
            pass
        return any(other.exists() for other in others)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _ignores_case_of_a_name(folder: Path) -> bool:
    """Whether a name in the folder, or else the folder's own, also leads there in another case. True if there is no
    name with letters."""
    with os.scandir(folder) as entries:
        path = next((Path(entry.path) for entry in entries if _has_two_cases(entry.name)), None)
    if path is None:
        path = folder.resolve()
        if not _has_two_cases(path.name) or os.path.ismount(path):
            return True
    try:
        return os.path.samestat(path.lstat(), path.with_name(path.name.swapcase()).lstat())
    except FileNotFoundError:
        return False


def _has_two_cases(name: str) -> bool:
    return name.isascii() and name.swapcase() != name
