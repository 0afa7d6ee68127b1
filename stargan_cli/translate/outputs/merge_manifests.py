"""Manifests of shards -> one manifest, sorted on disk: memory does not grow with the number of rows."""

from __future__ import annotations

import heapq
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path

from stargan_cli.errors import OutputError, UsageError, reason_of
from stargan_cli.files.atomic import make_folder, replacement
from stargan_cli.files.bounded_lines import lines
from stargan_cli.files.opening import open_regular
from stargan_cli.files.scratch import scratch_folder
from stargan_cli.files.writable import is_same_file, require_file
from stargan_cli.progress import Say, unheard
from stargan_cli.translate.outputs.manifest import is_manifest, require_rows
from stargan_cli.translate.report import Report, Row

MOST_NAMED = 20
ROWS_AT_ONCE = 100_000
FILES_AT_ONCE = 64
_OF_SHARD = re.compile(r"(.*)\.([0-9]{1,9})-of-([0-9]{1,9})(\.[^.]*|)", re.DOTALL)
_BEST_FIRST = {"done": 0, "copied": 1, "skipped": 2, "failed": 3}

Key = tuple[str, str, int, bytes]


def merge_manifests(parts: Sequence[Path], out: Path, *, replace: bool = False, warn: Say = unheard) -> Report:
    """Write the rows of `parts` into the manifest `out`, by source and then by output, and count them.

    Of several rows for one output, a done one is kept rather than a copied one, that rather than one skipped otherwise,
    and that rather than a failed one; the order of the parts does not matter. A torn last line of a killed run is left
    out, and so is the failure of a source that has an output in another row. `out` may be one of the parts. Another
    manifest is replaced only with `replace`, and any other file never. `warn` is called if the names of the parts show
    that shards are missing. Raises UsageError for a part that is not a manifest, OutputError if `out` or the temporary
    files beside it cannot be written.
    """
    hint = "the first name after --merge-manifests is the file to write"
    is_part = any(is_same_file(out, part) for part in parts)
    if os.path.isfile(out) and not is_part and not is_manifest(out):
        raise UsageError(f"--merge-manifests {out} is there already, and is no manifest", hint)
    require_rows(out, "--merge-manifests")
    require_file(out, "--merge-manifests", own=lambda path: is_part, overwrite=replace, hint=hint)
    report = Report()
    try:
        make_folder(out.parent)
        with (
            replacement(out) as temporary,
            scratch_folder(out.parent, "merge") as folder,
            temporary.open("wb") as file,
        ):
            for line in _merged_rows(_sorted(_rows(parts), folder)):
                report.add(Row.from_json(line))
                file.write(line)
    except OSError as error:
        raise OutputError(f"cannot write the manifest {out}: {reason_of(error)}") from error
    for text in _missing_shards(parts):
        warn(text)
    return report


def _missing_shards(parts: Sequence[Path]) -> Iterator[str]:
    """A sentence for each manifest of a whole job of which not all shards are among the parts."""
    given: dict[tuple[str, str], set[int]] = {}
    for part in parts:
        if found := _OF_SHARD.fullmatch(part.name):
            given.setdefault((found[1] + found[4], found[3]), set()).add(int(found[2]))
    for (name, count), numbers in given.items():
        missing = islice((number for number in range(1, int(count) + 1) if number not in numbers), MOST_NAMED + 1)
        named = [str(number) for number in missing]
        if named:
            shown = ", ".join(named[:MOST_NAMED]) + (", ..." if len(named) > MOST_NAMED else "")
            yield f"{name}: of {count} shards, the manifests of these are missing: {shown}"


def _merged_rows(rows: Iterator[Key]) -> Iterator[bytes]:
    """One line for each output, and for each source without an output."""
    for _, of_source in groupby(rows, key=itemgetter(0)):
        best = [next(doubles) for _, doubles in groupby(of_source, key=itemgetter(1))]
        mended = any(output and rank != _BEST_FIRST["failed"] for _, output, rank, _ in best)
        for _, output, rank, line in best:
            if output or rank != _BEST_FIRST["failed"] or not mended:
                yield line


def _rows(parts: Sequence[Path]) -> Iterator[Key]:
    for part in parts:
        number = 0
        try:
            with open_regular(part) as file:
                for line in lines(file):
                    if not line.endswith(b"\n"):
                        break
                    number += 1
                    yield _key(line)
        except OSError as error:
            raise UsageError(f"cannot read the manifest {part}: {reason_of(error)}") from error
        except ValueError as error:
            raise UsageError(f"{part} is no manifest: line {number or 1} is not a manifest row") from error


def _key(line: bytes) -> Key:
    row = Row.from_json(line)
    return row.source, row.output or "", _BEST_FIRST["copied" if row.copied else row.status], line


def _sorted(rows: Iterator[Key], folder: Path) -> Iterator[Key]:
    """Sort the rows through sorted files in `folder`, with at most FILES_AT_ONCE of them open at once."""
    files: list[Path] = []
    while chunk := sorted(islice(rows, ROWS_AT_ONCE)):
        files.append(_write(chunk, folder))
        if len(files) == FILES_AT_ONCE:
            merged = _write(_merged(files), folder)
            for file in files:
                file.unlink()
            files = [merged]
    return _merged(files)


def _write(rows: Iterable[Key], folder: Path) -> Path:
    path = folder / secrets.token_hex(8)
    with path.open("wb") as file:
        file.writelines(row[3] for row in rows)
    return path


def _merged(files: Sequence[Path]) -> Iterator[Key]:
    with ExitStack() as stack:
        yield from heapq.merge(*(map(_key, stack.enter_context(file.open("rb"))) for file in files))
