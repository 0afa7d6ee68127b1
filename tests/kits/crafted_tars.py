"""Tar files built block by block, with headers that no archiver writes."""

from __future__ import annotations

END = bytes(1024)


def octal(number: int) -> bytes:
    return b"%011o\0" % number


def base256(number: int) -> bytes:
    return (number % 256**11).to_bytes(11, "big").rjust(12, b"\xff" if number < 0 else b"\x80")


def header(
    name: bytes = b"a.jpg",
    size: bytes = octal(0),
    modified: bytes = octal(0),
    kind: bytes = b"0",
    magic: bytes = b"ustar\x0000",
    rest: bytes = b"",
) -> bytes:
    block = bytearray(512)
    fields = {0: name, 100: b"0000644\0", 124: size, 136: modified, 148: b" " * 8, 156: kind, 257: magic, 345: rest}
    for place, field in fields.items():
        block[place : place + len(field)] = field
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def member(name: bytes = b"good.jpg", data: bytes = b"good") -> bytes:
    return header(name, octal(len(data))) + padded(data)


def pax(records: dict[str, bytes], kind: bytes = b"x") -> bytes:
    data = b""
    for key, value in records.items():
        line = b" %s=%s\n" % (key.encode(), value)
        data += next(b"%d" % n + line for n in range(len(line), len(line) + 9) if n == len(b"%d" % n + line))
    return header(b"pax", octal(len(data)), kind=kind) + padded(data)
