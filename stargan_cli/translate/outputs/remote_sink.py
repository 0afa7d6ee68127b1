"""Outputs that are written to an object store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import PurePath
from typing import Any, BinaryIO

from stargan_cli.errors import OutputError, PictureError, UsageError, reason_of
from stargan_cli.files.atomic import temporary_name
from stargan_cli.files.blobs import Source, bytes_of
from stargan_cli.pictures.provenance import SEARCHED_BYTES, fingerprint_in
from stargan_cli.translate.inputs.remote import RemoteFile, RemotePath, reported
from stargan_cli.translate.outputs.begun import AtOnce, Begun
from stargan_cli.translate.outputs.names import folded

WHOLE_OR_NOT = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "hf", "memory")
"""Protocols whose uploads are atomic. With others, an object is uploaded under a temporary name and then moved."""

PROBE = ".stargan-can-write"
MOST_REFUSED = 20
"""After so many outputs in a row that could not be written, no other is tried."""


class RemoteSink:
    """A folder that fsspec reaches by URL. It has no lock: two runs may write into it at once, each object whole."""

    def __init__(self, root: RemotePath) -> None:
        self.root = root
        self._refused = 0

    @property
    def fold(self) -> Callable[[str], str]:
        return folded if self.root.ignores_case else str

    def require_writable(self) -> None:
        """Write an empty hidden object as outputs are written, and remove it. On hf://, where each would be a commit,
        only look whether the repository and its revision exist. Raises UsageError."""
        filesystem = self.root.filesystem
        try:
            with reported(f"cannot write into the output folder {self.root}"):
                if self.root.protocol == "hf":
                    filesystem.resolve_path(self.root.key)
                    return
                place = self.root / PROBE
                _put_whole(place, lambda store, key: store.pipe_file(key, b""))
        except PictureError as error:
            hint = "check the address and your permissions there, or give another one to --out"
            raise UsageError(str(error), hint) from error
        with suppress(Exception):  # who may write need not be allowed to remove
            filesystem.rm_file(place.key)

    def name(self, output: PurePath) -> str:
        return str(self.root / output)

    def exists(self, output: PurePath) -> bool:
        with reported("its output cannot be looked for"):
            place = self.root / output
            return bool(place.filesystem.exists(place.key))

    def fingerprint(self, output: PurePath) -> str | None:
        """One request; two if the object is large and its beginning holds no fingerprint."""
        place = self.root / output
        with reported("its output cannot be looked for"):
            try:
                start = place.beginning(SEARCHED_BYTES)
                found = fingerprint_in(start)
                if found is None and len(start) == SEARCHED_BYTES:
                    found = fingerprint_in(place.filesystem.cat_file(place.key, start=-SEARCHED_BYTES))
            except FileNotFoundError:
                return None
            return found or ""

    def holds_nothing_of_its_own(self, output: PurePath, source: Source) -> bool:
        place = self.root / output
        with reported("its output cannot be looked at"):
            data = place.beginning()
            return not data or data == bytes_of(source)

    def is_older(self, output: PurePath, source: Source) -> bool:
        return False  # the clocks of two machines may differ; the fingerprint holds the source's mark

    def is_source(self, output: PurePath, source: Source) -> bool:
        return isinstance(source, RemoteFile) and source.address.place == (self.root / output).place

    @contextmanager
    def file(self, output: PurePath) -> Iterator[BinaryIO]:
        place = "the folder for temporary files"
        try:
            place = tempfile.gettempdir()
            with tempfile.NamedTemporaryFile(prefix="stargan-") as file:
                yield file  # type: ignore[misc]  # a wrapper around a BinaryIO, which mypy does not take for one
                file.flush()
                self._put(output, lambda filesystem, key: filesystem.put_file(file.name, key))
        except OSError as error:
            raise OutputError(
                f"cannot write into {place}: {reason_of(error)}",
                "make room there, or set TMPDIR to another folder",
            ) from error

    def begin(self, output: PurePath, data: bytes) -> Begun:
        return AtOnce(lambda: self._put(output, lambda filesystem, key: filesystem.pipe_file(key, data)))

    def remove_unfinished(self, output: PurePath) -> None:
        """Where uploads are atomic, an unfinished one is no object, and the store's own rules remove its parts."""
        place = self.root / output
        if place.protocol not in WHOLE_OR_NOT:
            with suppress(Exception):  # it may not be there
                place.filesystem.rm_file(_temporary(place.key))

    def _put(self, output: PurePath, put: Callable[..., object]) -> None:
        if ".." in output.parts or output.is_absolute():
            raise PictureError(f"its output would lie outside the output folder: {output}")
        try:
            with reported("cannot be written"):
                _put_whole(self.root / output, put)
        except PictureError as error:
            self._refused += 1
            if self._refused < MOST_REFUSED:
                raise
            raise OutputError(
                f"the last {MOST_REFUSED} outputs into {self.root} failed: {error}",
                "check your permissions there and the connection; then the same command goes on",
            ) from error
        self._refused = 0


def _put_whole(place: RemotePath, put: Callable[..., object]) -> None:
    filesystem, key = place.filesystem, place.key
    if place.protocol in WHOLE_OR_NOT:
        put(filesystem, key)
        return
    temporary = _temporary(key)
    filesystem.makedirs(temporary.rpartition("/")[0], exist_ok=True)
    try:
        put(filesystem, temporary)
        _move(filesystem, temporary, key)
    except BaseException:
        with suppress(Exception):  # the first error says why
            filesystem.rm_file(temporary)
        raise


def _temporary(key: str) -> str:
    folder, _, name = key.rpartition("/")
    return f"{folder}/{temporary_name(name)}"


def _move(filesystem: Any, temporary: str, key: str) -> None:
    """Some stores do not move an object over another one: that one is removed first."""
    try:
        filesystem.mv(temporary, key)
    except Exception:
        if not (filesystem.exists(temporary) and filesystem.exists(key)):
            raise
        filesystem.rm_file(key)
        filesystem.mv(temporary, key)
