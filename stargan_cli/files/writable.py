"""Check that a file can be written, before the hours of work that its content takes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.atomic import make_folder
from stargan_cli.files.opening import file_kind

STDOUT = Path("-")


def require_folder(folder: Path) -> None:
    """Make the folder if it is missing. Raises UsageError if that fails or nothing can be written there."""
    refuse_stdout(folder)
    try:
        make_folder(folder)
        reason = None if os.access(folder, os.W_OK) else "no permission to write there"
    except OSError as error:
        reason = reason_of(error)
    if reason:
        raise UsageError(f"cannot write into the folder {folder}: {reason}", "give another place")


def require_place(folder: Path, hint: str = "give another place") -> None:
    """Raises UsageError, with `hint`, if the folder, or the nearest existing one above it, is not writable. Makes
    nothing."""
    refuse_stdout(folder)
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"cannot write into {folder}: {there} is no folder", hint)
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into {folder}: no permission to write in {there}", hint)


def require_file(
    path: Path,
    what: str,
    *,
    inputs: Iterable[Path] = (),
    own: Callable[[Path], bool] = lambda path: True,
    overwrite: bool | None = False,
    hint: str = "give another name",
) -> None:
    """Check that `what` (an option, say) may write or replace the file `path`. Makes nothing.

    Raises UsageError, with `hint`, if its folder cannot be written or made, if the path is a folder, FIFO, socket or
    device or a symlink to one, or if it is one of `inputs` or a file below one of them that is not `own`. Another file
    that is not `own` needs `overwrite`, which is None if there is no such option.
    """
    is_there = require_regular(path, what, hint)
    require_place(path.parent, hint)
    if not is_there:
        return
    mine = own(path)
    for source in inputs:
        if _is_input(path, source, mine):
            raise UsageError(f"{what} {path} would replace an input: {source}", hint)
    if not mine and not overwrite:
        raise UsageError(
            f"{what} {path} is there already",
            hint if overwrite is None else f"{hint}; --overwrite replaces it",
        )


def require_regular(path: Path, what: str, hint: str = "give another name") -> bool:
    """Whether something is at `path`. Raises UsageError if it is a folder, FIFO, socket or device, or a symlink to one,
    or if no file can have that name."""
    refuse_stdout(path)
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    except OSError as error:  # a name that is too long, say
        raise UsageError(f"cannot write {what} {path}: {error.strerror}", hint) from error
    with suppress(OSError):  # a symlink that leads nowhere
        mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        kind = "a folder" if stat.S_ISDIR(mode) else f"not a regular file but {file_kind(mode)}"
        raise UsageError(f"cannot write {what} {path}: it is {kind}", "give the name of a file")
    return True


def refuse_stdout(path: Path) -> None:
    """Raises UsageError for `-`, which means the standard output and not a file of that name."""
    if path == STDOUT:
        raise UsageError("cannot write to -: only `translate -` writes to the standard output", "give a file's name")


def _is_input(path: Path, source: Path, mine: bool) -> bool:
    """Whether replacing `path` replaces the file `source`, itself or by a symlink, or a file below the folder `source`
    that is not `mine`."""
    try:
        if source.is_dir():
            place = path.parent.resolve() / path.name
            return not mine and place.is_relative_to(source.resolve())
    except OSError:
        return False
    return is_same_file(path, source)


def is_same_file(path: Path, source: Path) -> bool:
    """Whether replacing `path` replaces the file `source`, or the file that the symlink `source` leads to."""
    try:
        status = path.lstat()
        return os.path.samestat(status, source.stat()) or os.path.samestat(status, source.lstat())
    except (OSError, ValueError):  # one of them is not there
        return False
