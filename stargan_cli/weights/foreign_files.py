"""What a file is that was given for weights or for a fixed network, by its first bytes."""

from __future__ import annotations

START = 64
"""How many bytes suffice."""
_ONNX_BY_STARGAN = b"\x12\x07stargan"  # the field `producer_name`
_FIRST_IN_PROGRAMS = (b"archive/extra/", b"archive/data/weights/")  # TorchScript with metadata, pt2


def is_pytorch(start: bytes) -> bool:
    """Whether a file is in PyTorch's own format: a zip or a pickle."""
    pickle = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return (pickle or start[:2] == b"PK") and start[8:9] != b"{"  # else it may be a safetensors header's length


def stand_in(start: bytes) -> tuple[str, str] | None:
    """What lies in the place of a file that was not fetched, or was mistaken for one, and what to do about it; None for
    other data."""
    if not start:
        return "empty", "download or copy it again"
    if _ONNX_BY_STARGAN in start[:16] or start.startswith(b"PK") and start[30:].startswith(_FIRST_IN_PROGRAMS):
        return "a program that `stargan export` wrote", "give the weights that it was made from"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\0" in start:  # no text
        return None
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself", "`git lfs pull` in its repository fetches the file"
    for begin, kind in ((b"<?xml", "an XML text"), (b"{", "a JSON text")):
        if text.startswith(begin):
            return kind, "give the file itself; if this is a server's error message, download it again"
    if text.startswith(b"<"):
        return "a web page", "download the file itself, not the page that shows it"
    return None
