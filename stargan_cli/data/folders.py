"""Find pictures in files and folders: streamed, in a fixed order, and safe from loops."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from threading import Event, Thread

from stargan_cli.data.naming import names_for
from stargan_cli.data.reading import kind_of
from stargan_cli.errors import UsageError

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".avif", ".heic", ".heif"),
)
"""What is taken for a picture inside a folder. A file named on the command line is taken whatever its name."""


@dataclass(frozen=True)
class Found:
    """A picture, its output's place below the output folder, and its own below its input folder; or, with `problem`,
    something that cannot be read (a folder has no `below`)."""

    source: Path
    output: PurePath | None
    problem: str | None = None
    below: PurePath | None = None


@dataclass(frozen=True)
class _Folder:
    """A folder to read: its identity and those of the folders above it cut loops."""

    path: Path
    output: PurePath
    above: _Folder | None = None
    identity: tuple[int, int] | None = None

    def is_within(self, identity: tuple[int, int]) -> bool:
        folder: _Folder | None = self
        while folder is not None:
            if folder.identity == identity:
                return True
            folder = folder.above
        return False


def check_inputs(inputs: Sequence[Path]) -> None:
    """Raises UsageError where an input is not there, or where two would be written to the same place."""
    seen: dict[str, Path] = {}
    for path in inputs:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UsageError(f"no such file or folder: {path}") from error
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
        other = seen.setdefault(_own_name(path), path)
        if other is not path:
            raise UsageError(
                f"{other} and {path} have the same name, so their outputs would share one place",
                "translate them in two runs with two output folders",
            )


def check_output(inputs: Sequence[Path], out: Path) -> None:
    """Raises UsageError where outputs might be written over sources: the output folder may lie in an input folder,
    but hold none."""
    real = out.resolve()
    for path in inputs:
        above = path.resolve().is_relative_to(real) if path.is_dir() else path.parent.resolve() == real
        if above:
            raise UsageError(f"the output folder {out} holds the inputs", "give another folder to --out")


def find(inputs: Sequence[Path], out: Path | None, target: str, fold: Callable[[str], str]) -> Iterator[Found]:
    """Pictures of files and folders, subfolders included, in the order given and then by name.

    One folder is mirrored into the output folder itself, several below their own names, files beside them. `out` is
    not read where it lies inside an input. `target` and `fold` are those of `naming.names_for`. Hidden names are
    passed over; symlinks are followed, and those that lead back to where they lie become a problem.
    Memory grows with the largest single folder, not with the tree.
    """
    folders = [path for path in inputs if path.is_dir()]
    files = {path.name: path for path in inputs if not path.is_dir()}
    names = names_for(files, [_own_name(path) for path in folders], target, fold)
    exclude = _identity(out) if out is not None else None
    for path in inputs:
        if path.name in names and files.get(path.name) is path:
            yield Found(path, PurePath(names[path.name]), below=PurePath(path.name))
        else:
            place = PurePath() if len(inputs) == 1 else PurePath(_own_name(path))
            yield from _walk(_Folder(path, place), exclude, target, fold)


def _own_name(path: Path) -> str:
    return path.name if path.name not in ("", "..") else path.resolve().name or "root"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _walk(start: _Folder, exclude: tuple[int, int] | None, target: str, fold: Callable[[str], str]) -> Iterator[Found]:
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        identity = _identity(folder.path)
        if identity is not None and identity == exclude:
            continue
        if identity is not None and folder.above is not None and folder.above.is_within(identity):
            yield Found(folder.path, None, "a symlink loop: it leads back to a folder that it lies in")
            continue
        here = _Folder(folder.path, folder.output, folder.above, identity)
        try:
            pictures, subfolders, problems = _list(folder.path)
        except OSError as error:
            yield Found(folder.path, None, f"cannot read the folder: {error.strerror or error}")
            continue
        places = names_for(subfolders, (), "as is", fold)
        names = names_for(pictures, places.values(), target, fold)
        for name in sorted([*pictures, *problems]):
            place = folder.output / names[name] if name in names else None
            source = folder.path / name
            yield Found(source, place, problems.get(name), source.relative_to(start.path))
        waiting.extend(_Folder(folder.path / name, folder.output / places[name], here) for name in reversed(subfolders))


def _list(folder: Path) -> tuple[list[str], list[str], dict[str, str]]:
    """Names of pictures and of subfolders, both sorted, and what is wrong with other things named like pictures."""
    pictures, subfolders, problems = [], [], {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            suffix = os.path.splitext(entry.name)[1].lower()
            try:
                if entry.is_dir():
                    subfolders.append(entry.name)
                elif suffix not in PICTURE_SUFFIXES and not (suffix == "" and entry.is_symlink()):
                    continue
                elif entry.is_file():
                    if suffix:
                        pictures.append(entry.name)
                else:
                    problems[entry.name] = _problem(entry)
            except OSError as error:
                loop = error.errno == errno.ELOOP
                problems[entry.name] = "a symlink loop" if loop else f"cannot be read: {error.strerror or error}"
    return sorted(pictures), sorted(subfolders), problems


def _problem(entry: os.DirEntry[str]) -> str:
    try:
        return f"not a regular file but {kind_of(entry.stat().st_mode)}"
    except FileNotFoundError:
        return "a symlink to nothing" if entry.is_symlink() else "it is no longer there"


class Counting:
    """Counts pictures in the background, those that are `wanted`, for progress: `number` grows until `finished`."""

    def __init__(
        self, inputs: Sequence[Path], out: Path | None, wanted: Callable[[Found], bool] = lambda found: True
    ) -> None:
        self.number = 0
        self.finished = False
        self._stopped = Event()
        self._thread = Thread(target=self._count, args=(list(inputs), out, wanted), name="count", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _count(self, inputs: list[Path], out: Path | None, wanted: Callable[[Found], bool]) -> None:
        for found in find(inputs, out, "same", str):
            if self._stopped.is_set():
                return
            self.number += wanted(found)
        self.finished = True
