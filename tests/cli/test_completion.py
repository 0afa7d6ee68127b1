"""What a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


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
    ],
)
def test_values_are_completed(line: str, expected: set[str]) -> None:
    assert set(completed(line)) == expected


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
