"""List the files below a folder of a store: page by page if its file system can, else folder by folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, TypeVar

File = TypeVar("File")
MARKS = (
    *("etag", "md5hash", "crc32c", "contentmd5", "digest", "checksum", "sha", "blobid", "oid"),
    *("mtime", "lastmodified", "modified", "modify", "modificationtime", "lastwritetime"),
)
"""Fields of a listing's entry that change with the object's content, in small letters and digits alone. The first that
is present is used. (fsspec's own `ukey` never changes for a web address, and elsewhere changes with each access.)"""


@dataclass
class _Group(Generic[File]):
    """Files of one folder. `prefix`: the paths of all files that belong to it, or lie below its folder, begin so."""

    prefix: str
    folder: str
    files: dict[str, File] = field(default_factory=dict)


def neighbours(listed: Iterable[tuple[str, File]], by_stem: bool) -> Iterator[tuple[str, dict[str, File]]]:
    """The files of each folder (such as `s/`) by name, or with `by_stem` those whose names are alike up to the first
    point.

    Stores list paths in the order of their letters: `a.bmp`, `a.c/x.jpg`, `a.jpg`. So subfolders may come between files
    that belong together, and memory holds one group for each folder on the way down.
    """
    groups: list[_Group[File]] = []
    for key, file in listed:
        while groups and not key.startswith(groups[-1].prefix):
            group = groups.pop()
            yield group.folder, group.files
        name = key.rpartition("/")[2]
        folder = key.removesuffix(name)
        prefix = folder + (f"{name.split('.')[0]}." if by_stem else "")
        if not groups or groups[-1].prefix != prefix:
            groups.append(_Group(prefix, folder))
        groups[-1].files[name] = file
    yield from ((group.folder, group.files) for group in reversed(groups))


def version_of(info: dict[str, Any]) -> str:
    """16 hex digits: a hash of the size and the mark in an object's entry; empty if it has no mark."""
    said = {"".join(filter(str.isalnum, name)).lower(): value for name, value in info.items() if value}
    mark = next((str(said[name]) for name in MARKS if name in said), None)
    return "" if mark is None else blake2b(f"{info.get('size')} {mark}".encode(), digest_size=8).hexdigest()


def files_below(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """Files below `folder`, as the file system describes them, in a fixed order, without objects whose names end with a
    slash: some tools write them for folders.

    On s3:// and gs:// memory holds one page, as their `ls` would hold the whole bucket. Elsewhere it holds one folder,
    and whatever the file system itself caches. Raises whatever the file system raises.
    """
    return (info for info in _listed(filesystem, folder) if not info["name"].endswith("/"))


def _listed(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    if hasattr(filesystem, "_iterdir"):
        return _of_s3(filesystem, folder)
    if hasattr(filesystem, "_do_list_objects"):
        return _of_gcs(filesystem, folder)
    return _by_folder(filesystem, folder)


def _by_folder(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """The files of each folder before its subfolders. A subfolder without a name (`a//b.jpg`) cannot be listed."""
    waiting = [folder]
    while waiting:
        above = waiting.pop()
        entries = sorted(filesystem.ls(above, detail=True), key=lambda info: str(info["name"]))
        yield from (info for info in entries if info["type"] != "directory")
        folders = (info["name"].rstrip("/") for info in reversed(entries) if info["type"] == "directory")
        waiting.extend(name for name in folders if name != above.rstrip("/"))


def _of_s3(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    sync = importlib.import_module("fsspec.asyn").sync
    bucket, prefix = _bucket_and_prefix(folder)
    entries = filesystem._iterdir(bucket, delimiter="", prefix=prefix)
    with suppress(StopAsyncIteration):
        while True:
            yield sync(filesystem.loop, entries.__anext__)


def _of_gcs(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """Uses the store's own JSON API: every listing of gcsfs collects all pages first."""
    sync = importlib.import_module("fsspec.asyn").sync
    bucket, prefix = _bucket_and_prefix(folder)
    query = {"prefix": prefix} if prefix else {}
    while True:
        page = sync(filesystem.loop, filesystem._call, "GET", "b/{}/o", bucket, json_out=True, **query)
        for info in page.get("items", ()):
            yield {**info, "name": f"{bucket}/{info['name']}"}
        if (following := page.get("nextPageToken")) is None:
            return
        query["pageToken"] = following


def _bucket_and_prefix(folder: str) -> tuple[str, str]:
    bucket, _, prefix = folder.partition("/")
    return bucket, f"{prefix}/" if prefix else ""
