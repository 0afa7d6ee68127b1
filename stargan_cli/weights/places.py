"""Where weights are found: bundled with the program, in a file, or on a hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stargan_cli.errors import UsageError, one_line
from stargan_cli.files.packaged import packaged
from stargan_cli.packages import import_package

DEFAULT_WEIGHTS = "celeba-128"
NAMES_ON_HUBS = ("weights.safetensors", "model.safetensors")
"""In a repository: the name that a training run gives, and the one that is common there."""


def bundled_folder() -> Path:
    return packaged("_weights", "weights")


def bundled_names() -> list[str]:
    return sorted(path.stem for path in bundled_folder().glob("*.safetensors"))


def resolve(source: str) -> Path:
    """The file that `source` names: a path, the name of a bundled file with or without its size (`faces-joint` for
    faces-joint-128), or hf://owner/repo[@revision][/file]; without a file, the first of NAMES_ON_HUBS that the
    repository has.

    Raises UsageError where there is none, where the hub does not say whether there is one, and for other URLs.
    """
    protocol, is_url, place = source.partition("://")
    if is_url and protocol.lower() == "hf":
        return _from_hub(f"hf://{place}")
    if is_url:
        raise UsageError(f"{source} is a URL, and weights are read from local files and hf:// alone", "download them")
    path = Path(source)
    if os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long or holds a NUL
        return path
    for inside in NAMES_ON_HUBS:
        if os.path.isfile(path / inside):
            raise UsageError(f"{source} is a folder", f"give {path / inside}")
    asked = source.removesuffix(".safetensors")
    for name in bundled_names():
        if asked in (name, name.rsplit("-", 1)[0]):
            return bundled_folder() / f"{name}.safetensors"
    if source and os.path.isdir(path):
        raise UsageError(f"{source} is a folder", "give the .safetensors file itself")
    raise UsageError(
        f"no weights at {source[:200] or repr(source)}",
        f"give a .safetensors file, hf://owner/repo, or one of: {', '.join(bundled_names())}",
    )


def _from_hub(source: str) -> Path:
    parts = source.removeprefix("hf://").split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise UsageError(f"not a hub address: {source}", "write hf://owner/repo or hf://owner/repo/file.safetensors")
    name, _, revision = parts[1].partition("@")
    names = parts[2:] or NAMES_ON_HUBS
    import_package("huggingface_hub", source, "stargan-cli[hub]")
    try:
        return _first_there(f"{parts[0]}/{name}", revision or None, names)
    except Exception as error:  # its own, those of its two HTTP libraries, ValueError for an invalid name
        file = " or ".join(names)
        hint = f"check the name, the network and your access (hf auth login); the file must be there: {file}"
        raise UsageError(f"cannot fetch {source}: {one_line(error)}", hint) from error


def _first_there(repository: str, revision: str | None, names: Sequence[str]) -> Path:
    """The first of these files that the repository has. Raises whatever the hub client raises."""
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.utils import EntryNotFoundError, LocalEntryNotFoundError

    for name in names[:-1]:
        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except LocalEntryNotFoundError:  # an EntryNotFoundError, raised if the hub does not answer
            if try_to_load_from_cache(repository, name, revision=revision) is not _CACHED_NO_EXIST:
                raise
        except EntryNotFoundError:
            pass
    return Path(hf_hub_download(repository, names[-1], revision=revision))
