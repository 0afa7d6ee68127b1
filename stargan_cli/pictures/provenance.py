"""The note in an output: that it is generated, by which weights, with which settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path

from stargan_cli.files.opening import open_regular
from stargan_cli.version import __version__

SOFTWARE = f"stargan-cli {__version__}"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
SEARCHED_BYTES = 192 * 1024  # at most an EXIF block of 64 KiB comes before the note
_FINGERPRINT = re.compile(rb'stargan:fingerprint="([0-9A-Za-z._-]{1,128})"')


@dataclass(frozen=True)
class Note:
    """The note in an output's metadata.

    `fingerprint` identifies the weights, settings and source (1 to 128 letters, digits and `._-`). `weights` and
    `settings` are short texts for people. If `generated` is false, the note has only the program and the fingerprint.
    """

    fingerprint: str
    weights: str
    settings: str
    generated: bool = True

    def xmp(self) -> bytes:
        """An XMP packet (UTF-8) with IPTC's DigitalSourceType, the program, the weights and the settings."""
        if not re.fullmatch(r"[0-9A-Za-z._-]{1,128}", self.fingerprint):
            raise ValueError(f"not a fingerprint: {self.fingerprint!r}")
        origin = (
            f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}" stargan:weights="{_attribute(self.weights)}"'
            f' stargan:settings="{_attribute(self.settings)}"'
        )
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
            ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:stargan="https://stargan-cli/ns/1/"'
            f' xmp:CreatorTool="{_attribute(SOFTWARE)}" stargan:fingerprint="{self.fingerprint}"'
            f'{origin if self.generated else ""}/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
        ).encode()

    @property
    def comment(self) -> str:
        """The note as text in an archive's header."""
        return f'{self.sentence} stargan:fingerprint="{self.fingerprint}"'

    @property
    def sentence(self) -> str:
        """One line for people, in ASCII."""
        if not self.generated:
            return f"Written by {SOFTWARE}"
        text = f"Generated picture: translated with StarGAN ({self.weights}; {self.settings})"
        return text.encode("ascii", "backslashreplace").decode()


def _attribute(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return escape(printable.encode("utf-8", "replace").decode())


def read_fingerprint(path: Path) -> str | None:
    """Return the fingerprint in a picture or tar; None if it has none, or if the file is missing or cannot be read.

    Reads SEARCHED_BYTES at the file's beginning and at its end.
    """
    return next((found for part in _ends(path) if (found := fingerprint_in(part)) is not None), None)


def is_generated(path: Path) -> bool:
    """Whether the note in a file says that this program generated it. Reads what `read_fingerprint` does."""
    return any(fingerprint_in(part) is not None and SOURCE_TYPE.encode() in part for part in _ends(path))


def _ends(path: Path) -> Iterator[bytes]:
    with suppress(OSError), open_regular(path) as file:
        yield file.read(SEARCHED_BYTES)
        size = file.seek(0, 2)
        if size > SEARCHED_BYTES:
            file.seek(size - SEARCHED_BYTES)
            yield file.read()


def fingerprint_in(data: bytes) -> str | None:
    """Return the first fingerprint in a part of a file; None if there is none."""
    found = _FINGERPRINT.search(data)
    return found.group(1).decode("ascii") if found else None
