"""Pictures -> files: whole or not at all, the same bytes each time, with a note of what they are."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stargan_cli.errors import OutputError, PictureError
from stargan_cli.files.atomic import replacement
from stargan_cli.files.blobs import Source, bytes_of, place_of, readable
from stargan_cli.pictures import png16
from stargan_cli.pictures.native_pixels import Stored
from stargan_cli.pictures.output_pixels import Fitting, fitting
from stargan_cli.pictures.provenance import SOFTWARE, Note
from stargan_cli.pictures.reading import MAX_PIXELS, read_picture

OUTPUT_SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""What can be written, by the output's own extension."""

FULL_CHROMA_QUALITY = 90
XMP_TIFF_TAG, SOFTWARE_TAG, DESCRIPTION_TAG = 700, 0x0131, 0x010E
PIXEL_TAGS = (*range(254, 270), 273, 274, *range(277, 280), 284, 317, 320, *range(322, 326), 330, 339, 513, 514)
MAX_EXIF_BYTES = 65_000  # what a JPEG segment holds
FATAL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What stops not one picture but all."""
NAME_REFUSED = (errno.ENOENT, errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)
MAKE_ROOM = "make room or give another --out, and run it again"


def write_picture(
    target: Path | BinaryIO,
    image: Image.Image,
    *,
    alpha: Image.Image | None = None,
    stored: Stored | None = None,
    icc: bytes | None = None,
    kind: str | None = None,
    quality: int = 95,
    note: Note | None = None,
    exif: bytes | None = None,
) -> None:
    """Write an RGB picture in the format that the path's extension means, or as `kind` (see OUTPUT_SUFFIXES for both).

    `alpha` (L, same size) is kept where the format can, else the picture lies on white. `stored` is the same picture
    in its source's own numbers, and written instead where the format can hold them. `icc` is the profile that the
    picture carries, one that means sRGB. `quality` (1..100) is for
    JPEG, with full chroma from 90 on, and WebP, lossless at 100. `note` goes into the file's metadata. `exif` is the
    source's raw EXIF block, for those who want to keep it.
    Raises PictureError, and OutputError where no other picture could be written either.
    """
    if not isinstance(target, Path):
        kind = kind or "PNG"
        target.write(encode(fitting(kind, image, alpha, stored, icc), kind, quality, note, exif))
        return
    kind = kind or OUTPUT_SUFFIXES[target.suffix.lower()]
    data = encode(fitting(kind, image, alpha, stored, icc), kind, quality, note, exif)
    with replacing(target) as file:
        file.write(data)


def encode(pixels: Fitting, kind: str, quality: int, note: Note | None, exif: bytes | None) -> bytes:
    """The bytes of the file; `kind` is one of the values of OUTPUT_SUFFIXES."""
    kept = _kept(exif) if exif and kind != "BMP" else None
    options: dict[str, Any] = {"exif": kept} if kept is not None else {}
    if kind == "PNG":
        options |= {"compress_level": 1}
    elif kind == "JPEG":
        options |= {"quality": quality, "subsampling": 0 if quality >= FULL_CHROMA_QUALITY else 2}
    elif kind == "WEBP":
        options |= {"quality": quality, "lossless": quality == 100}
    options |= {"icc_profile": pixels.icc}  # None too: Pillow would write the one that it read
    if note is not None:
        options |= _note_options(kind, note, kept)
    out = BytesIO()
    pixels.image.save(out, kind, **options)
    if pixels.deep is not None:
        return png16.with_pixels(out.getvalue(), pixels.deep)
    if note is not None and kind == "BMP":
        out.write(note.xmp())  # BMP has no place for metadata; readers stop at the size that its header gives
    return out.getvalue()


def _kept(raw: bytes) -> Image.Exif | None:
    """A source's EXIF block without what described its pixels (the orientation among it); None where it is broken."""
    exif = Image.Exif()
    try:
        exif.load(raw)
        for tag in PIXEL_TAGS:
            if tag in exif:
                del exif[tag]
        return exif if 0 < len(exif.tobytes()) <= MAX_EXIF_BYTES else None
    except Exception:  # Pillow raises nearly anything on broken EXIF, which is then not worth keeping
        return None


def _note_options(kind: str, note: Note, exif: Image.Exif | None) -> dict[str, Any]:
    """What tells Pillow's writer of `kind` to put the note in."""
    packet = note.xmp()
    if kind == "PNG":
        chunks = PngInfo()
        chunks.add_text("Software", SOFTWARE)
        chunks.add_text("Comment", note.sentence)
        chunks.add_itxt("XML:com.adobe.xmp", packet.decode())
        return {"pnginfo": chunks}
    if kind == "JPEG":
        body = b"http://ns.adobe.com/xap/1.0/\x00" + packet
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        return {"extra": segment, "comment": note.sentence.encode()}
    if kind == "WEBP":
        return {"xmp": packet}
    if kind == "TIFF":
        tags = exif if exif is not None else Image.Exif()
        tags.update({SOFTWARE_TAG: SOFTWARE, DESCRIPTION_TAG: note.sentence, XMP_TIFF_TAG: packet})
        return {"exif": tags}
    return {}


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well and vanishes when it does not.

    Raises OutputError where the disk is full, read-only or gone, PictureError for what concerns this path alone.
    """
    try:
        with replacement(path) as temporary, temporary.open("xb") as file:
            yield file
    except OSError as error:
        raise _write_error(path, error) from error


def _write_error(path: Path, error: OSError) -> OutputError | PictureError:
    reason = error.strerror or str(error)
    if error.errno in FATAL:
        return OutputError(f"cannot write {path}: {reason}", MAKE_ROOM)
    if not path.parent.is_dir():
        return OutputError(f"cannot write {path}: its folder is gone", "run it again to finish what is missing")
    if error.errno in NAME_REFUSED:
        reason += "; its file system may not take this name"
    return PictureError(f"cannot write {path}: {reason}")


def copied(
    source: Source, suffix: str, quality: int = 95, max_pixels: int = MAX_PIXELS, note: Note | None = None
) -> bytes:
    """A picture's file, byte for byte where `suffix` means the same format as its own, else rewritten, with the note.

    Raises PictureError.
    """
    kind = OUTPUT_SUFFIXES[suffix.lower()]
    if OUTPUT_SUFFIXES.get(place_of(source).suffix.lower()) == kind:
        try:
            return bytes_of(source)
        except OSError as error:
            raise PictureError(f"cannot be read: {error.strerror or error}") from error
    picture, file = read_picture(readable(source), max_pixels=max_pixels, stored=True), BytesIO()
    image, alpha, stored, icc = picture.image, picture.alpha, picture.stored, picture.srgb_icc
    write_picture(file, image, alpha=alpha, stored=stored, icc=icc, kind=kind, quality=quality, note=note)
    return file.getvalue()
