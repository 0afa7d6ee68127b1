"""Encoder settings and metadata of output files, one function a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stargan_cli.pictures.png.chunks import SIGNATURE, chunk
from stargan_cli.pictures.provenance import SOFTWARE, Note

FULL_CHROMA_QUALITY = 90
LONGEST_SEGMENT = 65_533  # bytes, of a JPEG
XMP_TIFF_TAG, SOFTWARE_TAG, DESCRIPTION_TAG = 700, 0x0131, 0x010E
LONGEST_TEXT = 65_536  # characters, of a TIFF's caption: behind a longer one, `read_fingerprint` finds no note


@dataclass(frozen=True)
class Extras:
    """What is encoded besides the pixels. `quality` (1..100) is for lossy encoders, `lossless` for those that have both
    modes. `note`, `exif` and `dpi` (pixels an inch, in a row and in a column) are metadata, or None."""

    quality: int = 95
    lossless: bool = False
    note: Note | None = None
    exif: Image.Exif | None = None
    dpi: tuple[float, float] | None = None


def none(extras: Extras) -> dict[str, Any]:
    """No settings: for a format without a quality and metadata."""
    return {}


def bmp(extras: Extras) -> dict[str, Any]:
    """The resolution alone."""
    return _dpi(extras)


def png(extras: Extras) -> dict[str, Any]:
    """Fast compression rather than small files."""
    return {"compress_level": 1, **_dpi(extras), **_exif(extras)}


def jpeg(extras: Extras) -> dict[str, Any]:
    """Full chroma from FULL_CHROMA_QUALITY on; the note as a comment and an XMP segment. No EXIF if one segment cannot
    hold it."""
    subsampling = 0 if extras.quality >= FULL_CHROMA_QUALITY else 2
    options: dict[str, Any] = {"quality": extras.quality, "subsampling": subsampling, **_dpi(extras)}
    if extras.exif is not None and len(extras.exif.tobytes()) <= LONGEST_SEGMENT:
        options |= _exif(extras)
    if extras.note is not None:
        body = b"http://ns.adobe.com/xap/1.0/\x00" + extras.note.xmp()
        options["extra"] = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        options["comment"] = extras.note.sentence.encode()
    return options


def webp(extras: Extras) -> dict[str, Any]:
    """Lossless at quality 100 too; lossless files keep the colours of transparent pixels. The note as XMP."""
    lossless = extras.lossless or extras.quality == 100
    options = {"quality": extras.quality, "lossless": lossless, "exact": lossless, **_exif(extras)}
    return options if extras.note is None else {**options, "xmp": extras.note.xmp()}


def tiff(extras: Extras) -> dict[str, Any]:
    """Not compressed: then the tags come first, where `read_fingerprint` finds the note. A resolution, which baseline
    TIFF requires; the note as XMP, and as two more tags where the source's EXIF leaves them empty, or has more than
    LONGEST_TEXT."""
    options = {"dpi": (72, 72), **_dpi(extras), **_exif(extras)}
    if extras.note is not None:
        tags = extras.exif if extras.exif is not None else Image.Exif()
        tags[XMP_TIFF_TAG] = extras.note.xmp()
        for tag, text in ((SOFTWARE_TAG, SOFTWARE), (DESCRIPTION_TAG, extras.note.sentence)):
            if not 0 < len(str(tags.get(tag, "")).strip()) <= LONGEST_TEXT:
                tags[tag] = text
        options["exif"] = tags
    return options


def png_with_note(data: bytes, note: Note) -> bytes:
    """Add the note to a PNG file as three text chunks: Software, Comment and XMP. Pillow would write them after the ICC
    profile, which may be larger than the part that `read_fingerprint` reads."""
    texts = PngInfo()
    texts.add_text("Software", SOFTWARE)
    texts.add_text("Comment", note.sentence)
    texts.add_itxt("XML:com.adobe.xmp", note.xmp().decode())
    header = len(SIGNATURE) + len(chunk(b"IHDR", bytes(13)))
    return b"".join([data[:header], *(chunk(kind, body) for kind, body, *_ in texts.chunks), data[header:]])


def bmp_with_note(data: bytes, note: Note) -> bytes:
    """Add the note to a BMP file after its pixels, where newer BMP files have profiles. The file size in the header
    includes it: some programs refuse a file that is longer than that."""
    packet = note.xmp()
    return data[:2] + (len(data) + len(packet)).to_bytes(4, "little") + data[6:] + packet


def gif_with_note(data: bytes, note: Note) -> bytes:
    """Add the note to a GIF file, as a comment and as XMP at its end (XMP Specification, part 3, 1.1.2)."""
    comment = note.sentence.encode()
    blocks = b"".join(
        bytes([len(part)]) + part for part in (comment[at : at + 255] for at in range(0, len(comment), 255))
    )
    ramp = b"\x01" + bytes(range(255, -1, -1)) + b"\0"  # where programs that skip it block by block find its end
    return data[:-1] + b"!\xfe" + blocks + b"\0" + b"!\xff\x0bXMP DataXMP" + note.xmp() + ramp + data[-1:]


def _exif(extras: Extras) -> dict[str, Any]:
    return {} if extras.exif is None else {"exif": extras.exif}


def _dpi(extras: Extras) -> dict[str, Any]:
    return {} if extras.dpi is None else {"dpi": extras.dpi}
