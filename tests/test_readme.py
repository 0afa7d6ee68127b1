"""What the documentation says exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from stargan_cli.cli.app import COMMANDS, app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("weights/*.md")})
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
OTHER_PROGRAMS = {
    "--build",
    "--dist",
    "--index-url",
    "--nproc-per-node",
    "--array",
    "--reference",
    "--planes",
    "--steps",
    "--warm-up",
}
"""Of cmake, pytest, pip, torchrun, sbatch, benchmarks."""
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_opens_with_the_two_commands_that_ci_runs() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert [block.strip() for block in blocks[:2]] == commands
    assert "stargan translate examples/faces" in commands[0]
    assert "-m pytest" in commands[1]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_command_and_option_in_it_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    known = {"--help", *OTHER_PROGRAMS}
    for command in (group, *group.commands.values()):  # type: ignore[attr-defined]
        known.update(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) - known == set()
    assert set(re.findall(r"(?m)^(?:\| `)?stargan ([a-z]+)", text)) <= set(COMMANDS)


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.name)
def test_every_module_that_it_names_exists(page: Path) -> None:
    for name in re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text(encoding="utf-8")):
        assert (ROOT / name).is_file() or (ROOT / "stargan_cli" / name).is_file(), name


def test_its_python_runs(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        subprocess.run([sys.executable, "-c", block], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "changed.png").is_file()
    assert len(list((tmp_path / "translated-from-python").glob("*.jpg"))) == 8


def test_examples_are_credited() -> None:
    credits = (ROOT / "examples" / "CREDITS.md").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in (ROOT / "examples" / "faces").iterdir())
    assert len(pictures) == 8
    assert all(f"`{name}`" in credits for name in pictures)
