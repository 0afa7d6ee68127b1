"""Names that a search for pictures leaves out: hidden ones, files that systems and tools make for themselves, and files
of kinds that are not read."""

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
_BESIDE_PICTURES = frozenset(
    (
        # texts and tables
        *(".txt", ".md", ".rst", ".log", ".csv", ".tsv", ".xlsx", ".ods", ".json", ".jsonl", ".ndjson", ".parquet"),
        *(".xml", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".cls", ".db", ".sqlite", ".pts", ".mat", ".npy", ".npz"),
        # pages, programs and what they load
        *(".html", ".htm", ".css", ".js", ".py", ".ipynb", ".sh", ".safetensors", ".pt", ".pth", ".onnx"),
        # what cameras and programs say of a picture; checksums
        *(".xmp", ".aae", ".thm", ".pp3", ".md5", ".sha1", ".sha256"),
    )
)
"""Suffixes of files that people keep beside pictures and do not take for pictures."""
_SHOWN = 5
_KINDS = 20
"""How many suffixes are counted, each by itself. Numbered files (`x.0001`) have as many suffixes as there are files."""


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
        self._of_more_kinds = 0

    def add(self, path: PurePath) -> None:
        """Count a hidden path, or a tool's. A folder that is added several times in succession counts once."""
        name = path.as_posix()
        if name == self._last:
            return
        self._last = name
        self.number += 1
        if len(self._names) < _SHOWN:
            self._names.append(name)

    def add_unread(self, name: str) -> None:
        """Count a file that is not read, by its suffix. Those of `_BESIDE_PICTURES` are not counted."""
        suffix = PurePath(name.lower()).suffix
        if suffix in _BESIDE_PICTURES:
            return
        if suffix in self._unread or len(self._unread) < _KINDS:
            self._unread[suffix] += 1
        else:
            self._of_more_kinds += 1

    @property
    def notes(self) -> list[str]:
        """Sentences for people; none where nothing was passed over."""
        notes = []
        if self.number:
            more = f" and {self.number - len(self._names):,} more" if self.number > len(self._names) else ""
            notes.append(f"passed over as hidden or a tool's own: {', '.join(self._names)}{more}")
        if self._unread:
            kinds = [f"{number:,} {suffix or 'without a suffix'}" for suffix, number in sorted(self._unread.items())]
            kinds += [f"{self._of_more_kinds:,} of more kinds"] if self._of_more_kinds else []
            notes.append(f"passed over as files of a kind that is not read: {', '.join(kinds)}")
        if self.tars:
            notes.append(f"passed over since tars are not replaced in place: {self.tars:,}")
        return notes
