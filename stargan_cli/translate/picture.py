"""The steps of one picture: find which outputs are missing, read, cut out squares, ask the networks, finish, write.

This module handles files and pixels, and loads no network. The steps are a generator, which yields questions to the
networks and is sent their answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath

from stargan_cli.errors import FramesError, NoFaceError, OutputError, PictureError
from stargan_cli.files.blobs import path_of, readable
from stargan_cli.labels import Variant
from stargan_cli.pictures.encoding import FrameEncoder, copied, encode_picture
from stargan_cli.pictures.exif import kept_exif
from stargan_cli.pictures.formats import FALLBACK, PictureFormat, written_by_name
from stargan_cli.pictures.frames import FrameSequence, opened_frames
from stargan_cli.pictures.provenance import is_generated
from stargan_cli.pictures.reading import Wanted
from stargan_cli.pictures.save_options import Extras
from stargan_cli.translate.animation import translated_frames
from stargan_cli.translate.done_before import mark_of, state_of
from stargan_cli.translate.framing import Framed
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs.sinks import MemorySink, Sink
from stargan_cli.translate.outputs.together import PendingOutput, Steps, in_words, written
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.questions import ChangeAnswer, ChangeQuestion, Changes
from stargan_cli.translate.report import COPIED, GENERATED, SHOWN, Row, Settled


@dataclass(frozen=True)
class Job:
    """One output to make: its variant, its path below the output folder, its fingerprint, and whether it replaces a
    file."""

    variant: Variant
    output: PurePath
    fingerprint: str
    replaces: bool


PictureSteps = Steps[Settled]
"""The steps of one picture: a generator of questions and `Unsynced` outputs, which returns the picture's rows."""


def picture_steps(found: Found, plan: Plan, sink: Sink, dry: bool = False) -> PictureSteps:
    """The steps of a found picture. Errors that concern this picture alone become rows. After an `Unsynced`, resume the
    steps, without an answer, once its outputs are synced.

    With `dry` nothing is made, and the rows say what would be. Raises OutputError if no further output can be written.
    """
    if found.archive is None:
        settled = yield from _translated(found, plan.variants, plan, sink, dry)
        return settled
    members = MemorySink(sink.name)
    settled = yield from _translated(found, found.archive.wanted, plan, members, dry)
    return replace(settled, data=members.data)


def failed(found: Found, plan: Plan, sink: Sink, error: Exception) -> Settled:
    """The result of a picture that failed as a whole: a failed row for each of its outputs."""
    variants = plan.variants if found.archive is None else found.archive.wanted
    outputs: list[str | None] = [sink.name(output) for _, output in outputs_of(found, variants)]
    return Settled([Row(str(found.source), output, "failed", in_words(error)) for output in outputs or [None]])


def _translated(found: Found, variants: Sequence[Variant], plan: Plan, sink: Sink, dry: bool) -> PictureSteps:
    try:
        jobs, rows = _sort_out(found, variants, plan, sink)
    except OutputError:
        raise
    except Exception as error:
        return failed(found, plan, sink, error)
    if dry:
        return Settled([*rows, *_planned(found, jobs, sink)])
    if not jobs:
        return Settled(rows)
    try:
        made = yield from _made(found, jobs, plan, sink)
    except (NoFaceError, FramesError) as error:
        made = yield from written([_left_out(found, job, str(error), plan, sink) for job in jobs], sink)
    except OutputError:
        raise
    except Exception as error:
        made = [Row(str(found.source), sink.name(job.output), "failed", in_words(error)) for job in jobs]
    return Settled(rows + made)


def _made(found: Found, jobs: Sequence[Job], plan: Plan, sink: Sink) -> Steps[list[Row]]:
    """Make a picture's outputs and return their rows."""
    variants = tuple(job.variant for job in jobs)
    first, wanted = plan.settings.frames == "first", plan.framing.wanted
    with opened_frames(readable(found.source), wanted, first, plan.in_place) as opened:
        if isinstance(opened, FrameSequence):
            encoders = [FrameEncoder(_format(job.output), opened, _extras(job, plan, opened.exif)) for job in jobs]
            answer = yield from translated_frames(opened, plan.framing, encoders, variants, _weight)
            return (yield from _finished(found, jobs, answer, {n: encoders[n].file for n in answer.due}, sink))
    framed = yield from plan.framing.prepare(opened)
    laying = framed.laying if plan.framing.needs_maps else None
    answer = yield ChangeQuestion(framed.squares, variants, laying, _weight(framed, len(jobs)))
    files = {number: partial(encoded, framed, answer.changes_of(number), jobs[number], plan) for number in answer.due}
    return (yield from _finished(found, jobs, answer, files, sink))


def outputs_of(found: Found, variants: Sequence[Variant]) -> list[tuple[Variant, PurePath]]:
    """Each variant and its output's path below the output folder; with `--each`, each variant has its own subfolder."""
    return [(variant, PurePath(variant.folder) / found.output) for variant in variants if found.output is not None]


