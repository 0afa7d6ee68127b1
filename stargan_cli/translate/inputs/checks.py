"""Refuse inputs that do not exist, and outputs that would overwrite inputs or each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from glob import has_magic
from pathlib import Path

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.translate.inputs.finding import is_archive, own_name
from stargan_cli.translate.inputs.remote import RemotePath


def check_inputs(inputs: Sequence[Path | RemotePath]) -> None:
    """Raises UsageError if an input does not exist, is given twice or lies in another one, or if two would have
    the same output path."""
    seen: dict[str, Path | RemotePath] = {}
    for path in inputs:
        _check_there(path)
        other = seen.setdefault(own_name(path), path)
        if other is not path:
            if _is_same(path, other):
                raise UsageError(f"{path} is given twice", "give each input once")
            raise UsageError(
                f"{other} and {path} have the same name, so their outputs would overwrite each other",
                "translate them in two runs with two output folders",
            )
    holders = _holders(inputs)
    for path in inputs if holders else ():
        place = _folder_of(path)
        while place not in holders and place != os.path.dirname(place):
            place = os.path.dirname(place)
        if holders.get(place, path) is not path:  # the root is its own folder
            raise UsageError(f"{path} lies in another input: {holders[place]}", "give each picture once")


def _holders(inputs: Sequence[Path | RemotePath]) -> dict[str, Path | RemotePath]:
    """The inputs that hold pictures, by their addresses. Raises UsageError if two have one address: the names of
    symlinks differ."""
    holders: dict[str, Path | RemotePath] = {}
    for path in inputs:
        if isinstance(path, RemotePath) or path.is_dir() or is_archive(path.name):
            other = holders.setdefault(_address(path), path)
            if other is not path:
                raise UsageError(f"{path} is given twice: it is {other}", "give each input once")
    return holders


def _address(path: Path | RemotePath) -> str:
    return os.path.realpath(path) if isinstance(path, Path) else path.place


def _folder_of(path: Path | RemotePath) -> str:
    """The address of the folder in which an input lies: of a symlink, the one that holds the link."""
    if isinstance(path, Path) and path.name not in ("", ".."):
        return os.path.realpath(path.parent)
    return os.path.dirname(_address(path))


def _is_same(path: Path | RemotePath, other: Path | RemotePath) -> bool:
    if isinstance(path, Path) and isinstance(other, Path):
        try:
            return os.path.samefile(path, other)
        except OSError:  # one of them is not there
            return False
    return isinstance(path, RemotePath) and isinstance(other, RemotePath) and path.place == other.place


def _check_there(path: Path | RemotePath) -> None:
    try:
        if isinstance(path, Path):
            path.lstat()
        elif path.kind() is None:
            raise FileNotFoundError
    except (FileNotFoundError, NotADirectoryError) as error:
        local = "leave out the quotes, so that the shell finds the files, or give their folder"
        hint = local if isinstance(path, Path) else "patterns are not expanded in a store: give the folder"
        raise UsageError(f"no such file or folder: {path}", hint if has_magic(str(path)) else None) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {reason_of(error)}") from error


def check_output(inputs: Sequence[Path | RemotePath], out: Path | RemotePath) -> None:
    """Raises UsageError if outputs might overwrite inputs. The output folder may lie in an input folder, but may not
    hold one, nor directly hold an input file. A remote one may not lie in an input either: it would be listed there."""
    for path in inputs:
        if isinstance(path, RemotePath):
            above = isinstance(out, RemotePath) and path.is_within(out)
            if isinstance(out, RemotePath) and out.is_within(path) and not above:
                raise UsageError(f"the output folder {out} lies in an input", "give a folder elsewhere to --out")
        elif isinstance(out, RemotePath):
            continue
        else:
            real = out.resolve()
            above = path.resolve().is_relative_to(real) if path.is_dir() else path.parent.resolve() == real
        if above:
            raise UsageError(f"the output folder {out} holds the inputs", "give another folder to --out")


def check_output_file(source: Path | RemotePath, out: Path | RemotePath) -> None:
    """Raises UsageError if the output of the only input would replace it."""
    if _is_same(source, out):
        raise UsageError(
            f"the output {out} would replace the input", "give another name to --out (--in-place is for folders)"
        )
