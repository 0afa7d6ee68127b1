"""Make ICC profiles from primaries and a curve, so that one kind of colour management serves all files."""

from __future__ import annotations

import struct

import numpy as np

SRGB_CORNERS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # x and y of white, red, green and blue
ADOBE_RGB_CORNERS = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_RGB_GAMMA = 256 / 563
CORNER_TOLERANCE = 0.002
D50 = np.array([0.9642, 1.0, 0.8249])  # the white of ICC's connection space, XYZ
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
NAME = b"by primaries and curve\0"
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B")


def _srgb_curve() -> bytes:
    """The transfer function of sRGB (IEC 61966-2-1) as a table."""
    level = np.linspace(0, 1, 1024)
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    table: bytes = (65535 * light).round().astype(">u2").tobytes()
    return b"curv" + struct.pack(">4xI", len(level)) + table


SRGB_CURVE = _srgb_curve()


def made_profile(mode: str, gamma: float | None, corners: tuple[float, ...]) -> bytes | None:
    """Return a profile for pixels of a Pillow mode; None if it is sRGB or invalid.

    `gamma` is the exponent that encodes light (0.05..5; None: the curve of sRGB), `corners` are x and y of white, red,
    green and blue.
    """
    if mode in GREY_MODES:
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
    words = b"desc" + struct.pack(">4xI", len(NAME)) + NAME + bytes(78 + 1)
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
