"""Where the user's cache folder holds the classifiers that were fitted on a data set."""

from __future__ import annotations

import os
import shlex
from hashlib import blake2b
from pathlib import Path

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.datasets.celeba_files import find_celeba
from stargan_cli.datasets.choice import DEFAULT_ROOT
from stargan_cli.datasets.decoded_cache import default_cache_folder
from stargan_cli.errors import StarganError, UsageError


def usual_classifier(data: str, network: str, root: Path | None, split: str) -> Path:
    """The file of a classifier that is given no other. Data sets in different places have different files, and so have
    CelebA's splits: a test picture of the one is a training picture of the other."""
    if data == "celeba":
        name, place = data, _celeba_in(root or Path(DEFAULT_ROOT)).resolve() / split
    else:
        place = Path(data).resolve()
        name = place.name[:60]
    digest = blake2b(os.fsencode(place), digest_size=4).hexdigest()
    return default_cache_folder() / f"classifier-{name}-{digest}-{network}.safetensors"


def _celeba_in(root: Path) -> Path:
    """The folder of CelebA in `root`; `root` itself if there is none, as loading says why."""
    try:
        return find_celeba(root).place
    except (StarganError, OSError):
        return root


def classifiers_of(sets: tuple[str, ...], root: Path | None, split: str) -> list[Path]:
    """All that were fitted into the cache folder. Raises UsageError if none was fitted on one of the data sets."""
    found: list[Path] = []
    for data in sets:
        usual = usual_classifier(data, DEFAULT_NETWORK, root, split)
        start = usual.stem.removesuffix(DEFAULT_NETWORK)
        fitted = [path for path in usual.parent.glob("*.safetensors") if path.stem.startswith(start)]
        if not fitted:
            raise UsageError(
                f"no classifier was fitted on {data}: {usual} is missing",
                f"fit one into the user's cache folder with: {_to_fit(data, root, split)}; "
                "--classifier FILE names another file, for eval alone",
            )
        found += sorted(fitted)
    return found


def _to_fit(data: str, root: Path | None, split: str) -> str:
    call = ["stargan", "eval", "--fit-classifier", "--data", data]
    if data == "celeba":
        call += [*(["--root", str(root)] if root else []), "--split", split]
    return shlex.join(call)
