"""What lies below a folder of a store: page by page where its file system can do so, else folder by folder."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any


def files_below(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """Files below `folder`, as the file system describes them, in a fixed order.

    On s3:// and gs://, whose `ls` would hold a whole bucket, memory holds a page; elsewhere a single folder, or
    whatever the file system itself keeps of its listings. Raises whatever the file system raises.
    """
    if hasattr(filesystem, "_iterdir"):
        return _of_s3(filesystem, folder)
    if hasattr(filesystem, "_do_list_objects"):
        return _of_gcs(filesystem, folder)
    return _by_folder(filesystem, folder)


def _by_folder(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """The files of each folder before its subfolders."""
    waiting = [folder]
    while waiting:
        entries = sorted(filesystem.ls(waiting.pop(), detail=True), key=lambda info: str(info["name"]))
        yield from (info for info in entries if info["type"] != "directory")
        waiting.extend(info["name"] for info in reversed(entries) if info["type"] == "directory")


def _of_s3(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    sync = importlib.import_module("fsspec.asyn").sync
    bucket, prefix = _bucket_and_prefix(folder)
    entries = filesystem._iterdir(bucket, delimiter="", prefix=prefix)
    with suppress(StopAsyncIteration):
        while True:
            yield sync(filesystem.loop, entries.__anext__)


def _of_gcs(filesystem: Any, folder: str) -> Iterator[dict[str, Any]]:
    """By the store's own JSON API: all that gcsfs offers collects its pages first."""
    sync = importlib.import_module("fsspec.asyn").sync
    bucket, prefix = _bucket_and_prefix(folder)
    query = {"prefix": prefix} if prefix else {}
    while True:
        page = sync(filesystem.loop, filesystem._call, "GET", "b/{}/o", bucket, json_out=True, **query)
        for info in page.get("items", ()):
            if not info["name"].endswith("/"):  # what some tools put to stand for a folder
                yield {**info, "name": f"{bucket}/{info['name']}"}
        if (following := page.get("nextPageToken")) is None:
            return
        query["pageToken"] = following


def _bucket_and_prefix(folder: str) -> tuple[str, str]:
    bucket, _, prefix = folder.partition("/")
    return bucket, f"{prefix}/" if prefix else ""
