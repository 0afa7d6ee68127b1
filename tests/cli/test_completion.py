"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from stargan_cli.evaluate.settings import FeatureNetwork
from stargan_cli.export.formats import EXPORT_FORMATS
from stargan_cli.weights.places import resolve


def completed(line: str) -> list[str]:
    environment = {
        **os.environ,
        "_STARGAN_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    code = "import sys; sys.argv[0] = 'stargan'; from stargan_cli.__main__ import main\nmain()"
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert run.stderr == ""
    return run.stdout.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("stargan translate in --faces a", {"auto", "always"}),
        ("stargan translate in --weights fa", {"faces-joint-128"}),
        ("stargan translate in --set blonde", {"blonde"}),
        ("stargan translate in --set male,no", set()),
        ("stargan translate in --weights faces-joint --set old,ha", {"old,happy"}),
        ("stargan train --preset p", {"paper"}),
        ("stargan train --init-from fa", {"faces-joint-128"}),
        ("stargan train --attrs Bald,Blo", {"Bald,Blond_Hair"}),
        ("stargan train --group Bl", {"Black_Hair", "Blond_Hair", "Blurry"}),
        ("stargan eval --attrs Bald,Blo", {"Bald,Blond_Hair"}),
        ("stargan eval --at s", {"square", "source"}),
        ("stargan eval --baseline fa", {"faces-joint-128"}),
        ("stargan eval --network r", {"resnet18"}),
        ("stargan eval --precision b", {"bf16"}),
        ("stargan info fa", {"faces-joint-128"}),
        ("stargan export fa", {"faces-joint-128"}),
        ("stargan export a --mean fa", {"faces-joint-128"}),
        ("stargan export a --attrs Bald,Blo", {"Bald,Blond_Hair"}),
    ],
)
def test_values_are_completed(line: str, expected: set[str]) -> None:
    assert set(completed(line)) == expected


def test_the_words_of_a_fixed_list_are_all_completed() -> None:
    assert set(completed("stargan export a --to ")) == set(EXPORT_FORMATS)
    precisions = {name for each in EXPORT_FORMATS.values() for name in each.precisions}
    assert set(completed("stargan export a --precision ")) == precisions
    assert set(completed("stargan eval --features ")) == set(get_args(FeatureNetwork))


def test_set_words_are_those_of_weights_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.safetensors").symlink_to(resolve("faces-joint"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert completed("stargan translate in --weights ~/own.safetensors --set ha") == ["happy"]


def test_completion_does_not_import_torch() -> None:
    code = (
        "import sys, typer.main\n"
        "from stargan_cli.cli.app import app\n"
        "from stargan_cli.cli.completion import set_words, weights_names\n"
        "class Context: params = {}\n"
        "assert 'blond' in set_words(Context(), 'blo') and weights_names()\n"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
