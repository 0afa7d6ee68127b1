"""Squares out of pictures and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from squares_kit import maps_of
from translation_kit import framed

from stargan_cli.compositing import paste
from stargan_cli.compositing.placement import centred
from stargan_cli.pictures.tensors import to_model
from stargan_cli.translate.framing import Centre
from stargan_cli.translate.questions import Changes

pytestmark = pytest.mark.numeric

SIZE = 16


def noise(path: Path, width: int, height: int, mode: str = "RGB") -> Path:
    values = np.random.default_rng(1).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    Image.fromarray(values, mode if mode != "RGB" else None).save(path)
    return path


def no_change(width: int, height: int) -> Changes:
    square = np.zeros((3, SIZE, SIZE), np.uint8)
    return maps_of(centred(width, height), (width, height), square, torch.zeros(3, SIZE, SIZE))[None]


def test_the_model_square_is_the_networks_size_with_its_alpha(tmp_path: Path) -> None:
    framing = Centre(SIZE, at_source_size=False)
    prepared = framed(framing, noise(tmp_path / "a.png", 40, 30, "RGBA"))
    assert prepared.squares.shape == (1, 3, SIZE, SIZE)
    result = np.arange(3 * SIZE * SIZE).reshape(3, SIZE, SIZE).astype(np.uint8)
    made = framing.finish(prepared, result[None])
    image, alpha = made.image, made.alpha
    assert np.array_equal(np.asarray(image), result.transpose(1, 2, 0))
    assert alpha is not None and alpha.size == (SIZE, SIZE)


@pytest.mark.parametrize(("width", "height"), [(50, 30), (30, 50), (33, 33), (9, 12)])
def test_at_source_size_no_change_changes_nothing(tmp_path: Path, width: int, height: int) -> None:
    path = noise(tmp_path / "a.png", width, height)
    framing = Centre(SIZE, at_source_size=True)
    made = framing.finish(framed(framing, path), no_change(width, height))
    image, alpha = made.image, made.alpha
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(path)))
    assert alpha is None


def test_at_source_size_only_the_centred_square_changes_and_keeps_its_detail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste, "MOST_GAIN", 1.0)  # no clearer either
    path = noise(tmp_path / "a.png", 50, 30)
    framing = Centre(SIZE, at_source_size=True)
    prepared = framed(framing, path)
    square = prepared.squares[0]
    add = 0.5 * (to_model(torch.from_numpy(square)) + 0.4)
    maps = maps_of(centred(50, 30), (50, 30), square, add, torch.full((1, SIZE, SIZE), 0.5))
    image = framing.finish(prepared, maps[None]).image
    before, after = np.asarray(Image.open(path)).astype(int), np.asarray(image).astype(int)
    assert np.array_equal(after[:, :10], before[:, :10])
    assert np.array_equal(after[:, 40:], before[:, 40:])
    inner = (slice(5, 25), slice(14, 36))
    expected = (before[inner] + 0.5 * 0.4 * 127.5).clip(max=255)
    assert np.abs(after[inner] - expected).max() <= 2
