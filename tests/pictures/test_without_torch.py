"""Processes that own pictures load no torch: it takes a second and 200 MB in each of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

OWN_PICTURES = (
    "pictures.reading",
    "pictures.encoding",
    "pictures.arrays",
    "compositing.placement",
    "compositing.paste",
    "faces.finding",
    "translate.streaming.worker",
    "translate.face_framing",
)


@pytest.mark.parametrize("name", OWN_PICTURES)
def test_what_owns_pictures_loads_no_torch(name: str) -> None:
    code = f"import sys, stargan_cli.{name} as _; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
