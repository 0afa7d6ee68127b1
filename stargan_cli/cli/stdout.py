"""The console for what a command prints on stdout."""

from __future__ import annotations

import sys

from rich.console import Console


class _StdoutConsole(Console):
    def on_broken_pipe(self) -> None:
        """Let the command know that stdout was closed, as by `head`. Rich would end the program at once."""
        raise


def stdout_console(pipe_width: int) -> Console:
    """As wide as the terminal, or `pipe_width` columns if stdout is no terminal. It prints text as it is: square
    brackets and colons in names are neither markup nor emoji."""
    width = None if sys.stdout.isatty() else pipe_width
    return _StdoutConsole(width=width, highlight=False, markup=False, emoji=False)
