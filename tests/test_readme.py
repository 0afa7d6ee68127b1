"""What the documentation says exists."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from stargan_cli.cli.app import COMMANDS, app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_opens_with_the_two_commands_that_ci_runs() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    commands = [line for line in README.splitlines() if line.startswith("python3 -m venv")]
    assert [block.strip() for block in blocks[:2]] == commands
    assert "stargan translate examples/faces" in commands[0]
    assert commands[1].endswith("-m pytest")


def test_every_command_and_option_in_it_exists() -> None:
    group = typer.main.get_command(app)
    assert set(group.commands) == set(COMMANDS)  # type: ignore[attr-defined]
    known = {"--help", "--index-url", "--nproc-per-node"}  # the last two are those of pip and torchrun
    for command in (group, *group.commands.values()):  # type: ignore[attr-defined]
        known.update(option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README)) <= known
    assert set(re.findall(r"(?m)^(?:\| `)?stargan ([a-z]+)", README)) <= set(COMMANDS)


def test_examples_are_credited() -> None:
    credits = (ROOT / "examples" / "CREDITS.md").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in (ROOT / "examples" / "faces").iterdir())
    assert len(pictures) == 8
    assert all(f"`{name}`" in credits for name in pictures)
