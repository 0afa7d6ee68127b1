"""Options made from declared settings."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer
from typer.testing import CliRunner

from stargan_cli.cli.setting_options import takes_settings
from stargan_cli.settings import Setting, Settings, declared, listed
from stargan_cli.train.recipe.presets import PRESETS
from stargan_cli.train.recipe.settings import TrainSettings


@dataclass(frozen=True)
class Colours(Settings):
    share: Annotated[float, Setting("Paint", "How much is painted.", at_least=0, at_most=1)] = 0.5
    hue: Annotated[Literal["red", "green"], Setting("Paint", "Which hue.")] = "red"
    words: Annotated[tuple[str, ...], Setting("Paint", "Words.", option="word", repeated=True)] = ()
    layers: Annotated[tuple[str, ...], Setting("Paint", "Layers.", parse=listed)] = ()
    dry: Annotated[bool, Setting("Paint", "Dries.")] = True
    file: Annotated[str | None, Setting("Paint", "A file.")] = None


def paint(*arguments: str) -> Any:
    app, heard = typer.Typer(), []

    @app.command()
    @takes_settings(Colours, {"plain": {}, "loud": {"share": 0.9}}, ("Paint",))
    def command(given: dict[str, Any], count: Annotated[int, typer.Option()] = 1) -> None:
        heard.append((given, count))

    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return heard[0] if heard else result.output


def test_only_what_is_given_reaches_the_command() -> None:
    assert paint() == ({}, 1)
    given = {"share": 0.0, "hue": "green", "words": ("a,b", "c"), "layers": ("x", "y"), "dry": False, "file": "f"}
    assert paint("--share=0", "--hue=green", "--word=a,b", "--word=c", "--layers=x, y", "--no-dry", "--file=f",
                 "--count=2") == (given, 2)  # fmt: skip


def test_a_comma_list_that_is_given_twice_is_one_list() -> None:
    assert paint("--layers=x", "--layers=y,z", "--hue=red", "--hue=green") == (
        {"layers": ("x", "y", "z"), "hue": "green"}, 1
    )  # fmt: skip


def test_the_help_says_effect_then_range_then_defaults() -> None:
    text = paint("--help")
    assert "How much is painted (from 0 to 1; plain 0.5, loud 0.9)." in text
    assert "Which hue (red or green; default red)." in text
    assert "A file." in text


def test_every_training_setting_says_what_it_does_and_presets_name_known_settings() -> None:
    for one in declared(TrainSettings).values():
        assert one.setting.help.endswith(".") or "By default" in one.setting.help, one.name
    assert all(preset.changes.keys() <= declared(TrainSettings).keys() for preset in PRESETS.values())


def test_the_command_line_loads_without_torch() -> None:
    code = "import sys, stargan_cli.cli.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
