"""A PNG's colour chunks as an ICC profile, so that one kind of colour management serves all files."""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from stargan_cli.pictures.png.chunks import SIGNATURE

SRGB_GAMMA, INSIGNIFICANT = 1 / 2.2, 0.05  # libpng treats gammas that differ by less as equal
SRGB_CORNERS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of white, red, green and blue
CORNER_TOLERANCE = 0.002
D50 = np.array([0.9642, 1.0, 0.8249])  # the white of ICC's connection space, XYZ
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
CODED_CORNERS = {
    1: SRGB_CORNERS,
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),  # Display P3
}
CODED_CURVES = {1: None, 4: 1 / 2.2, 5: 1 / 2.8, 6: None, 8: 1.0, 13: None}  # BT.709 is displayed with sRGB's curve
MOST_CHUNKS = 1000  # searched at most, before the pixels
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B")


def _srgb_curve() -> bytes:
    """The transfer function of sRGB (IEC 61966-2-1) as a table."""
    level = np.linspace(0, 1, 1024)
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    table: bytes = (65535 * light).round().astype(">u2").tobytes()
    return b"curv" + struct.pack(">4xI", len(level)) + table


SRGB_CURVE = _srgb_curve()


def profile_of_png(file: BinaryIO, image: Image.Image) -> bytes | None:
    """Return the ICC profile of an opened PNG; None if its colours are sRGB, or has no valid colour chunks.

    The first of the chunks cICP, iCCP, sRGB, and gAMA with cHRM counts (PNG, third edition, 4.3). Without cHRM the
    primaries are those of sRGB. A cICP chunk with a transfer function for HDR is ignored.
    """
    info: dict[Any, Any] = image.info
    primaries, transfer = _code_points(file)
    if primaries in CODED_CORNERS and transfer in CODED_CURVES:
        return _made(image, CODED_CURVES[transfer], CODED_CORNERS[primaries])
    if isinstance(info.get("icc_profile"), bytes):
        return bytes(info["icc_profile"])
    gamma, corners = info.get("gamma", SRGB_GAMMA), info.get("chromaticity", SRGB_CORNERS)
    if "srgb" in info or not 0.05 <= gamma <= 5 or len(corners) != 8:
        return None
    return _made(image, None if abs(gamma / SRGB_GAMMA - 1) < INSIGNIFICANT else gamma, corners)


def _code_points(file: BinaryIO) -> tuple[int, int]:
    """The colour primaries and the transfer function of a cICP chunk (ITU-T H.273); 0, 0 if there is none."""
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        start = file.read(12)
        if len(start) < 12 or start[4:8] == b"IDAT":
            break
        if start[4:8] == b"cICP":
            return start[8], start[9]
        at += 12 + int.from_bytes(start[:4], "big")
    return 0, 0


def _made(image: Image.Image, gamma: float | None, corners: tuple[float, ...]) -> bytes | None:
    """Return a profile with these primaries and this gamma (None: the curve of sRGB); None if it is sRGB or invalid."""
    if image.mode in GREY_MODES:
        return None if gamma is None else _profile(b"GRAY", gamma, {})
    same = max(abs(own - usual) for own, usual in zip(corners, SRGB_CORNERS, strict=True)) < CORNER_TOLERANCE
    columns = None if gamma is None and same else _columns(corners)
    if columns is None:
        return None
    return _profile(b"RGB ", gamma, {name + b"XYZ": columns[:, at] for at, name in enumerate((b"r", b"g", b"b"))})


def _columns(corners: tuple[float, ...]) -> np.ndarray | None:
    """XYZ of red, green and blue, (3, 3), adapted to D50 (Bradford); None for corners that span no space."""
    points = np.array(corners, dtype=float).reshape(4, 2)
    if points[:, 1].min() <= 0:
        return None
    white, *primaries = (np.array([x / y, 1.0, (1 - x - y) / y]) for x, y in points)
    matrix = np.stack(primaries, axis=1)
    if abs(np.linalg.det(matrix)) < 1e-6:
        return None
    matrix = matrix * np.linalg.solve(matrix, white)
    cones = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    adapted: np.ndarray = np.linalg.inv(BRADFORD) @ cones @ BRADFORD @ matrix
    return adapted if np.abs(adapted).max() < 2 else None


def _profile(space: bytes, gamma: float | None, columns: dict[bytes, np.ndarray]) -> bytes:
    """A display profile, version 2.1 (ICC.1:2001-04), with one curve for all channels."""
    curve = SRGB_CURVE if gamma is None else b"curv" + struct.pack(">4xIH2x", 1, round(256 / gamma))
    words = b"desc" + struct.pack(">4xI", 9) + b"from PNG\0" + bytes(78 + 1)
    curves = (b"kTRC",) if space == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    tags = {b"desc": words, b"wtpt": _xyz(D50), b"cprt": b"text\0\0\0\0CC0\0"}
    tags |= {name: _xyz(column) for name, column in columns.items()} | dict.fromkeys(curves, curve)
    at, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, body in tags.items():
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(data), 0x02100000, b"mntr", space, b"XYZ ", b"acsp")
    return head + _xyz(D50)[8:] + bytes(48) + struct.pack(">I", len(tags)) + table + data


def _xyz(value: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * float(number)) for number in value))
