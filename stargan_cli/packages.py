"""Python packages that only some of the work needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from stargan_cli.errors import UsageError, one_line, shortage


def import_package(name: str, what: str, requirement: str) -> Any:
    """The module `name`, which `what` needs and `pip install requirement` installs.

    Raises UsageError where the package is not installed, or cannot be loaded; StarganError where memory runs out.
    """
    try:
        return import_module(name)
    except Exception as error:  # a broken installation may raise anything
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise UsageError(f"{what} needs {name}", f"pip install '{requirement}'") from error
        from importlib.metadata import packages_distributions  # loaded for this alone

        package = name.partition(".")[0]
        (distribution, *_) = packages_distributions().get(package, [package])
        raise shortage(error) or UsageError(
            f"{what} needs {name}, which is installed but cannot be loaded: {one_line(error)}",
            f"pip install '{requirement}' adds what it lacks, pip install --force-reinstall {distribution} repairs it",
        ) from error
