"""Open a table as text: find its encoding, or say what else the file is."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stargan_cli.files.bounded_lines import lines
from stargan_cli.files.compressions import COMPRESSIONS
from stargan_cli.files.opening import open_regular

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_SAVE, _UNPACK = "save it as CSV (UTF-8)", "unpack it"
_NO_TEXT = (
    (b"PK\x03\x04", "a workbook of Excel or LibreOffice, or a zip archive", _SAVE),
    (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel", _SAVE),
    *((start, f"compressed with {name}", _UNPACK) for start, name in COMPRESSIONS.items()),
    (b"PAR1", "a Parquet file", _SAVE),
    (b"ARROW1", "a Feather file", _SAVE),
    (b"SQLite format 3", "an SQLite database", _SAVE),
    (b"RDX", "an R data file", _SAVE),
    (b"\x80\x04", "a Python pickle", _SAVE),
    (b"\x80\x05", "a Python pickle", _SAVE),
    (b"%PDF", "a PDF document", _SAVE),
    (b"<", "an HTML or XML document", _SAVE),
)
_CHUNK = 2**20


class TableText(NamedTuple):
    """`lines` with their line ends, limited in length by `bounded_lines`; `encoding` is its name in words."""

    lines: Iterator[str]
    encoding: str


@contextmanager
def open_table(path: Path) -> Iterator[TableText]:
    """Open a table. Anything but a regular file is refused, since a pipe would block.

    Byte order marks tell UTF-8, UTF-16 and UTF-32. Without one, zero bytes tell UTF-16; other text is UTF-8 or else
    Windows-1252, in which Excel writes CSV in Western countries. Line ends may be those of any system. Raises OSError
    where the file cannot be opened, ValueError where it holds no text.
    """
    with open_regular(path) as file:
        codec, words = _encoding_of(file)
        file.seek(0)
        with TextIOWrapper(file, codec) as text:
            yield TableText(lines(text), words)


def _encoding_of(file: BinaryIO) -> tuple[str, str]:
    start = file.read(4096)
    for bom, codec, words in _BOMS:
        if start.startswith(bom):
            return codec, words
    for mark, what, remedy in _NO_TEXT:
        if start.lstrip().startswith(mark):
            raise ValueError(f"it is {what}: {remedy}")
    if b"\0" in start[1:2]:
        return "utf-16-le", "UTF-16"
    if b"\0" in start[:1] and len(start) > 1:
        return "utf-16-be", "UTF-16"
    if b"\0" in start:
        raise ValueError("it is not text: it has zero bytes")
    for codec, words in (("utf-8", "UTF-8"), ("cp1252", "Windows-1252, as it is not UTF-8")):
        if _is_valid(file, codec):
            return codec, words
    raise ValueError(f"it is not text in UTF-8, UTF-16 or Windows-1252: {_SAVE}")


def _is_valid(file: BinaryIO, codec: str) -> bool:
    """Whether all of a file can be decoded. It is read in chunks, to save memory."""
    decoder = codecs.getincrementaldecoder(codec)()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
