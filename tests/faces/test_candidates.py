"""Of overlapping boxes the best is kept, as torchvision has it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import torch
from torchvision.ops import nms  # type: ignore[import-untyped]

from stargan_cli.faces.candidates import best_apart


def test_the_better_of_two_that_overlap_is_kept() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 1, 11, 11], [5, 0, 15, 10], [30, 30, 40, 40]], np.float32)
    scores = np.array([0.5, 0.9, 0.7, 0.1], np.float32)
    assert best_apart(boxes, scores, 0.3) == [1, 3]
    assert best_apart(boxes, scores, 0.9) == [1, 2, 0, 3]
    assert best_apart(boxes[:0], scores[:0], 0.3) == []


def test_it_agrees_with_torchvision() -> None:
    random = torch.Generator().manual_seed(0)
    corners = torch.rand(300, 2, generator=random) * 100
    boxes = torch.cat([corners, corners + 5 + torch.rand(300, 2, generator=random) * 40], dim=1)
    scores = torch.rand(300, generator=random)
    assert best_apart(boxes.numpy(), scores.numpy(), 0.3) == nms(boxes, scores, 0.3).tolist()


def test_translating_imports_no_torchvision_and_no_compiler() -> None:
    heavy = "[m for m in ('torchvision', 'torch._dynamo') if m in sys.modules]"
    code = f"import sys, stargan_cli.translate.run as _; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
