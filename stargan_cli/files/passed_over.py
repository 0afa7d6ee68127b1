"""Names that a search for pictures leaves out: hidden ones, files that systems and tools make for themselves, and
pictures and archives of kinds that are not read."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

_OF_TOOLS = frozenset(
    (
        # archives made on macOS; its servers
        *("__macosx", "network trash folder", "temporary items", "thevolumesettingsfolder"),
        # Synology and QNAP: thumbnails, waste, snapshots
        *("@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb", "@sharebin"),
        # Windows
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000", "thumbs.db", "ehthumbs.db"),
        *("desktop.ini", "_vti_cnf", "msocache", "config.msi"),
        # other systems and tools
        *("lost+found", "__pycache__", "~snapshot", "_gsdata_", "thumbs.db:encryptable"),
    )
)
_UNREAD = frozenset(
    (
        # raw files of cameras
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
        *(".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
        # other pictures
        *(".dcm", ".djvu", ".exr", ".hdr", ".ico", ".jxl", ".kra"),
        *(".pcx", ".pdf", ".psb", ".psd", ".svg", ".tga", ".xcf"),
        # films
        *(".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm", ".wmv"),
        # archives
        *(".7z", ".bz2", ".gz", ".rar", ".tar", ".tbz2", ".tgz", ".txz", ".xz", ".zip", ".zst"),
    )
)
_SHOWN = 5


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of this name, one part of a path, is hidden or a tool's own. Case does not count."""
    return (name.startswith(".") and name not in (".", "..")) or name.casefold() in _OF_TOOLS


def passed_over_part(path: PurePath) -> PurePath | None:
    """`path` as far as the first part that is passed over; None where none is."""
    for number, part in enumerate(path.parts):
        if is_passed_over(part):
            return type(path)(*path.parts[: number + 1])
    return None


class PassedOver:
    """Counts the files that a search passes over, and keeps what a message names of them.

    `tars`: how many tars it passes over because it looks for pictures that are replaced in place.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier search has counted."""
        self.number = self.tars = 0
        self._names: list[str] = []
        self._last: str | None = None
        self._unread: Counter[str] = Counter()

    def add(self, path: PurePath) -> None:
        """Count a hidden path, or a tool's. A folder that is added several times in succession counts once."""
        name = path.as_posix()
        if name == self._last:
            return
        self._last = name
        self.number += 1
        if len(self._names) < _SHOWN:
            self._names.append(name)

    def add_if_unread(self, name: str) -> None:
        """Count a file whose name is that of a picture or an archive of a kind that is not read."""
        suffix = PurePath(name.lower()).suffix
        if suffix in _UNREAD:
            self._unread[suffix] += 1

    @property
    def notes(self) -> list[str]:
        """Sentences for people; none where nothing was passed over."""
        notes = []
        if self.number:
            more = f" and {self.number - len(self._names):,} more" if self.number > len(self._names) else ""
            notes.append(f"passed over as hidden or a tool's own: {', '.join(self._names)}{more}")
        if self._unread:
            kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in sorted(self._unread.items()))
            notes.append(f"passed over as files of a kind that is not read: {kinds}")
        if self.tars:
            notes.append(f"passed over since tars are not replaced in place: {self.tars:,}")
        return notes
