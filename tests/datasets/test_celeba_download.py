"""CelebA is fetched, or the error says what to do about its cause."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from torchvision import datasets
from training_kit import celeba

from stargan_cli.datasets import celeba_download
from stargan_cli.datasets.celeba_download import fetch_celeba
from stargan_cli.errors import DataError


class ConnectionFailed(OSError):
    """As requests.exceptions.ConnectionError."""


ConnectionFailed.__name__ = "ConnectionError"


@pytest.fixture(autouse=True)
def with_gdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba_download, "find_spec", lambda name: object())


def failing(error: Exception) -> Any:
    def refuse(*arguments: object, **more: object) -> None:
        raise error

    return refuse


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (RuntimeError("Cannot retrieve the public link of the file. You may have had many accesses.\nmore"),
         "Cannot retrieve the public link of the file. You may have had many accesses.", "run it again tomorrow"),
        (ConnectionFailed("HTTPSConnectionPool(host='drive.google.com')"), "HTTPSConnectionPool", "HTTPS_PROXY"),
        (caused(RuntimeError("retries exhausted"), TimeoutError("timed out")), "retries exhausted", "HTTPS_PROXY"),
        (RuntimeError("File not found or corrupted."), "corrupted", "remove it and run it again"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left", "make room for 3 GB"),
        (caused(RuntimeError("write failed"), OSError(errno.EDQUOT, "Quota")), "write failed", "make room for 3 GB"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied", "choose another --root"),
        (ValueError(), "ValueError", "run it again later"),
    ],
)  # fmt: skip
def test_each_cause_has_its_own_hint(
    error: Exception, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "CelebA", failing(error))
    with pytest.raises(DataError) as caught:
        fetch_celeba(tmp_path)
    assert str(caught.value).startswith("CelebA could not be downloaded: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert hint in str(caught.value.hint) and "by hand from https://mmlab" in str(caught.value.hint)


def test_after_a_plain_install_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celeba_download, "find_spec", lambda name: None)
    monkeypatch.setattr(datasets, "CelebA", failing(AssertionError("nothing may be fetched")))
    with pytest.raises(DataError, match="--download needs gdown") as caught:
        fetch_celeba(tmp_path)
    assert "pip install 'stargan-cli[celeba]'" in str(caught.value.hint)


def test_what_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CelebA", failing(AssertionError("nothing may be fetched")))
    fetch_celeba(celeba(tmp_path))


def test_torchvision_is_called_where_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(datasets, "CelebA", lambda *given, **named: calls.append((given, named)))
    fetch_celeba(tmp_path)
    assert calls == [((str(tmp_path),), {"split": "all", "download": True})]
