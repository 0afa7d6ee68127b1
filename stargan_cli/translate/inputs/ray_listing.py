"""What is found, in a form that travels to other processes. Importing this loads no network's library."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stargan_cli.translate.inputs.found import Found


class Listing:
    """A search that runs where it is called, for Ray Data: one row for each thing found."""

    def __init__(self, search: Callable[[], Iterable[Found]]) -> None:
        self._search = search

    def __call__(self, batch: Any) -> Iterator[dict[str, list[bytes]]]:
        for found in self._search():
            yield {"found": [pickle.dumps(found)]}
