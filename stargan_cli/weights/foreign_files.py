"""What a file is that was given for weights, by its first bytes."""

from __future__ import annotations

START = 64
"""How many bytes suffice."""


def is_pytorch(start: bytes) -> bool:
    """Whether a file is in PyTorch's own format: a zip or a pickle."""
    pickle = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return (pickle or start[:2] == b"PK") and start[8:9] != b"{"  # else it may be a safetensors header's length


def stand_in(start: bytes) -> tuple[str, str] | None:
    """What lies in the place of a file that was not fetched, and what to do about it; None for a file of data."""
    if not start:
        return "empty", "download or copy it again"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\0" in start:  # no text
        return None
    if text.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the file itself", "`git lfs pull` in its repository fetches the file"
    if text.startswith(b"<"):
        return "a web page", "download the file itself, not the page that shows it"
    return ("a JSON text, perhaps a server's error message", "download it again") if text.startswith(b"{") else None
