"""The three steps of translating pictures, for `data.stream`: load, run a batch, save."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from stargan_cli.attributes import Variant
from stargan_cli.data.copying import copy_picture
from stargan_cli.data.folders import Found
from stargan_cli.data.outputs import OutputFolder
from stargan_cli.data.stream import Done, Outcome
from stargan_cli.data.writing import OUTPUT_SUFFIXES, write_picture
from stargan_cli.errors import NoFaceError, PictureError
from stargan_cli.report import Row
from stargan_cli.tasks.existing import picture_hash, reason_to_skip
from stargan_cli.tasks.framing import Prepared, Square
from stargan_cli.tasks.picture_batch import Job, Loaded, Made, translate_batch
from stargan_cli.tasks.source_labels import Known
from stargan_cli.tasks.translation_settings import Plan
from stargan_cli.tasks.translator import Translator


class Pipeline:
    """Translates found pictures into an output folder; each step turns the picture's own errors into rows.

    Without a translator (a dry run) `load` settles every picture: rows of outputs that would be made say `done`.
    """

    def __init__(
        self, plan: Plan, out: Path, folder: OutputFolder | None, translator: Translator | None, in_place: bool = False
    ) -> None:
        self.plan, self.out, self.folder, self.translator = plan, out, folder, translator
        self.in_place = in_place

    def outputs(self, found: Found) -> list[tuple[Variant, PurePath]]:
        """Below the output folder, with `--each` in one subfolder for each variant."""
        if found.output is None:
            return []
        return [(variant, PurePath(variant.suffix) / found.output) for variant in self.plan.variants]

    def load(self, found: Found) -> Loaded | Done[list[Row]]:
        if found.problem is not None:
            raise PictureError(found.problem)
        known = self.plan.labels.known(found.source)
        jobs, settled = self._sort_out(found, known)
        if self.translator is None:
            settled += [Row(str(found.source), str(self.out / job.output), "done") for job in jobs]
        if not jobs or self.translator is None:
            return Done(settled)
        try:
            for job in jobs:
                self.plan.labels.require(known, job.variant.changes)
            prepared = self.plan.framing.prepare(found.source)
        except NoFaceError as error:
            return Done(settled + [self._left_out(found.source, job, str(error)) for job in jobs])
        except PictureError as error:
            failed = [Row(str(found.source), str(self.out / job.output), "failed", str(error)) for job in jobs]
            return Done(settled + failed)
        return Loaded(prepared, known, tuple(jobs), tuple(settled))

    def _left_out(self, source: Path, job: Job, reason: str) -> Row:
        """The row of a picture that is not translated; where the user wants it so, a copy of it is the output."""
        if not self.plan.settings.faces.copy_others or self.folder is None:
            return Row(str(source), None, "skipped", reason)
        path = self.folder.place(job.output)
        try:
            note = self.plan.note(job.variant, job.fingerprint, generated=False)
            copy_picture(source, path, self.plan.settings.quality, self.plan.settings.max_pixels, note)
        except PictureError as error:
            return Row(str(source), str(path), "failed", str(error))
        return Row(str(source), str(path), "skipped", f"{reason}: copied")

    def _sort_out(self, found: Found, known: Known) -> tuple[list[Job], list[Row]]:
        """Which outputs to make, and rows for those that are there."""
        jobs, settled = [], []
        hashed = picture_hash(found.source) if os.path.isfile(found.source) else ""
        for variant, output in self.outputs(found):
            path = self.out / output
            if not self.in_place and _same_file(path, found.source):
                raise PictureError("its output would replace it")
            if self.in_place and path.name != found.source.name:
                raise PictureError(f"its format cannot be written, so it cannot be replaced in place: {path.suffix}")
            fingerprint = self.plan.fingerprint(variant, OUTPUT_SUFFIXES[path.suffix.lower()], known, hashed)
            reason = reason_to_skip(path, found.source, fingerprint, self.plan.settings.existing)
            if reason is None:
                jobs.append(Job(variant, output, fingerprint))
            else:
                settled.append(Row(str(found.source), str(path), "skipped", reason))
        return jobs, settled

    def run_batch(self, batch: list[Loaded]) -> list[Made | Exception]:
        if self.translator is None:
            raise ValueError("a dry run translates nothing")
        return translate_batch(batch, self.plan, self.translator)

    def save(self, found: Found, made: Made) -> list[Row]:
        rows = list(made.loaded.settled)
        remark = self.plan.labels.remark(found.source)
        for result in made.results:
            labels = (result.source_label, result.target_label)
            row = Row(str(found.source), str(self.out / result.job.output), "done", remark, *labels)
            try:
                self._write(result.job, made.loaded.prepared, result.squares)
            except PictureError as error:
                row = replace(row, status="failed", reason=str(error))
            rows.append(row)
        return rows

    def _write(self, job: Job, prepared: Prepared, squares: Sequence[Square]) -> None:
        if self.folder is None:
            raise ValueError("a dry run writes nothing")
        path = self.folder.place(job.output)
        finished = self.plan.framing.finish(prepared, squares)
        note, exif = self.plan.note(job.variant, job.fingerprint), self.plan.kept_exif(prepared.picture)
        write_picture(path, **finished._asdict(), quality=self.plan.settings.quality, note=note, exif=exif)

    def rows(self, outcome: Outcome[Found, list[Row]]) -> list[Row]:
        """The rows of a picture's end; one that failed before its outputs were sorted out has one for each output."""
        if outcome.result is not None:
            return outcome.result
        error = outcome.error
        reason = str(error) if isinstance(error, PictureError) else f"{type(error).__name__}: {error}"
        outputs: list[str | None] = [str(self.out / output) for _, output in self.outputs(outcome.item)]
        return [Row(str(outcome.item.source), output, "failed", reason) for output in outputs or [None]]


def loaded_bytes(loaded: Loaded) -> int:
    """The memory that a picture takes on its way, the result for each of its outputs included."""
    picture, jobs = loaded.prepared.picture, len(loaded.jobs)
    own = 0 if picture.stored is None else picture.stored.nbytes
    return 4 * picture.image.width * picture.image.height * (2 + jobs) + own * (1 + jobs)


def _same_file(output: Path, source: Path) -> bool:
    try:
        return output.samefile(source)
    except OSError:  # one of them is not there
        return False
