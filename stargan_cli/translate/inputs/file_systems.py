"""The fsspec file system that a URL names; a package or a setting that it lacks is named."""

from __future__ import annotations

import importlib
import importlib.util
import re
from typing import Any

from stargan_cli.errors import UsageError, one_line
from stargan_cli.packages import import_package
from stargan_cli.translate.inputs import web

PACKAGES = {
    **{"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub"},
    **{"az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"},
    **{"smb": "smbprotocol", "webdav": "webdav4", "sftp": "paramiko", "ssh": "paramiko"},
}
_NOT_GIVEN = re.compile(r"missing \d+ required positional arguments?: '(\w+)'")


def file_system(url: str) -> Any:
    """Raises UsageError if the protocol's package or settings are missing.

    `fsspec.url_to_fs` is not used: it takes a `::` in the name of an object for a chain of URLs."""
    protocol = url.split("://")[0]
    try:
        kind = importlib.import_module("fsspec").get_filesystem_class(protocol)
        options = web.options(url) if protocol in ("http", "https") else {}
        return _uncached(kind(**kind._get_kwargs_from_urls(url), **options))
    except Exception as error:  # each protocol raises errors of its own for wrong settings
        raise _refusal(url, protocol, error) from error


def _refusal(url: str, protocol: str, error: Exception) -> UsageError:
    package = PACKAGES.get(protocol) or (None if importlib.util.find_spec("fsspec") else "fsspec")
    is_there = package is not None and importlib.util.find_spec(package) is not None
    if isinstance(error, ImportError) or (isinstance(error, ValueError) and package and not is_there):
        if package and is_there:
            import_package(package, f"{protocol}://", package)
        what = f"{url}: {protocol}:// needs a package that is not installed: {error}"
        return UsageError(what, f"pip install {package}" if package else None)
    absent = _NOT_GIVEN.search(str(error)) if isinstance(error, TypeError) else None
    if absent:
        setting = f"FSSPEC_{protocol.upper()}_{absent[1].upper()}"
        return UsageError(f"{url} does not say the {absent[1]} of {protocol}://", f"set the variable {setting}")
    return UsageError(f"cannot use {url}: {one_line(error)}")


def _uncached(filesystem: Any) -> Any:
    """The file system without its cache of listings. As an option, some would pass that on to their client."""
    cache = importlib.import_module("fsspec.dircache").DirCache
    if isinstance(filesystem.dircache, cache):
        filesystem.dircache = cache(use_listings_cache=False)
    return filesystem
