"""The three steps of translating pictures, for `data.stream`: load, run a batch, save."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import PurePath

from stargan_cli.errors import NoFaceError, PictureError
from stargan_cli.files.blobs import place_of, readable
from stargan_cli.labels import Variant
from stargan_cli.labels.probabilities import Known
from stargan_cli.pictures.encoding import copied, write_picture
from stargan_cli.pictures.formats import FALLBACK, PictureFormat, written_by_name
from stargan_cli.translate.batch import Job, Loaded, Made, translate_batch
from stargan_cli.translate.done_before import mark_of, reason_to_skip
from stargan_cli.translate.framing import Prepared, Square
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs.archives import Ended
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.report import Row
from stargan_cli.translate.settings import Plan
from stargan_cli.translate.stream import Done, Outcome
from stargan_cli.translate.translator import Translator


class Pipeline:
    """Translates found pictures into a sink; each step turns the picture's own errors into rows.

    Without a translator (a dry run) `load` settles every picture: rows of outputs that would be made say `done`.
    """

    def __init__(self, plan: Plan, sink: Sink, translator: Translator | None, in_place: bool = False) -> None:
        self.plan, self.sink, self.translator = plan, sink, translator
        self.in_place = in_place

    def outputs(self, found: Found) -> list[tuple[Variant, PurePath]]:
        """Below the output folder, with `--each` in one subfolder for each variant."""
        if found.output is None:
            return []
        variants = self.plan.variants if found.archive is None else found.archive.wanted
        return [(variant, PurePath(variant.suffix) / found.output) for variant in variants]

    def load(self, found: Found) -> Loaded | Done[Ended]:
        if found.problem is not None:
            raise PictureError(found.problem)
        if found.role == "beside":
            data = found.source.read()  # type: ignore[union-attr]  # a member of an archive
            return Done(Ended([], {variant.suffix: data for variant, _ in self.outputs(found)}))
        if found.role == "end":
            return Done(Ended(list(found.archive.settled if found.archive else ())))
        known = self.plan.labels.known(place_of(found.source))
        jobs, settled = self._sort_out(found, known)
        if self.translator is None:
            settled += [Row(str(found.source), self.sink.name(job.output), "done") for job in jobs]
        if not jobs or self.translator is None:
            return Done(Ended(settled))
        try:
            for job in jobs:
                self.plan.labels.require(known, job.variant.changes)
            prepared = self.plan.framing.prepare(readable(found.source))
        except NoFaceError as error:
            return Done(self._left_out(found, jobs, settled, str(error)))
        except PictureError as error:
            failed = [Row(str(found.source), self.sink.name(job.output), "failed", str(error)) for job in jobs]
            return Done(Ended(settled + failed))
        return Loaded(prepared, known, tuple(jobs), tuple(settled))

    def _left_out(self, found: Found, jobs: Sequence[Job], settled: list[Row], reason: str) -> Ended:
        """The end of a picture that is not translated; where the user wants it so, a copy of it is the output."""
        source, settings = found.source, self.plan.settings
        if not settings.faces.copy_others or self.translator is None:
            return Ended([*settled, *(Row(str(source), None, "skipped", reason) for _ in jobs)])
        ended = Ended(list(settled))
        for job in jobs:
            row = Row(str(source), self.sink.name(job.output), "skipped", f"{reason}: copied")
            try:
                if not self.sink.is_source(job.output, source):
                    note = self.plan.note(job.variant, job.fingerprint, generated=False)
                    data = copied(source, _format(job.output), settings.quality, settings.max_pixels, note)
                    self._put(found, job, data, ended)
            except PictureError as error:
                row = replace(row, status="failed", reason=str(error))
            ended.rows.append(row)
        return ended

    def _sort_out(self, found: Found, known: Known) -> tuple[list[Job], list[Row]]:
        """Which outputs to make, and rows for those that are there."""
        jobs, settled = [], []
        source, mark = found.source, mark_of(found.source)
        for variant, output in self.outputs(found):
            fingerprint = self.plan.fingerprint(variant, _format(output), known, mark)
            reason = None if found.archive else self._reason_to_skip(found, output, fingerprint)
            if reason is None:
                jobs.append(Job(variant, output, fingerprint))
            else:
                settled.append(Row(str(source), self.sink.name(output), "skipped", reason))
        return jobs, settled

    def _reason_to_skip(self, found: Found, output: PurePath, fingerprint: str) -> str | None:
        source = found.source
        if not self.in_place and self.sink.is_source(output, source):
            raise PictureError("its output would replace it")
        if self.in_place and output.name != place_of(source).name:
            raise PictureError(f"its format cannot be written, so it cannot be replaced in place: {output.suffix}")
        return reason_to_skip(self.sink, output, source, fingerprint, self.plan.settings.existing)

    def run_batch(self, batch: list[Loaded]) -> list[Made | Exception]:
        if self.translator is None:
            raise ValueError("a dry run translates nothing")
        return translate_batch(batch, self.plan, self.translator)

    def save(self, found: Found, made: Made) -> Ended:
        ended = Ended(list(made.loaded.settled))
        remark = self.plan.labels.remark(place_of(found.source))
        for result in made.results:
            labels = (result.source_label, result.target_label)
            row = Row(str(found.source), self.sink.name(result.job.output), "done", remark, *labels)
            try:
                self._put(found, result.job, self._encoded(result.job, made.loaded.prepared, result.squares), ended)
            except PictureError as error:
                row = replace(row, status="failed", reason=str(error))
            ended.rows.append(row)
        return ended

    def _encoded(self, job: Job, prepared: Prepared, squares: Sequence[Square]) -> bytes:
        finished = self.plan.framing.finish(prepared, squares)._asdict()
        note, exif = self.plan.note(job.variant, job.fingerprint), self.plan.kept_exif(prepared.picture)
        format, quality, file = _format(job.output), self.plan.settings.quality, BytesIO()
        lossless = prepared.picture.lossless
        write_picture(file, **finished, format=format, quality=quality, lossless=lossless, note=note, exif=exif)
        return file.getvalue()

    def _put(self, found: Found, job: Job, data: bytes, ended: Ended) -> None:
        """Into the sink, or where its archive's outputs will take it from."""
        if found.archive is None:
            self.sink.write(job.output, data)
        else:
            ended.data[job.variant.suffix] = data

    def ended(self, outcome: Outcome[Found, Ended]) -> Ended:
        """A picture's end; one that failed before its outputs were sorted out has a row for each output."""
        if outcome.result is not None:
            return outcome.result
        error = outcome.error
        reason = str(error) if isinstance(error, PictureError) else f"{type(error).__name__}: {error}"
        outputs: list[str | None] = [self.sink.name(output) for _, output in self.outputs(outcome.item)]
        return Ended([Row(str(outcome.item.source), output, "failed", reason) for output in outputs or [None]])


def _format(output: PurePath) -> PictureFormat:
    return written_by_name(output.name) or FALLBACK


def loaded_bytes(loaded: Loaded) -> int:
    """The memory that a picture takes on its way, the result for each of its outputs included."""
    picture, jobs = loaded.prepared.picture, len(loaded.jobs)
    own = 0 if picture.stored is None else picture.stored.nbytes
    return 4 * picture.image.width * picture.image.height * (2 + jobs) + own * (1 + jobs)
