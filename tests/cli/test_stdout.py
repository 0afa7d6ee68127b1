"""The console for what commands print on stdout."""

from __future__ import annotations

import io

import pytest

from stargan_cli.cli.stdout import stdout_console


class Closed(io.StringIO):
    """A pipe whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_closed_stdout_raises_an_error_that_the_command_can_meet() -> None:
    console = stdout_console(80)
    console.file = Closed()
    with pytest.raises(BrokenPipeError):
        console.print("text")
