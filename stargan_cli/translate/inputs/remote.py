"""Folders and objects that fsspec reaches by URL (s3://, gs://, hf://, memory://, ...), listed as a stream."""

from __future__ import annotations

import errno
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import unquote

from stargan_cli.errors import PictureError, UsageError, one_line
from stargan_cli.files.blobs import hash_of
from stargan_cli.translate.inputs import web
from stargan_cli.translate.inputs.file_systems import file_system
from stargan_cli.translate.inputs.remote_listing import files_below, version_of

_ON_HF = re.compile(r"^/(?:models/)?((?:(?:datasets|spaces|kernels|buckets)/)?[^/@]+/[^/@]+)(?:@([^/]+))?")
"""The type (but that of models, which a URL may leave out), owner and name of a repository, and its revision."""
READ_AHEAD_BYTES = 2**23
ALL_BYTES = 2**40


@dataclass(frozen=True)
class RemotePath:
    """The URL of a folder or an object, without a slash at the end. `root`: the URL of a folder above it (empty: its
    own), which alone is parsed: below it, `#` and `?` are letters of a name."""

    url: str
    root: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The last part; of a web address without its query, such as the signature of a presigned one."""
        if self._is_web:
            return self.url.partition("?")[0].rpartition("/")[2]
        return self.url.rsplit("/", 1)[-1]

    @property
    def protocol(self) -> str:
        """Such as s3."""
        return self.url.split("://")[0]

    @property
    def ignores_case(self) -> bool:
        """Whether two names that differ in case alone name one object."""
        return self.protocol == "smb"

    @property
    def _is_web(self) -> bool:
        return self.url.startswith(("http://", "https://"))

    @property
    def parent(self) -> RemotePath:
        """The folder above; at the root of the file system, the path itself."""
        above = self.url.rpartition("/")[0]
        return self if above.endswith(("/", ":")) else RemotePath(above)

    def __truediv__(self, below: PurePath | str) -> RemotePath:
        return self._below(str(PurePosixPath(below)))

    def _below(self, key: str) -> RemotePath:
        return RemotePath(f"{self.url}/{key}", self.root or self.url)

    @property
    def place(self) -> str:
        """Where an object lies, in one spelling: s3a://b/x and s3://b//x have one place, and so have hf://o/r@main/x
        and hf://o/r/x, and smb://h/X and smb://h/x. Raises UsageError.

        One place never gets two spellings. Two places may share one, because users, ports and accounts are left out (a
        URL need not name them), and `..` and doubled slashes are resolved (some stores take them literally)."""
        filesystem = self.filesystem
        protocol = filesystem.protocol if isinstance(filesystem.protocol, str) else filesystem.protocol[0]
        host = str(filesystem._get_kwargs_from_urls(self.url).get("host") or "").lower()
        key = posixpath.normpath("/" + self.key.lstrip("/"))
        if protocol == "hf":
            key = _ON_HF.sub(_on_hf, key)
        if self.ignores_case:
            key = key.casefold()
        return f"{protocol}:{host}{key}".rstrip("/")

    def is_within(self, folder: RemotePath) -> bool:
        return f"{self.place}/".startswith(f"{folder.place}/")

    @property
    def filesystem(self) -> Any:
        """Raises UsageError."""
        return file_system(self.root or self.url)

    @property
    def key(self) -> str:
        """The path as its file system expects it."""
        if not self.root:
            return str(self.filesystem._strip_protocol(self.url))
        return RemotePath(self.root).key.rstrip("/") + self.url[len(self.root) :]

    def kind(self) -> str | None:
        """Either "file" or "directory"; None if nothing is there. Raises UsageError if the store cannot be reached."""
        try:
            return str(self._info()["type"])
        except FileNotFoundError:
            return None
        except UsageError:
            raise
        except Exception as error:
            hint = "check the address and your permissions"
            raise UsageError(f"cannot reach {self.url}: {one_line(error)}", hint) from error

    def _info(self) -> dict[str, Any]:
        """What the file system says of it. Of a busy web server, only that it is a file, as all there are: it is waited
        for when the file is read. Raises whatever the file system raises."""
        try:
            with self._own_errors():
                info: dict[str, Any] = self.filesystem.info(self.key, **(web.AT_ONCE if self._is_web else {}))
                return info
        except Exception as error:
            if self._is_web and web.is_busy(error):
                return {"type": "file"}
            raise

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Raise FileNotFoundError if nothing is there, and in no other case. An SMB client has a class of its own for
        it. fsspec raises FileNotFoundError from any error of a web server."""
        try:
            yield
        except FileNotFoundError as error:
            if self._is_web and isinstance(error.__cause__, Exception):
                raise error.__cause__ from None
            raise
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise FileNotFoundError(str(error)) from error
            raise

    def beginning(self, most: int | None = None) -> bytes:
        """An object's first `most` bytes (None: all). Raises whatever the file system raises.

        It takes one request: without a range, s3fs would first ask for the size. File systems whose requests take no
        range are read through a file object, which may allocate the whole object."""
        filesystem = self.filesystem
        if most is None and filesystem.async_impl:
            most = ALL_BYTES
        try:
            with self._own_errors():
                return bytes(filesystem.cat_file(self.key, start=0, end=most))
        except FileNotFoundError:
            raise
        except Exception:
            with suppress(Exception):  # the first error says why
                if self._info()["size"] == 0:  # some stores refuse a range of an empty object
                    return b""
            raise

    def file(self) -> RemoteFile:
        """The object with its version. Raises PictureError if it is gone or cannot be reached."""
        with reading():
            return RemoteFile(self, version_of(self._info()))

    def files(self) -> Iterator[tuple[str, RemoteFile]]:
        """All files below the folder, with their keys in it, in a fixed order. Memory grows with the largest single
        folder; on s3:// and gs:// it does not grow. Raises whatever the file system raises."""
        root = self.key.rstrip("/")
        for info in files_below(self.filesystem, root):
            below = info["name"].rstrip("/")[len(root) :].removeprefix("/")
            if below:
                yield below, RemoteFile(self._below(below), version_of(info))


