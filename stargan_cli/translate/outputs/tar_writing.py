"""Write an archive that mirrors another one: the same samples in the same order, without incomplete ones."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import BinaryIO

from stargan_cli.translate.inputs.tar_reading import Member

MOST_MEMBERS, MOST_SAMPLE_BYTES = 64, 2**28


class TarWriter:
    """Writes members as they come, one sample (successive members with the same key) at a time.

    `note` becomes a comment before the first member, which tar readers ignore. The same members give the same bytes.
    `left_out` are the numbers (0, 1, ... as they came) of members with data that were left out with their incomplete
    samples. Next to damage, a sample is incomplete if its suffixes differ from those of the last complete one. Names
    may share a key by chance (`2024.01.jpg`, `2024.02.jpg`, ...): more than MOST_MEMBERS members or MOST_SAMPLE_BYTES
    are written in parts. Raises what `file` raises.
    """

    def __init__(self, file: BinaryIO, note: str | None) -> None:
        headers = {"comment": note} if note is not None else None
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=headers)
        self._key: str | None = None
        self._sample: list[tuple[int, Member, str, bytes]] = []
        self._number = -1
        self._spoilt = self._doubtful = False
        self._whole: list[str] | None = None
        self.left_out: set[int] = set()

    def add(self, member: Member, name: str, data: bytes | None) -> None:
        """Add a member. Without `data` its whole sample is left out: a reader of samples would fail on half of one."""
        self._number += 1
        self._doubtful |= member.behind_damage
        size = sum(len(earlier) for *_, earlier in self._sample)
        too_large = len(self._sample) >= MOST_MEMBERS or size >= MOST_SAMPLE_BYTES
        if member.key != self._key or member.behind_damage or too_large:
            self._end_sample()
            self._key, self._doubtful = member.key, member.behind_damage
        if data is None:
            self._spoilt = True
        else:
            self._sample.append((self._number, member, name, data))

    def close(self, doubtful: bool = False) -> None:
        """End the archive. `doubtful`: more members of the last sample may be missing."""
        self._doubtful |= doubtful
        self._end_sample()
        self._tar.close()

    def _end_sample(self) -> None:
        suffixes = [member.name.removeprefix(member.key) for _, member, _, _ in self._sample]
        if self._spoilt or (self._doubtful and suffixes != self._whole):
            self.left_out.update(number for number, *_ in self._sample)
            self._sample = []
        elif not self._doubtful:
            self._whole = suffixes
        for _, member, name, data in self._sample:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), int(member.modified)
            self._tar.addfile(info, BytesIO(data))
            self._tar.members.clear()  # type: ignore[attr-defined]  # else tarfile keeps every header in memory
        self._sample, self._spoilt = [], False
