"""Find pictures in files and folders: streamed, in a fixed order, and safe from symlink loops."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath, PurePosixPath

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.opening import file_kind
from stargan_cli.files.passed_over import PassedOver, is_passed_over, passed_over_part
from stargan_cli.pictures.formats import PICTURE_SUFFIXES
from stargan_cli.pictures.listing import has_picture_suffix, is_picture
from stargan_cli.translate.inputs.found import Found, Role
from stargan_cli.translate.inputs.remote import RemoteFile, RemotePath
from stargan_cli.translate.inputs.remote_listing import neighbours
from stargan_cli.translate.inputs.tar_reading import PACKED_SUFFIXES, PLAIN_TARS, TAR_SUFFIX
from stargan_cli.translate.outputs.names import names_for

NO_PATH = "its name has an empty part (//) or a part that is a point (/./), which no path has"


def is_archive(name: str) -> bool:
    return not is_passed_over(name) and name.lower().endswith(TAR_SUFFIX)


@dataclass(frozen=True)
class _Folder:
    """A folder to read. Its `identity` (device, inode) and those of the folders above it reveal symlink loops."""

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


@dataclass(frozen=True)
class _Search:
    """The settings of one search."""

    target: str
    fold: Callable[[str], str]
    archives: bool
    exclude: tuple[int, int] | None
    passed_over: PassedOver
    stop: Callable[[], bool]


def find(
    inputs: Sequence[Path | RemotePath],
    out: Path | None,
    target: str,
    fold: Callable[[str], str],
    archives: bool = False,
    passed_over: PassedOver | None = None,
    only: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Found]:
    """Yield the pictures of files and folders, subfolders included, in the order given and then by name.

    A single input folder is mirrored into the output folder itself, several into subfolders of their names, files
    beside them. `only` is the output's name if the only input is a file. `out` is not read if it lies in an input.
    `target` and `fold` are those of `names_for`. Names as in `files.passed_over` are left out and counted in
    `passed_over`. Symlinks are followed; one that leads to a folder above it is reported as a problem. With `archives`,
    tars in folders are found too. Memory grows with the largest single folder, not with the tree. When `stop` returns
    True, nothing more is looked at.
    """
    folders = {path for path in inputs if is_folder(path)}
    names = _names([p.name for p in inputs if p not in folders], [own_name(path) for path in folders], target, fold)
    exclude = _identity(out) if out is not None else None
    passed_over = PassedOver() if passed_over is None else passed_over
    passed_over.begin()
    search = _Search(target, fold, archives, exclude, passed_over, stop)
    for path in inputs:
        if path not in folders:
            yield _file(path, PurePath(only or names[path.name]))
            continue
        place = PurePath() if len(inputs) == 1 else PurePath(own_name(path))
        if isinstance(path, RemotePath):
            yield from _remote(path, place, search)
        else:
            yield from _walk(_Folder(path, place), search)


def is_folder(path: Path | RemotePath) -> bool:
    return path.is_dir() if isinstance(path, Path) else path.kind() == "directory"


def is_archive_file(path: Path | RemotePath) -> bool:
    """Whether an input is an archive: a folder may have such a name too."""
    return is_archive(path.name) and not is_folder(path)


def _file(path: Path | RemotePath, output: PurePath) -> Found:
    below, role = PurePath(path.name), role_of(path.name)
    packed = path.name.lower().endswith(PACKED_SUFFIXES)
    problem = f"a compressed archive: {PLAIN_TARS}" if packed else None
    if isinstance(path, Path):
        problem = "not a regular file but a FIFO; - reads a picture from a pipe" if path.is_fifo() else problem
        return Found(path, output, problem, below, role)
    try:
        return Found(path.file(), output, problem, below, role)
    except PictureError as error:
        return Found(RemoteFile(path, ""), output, str(error), below, role)


def role_of(name: str) -> Role:
    return "archive" if is_archive(name) else "picture"


def own_name(path: Path | RemotePath) -> str:
    """The name of an input; for `.` and `..`, the name of the folder that is meant."""
    if isinstance(path, RemotePath):
        return path.name
    return path.name if path.name not in ("", "..") else path.resolve().name or "root"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _names(names: Sequence[str], taken: Sequence[str], target: str, fold: Callable[[str], str]) -> dict[str, str]:
    """Output names for the pictures and archives of one folder; archives keep their names."""
    archives = names_for(filter(is_archive, names), taken, "as is", fold)
    pictures = [name for name in names if name not in archives]
    return archives | names_for(pictures, [*taken, *archives.values()], target, fold)


def _walk(start: _Folder, search: _Search) -> Iterator[Found]:
    waiting = [start]
    while waiting and not search.stop():
        folder = waiting.pop()
        identity = _identity(folder.path)
        if identity is not None and identity == search.exclude:
            continue
        if identity is not None and folder.above is not None and folder.above.is_within(identity):
            yield Found(folder.path, None, "a symlink loop: it leads back to a folder that it lies in")
            continue
        here = _Folder(folder.path, folder.output, folder.above, identity)
        try:
            pictures, subfolders, problems = _list(folder.path, folder.path.relative_to(start.path), search)
        except OSError as error:
            yield Found(folder.path, None, f"cannot read the folder: {reason_of(error)}")
            continue
        places = names_for(subfolders, (), "as is", search.fold)
        names = _names(pictures, list(places.values()), search.target, search.fold)
        for name in sorted([*pictures, *problems]):
            place = folder.output / names[name] if name in names else None
            source = folder.path / name
            yield Found(source, place, problems.get(name), source.relative_to(start.path), role_of(name))
        waiting.extend(_Folder(folder.path / name, folder.output / places[name], here) for name in reversed(subfolders))


def _list(folder: Path, below: PurePath, search: _Search) -> tuple[list[str], list[str], dict[str, str]]:
    """Names of pictures and of subfolders, both sorted, and for names that cannot be read the reason; none if stopped
    midway, as an output's name depends on all of them."""
    pictures, subfolders, hidden, problems = [], [], [], {}
    wanted = (*PICTURE_SUFFIXES, TAR_SUFFIX)
    with os.scandir(folder) as entries:
        for entry in entries:
            if search.stop():
                return [], [], {}
            if is_passed_over(entry.name):
                if has_picture_suffix(entry.name) or _is_folder(entry):
                    hidden.append(entry.name)
                continue
            suffix = os.path.splitext(entry.name)[1].lower()
            try:
                if entry.is_dir():
                    subfolders.append(entry.name)
                elif suffix == TAR_SUFFIX and not search.archives:
                    search.passed_over.tars += 1
                elif suffix not in wanted and not (suffix == "" and entry.is_symlink()):
                    search.passed_over.add_unread(entry.name)
                elif entry.is_file():
                    if suffix:
                        pictures.append(entry.name)
                else:
                    problems[entry.name] = _problem(entry)
            except OSError as error:
                loop = error.errno == errno.ELOOP
                problems[entry.name] = "a symlink loop" if loop else f"cannot be read: {reason_of(error)}"
    for name in sorted(hidden):
        search.passed_over.add(below / name)
    return sorted(pictures), sorted(subfolders), problems


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _problem(entry: os.DirEntry[str]) -> str:
    try:
        return f"not a regular file but {file_kind(entry.stat().st_mode)}"
    except FileNotFoundError:
        return "a symlink to nothing" if entry.is_symlink() else "it is no longer there"


