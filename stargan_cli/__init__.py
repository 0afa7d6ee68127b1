"""Batch image translation with StarGAN (Choi et al., CVPR 2018, arXiv 1711.09020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stargan_cli.version import __version__

if TYPE_CHECKING:
    from stargan_cli.api import Model, load

__all__ = ["Model", "__version__", "load"]


if not TYPE_CHECKING:  # to a type checker, any name would be one of the module's

    def __getattr__(name: str) -> Any:
        """Import `load` and `Model` on first use, so that reading the version does not import torch."""
        if name in ("Model", "load"):
            from stargan_cli import api

            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
