"""The choice of data sets: settings that training and evaluation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from stargan_cli.errors import UsageError
from stargan_cli.files.local import require_local
from stargan_cli.settings import DATA, Setting, Settings, listed

SPLITS = ("official", "reference")
"""How CelebA's pictures are split: by its own list, or as the reference implementation does."""
DEFAULT_ROOT = "data"
DEFAULT_ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")


@dataclass(frozen=True)
class DataChoice(Settings):
    data: Annotated[
        tuple[str, ...],
        Setting(
            DATA,
            "celeba, or a folder with one folder of pictures for each class. Repeat it to join data sets.",
            repeated=True,
            changeable=True,
            parse=require_local,
        ),
    ] = ("celeba",)
    root: Annotated[
        str | None,
        Setting(
            DATA,
            "Folder of CelebA, or the folder above it, in the layout of torchvision, StarGAN's code, Kaggle or "
            f"CelebA's own download. By default {DEFAULT_ROOT}.",
            changeable=True,
            parse=require_local,
        ),
    ] = None
    attributes: Annotated[
        tuple[str, ...],
        Setting(
            DATA,
            "CelebA's attributes to learn. Hair colours exclude each other. By default "
            f"{', '.join(DEFAULT_ATTRIBUTES)}",
            option="attrs",
            metavar="NAME,NAME,…",
            parse=listed,
        ),
    ] = ()
    split: Annotated[
        Literal["official", "reference"],
        Setting(DATA, "How CelebA is split: as in its own list (official), or as in StarGAN's code (reference)."),
    ] = "official"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.data:
            raise UsageError(
                "--data names no data set", "give celeba, or a folder with one folder of pictures per class"
            )
