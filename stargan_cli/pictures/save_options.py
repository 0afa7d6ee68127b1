"""What Pillow's encoders are given beside the pixels, one function a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stargan_cli.pictures.provenance import SOFTWARE, Note

FULL_CHROMA_QUALITY = 90
XMP_TIFF_TAG, SOFTWARE_TAG, DESCRIPTION_TAG = 700, 0x0131, 0x010E


@dataclass(frozen=True)
class Extras:
    """`quality` (1..100) is for lossy encoders. `note` and `exif` are metadata, None where there are none."""

    quality: int = 95
    note: Note | None = None
    exif: Image.Exif | None = None


def none(extras: Extras) -> dict[str, Any]:
    """For a format without metadata."""
    return {}


def png(extras: Extras) -> dict[str, Any]:
    """The note as three text chunks: for people, for programs of 1996, and XMP."""
    options = {"compress_level": 1, **_exif(extras)}
    if extras.note is not None:
        chunks = PngInfo()
        chunks.add_text("Software", SOFTWARE)
        chunks.add_text("Comment", extras.note.sentence)
        chunks.add_itxt("XML:com.adobe.xmp", extras.note.xmp().decode())
        options["pnginfo"] = chunks
    return options


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
    """Lossless at quality 100; the note as XMP."""
    options = {"quality": extras.quality, "lossless": extras.quality == 100, **_exif(extras)}
    return options if extras.note is None else {**options, "xmp": extras.note.xmp()}


def tiff(extras: Extras) -> dict[str, Any]:
    """The note as three tags."""
    if extras.note is None:
        return _exif(extras)
    tags = extras.exif if extras.exif is not None else Image.Exif()
    tags.update({SOFTWARE_TAG: SOFTWARE, DESCRIPTION_TAG: extras.note.sentence, XMP_TIFF_TAG: extras.note.xmp()})
    return {"exif": tags}


def _exif(extras: Extras) -> dict[str, Any]:
    return {} if extras.exif is None else {"exif": extras.exif}
