"""Archives of pictures: gone through member by member, and written again as archives that hold the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO

from stargan_cli.errors import PictureError
from stargan_cli.files.opening import open_regular
from stargan_cli.files.passed_over import passed_over_part
from stargan_cli.labels import Variant
from stargan_cli.pictures.listing import is_picture
from stargan_cli.translate.done_before import mark_of, reason_to_skip
from stargan_cli.translate.inputs.found import Archive, Found
from stargan_cli.translate.inputs.read_ahead import read_ahead
from stargan_cli.translate.inputs.tar_reading import Member, members
from stargan_cli.translate.outputs.names import next_name
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.outputs.tar_writing import TarWriter
from stargan_cli.translate.report import Row
from stargan_cli.translate.settings import Plan

LEFT_OUT = "left out: something of its sample is broken or missing"


@dataclass(frozen=True)
class Ended:
    """What became of one thing that was found: its rows, and what is to stand in its archive's outputs, by the
    variants' suffixes."""

    rows: list[Row]
    data: dict[str, bytes] = field(default_factory=dict)


def opened(items: Iterable[Found], plan: Plan, sink: Sink) -> Iterator[Found]:
    """The items, with each archive's members and its end in the archive's place; one whose outputs are all there has
    its end alone, and is not read."""
    for found in items:
        if found.role != "archive" or found.problem is not None:
            yield found
            continue
        try:
            archive = _sorted_out(found, plan, sink)
        except PictureError as error:
            yield replace(found, problem=str(error))
        else:
            yield from _gone_through(found, archive, plan.settings.format, sink.fold)


def _sorted_out(found: Found, plan: Plan, sink: Sink) -> Archive:
    if found.output is None:
        raise ValueError("an archive has an output's place")
    wanted: list[tuple[Variant, str]] = []
    settled = []
    mark = mark_of(found.source)
    for variant in plan.variants:
        output = PurePath(variant.suffix) / found.output
        if sink.is_source(output, found.source):
            raise PictureError("its output would replace it")
        fingerprint = plan.fingerprint_of_archive(variant, mark)
        reason = reason_to_skip(sink, output, found.source, fingerprint, plan.settings.existing)
        if reason is None:
            wanted.append((variant, fingerprint))
        else:
            settled.append(Row(str(found.source), sink.name(output), "skipped", reason))
    variants, fingerprints = tuple(v for v, _ in wanted), tuple(f for _, f in wanted)
    return Archive(found.source, found.output, variants, fingerprints, tuple(settled))


def _gone_through(found: Found, archive: Archive, target: str, fold: Callable[[str], str]) -> Iterator[Found]:
    problem, passing, source = None, False, found.source
    used: set[str] = set()
    try:
        if archive.wanted:
            with (
                open_regular(source) if isinstance(source, Path) else source.open() as file,
                closing(read_ahead(members(file, str(source)), lambda member: len(member.data))) as found_in,
            ):
                for member in found_in:
                    yield _member(member, archive, used, target)
    except PictureError as error:
        problem = str(error)
    except Exception as error:  # what the system or a store raises in the middle; the next run may get further
        problem, passing = f"cannot be read to its end: {error or type(error).__name__}", True
    yield Found(found.source, found.output, problem, found.below, "end", archive, passing)


def _member(member: Member, archive: Archive, used: set[str], target: str) -> Found:
    path = PurePosixPath(member.name)
    picture = is_picture(path.name) and passed_over_part(path) is None
    if member.problem is not None:
        return Found(member, None, member.problem, None, "picture" if picture else "beside", archive)
    place = archive.output / next_name(path, used, target if picture else "as is")
    return Found(member, place, None, None, "picture" if picture else "beside", archive)


