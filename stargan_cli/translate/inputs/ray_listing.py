"""A search in a form that can be sent to other processes. Importing this module does not load torch."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any

from stargan_cli.files.passed_over import PassedOver
from stargan_cli.translate.inputs.counting import Counting
from stargan_cli.translate.inputs.found import Found


class Listing:
    """A search for Ray Data, run by the process that calls it until `stop`: one row with a pickled Found for each item.

    When the search has come to its end, the Ray actor `ended` is given the number of pictures (None if there is an
    archive) and the notes of `passed_over`, which `search` fills.
    """

    def __init__(
        self, search: Callable[[], Iterable[Found]], passed_over: PassedOver, ended: Any, stop: Callable[[], bool]
    ) -> None:
        self._search, self._passed_over, self._ended, self._stop = search, passed_over, ended, stop

    def __call__(self, batch: Any) -> Iterator[dict[str, list[bytes]]]:
        counting = Counting()
        for found in takewhile(lambda _: not self._stop(), counting.counted(self._search())):
            yield {"found": [pickle.dumps(found)]}
        if not self._stop():
            self._ended.put.remote((counting.total, self._passed_over.notes))
