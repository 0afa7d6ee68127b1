"""One picture from a stream to a stream: `stargan translate -`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import BinaryIO

from stargan_cli.errors import UsageError
from stargan_cli.pictures.encoding import write_picture
from stargan_cli.pictures.formats import FALLBACK, WRITABLE, PictureFormat, read_as
from stargan_cli.pictures.reading import read_stream
from stargan_cli.translate.batch import Job, Loaded, translate_batch
from stargan_cli.translate.done_before import picture_hash
from stargan_cli.translate.settings import TranslationSettings
from stargan_cli.translate.work import plan_for, translator_for


def translate_stream(
    source: BinaryIO,
    target: BinaryIO,
    settings: TranslationSettings,
    warn: Callable[[str], None] = lambda text: None,
) -> None:
    """Read a picture to its end, translate it, write the result. `format="same"` keeps the source's, where it can be
    written, and is PNG otherwise. Raises PictureError, UsageError and WeightsError."""
    if settings.each or settings.labels:
        raise UsageError("- takes one picture and gives one, without a name: not with --each or --labels")
    plan, device = plan_for(settings)
    translator = translator_for(plan, device, warn)
    (variant,) = plan.variants
    data = read_stream(source, settings.max_pixels)
    hashed = picture_hash(data)
    prepared, known = plan.framing.prepare(data), plan.labels.known(None)
    format = output_format(prepared.picture.format, settings.format)
    job = Job(variant, PurePath("-"), plan.fingerprint(variant, format, known, hashed))
    (made,) = translate_batch([Loaded(prepared, known, (job,))], plan, translator)
    if isinstance(made, Exception):
        raise made
    finished = plan.framing.finish(prepared, made.results[0].squares)
    note = plan.note(variant, job.fingerprint)
    exif = plan.kept_exif(prepared.picture)
    lossless, quality = prepared.picture.lossless, settings.quality
    write_picture(target, **finished._asdict(), format=format, quality=quality, lossless=lossless, note=note, exif=exif)


def output_format(source: str, target: str) -> PictureFormat:
    """The format to write: that of `--format`, or that of the source (Pillow's name) where it can be written."""
    if target != "same":
        return WRITABLE[target]
    own = read_as(source)
    return own if own.option is not None else FALLBACK
