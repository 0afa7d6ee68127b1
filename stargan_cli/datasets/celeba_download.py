"""CelebA fetched from its host with torchvision's downloader, and what to do where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from stargan_cli.datasets.celeba_files import find_celeba
from stargan_cli.errors import DataError, first_line
from stargan_cli.files.writing import FULL

BY_HAND = "or fetch it by hand from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


def fetch_celeba(root: Path) -> None:
    """Fetch CelebA into `root/celeba` if it is not in `root`. Raises DataError with a hint that fits the cause."""
    try:
        find_celeba(root)
        return
    except DataError:
        pass
    if find_spec("gdown") is None:
        raise DataError(
            "--download needs gdown, which is not installed", f"pip install 'stargan-cli[celeba]', {BY_HAND}"
        )
    from torchvision.datasets import CelebA  # type: ignore[import-untyped]

    try:
        CelebA(str(root), split="all", download=True)
    except Exception as error:  # torchvision and gdown raise errors of many kinds
        message = f"CelebA could not be downloaded: {first_line(error)}"
        raise DataError(message, f"{_hint(error, root)}, {BY_HAND}") from error


def _hint(error: BaseException, root: Path) -> str:
    causes = list(_causes(error))
    text = " ".join(map(str, causes))
    if any(isinstance(cause, OSError) and cause.errno in FULL for cause in causes):
        return f"make room for 3 GB in {root}, or choose another --root"
    if any(isinstance(cause, PermissionError) for cause in causes):
        return f"{root} cannot be written: choose another --root"
    if "many accesses" in text or "Too many users" in text:
        return "Google Drive's daily limit for these files is reached: run it again tomorrow"
    if "corrupted" in text:
        return f"a file in {root / 'celeba'} is incomplete, or is a web page: remove it and run it again"
    if any(_is_of_the_network(cause) for cause in causes):
        return "drive.google.com cannot be reached: check the network and its proxy (HTTPS_PROXY), and run it again"
    return "run it again later"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_of_the_network(error: BaseException) -> bool:
    """By class name: requests, which gdown uses, has its own errors. `HTTPError` is an answer of the host."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"ConnectionError", "Timeout", "TimeoutError", "URLError", "gaierror"})
