"""Read archives of pictures member by member: the adapter at the beginning of the stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath

from stargan_cli.errors import PictureError
from stargan_cli.files.blobs import Source
from stargan_cli.files.passed_over import passed_over_part
from stargan_cli.files.read_ahead import read_ahead
from stargan_cli.labels import Variant
from stargan_cli.pictures.listing import is_picture
from stargan_cli.pictures.reading import open_file
from stargan_cli.translate.done_before import mark_of, state_of
from stargan_cli.translate.inputs.found import Archive, Found
from stargan_cli.translate.inputs.tar_reading import Member, members
from stargan_cli.translate.outputs.names import MemberNames
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.report import Row


def with_members(items: Iterable[Found], plan: Plan, sink: Sink) -> Iterator[Found]:
    """Replace each archive in the stream by its members followed by an end marker. An archive whose outputs exist
    yields only the marker."""
    for found in items:
        if found.role != "archive" or found.problem is not None:
            yield found
            continue
        try:
            archive = _planned(found, plan, sink)
        except PictureError as error:
            yield replace(found, problem=str(error))
        else:
            yield from _members_and_end(found, archive, plan.settings.format)


def _planned(found: Found, plan: Plan, sink: Sink) -> Archive:
    """The archive with the variants that are still to be made. Raises PictureError."""
    if found.output is None:
        raise ValueError("an archive needs an output path")
    wanted: list[tuple[Variant, str]] = []
    settled = []
    mark = mark_of(found.source)
    for variant in plan.variants:
        output = PurePath(variant.folder) / found.output
        if sink.is_source(output, found.source):
            raise PictureError("its output would replace it")
        fingerprint = plan.fingerprint_of_archive(variant, mark)
        reason = state_of(sink, output, found.source, fingerprint, plan.settings.existing).reason
        if reason is None:
            wanted.append((variant, fingerprint))
        else:
            settled.append(Row(str(found.source), sink.name(output), "skipped", reason))
    variants, fingerprints = tuple(v for v, _ in wanted), tuple(f for _, f in wanted)
    return Archive(found.source, found.output, variants, fingerprints, tuple(settled))


def _members_and_end(found: Found, archive: Archive, target: str) -> Iterator[Found]:
    problem, transient, source, count = None, False, found.source, 0
    names = MemberNames()
    try:
        if archive.wanted:
            with closing(read_ahead(_members(source), lambda member: len(member.data))) as ahead:
                for member in ahead:
                    count += 1
                    yield _member(member, archive, names, target)
    except PictureError as error:
        problem = str(error)
    except Exception as error:  # the system or a store failed midway: the next run may get further
        problem, transient = f"cannot be read to its end: {error or type(error).__name__}", True
    yield Found(found.source, found.output, problem, found.below, "end", archive, transient, members=count)


def _members(source: Source) -> Iterator[Member]:
    with open_file(source) if isinstance(source, Path) else source.open() as file:
        yield from members(file, str(source))


def _member(member: Member, archive: Archive, names: MemberNames, target: str) -> Found:
    path = PurePosixPath(member.name)
    picture = is_picture(path.name) and passed_over_part(path) is None
    if member.problem is not None:
        return Found(member, None, member.problem, None, "picture" if picture else "beside", archive)
    place = archive.output / (names.next(path, target) if picture else path)
    return Found(member, place, None, None, "picture" if picture else "beside", archive)
