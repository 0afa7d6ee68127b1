"""What another processor makes of the same squares: torch and oneDNN are kept from the newer half of this one's
instructions (x86; elsewhere the variables mean nothing, and both sides are the same processor)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from squares_kit import CPU, labels, squares

from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric

PROCESSORS = [
    {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
]
ELSEWHERE = """
import sys
import torch
from safetensors.torch import load_file, save_file
from stargan_cli.device import pick_precision
from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import load

cpu, given = torch.device("cpu"), load_file(sys.argv[2])
assert pick_precision("auto", cpu) is torch.float32
made = Translator(load(sys.argv[1]), cpu, torch.float32, 4)
pixels = made.translate(given["squares"], given["labels"]).changes
save_file({"pixels": pixels, "logits": made.read_labels(given["squares"])}, sys.argv[3])
"""


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda processor: processor["ONEDNN_MAX_CPU_ISA"])
def test_another_processor_stays_within_one_level_and_chooses_its_own_precision(
    processor: dict[str, str], weights: Path, tmp_path: Path
) -> None:
    given, made = tmp_path / "given.safetensors", tmp_path / "made.safetensors"
    save_file({"squares": squares(6), "labels": labels(6, 2)}, given)
    command = [sys.executable, "-c", ELSEWHERE, str(weights), str(given), str(made)]
    subprocess.run(command, env=os.environ | processor, check=True, timeout=120)
    elsewhere, here = load_file(made), Translator(load(str(weights)), CPU, torch.float32, 4)
    pixels = here.translate(squares(6), labels(6, 2)).changes
    assert (pixels.int() - elsewhere["pixels"].int()).abs().max() <= 1
    assert torch.allclose(here.read_labels(squares(6)), elsewhere["logits"], atol=1e-5)
