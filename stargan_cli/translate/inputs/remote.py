"""Places that fsspec knows by URL (s3://, gs://, hf://, memory://, ...): what lies there, listed as it comes."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath, PurePosixPath
from typing import Any, BinaryIO

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.translate.inputs.remote_listing import files_below

MARKS = ("ETag", "etag", "md5Hash", "crc32c", "content_md5", "blob_id", "oid", "mtime", "LastModified", "created")
"""What a listing says of an object that changes with its content; the first that is there counts."""

PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub", "az": "adlfs"}
READ_AHEAD_BYTES = 2**23
ALL_BYTES = 2**40


@dataclass(frozen=True)
class RemotePath:
    """A folder or an object by its URL, without a slash at the end."""

    url: str

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def parent(self) -> RemotePath:
        """The folder that it lies in; itself, where that is the file system."""
        above = self.url.rpartition("/")[0]
        return self if above.endswith(("/", ":")) else RemotePath(above)

    def __truediv__(self, below: PurePath | str) -> RemotePath:
        return RemotePath(f"{self.url}/{PurePosixPath(below)}")

    def is_within(self, folder: RemotePath) -> bool:
        return f"{self.url}/".startswith(f"{folder.url}/")

    @property
    def filesystem(self) -> Any:
        """Raises UsageError where the package for the protocol is missing, or its settings."""
        try:
            fsspec = importlib.import_module("fsspec")
            return fsspec.core.url_to_fs(self.url, use_listings_cache=False)[0]
        except ImportError as error:
            protocol = self.url.split("://")[0]
            package = PACKAGES.get(protocol, protocol) if importlib.util.find_spec("fsspec") else "fsspec"
            raise UsageError(
                f"{self.url}: {protocol}:// needs a package that is not installed: {error}",
                f"pip install {package}, or pip install 'stargan-cli[remote]'",
            ) from error
        except Exception as error:  # each protocol has errors of its own, for settings and for what it does not know
            raise UsageError(f"cannot use {self.url}: {_in_words(error)}") from error

    @property
    def key(self) -> str:
        """The path as its file system wants it."""
        return str(self.filesystem._strip_protocol(self.url))

    def kind(self) -> str | None:
        """file or directory; None where there is nothing. Raises UsageError where that cannot be found out."""
        try:
            return str(self.filesystem.info(self.key)["type"])
        except FileNotFoundError:
            return None
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(
                f"cannot reach {self.url}: {_in_words(error)}", "check the address, and your rights"
            ) from error

    def beginning(self, most: int = ALL_BYTES) -> bytes:
        """An object's first bytes, in one request: without a range, some file systems ask for the size first. Raises
        whatever the file system raises."""
        try:
            return bytes(self.filesystem.cat_file(self.key, start=0, end=most))
        except FileNotFoundError:
            raise
        except Exception:
            if self.filesystem.info(self.key)["size"] == 0:  # some stores give no part of an empty object
                return b""
            raise

    def file(self) -> RemoteFile:
        """Raises PictureError where it is gone."""
        with reported("cannot be read"):
            return RemoteFile(self, _mark(self.filesystem.info(self.key)))

    def files(self) -> Iterator[tuple[PurePosixPath, RemoteFile]]:
        """Everything below a folder, with its place there, in a fixed order: memory does not grow with their number on
        s3:// and gs://, elsewhere with the largest single folder. Raises whatever the file system raises."""
        root = self.key.rstrip("/")
        for info in files_below(self.filesystem, root):
            below = info["name"].rstrip("/")[len(root) :].lstrip("/")
            if below:
                yield PurePosixPath(below), RemoteFile(RemotePath(f"{self.url}/{below}"), _mark(info))


@dataclass(frozen=True)
class RemoteFile:
    """An object and the `mark` that its listing gave it: a Blob."""

    path: RemotePath
    mark: str

    def __str__(self) -> str:
        return self.path.url

    @property
    def place(self) -> PurePath:
        return PurePosixPath(self.path.url.split("://", 1)[1])

    def read(self) -> bytes:
        with reported("cannot be read"):
            return self.path.beginning()

    def open(self) -> BinaryIO:
        """For reading from its beginning to its end."""
        with reported("cannot be read"):
            file: BinaryIO = self.path.filesystem.open(
                self.path.key, "rb", block_size=READ_AHEAD_BYTES, cache_type="readahead"
            )
            return file


class reported:
    """Turns whatever a file system raises in the block into a PictureError: one object's failure is its own."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise PictureError("it is no longer there") from error
        if isinstance(error, Exception) and not isinstance(error, (PictureError, UsageError)):
            raise PictureError(f"{self._what}: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _mark(info: dict[str, Any]) -> str:
    said = next((str(info[name]) for name in MARKS if info.get(name)), "")
    return blake2b(f"{info.get('size')} {said}".encode(), digest_size=8).hexdigest()