def _sort_out(found: Found, variants: Sequence[Variant], plan: Plan, sink: Sink) -> tuple[list[Job], list[Row]]:
    """The outputs to make, and the rows of those that are skipped. Raises PictureError."""
    jobs, rows = [], []
    source, mark = found.source, mark_of(found.source)
    done: set[str] = set()
    for variant, output in outputs_of(found, variants):
        if not plan.in_place and sink.is_source(output, source):
            raise PictureError("its output would replace it")
        if plan.in_place and output.name != path_of(source).name:
            suffix = path_of(source).suffix
            raise PictureError(
                f"{suffix} files cannot be written, so it cannot be replaced: give another --out, without --in-place"
            )
        fingerprint = plan.fingerprint(variant, _format(output), found.known, mark)
        found_there = state_of(sink, output, source, fingerprint, plan.settings.existing)
        if found_there.reason is None:
            jobs.append(Job(variant, output, fingerprint, found_there.there))
        else:
            rows.append(Row(str(source), sink.name(output), "skipped", found_there.reason))
            done |= {variant.folder} if rows[-1].is_there else set()
    shown = [job for job in jobs if job.variant.opposite in done]
    for job in shown:
        rows.append(Row(str(source), sink.name(job.output), "skipped", SHOWN, stale=_is_stale(found, job, sink)))
    return [job for job in jobs if job not in shown], rows


def _is_stale(found: Found, job: Job, sink: Sink) -> bool:
    """Whether an output of earlier settings or of an earlier version of the picture is there, now that the job's is not
    made."""
    return job.replaces and not sink.is_source(job.output, found.source) and bool(sink.fingerprint(job.output))


def _planned(found: Found, jobs: Sequence[Job], sink: Sink) -> list[Row]:
    """The rows of a dry run. Two opposites share one row: the picture's labels will decide which of them is made, and
    it counts as replaced if either would be."""
    folders: dict[str | None, Job] = {job.variant.folder: job for job in jobs}
    rows = []
    for job in jobs:
        variant, place, replaces = job.variant, job.output, job.replaces
        other = folders.get(variant.opposite)
        if other is not None:
            if variant.folder > other.variant.folder:
                continue
            place = PurePath(f"{{{variant.folder},{other.variant.folder}}}") / place.relative_to(variant.folder)
            replaces = replaces or other.replaces
        rows.append(Row(str(found.source), sink.name(place), "done", replaced=replaces))
    return rows


def _finished(
    found: Found, jobs: Sequence[Job], answer: ChangeAnswer, files: Mapping[int, Callable[[], bytes]], sink: Sink
) -> Steps[list[Row]]:
    """Write a picture's outputs and return their rows. An output that is not in `files` is not due, and is skipped."""
    due, again = [], isinstance(found.source, Path) and is_generated(found.source)
    for number, job in enumerate(jobs):
        file = files.get(number)
        remarks = [answer.remarks[number] if answer.remarks else None, GENERATED if again and file else None]
        reason = "; ".join(filter(None, remarks)) or None
        row = Row(str(found.source), sink.name(job.output), "done", reason, *answer.labels[number], job.replaces)
        if file is None:
            row = replace(row, status="skipped", replaced=False, stale=_is_stale(found, job, sink))
        due.append(PendingOutput(row, job.output, file))
    rows = yield from written(due, sink)
    return rows


def encoded(framed: Framed, changes: Changes, job: Job, plan: Plan) -> bytes:
    """The bytes of an output's file."""
    picture = plan.framing.finish(framed, changes)
    return encode_picture(picture, _format(job.output), _extras(job, plan, picture.exif))


def _extras(job: Job, plan: Plan, exif: bytes | None, generated: bool = True) -> Extras:
    kept = kept_exif(exif) if exif and (plan.settings.keep_metadata or plan.in_place) else None
    return Extras(plan.settings.quality, note=plan.note(job.variant, job.fingerprint, generated), exif=kept)


def _left_out(found: Found, job: Job, reason: str, plan: Plan, sink: Sink) -> PendingOutput:
    """The output of a picture that is not translated: a copy of it with `--copy-others`, else nothing."""
    source, settings = found.source, plan.settings
    if not settings.faces.copy_others or sink.is_source(job.output, source):
        stale, in_place = _is_stale(found, job, sink), sink.is_source(job.output, source)
        row = Row(str(source), sink.name(job.output) if stale or in_place else None, "skipped", reason, stale=stale)
        return PendingOutput(row, job.output, None)
    row = Row(str(source), sink.name(job.output), "skipped", f"{reason}: {COPIED}")
    extras_of = partial(_extras, job, plan, generated=False)
    wanted, first = Wanted(max_pixels=settings.max_pixels, native=True), settings.frames == "first"
    return PendingOutput(row, job.output, partial(copied, source, _format(job.output), extras_of, wanted, first))


def _format(output: PurePath) -> PictureFormat:
    return written_by_name(output.name) or FALLBACK


def _weight(framed: Framed, jobs: int) -> int:
    """The memory that a picture takes until it is written, with the results for all its outputs (bytes)."""
    picture = framed.picture
    own = 0 if picture.native is None else picture.native.nbytes
    return 4 * picture.image.width * picture.image.height * (2 + jobs) + own * (1 + jobs)