def _on_hf(found: re.Match[str]) -> str:
    """A repository with its revision decoded: `refs%2Fpr%2F1` is `refs/pr/1`. Without one, `main` is meant."""
    repository, revision = found[1], unquote(found[2] or "main")
    return f"/{repository}" if revision == "main" else f"/{repository}@{revision}"


@dataclass(frozen=True)
class RemoteFile:
    """An object and its `version`, a hash of its size and its mark in the listing, empty if that has none: a Blob."""

    address: RemotePath
    version: str

    def __str__(self) -> str:
        return self.address.url

    @property
    def path(self) -> PurePath:
        return PurePosixPath(self.address.url.split("://", 1)[1])

    @property
    def mark(self) -> str:
        """The version. Without one, the object is read, and this is a hash of its bytes. Raises PictureError."""
        if self.version:
            return self.version
        with self.open() as file, reading():
            return hash_of(file)

    def read(self) -> bytes:
        with reading():
            return self.address.beginning()

    def open(self) -> BinaryIO:
        """A file to read from beginning to end. One whose size the server does not say is copied to the folder for
        temporary files first. Raises PictureError."""
        with reading(), self.address._own_errors():
            filesystem = self.address.filesystem
            cache = {"cache_type": "readahead"} if filesystem.async_impl else {}  # some others give it to their client
            file: BinaryIO = filesystem.open(self.address.key, "rb", block_size=READ_AHEAD_BYTES, **cache)
            return file if getattr(file, "size", 0) is not None else web.copied(file)


class reported:
    """Turns whatever a file system raises in the block into a PictureError: one object fails, and not the run. `gone`
    is said of an object that is not there, in place of the file system's words."""

    def __init__(self, what: str, gone: str | None = None) -> None:
        self._what, self._gone = what, gone

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError) and self._gone is not None:
            raise PictureError(self._gone) from error
        if isinstance(error, Exception) and not isinstance(error, (PictureError, UsageError)):
            raise PictureError(f"{self._what}: {one_line(error)}") from error


def reading() -> reported:
    """`reported` for reading a source: of one that was removed since it was listed, it says so."""
    return reported("cannot be read", gone="it is no longer there")
