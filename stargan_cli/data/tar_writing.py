"""An archive that mirrors another one: its samples in its order, and none of which a picture is missing."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import BinaryIO

from stargan_cli.data.tars import Member


class TarWriter:
    """Writes members as they come, a sample (members with one key, one after the other) at a time.

    `note` goes into a comment before the first member, where programs that read tars pass over it. The same members
    give the same bytes. What `file` raises comes through.
    """

    def __init__(self, file: BinaryIO, note: str | None) -> None:
        headers = {"comment": note} if note is not None else None
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers)
        self._key: str | None = None
        self._sample: list[tuple[Member, str, bytes]] = []
        self._spoilt = False

    def add(self, member: Member, name: str, data: bytes | None) -> None:
        """Without `data` the sample is left out: half of one would stop who reads it."""
        if member.key != self._key:
            self._end_sample()
            self._key = member.key
        if data is None:
            self._spoilt = True
        else:
            self._sample.append((member, name, data))

    def close(self) -> None:
        self._end_sample()
        self._tar.close()

    def _end_sample(self) -> None:
        for member, name, data in self._sample if not self._spoilt else ():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), int(member.modified)
            self._tar.addfile(info, BytesIO(data))
            self._tar.members.clear()  # type: ignore[attr-defined]  # else it keeps the headers of all
        self._sample, self._spoilt = [], False
