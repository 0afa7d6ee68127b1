"""Arrays in shared memory of two processes. It has no name, so that nothing is left, however the processes end."""

from __future__ import annotations

import math
import mmap
import os
import struct
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAIN = 2**16
"""Rooms begin at multiples of this (bytes), which every system can map."""
_NOTE = struct.Struct("<qdq")


@dataclass(frozen=True)
class Room:
    """A block of the shared memory (bytes)."""

    start: int
    size: int


@dataclass(frozen=True)
class ArrayReference:
    """Where an array is: at the beginning of `room`. `kind` is its dtype."""

    room: Room
    shape: tuple[int, ...]
    kind: str


def unnamed_file() -> int:
    """The file descriptor of a file in memory; if the system has none, of a temporary file that is already deleted."""
    with suppress(AttributeError, OSError):  # a container may forbid it
        return os.memfd_create("stargan")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class SharedArrays:
    """The shared memory behind a file descriptor. Both processes use this class."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._maps: dict[int, mmap.mmap] = {}
        if os.fstat(handle).st_size < GRAIN:
            os.ftruncate(handle, GRAIN)
        self._note = mmap.mmap(handle, GRAIN)

    def array(self, described: ArrayReference) -> NDArray[Any]:
        """The array, in the shared memory itself."""
        room, number = described.room, math.prod(described.shape)
        if room.start not in self._maps:
            self._maps[room.start] = mmap.mmap(self._handle, room.size, offset=room.start)
        flat = np.frombuffer(self._maps[room.start], np.dtype(described.kind), number)
        return flat.reshape(described.shape)

    def put(self, room: Room, values: NDArray[Any]) -> ArrayReference | None:
        """Copy an array into a room; None if it is too large."""
        if values.nbytes > room.size:
            return None
        described = ArrayReference(room, values.shape, values.dtype.str)
        np.copyto(self.array(described), values)
        return described

    def set_note(self, ticket: int, since: float = 0.0, pixels: int = 0) -> None:
        """What the worker is doing now, for the main process to read if the worker hangs or dies. `ticket`: its picture
        (-1: it waits). `since`: when it began to decode `pixels` pixels (seconds, monotonic; 0: it does not decode)."""
        _NOTE.pack_into(self._note, 0, ticket, since, pixels)

    @property
    def note(self) -> tuple[int, float, int]:
        return _NOTE.unpack_from(self._note, 0)

    def set_ending(self) -> None:
        """Tell the worker to begin no further picture, also none that was sent to it already."""
        self._note[_NOTE.size] = 1

    @property
    def is_ending(self) -> bool:
        return self._note[_NOTE.size] == 1


class Rooms:
    """Allocates the rooms of shared memory. Only the worker does so, not the main process."""

    def __init__(self, handle: int) -> None:
        self._handle, self._end = handle, GRAIN
        self._free: dict[int, list[Room]] = defaultdict(list)

    def take(self, size: int) -> Room:
        """A room of at least `size` bytes."""
        whole = max(GRAIN, 1 << (size - 1).bit_length())
        if self._free[whole]:
            return self._free[whole].pop()
        room = Room(self._end, whole)
        self._end += whole
        os.ftruncate(self._handle, self._end)
        return room

    def give_back(self, room: Room) -> None:
        self._free[room.size].append(room)
