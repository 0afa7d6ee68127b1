"""Searches for faces as generators: a search yields questions to the networks, and is sent the answers.

The worker process that holds a picture runs its search and loads no torch. The process that has the networks answers
the questions of many searches at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeVar

from stargan_cli.pictures.arrays import Floats, Pixels

Result = TypeVar("Result")


@dataclass(frozen=True)
class FaceQuestion:
    """A question to one of the networks, with `pixels` uint8 (N, 3, S, S).

    The `detector` (S a multiple of 32) answers with the candidates of each picture, best score first, float32
    (N, K, 15): score (0..1), box (left, top, right, bottom), and x, y of the eye on the picture's left, the one on its
    right, the nose, the mouth corner on the left and on the right (px).
    The `landmarks` network (S = 112) answers with the same five points of the face in each picture, float32 (N, 5, 2),
    as fractions of S.
    """

    network: Literal["detector", "landmarks"]
    pixels: Pixels


Search = Generator[FaceQuestion, Floats, Result]


def answered(search: Search[Result], answer: Callable[[FaceQuestion], Floats]) -> Result:
    """Run a search, answer each question by `answer`, and return what it finds."""
    try:
        question = next(search)
        while True:
            question = search.send(answer(question))
    except StopIteration as end:
        result: Result = end.value
        return result
