"""Find the colour space that a picture's file names, in whichever way its format has, as an ICC profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from PIL import Image

from stargan_cli.errors import PictureError
from stargan_cli.pictures.colour.boxes import boxes
from stargan_cli.pictures.colour.profiles import ADOBE_RGB_CORNERS, ADOBE_RGB_GAMMA, SRGB_CORNERS, made_profile
from stargan_cli.pictures.exif import names_adobe_rgb
from stargan_cli.pictures.png.chunks import SIGNATURE

CODED_CORNERS = {
    1: SRGB_CORNERS,
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),  # Display P3
}
SRGB_CODES = (1, 6, 13, 14, 15)  # BT.709 and its sisters are displayed with sRGB's curve
CODED_CURVES: dict[int, float | None] = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0, **dict.fromkeys(SRGB_CODES)}
HDR_CURVES = {16: "PQ", 18: "HLG"}
SRGB_GAMMA, INSIGNIFICANT = 1 / 2.2, 0.05  # libpng treats gammas that differ by less as equal
MOST_CHUNKS = 1000  # searched at most, before the pixels
PROFILES = (b"\2", b"\3")  # methods of JPEG 2000's colr box whose contents are a profile: a simple one, any
BMP_EMBEDDED = b"DEBM"  # the colour space of a BMP header of version 5 that is followed by a profile
UNNAMED = (2, 2)


def profile_of(file: BinaryIO, image: Image.Image) -> bytes | None:
    """Return the ICC profile of an opened picture, not yet decoded; None if its colours are sRGB, or if it names none.

    A profile in the file counts before code points (ITU-T H.273), except in PNG (third edition, 4.3), and both before
    the gamma and primaries of PNG and the Adobe RGB that EXIF names. Raises PictureError for code points of HDR without
    a profile.
    """
    primaries, transfer = _code_points(file, image)
    coded = primaries in CODED_CORNERS and transfer in CODED_CURVES
    embedded = _embedded(file, image)
    if embedded is not None and not (coded and image.format == "PNG"):
        return embedded
    if coded:
        return made_profile(image.mode, CODED_CURVES[transfer], CODED_CORNERS[primaries])
    if transfer in HDR_CURVES:
        raise PictureError(
            f"an HDR picture ({HDR_CURVES[transfer]}), which cannot be converted: export it as SDR (JPEG)"
        )
    if image.format == "PNG":
        return _by_gamma(image)
    return made_profile(image.mode, ADOBE_RGB_GAMMA, ADOBE_RGB_CORNERS) if names_adobe_rgb(image) else None


def _code_points(file: BinaryIO, image: Image.Image) -> tuple[int, int]:
    """The numbers of a file's colour primaries and transfer function; UNNAMED if it has none."""
    if image.format == "PNG":
        return next(((body[0], body[1]) for body in _cicp_chunks(file) if len(body) > 1), UNNAMED)
    if image.format == "HEIF":
        named = image.info.get("nclx_profile") or {}
        return named.get("color_primaries", UNNAMED[0]), named.get("transfer_characteristics", UNNAMED[1])
    if image.format == "AVIF":
        found = boxes(file, b"meta", b"iprp", b"ipco", b"colr")
        return next(((body[5], body[7]) for body in found if body[:4] == b"nclx" and len(body) > 7), UNNAMED)
    return UNNAMED


def _cicp_chunks(file: BinaryIO) -> Iterator[bytes]:
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        start = file.read(12)
        if len(start) < 12 or start[4:8] == b"IDAT":
            return
        if start[4:8] == b"cICP":
            yield start[8:]
        at += 12 + int.from_bytes(start[:4], "big")


def _embedded(file: BinaryIO, image: Image.Image) -> bytes | None:
    own = image.info.get("icc_profile")
    if isinstance(own, bytes):
        return own
    if image.format == "JPEG2000":
        return next((body[3:] for body in boxes(file, b"jp2h", b"colr") if body[:1] in PROFILES), None)
    if image.format in ("BMP", "DIB"):
        return _of_bmp(file, 14 if image.format == "BMP" else 0)
    return None


def _of_bmp(file: BinaryIO, header: int) -> bytes | None:
    """The profile of a BMP whose header of version 5 starts at an offset."""
    file.seek(header)
    values = file.read(124)
    if values[:1] != b"\x7c" or values[56:60] != BMP_EMBEDDED:
        return None
    file.seek(header + int.from_bytes(values[112:116], "little"))
    return file.read(int.from_bytes(values[116:120], "little"))


def _by_gamma(image: Image.Image) -> bytes | None:
    """The colours of a PNG by its chunks sRGB, or gAMA and cHRM. Without cHRM the primaries are those of sRGB."""
    info: dict[Any, Any] = image.info
    gamma, corners = info.get("gamma", SRGB_GAMMA), info.get("chromaticity", SRGB_CORNERS)
    if "srgb" in info or not 0.05 <= gamma <= 5 or len(corners) != 8:
        return None
    return made_profile(image.mode, None if abs(gamma / SRGB_GAMMA - 1) < INSIGNIFICANT else gamma, corners)