class ArchiveOutputs:
    """Writes archives from what `Ended` has for them, in the order in which it was found, one archive at a time.

    Rows of members come when their archive is there whole; where it cannot be, they say failed instead of done.
    """

    def __init__(self, sink: Sink, plan: Plan) -> None:
        self._sink, self._plan = sink, plan
        self._writing: dict[str, _Output] = {}
        self._archive: Archive | None = None
        self._rows: list[Row] = []
        self._problem: str | None = None

    def settle(self, found: Found, ended: Ended) -> list[Row]:
        """The rows that are certain now. Raises OutputError."""
        if found.archive is None:
            return ended.rows
        if self._archive is not found.archive:
            self._begin(found.archive)
        self._rows += ended.rows
        if found.role != "end":
            self._add(found, ended)
            return []
        if found.passing:
            self._problem = found.problem
        return self._finish(cut_off=found.problem is not None)

    def close(self) -> list[Row]:
        """Leave an archive that is not to be finished; what failed in it is known all the same."""
        failed = [row for row in self._rows if row.status == "failed"]
        self._discard()
        return failed

    def _begin(self, archive: Archive) -> None:
        self._archive, self._rows, self._problem = archive, [], None
        for variant, fingerprint in zip(archive.wanted, archive.fingerprints, strict=True):
            note = self._plan.note(variant, fingerprint)
            try:
                file = self._sink.file(PurePath(variant.suffix) / archive.output)
                self._writing[variant.suffix] = _Output(file, note.comment if note else None)
            except PictureError as error:
                self._problem = str(error)

    def _add(self, found: Found, ended: Ended) -> None:
        for suffix, output in self._writing.items():
            try:
                place = self._sink.name(PurePath(suffix) / (found.output or ""))
                output.add(found, place, ended.data.get(suffix))
            except PictureError as error:
                self._problem = str(error)

    def _finish(self, cut_off: bool) -> list[Row]:
        left_out: set[str | None] = set()
        for output in self._writing.values() if self._problem is None else ():
            try:
                left_out |= output.finish(cut_off)
            except PictureError as error:
                self._problem = str(error)
        rows, problem = self._rows, self._problem
        self._discard()
        return [
            replace(row, status="failed", reason=problem or LEFT_OUT)
            if row.status != "failed" and (problem or row.output in left_out)
            else row
            for row in rows
        ]

    def _discard(self) -> None:
        for output in self._writing.values():
            output.discard()
        self._writing, self._archive, self._rows = {}, None, []


class _Output:
    """One archive that is being written."""

    def __init__(self, opened: AbstractContextManager[BinaryIO], note: str | None) -> None:
        self._opened: AbstractContextManager[BinaryIO] | None = opened
        self._writer = TarWriter(opened.__enter__(), note)
        self._pictures: dict[str, str] = {}

    def add(self, found: Found, place: str, data: bytes | None) -> None:
        member, name = found.source, _name_in_archive(found)
        if self._opened is None or not isinstance(member, Member):
            return
        if data is not None and found.role == "picture":
            self._pictures[name] = place
        self._guarded(lambda: self._writer.add(member, name, data))

    def finish(self, cut_off: bool) -> set[str]:
        """The places of pictures that were left out. With no picture in it, the archive does not come into being."""
        self._guarded(lambda: self._writer.close(doubtful=cut_off))
        left_out = {place for name, place in self._pictures.items() if name in self._writer.left_out}
        if len(left_out) == len(self._pictures):
            self.discard()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)
        return left_out

    def discard(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(_Discarded, _Discarded(), None)

    def _guarded(self, step: Callable[[], None]) -> None:
        """The sink tells what a failed write means, and removes what was written."""
        try:
            step()
        except OSError as error:
            opened, self._opened = self._opened, None
            if opened is None or not opened.__exit__(type(error), error, error.__traceback__):
                raise


class _Discarded(Exception):
    """Ends a sink's block so that nothing comes of it."""


def _name_in_archive(found: Found) -> str:
    """The member's own name, `./` before it and all, but for what was changed."""
    if not isinstance(found.source, Member) or found.archive is None or found.output is None:
        return ""
    old, new = str(PurePosixPath(found.source.name)), found.output.relative_to(found.archive.output).as_posix()
    return found.source.name if old == new else found.source.name.removesuffix(old) + new
