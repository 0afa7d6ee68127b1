"""Names beyond ASCII in a locale whose encoding is not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from translation_kit import draw, make_weights

from stargan_cli.labels import LabelSet

ROOT = Path(__file__).resolve().parents[2]
ASCII = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT)}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="names are UTF-8 in all locales here")


def test_labels_and_folders_are_the_same_in_every_locale(tmp_path: Path) -> None:
    weights = make_weights(tmp_path / "w", (LabelSet("sets", ("ernst 中", "lächelnd", "grün")),))
    draw(tmp_path / "in" / "größe.png", 0)
    call = [sys.executable, "-m", "stargan_cli", "translate", "in", "--weights", weights]
    call += ["--each", "--set", "ernst 中,lächelnd", "--out", "out"]
    done = subprocess.run(call, env=ASCII, cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    outputs = {path.relative_to(tmp_path).as_posix() for path in (tmp_path / "out").rglob("*.png")}
    assert outputs == {"out/ernst 中/größe.png", "out/lächelnd/größe.png"}


def test_an_interpreter_that_keeps_its_encoding_is_started_anew_once(tmp_path: Path) -> None:
    call = [sys.executable, "-X", "utf8=0", "-m", "stargan_cli", "--version"]
    assert subprocess.run(call, env=ASCII, cwd=tmp_path, capture_output=True, timeout=30).returncode == 0
