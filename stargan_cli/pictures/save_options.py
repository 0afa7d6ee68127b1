"""What a file carries beside its pixels, one function a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stargan_cli.pictures.png.chunks import SIGNATURE, chunk
from stargan_cli.pictures.provenance import SOFTWARE, Note

FULL_CHROMA_QUALITY = 90
XMP_TIFF_TAG, SOFTWARE_TAG, DESCRIPTION_TAG = 700, 0x0131, 0x010E


@dataclass(frozen=True)
class Extras:
    """`quality` (1..100) is for lossy encoders, `lossless` for those that know both ways. `note` and `exif` are
    metadata, None where there are none."""

    quality: int = 95
    lossless: bool = False
    note: Note | None = None
    exif: Image.Exif | None = None


def none(extras: Extras) -> dict[str, Any]:
    """For a format without metadata."""
    return {}


def png(extras: Extras) -> dict[str, Any]:
    """Speed before size."""
    return {"compress_level": 1, **_exif(extras)}


def jpeg(extras: Extras) -> dict[str, Any]:
    """Full chroma from FULL_CHROMA_QUALITY on; the note as a comment and an XMP segment."""
    subsampling = 0 if extras.quality >= FULL_CHROMA_QUALITY else 2
    options = {"quality": extras.quality, "subsampling": subsampling, **_exif(extras)}
    if extras.note is not None:
        body = b"http://ns.adobe.com/xap/1.0/\x00" + extras.note.xmp()
        options["extra"] = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        options["comment"] = extras.note.sentence.encode()
    return options


def webp(extras: Extras) -> dict[str, Any]:
    """Lossless at quality 100 too, and then with the colours of transparent pixels; the note as XMP."""
    lossless = extras.lossless or extras.quality == 100
    options = {"quality": extras.quality, "lossless": lossless, "exact": lossless, **_exif(extras)}
    return options if extras.note is None else {**options, "xmp": extras.note.xmp()}


def tiff(extras: Extras) -> dict[str, Any]:
    """A resolution, which baseline TIFF requires; the note as three tags."""
    options = {"dpi": (72, 72), **_exif(extras)}
    if extras.note is not None:
        tags = extras.exif if extras.exif is not None else Image.Exif()
        tags.update({SOFTWARE_TAG: SOFTWARE, DESCRIPTION_TAG: extras.note.sentence, XMP_TIFF_TAG: extras.note.xmp()})
        options["exif"] = tags
    return options


def png_with_note(data: bytes, note: Note) -> bytes:
    """A PNG file with the note as three text chunks: for people, for programs of 1996, and XMP. Pillow would write
    them behind the profile, which may be larger than what `read_fingerprint` reads."""
    texts = PngInfo()
    texts.add_text("Software", SOFTWARE)
    texts.add_text("Comment", note.sentence)
    texts.add_itxt("XML:com.adobe.xmp", note.xmp().decode())
    header = len(SIGNATURE) + len(chunk(b"IHDR", bytes(13)))
    return b"".join([data[:header], *(chunk(kind, body) for kind, body, *_ in texts.chunks), data[header:]])


def bmp_with_note(data: bytes, note: Note) -> bytes:
    """A BMP file with the note behind its pixels, where newer BMP files have profiles. The header's size counts it:
    some programs refuse a file with anything behind that size."""
    packet = note.xmp()
    return data[:2] + (len(data) + len(packet)).to_bytes(4, "little") + data[6:] + packet


def gif_with_note(data: bytes, note: Note) -> bytes:
    """A GIF file with the note as a comment and as XMP before its end: XMP Specification, part 3, 1.1.2."""
    comment = note.sentence.encode()
    blocks = b"".join(
        bytes([len(part)]) + part for part in (comment[at : at + 255] for at in range(0, len(comment), 255))
    )
    ramp = b"\x01" + bytes(range(255, -1, -1)) + b"\0"  # leads programs that know blocks alone out of the packet
    return data[:-1] + b"!\xfe" + blocks + b"\0" + b"!\xff\x0bXMP DataXMP" + note.xmp() + ramp + data[-1:]


def _exif(extras: Extras) -> dict[str, Any]:
    return {} if extras.exif is None else {"exif": extras.exif}
