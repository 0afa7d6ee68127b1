"""The bundled weights go on making the pictures that they made when the references were recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from stargan_cli.cli.app import app

FACES = Path(__file__).resolve().parents[1] / "examples" / "faces"
REFERENCES = Path(__file__).parent / "bundled"
"""Every fourth pixel of two translated faces, side by side."""
NAMES = ("london-003", "london-062")


@pytest.mark.parametrize(
    ("weights", "spec"), [("celeba-128", "blond,male,old"), ("faces-joint-128", "black,female,young,happy")]
)
def test_bundled_weights_make_the_same_pictures(tmp_path: Path, weights: str, spec: str) -> None:
    pictures = [str(FACES / f"{name}.jpg") for name in NAMES]
    chosen = [f"--set={spec}", f"--weights={weights}", f"--out={tmp_path}"]
    fixed = ["--faces=off", "--size=model", "--format=png", "--precision=fp32", "--device=cpu"]
    result = CliRunner().invoke(app, ["translate", *pictures, *chosen, *fixed])
    assert result.exit_code == 0, result.output
    made = np.hstack([np.asarray(Image.open(tmp_path / f"{name}.png"))[::4, ::4] for name in NAMES])
    expected = np.asarray(Image.open(REFERENCES / f"{weights}.png"))
    difference = np.abs(made.astype(int) - expected.astype(int))
    assert difference.max() <= 1, "processors round differently, by one step of 255 at most"
