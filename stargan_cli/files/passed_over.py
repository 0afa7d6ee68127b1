"""Names that a search for pictures leaves out: hidden ones, and files that systems and tools make for themselves."""

from __future__ import annotations

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
    """Counts the names that a search passes over, and keeps the first ones for a message."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier search has counted."""
        self.number = 0
        self._names: list[str] = []
        self._last: str | None = None

    def add(self, path: PurePath) -> None:
        """Count a path. A folder that is added several times in succession counts once."""
        name = path.as_posix()
        if name == self._last:
            return
        self._last = name
        self.number += 1
        if len(self._names) < _SHOWN:
            self._names.append(name)

    @property
    def note(self) -> str | None:
        """A sentence for people; None where nothing was passed over."""
        if not self.number:
            return None
        more = f" and {self.number - len(self._names):,} more" if self.number > len(self._names) else ""
        return f"passed over as hidden or a tool's own: {', '.join(self._names)}{more}"
