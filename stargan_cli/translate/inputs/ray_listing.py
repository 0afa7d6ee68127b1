"""A search in a form that can be sent to other processes. Importing this module does not load torch."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stargan_cli.translate.inputs.found import Found


class Listing:
    """A search for Ray Data, run by the process that calls it: one row with a pickled Found for each item."""

    def __init__(self, search: Callable[[], Iterable[Found]]) -> None:
        self._search = search

    def __call__(self, batch: Any) -> Iterator[dict[str, list[bytes]]]:
        for found in self._search():
            yield {"found": [pickle.dumps(found)]}
