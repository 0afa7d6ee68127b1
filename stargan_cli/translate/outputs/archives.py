"""Write the results of an archive's pictures as an archive: the adapter at the end of the stream."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO

from stargan_cli.errors import PictureError
from stargan_cli.translate.inputs.found import Archive, Found
from stargan_cli.translate.inputs.tar_reading import Member
from stargan_cli.translate.outputs.begun import Discarded
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.outputs.tar_writing import TarWriter
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.report import Row, Settled

LEFT_OUT = "left out: a file of its sample is broken or missing"


class ArchiveOutputs:
    """Writes archives, one at a time, from their members' outputs, in the order in which the members were found.

    The rows of members are final once their archive is complete. If it cannot be written, their status is failed.
    """

    def __init__(self, sink: Sink, plan: Plan) -> None:
        self._sink, self._plan = sink, plan
        self._writing: dict[str, _Output] = {}
        self._archive: Archive | None = None
        self._members = 0
        self._rows: list[tuple[int, Row]] = []  # each with its member's number: names may come twice
        self._problem: str | None = None

    def settle(self, found: Found, settled: Settled) -> list[Row]:
        """Add the outputs of a found item, and return the rows that are final now. An archive of which a member is
        missing at its end, as the run was stopped, is discarded. Raises OutputError."""
        if found.archive is None:
            return settled.rows
        if self._archive is not found.archive:
            self._begin(found.archive)
        self._rows += [(self._members, row) for row in settled.rows]
        if found.role != "end":
            self._add(found, settled)
            self._members += 1
            return []
        if self._members < found.members:
            return self.close()
        if found.transient:
            self._problem = found.problem
        return self._finish(cut_off=found.problem is not None)

    def close(self) -> list[Row]:
        """Discard an unfinished archive, and return the rows of the members that failed."""
        failed = [row for _, row in self._rows if row.status == "failed"]
        self._discard()
        return failed

    def _begin(self, archive: Archive) -> None:
        self._archive, self._members, self._rows, self._problem = archive, 0, [], None
        for variant, fingerprint in zip(archive.wanted, archive.fingerprints, strict=True):
            note = self._plan.note(variant, fingerprint)
            try:
                file = self._sink.file(PurePath(variant.folder) / archive.output)
                self._writing[variant.folder] = _Output(file, note.comment if note else None)
            except PictureError as error:
                self._problem = str(error)

    def _add(self, found: Found, settled: Settled) -> None:
        for suffix, output in self._writing.items():
            try:
                place = PurePath(suffix) / (found.output or "")
                beside = found.role == "beside" and found.problem is None
                data = found.source.read() if beside else settled.data.get(place)  # type: ignore[union-attr]
                output.add(self._members, found, self._sink.name(place), data)
            except PictureError as error:
                self._problem = str(error)

    def _finish(self, cut_off: bool) -> list[Row]:
        left_out: set[tuple[int, str | None]] = set()
        for output in self._writing.values() if self._problem is None else ():
            try:
                left_out |= output.finish(cut_off)
            except PictureError as error:
                self._problem = str(error)
        rows, problem = self._rows, self._problem
        self._discard()
        return [
            replace(row, status="failed", reason=problem or LEFT_OUT)
            if row.status != "failed" and (problem or (number, row.output) in left_out)
            else row
            for number, row in rows
        ]

    def _discard(self) -> None:
        for output in self._writing.values():
            output.discard()
        self._writing, self._archive, self._rows = {}, None, []


def with_archive(found: Found, settled: Settled) -> Settled:
    """The result of a found item; the rows of an archive's member with the archive that holds their outputs."""
    if found.archive is None or found.output is None or found.role == "end":
        return settled
    member = str(found.output.relative_to(found.archive.output))
    rows = [replace(row, archive=row.output and row.output.removesuffix(member)[:-1]) for row in settled.rows]
    return replace(settled, rows=rows)


class _Output:
    """One archive that is being written."""

    def __init__(self, opened: AbstractContextManager[BinaryIO], note: str | None) -> None:
        self._opened: AbstractContextManager[BinaryIO] | None = opened
        self._writer = TarWriter(opened.__enter__(), note)
        self._pictures: dict[int, str] = {}

    def add(self, number: int, found: Found, place: str, data: bytes | None) -> None:
        member, name = found.source, _name_in_archive(found)
        if self._opened is None or not isinstance(member, Member):
            return
        if data is not None and found.role == "picture":
            self._pictures[number] = place
        self._guarded(lambda: self._writer.add(member, name, data))

    def finish(self, cut_off: bool) -> set[tuple[int, str | None]]:
        """Finish the archive; return the numbers and outputs of the pictures that were left out of it. Without any
        picture it is not created."""
        self._guarded(lambda: self._writer.close(doubtful=cut_off))
        left_out: set[tuple[int, str | None]] = {
            (number, place) for number, place in self._pictures.items() if number in self._writer.left_out
        }
        if len(left_out) == len(self._pictures):
            self.discard()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)
        return left_out

    def discard(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(Discarded, Discarded(), None)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Pass a failed write to the sink, which removes the file and raises the fitting error."""
        try:
            step()
        except OSError as error:
            opened, self._opened = self._opened, None
            if opened is None or not opened.__exit__(type(error), error, error.__traceback__):
                raise


def _name_in_archive(found: Found) -> str:
    """The output's name in its archive: the member's own with what was changed replaced. A leading `./` stays."""
    if not isinstance(found.source, Member) or found.archive is None or found.output is None:
        return ""
    old, new = str(PurePosixPath(found.source.name)), found.output.relative_to(found.archive.output).as_posix()
    return found.source.name if old == new else found.source.name.removesuffix(old) + new