def _remote(root: RemotePath, place: PurePath, search: _Search) -> Iterator[Found]:
    """Files whose outputs might get the same name are named together. If the output folder ignores case, those are all
    files of a folder, which memory then holds."""
    problems: list[str] = []
    listed = _listed(root, problems, search)
    wanted = ((key, file) for key, file in listed if _is_wanted(PurePosixPath(key), search))
    for folder, files in neighbours(wanted, by_stem=search.fold is str):
        names = _names(list(files), (), search.target, search.fold)
        problem = NO_PATH if {"", "."} & set(folder.split("/")[:-1]) else None
        for name, file in files.items():
            output = place / folder / names[name] if problem is None else None
            yield Found(file, output, problem, PurePath(folder, name), role_of(name))
    for problem in problems:
        yield Found(RemoteFile(root, ""), None, problem)


def _listed(root: RemotePath, problems: list[str], search: _Search) -> Iterator[tuple[str, RemoteFile]]:
    try:
        yield from takewhile(lambda _: not search.stop(), root.files())
    except Exception as error:  # each file system raises errors of its own
        problems.append(f"cannot be listed to its end: {error or type(error).__name__}")


def _is_wanted(path: PurePosixPath, search: _Search) -> bool:
    hidden = passed_over_part(path)
    if hidden is not None:
        if has_picture_suffix(path.name):
            search.passed_over.add(hidden)
        return False
    if is_picture(path.name) or (search.archives and is_archive(path.name)):
        return True
    search.passed_over.add_unread(path.name)
    return False
