"""Folders and objects that fsspec reaches by URL (s3://, gs://, hf://, memory://, ...), listed as a stream."""

from __future__ import annotations

import importlib
import importlib.util
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath, PurePosixPath
from typing import Any, BinaryIO

from stargan_cli.errors import PictureError, UsageError, one_line
from stargan_cli.packages import import_package
from stargan_cli.translate.inputs.remote_listing import files_below

MARKS = ("ETag", "etag", "md5Hash", "crc32c", "content_md5", "blob_id", "oid", "mtime", "LastModified", "created")
"""Fields of a listing's entry that change with the object's content. The first that is present is used."""

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub", "az": "adlfs"}
READ_AHEAD_BYTES = 2**23
ALL_BYTES = 2**40
SILENCE = 30.0  # seconds


@dataclass(frozen=True)
class RemotePath:
    """The URL of a folder or an object, without a slash at the end."""

    url: str

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
    def _is_web(self) -> bool:
        return self.url.startswith(("http://", "https://"))

    @property
    def parent(self) -> RemotePath:
        """The folder above; at the root of the file system, the path itself."""
        above = self.url.rpartition("/")[0]
        return self if above.endswith(("/", ":")) else RemotePath(above)

    def __truediv__(self, below: PurePath | str) -> RemotePath:
        return RemotePath(f"{self.url}/{PurePosixPath(below)}")

    @property
    def place(self) -> str:
        """Where an object lies, in one spelling: s3a://b/x and s3://b//x have one place. Raises UsageError.

        One place never gets two spellings. Two places may share one, because users, ports and accounts are left out (a
        URL need not name them), and `..` and doubled slashes are resolved (some stores take them literally)."""
        filesystem = self.filesystem
        protocol = filesystem.protocol if isinstance(filesystem.protocol, str) else filesystem.protocol[0]
        host = str(filesystem._get_kwargs_from_urls(self.url).get("host") or "").lower()
        return f"{protocol}:{host}{posixpath.normpath('/' + self.key.lstrip('/'))}".rstrip("/")

    def is_within(self, folder: RemotePath) -> bool:
        return f"{self.place}/".startswith(f"{folder.place}/")

    @property
    def filesystem(self) -> Any:
        """The fsspec file system. Raises UsageError if the protocol's package or settings are missing.

        `fsspec.url_to_fs` is not used: it takes a `::` in the name of an object for a chain of URLs."""
        try:
            kind = importlib.import_module("fsspec").get_filesystem_class(self.protocol)
            return kind(use_listings_cache=False, **kind._get_kwargs_from_urls(self.url), **self._options())
        except ImportError as error:
            protocol = self.protocol
            package = PACKAGES.get(protocol, protocol) if importlib.util.find_spec("fsspec") else "fsspec"
            if importlib.util.find_spec(package):
                import_package(package, f"{protocol}://", package)
            raise UsageError(
                f"{self.url}: {protocol}:// needs a package that is not installed: {error}",
                f"pip install {package}, or pip install 'stargan-cli[remote]'",
            ) from error
        except Exception as error:  # each protocol raises errors of its own for wrong settings
            raise UsageError(f"cannot use {self.url}: {one_line(error)}") from error

    def _options(self) -> dict[str, Any]:
        """Limit how long a web server may be silent (SILENCE), in place of aiohttp's limit on the whole download, which
        large files exceed."""
        if not self._is_web:
            return {}
        timeout = importlib.import_module("aiohttp").ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
        return {"client_kwargs": {"timeout": timeout}}

    @property
    def key(self) -> str:
        """The path as its file system expects it."""
        return str(self.filesystem._strip_protocol(self.url))

    def kind(self) -> str | None:
        """Either "file" or "directory"; None if nothing is there. Raises UsageError if the store cannot be reached."""
        try:
            return str(self.filesystem.info(self.key)["type"])
        except FileNotFoundError as error:
            cause = error.__cause__  # fsspec's HTTP raises FileNotFoundError for every failure: this says which
            if self._is_web and isinstance(cause, Exception) and not isinstance(cause, FileNotFoundError):
                raise self._unreachable(cause) from error
            return None
        except UsageError:
            raise
        except Exception as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> UsageError:
        return UsageError(f"cannot reach {self.url}: {one_line(error)}", "check the address and your permissions")

    def beginning(self, most: int | None = None) -> bytes:
        """An object's first `most` bytes (None: all). Raises whatever the file system raises.

        It takes one request: without a range, s3fs would first ask for the size. File systems whose requests take no
        range are read through a file object, which may allocate the whole object."""
        filesystem = self.filesystem
        if most is None and filesystem.async_impl:
            most = ALL_BYTES
        try:
            return bytes(filesystem.cat_file(self.key, start=0, end=most))
        except FileNotFoundError:
            raise
        except Exception:
            if filesystem.info(self.key)["size"] == 0:  # some stores refuse a range of an empty object
                return b""
            raise

    def file(self) -> RemoteFile:
        """The object with its mark. Raises PictureError if it is gone or cannot be reached."""
        with reading():
            return RemoteFile(self, _mark(self.filesystem.info(self.key)))

    def files(self) -> Iterator[tuple[str, RemoteFile]]:
        """All files below the folder, with their keys in it, in a fixed order. Memory grows with the largest single
        folder; on s3:// and gs:// it does not grow. Raises whatever the file system raises."""
        root = self.key.rstrip("/")
        for info in files_below(self.filesystem, root):
            below = info["name"].rstrip("/")[len(root) :].removeprefix("/")
            if below:
                yield below, RemoteFile(RemotePath(f"{self.url}/{below}"), _mark(info))


@dataclass(frozen=True)
class RemoteFile:
    """An object and its `mark`, a hash of its size and version in the listing: a Blob."""

    address: RemotePath
    mark: str

    def __str__(self) -> str:
        return self.address.url

    @property
    def path(self) -> PurePath:
        return PurePosixPath(self.address.url.split("://", 1)[1])

    def read(self) -> bytes:
        with reading():
            return self.address.beginning()

    def open(self) -> BinaryIO:
        """A file to read from beginning to end. Raises PictureError."""
        with reading():
            file: BinaryIO = self.address.filesystem.open(
                self.address.key, "rb", block_size=READ_AHEAD_BYTES, cache_type="readahead"
            )
            return file


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


def _mark(info: dict[str, Any]) -> str:
    said = next((str(info[name]) for name in MARKS if info.get(name)), "")
    return blake2b(f"{info.get('size')} {said}".encode(), digest_size=8).hexdigest()
