"""What a picture's steps ask the networks, and the answers.

Steps are generators that yield questions and are sent the answers. They may run in another process than the networks.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stargan_cli.compositing.placement import Laying
from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.labels import SourceLabels, Variant
from stargan_cli.pictures.arrays import Floats, Pixels
from stargan_cli.translate.report import Label

Changes = NDArray[Any]
"""What the networks return for K squares: with `needs_maps`, the maps of `compositing.maps`, float16
(K, CHANNELS, S, S); else the translated squares, uint8 (K, 3, S, S)."""


@dataclass(frozen=True)
class ChangeQuestion:
    """A picture's question to the networks that translate: its squares, uint8 (K, 3, S, S), and the variants to make.

    With `laying`, the answer has maps that fit the picture (see `Laying`); without it, translated squares. `weight` is
    the memory that the picture needs until it is written (bytes). For frames of an animation, `people` has the number
    of the person in each square, `known` the source labels that were read from earlier frames, and `firsts` the indices
    of each frame's first square, which shows the largest face.
    """

    squares: Pixels
    variants: tuple[Variant, ...]
    laying: Laying | None
    weight: int
    people: tuple[int, ...] | None = None
    known: tuple[SourceLabels | None, ...] = ()
    firsts: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class ChangeAnswer:
    """The answer to a `ChangeQuestion`: the `changes` (V, K, ...) of K squares, for each of V variants that are due.

    For each variant, due or not, `labels` has the source and target labels of the first square, and `remarks` the
    reason for its row. `known` has the source labels of each square. A variant with an opposite is not due, and has no
    target labels, if the picture already shows it.
    """

    changes: Changes
    labels: tuple[tuple[Label | None, Label | None], ...]
    known: tuple[SourceLabels, ...] = ()
    remarks: tuple[str | None, ...] = ()

    @property
    def due(self) -> tuple[int, ...]:
        """The numbers of the variants that are due."""
        return tuple(number for number, (_, after) in enumerate(self.labels) if after is not None)

    def changes_of(self, number: int) -> Changes:
        """The changes (K, ...) of a variant that is due."""
        changes: Changes = self.changes[self.due.index(number)]
        return changes


Question = FaceQuestion | ChangeQuestion
"""A picture's question: to the networks that find faces, or to those that translate."""
Answer = Floats | ChangeAnswer
"""The answer to a `FaceQuestion`, or to a `ChangeQuestion`."""
Made = TypeVar("Made")
Asking = Generator[Question, Any, Made]
"""Steps that yield questions, get the answer to each, and return what they have made."""

CARRIED = {FaceQuestion: "pixels", ChangeQuestion: "squares", ChangeAnswer: "changes"}
"""The field of a question or an answer that holds its array. Between processes, the array is sent apart from the rest,
through shared memory. An answer about faces is the array itself."""


def array_of(message: Question | Answer) -> NDArray[Any]:
    """The array that a question or an answer carries."""
    if isinstance(message, np.ndarray):
        return message
    array: NDArray[Any] = getattr(message, CARRIED[type(message)])
    return array


def with_array(message: Any, array: Any) -> Any:
    """The same question or answer with another array (None while the array is sent apart)."""
    name = CARRIED.get(type(message))
    return array if name is None else replace(message, **{name: array})
