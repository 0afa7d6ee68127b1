"""Translate files and folders, and say how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stargan_cli.cli.messages import note, say, warn
from stargan_cli.cli.progress import show_progress
from stargan_cli.cli.signals import Stop, interruptible
from stargan_cli.cli.translation.voice import Voice, summary
from stargan_cli.errors import StarganError
from stargan_cli.progress import unheard
from stargan_cli.translate.report import Report

if TYPE_CHECKING:
    from stargan_cli.translate.settings import Location, Run, TranslationSettings


def translate_files(
    inputs: Sequence[Location], out: Location, settings: TranslationSettings, run: Run, voice: Voice, quiet: bool
) -> int:
    """Translate, and return the exit code. Raises the StarganError that ended the run: after the summary, unless the
    call is wrong."""
    report = Report()
    with _closed_stdout_noted(report, out, run.dry):
        with interruptible("stopping; interrupt again to stop at once") as stop:
            problem = _translate(inputs, out, settings, run, voice, quiet, report, stop)
        if report.total == 0 and not report.interrupted and not run.watch and problem is None:
            warn("no pictures found" if run.shard is None else "no pictures in this shard")
        voice.sum_up(quiet)
        if voice.results == "json":
            voice.print_json(report, out, problem)
    if not quiet:
        say(summary(report, out, run.dry))
    if problem is not None:
        raise problem
    if run.shard is not None and not report.interrupted:
        from stargan_cli.distributed import wait_for_the_others

        wait_for_the_others()
    return stop.exit_code if report.interrupted else report.exit_code


def _translate(
    inputs: Sequence[Location],
    out: Location,
    settings: TranslationSettings,
    run: Run,
    voice: Voice,
    quiet: bool,
    report: Report,
    stop: Stop,
) -> StarganError | None:
    """Translate until `stop`, and return the error that ended the run, if any. Raises that of a wrong call."""
    try:
        with show_progress("translating", quiet=quiet or run.dry, results="print" in voice.results) as progress:
            from stargan_cli.translate.run import translate  # takes seconds

            if stop():
                report.interrupted = not run.watch
                return None
            translate(
                inputs,
                out,
                settings,
                run,
                progress=progress,
                on_row=voice,
                warn=warn,
                note=unheard if quiet else note,
                stop=stop,
                report=report,
            )
    except StarganError as error:
        if error.exit_code != 2 or report.total:
            return error
        if not stop():
            raise
        report.interrupted = not run.watch  # the error is that of a compiler that Ctrl-C ended too, say
    return None


@contextmanager
def _closed_stdout_noted(report: Report, out: Location, dry: bool) -> Iterator[None]:
    """Say what was done if stdout was closed, as by `head`."""
    try:
        yield
    except BrokenPipeError:
        rest = "" if dry else "; the same command goes on with what is missing"
        say(f"{summary(report, out, dry)}; stdout was closed{rest}")
        raise
