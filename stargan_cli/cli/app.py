"""The Typer app: its commands, `--version`, `--debug`, and the one place that turns errors into text and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from stargan_cli.cli.evaluation.command import evaluate
from stargan_cli.cli.export import export
from stargan_cli.cli.info import info
from stargan_cli.cli.messages import say, say_crash, say_error, say_traceback, shown
from stargan_cli.cli.signals import INTERRUPTED, Terminated, stopped_at_once, terminable
from stargan_cli.cli.training.command import train
from stargan_cli.cli.translation.command import translate
from stargan_cli.errors import StarganError, UsageError, shortage, shortened
from stargan_cli.files.writing import FULL, MAKE_ROOM
from stargan_cli.version import __version__

COMMANDS: dict[str, Callable[..., Any]] = {
    "translate": translate,
    "train": train,
    "eval": evaluate,
    "export": export,
    "info": info,
}


NEXT_STEPS = {**dict.fromkeys(FULL, MAKE_ROOM), errno.EBADF: "was it closed, by <&- or >&-?"}
"""What to do after an error of the system, by its number."""


def _without_type(params: list[Any]) -> list[Any]:
    """The parameters, with no type beside a flag in the help: it takes no value."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


class Command(TyperCommand):
    """A command of `stargan`."""

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
        return _without_type(super().get_params(ctx))


class ErrorBoundary(TyperGroup):
    """Runs a command and ends the process. Exit codes: 0 done, 1 something failed, 2 the call is wrong, 130 interrupted
    by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.

    A command returns its exit code or raises `typer.Exit`.
    """

    def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
        return _without_type(super().get_params(ctx))

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            say("interrupted")
            return error.exit_code if isinstance(error, Terminated) else INTERRUPTED

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        args, debug = _without_debug(sys.argv[1:] if args is None else args)
        args = _with_print_new(args)
        try:
            _require_values(args)
            with terminable():
                result = super().main(args, prog_name or "stargan", complete_var, standalone_mode=False, **extra)
            code = result if isinstance(result, int) else 0
            _flush_stdout()
        except typer.Abort:
            say("interrupted")
            code = INTERRUPTED
        except BrokenPipeError:
            code = _leave_broken_pipe()
        except Exception as error:
            if debug:
                say_traceback(error)
            code = _explain(error)
            try:
                _flush_stdout()
            except OSError:
                _leave_stdout()
        sys.exit(code)


def _without_debug(args: Sequence[str]) -> tuple[list[str], bool]:
    """Remove `--debug` from any place before a `--`: after an error, people append it to the same line."""
    end = args.index("--") if "--" in args else len(args)
    kept = [arg for arg in args[:end] if arg != "--debug"]
    return [*kept, *args[end:]], len(kept) < end


def _with_print_new(args: Sequence[str]) -> list[str]:
    """Replace `--print new` by `--print --new-only`, since Typer has no options with an optional value."""
    pairs = zip(("", *args), args, strict=False)
    return ["--new-only" if pair in (("--print", "new"), ("--print0", "new")) else pair[1] for pair in pairs]


def _require_values(args: Sequence[str]) -> None:
    """Refuse an empty argument, which a shell makes of an unset variable, and a `~` that the shell did not replace by
    the home folder. As paths they would be the current folder, and a folder called `~`. Raises UsageError."""
    for before, arg in zip(("", *args), args, strict=False):
        option, joined, value = arg.partition("=") if arg.startswith("--") else ("", "", arg)
        if not value and (joined or not arg):
            after = f"the argument after {before}" if before.startswith("-") else "an argument"
            raise UsageError(f"{option or after} is empty", "is a variable not set?")
        if value.startswith("~/") and not os.path.lexists("~"):
            raise UsageError(f"the shell did not expand ~ in {arg}", f"write $HOME{value[1:]}")


def _explain(error: Exception) -> int:
    if isinstance(error, StarganError):
        say_error(error)
        return error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # Typer's own, such as an unknown option
        say(f"error: {shown(shortened(error.format_message()))}")
        context = getattr(error, "ctx", None)
        if context is not None:
            say(f"  see {context.command_path} --help")
        return int(error.exit_code)
    if (lacking := shortage(error)) is not None:
        say_error(lacking)
    elif isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        say_error(StarganError(f"{place}{error.strerror}", NEXT_STEPS.get(error.errno or 0)))
    else:
        say_crash(error)
    return 1


def _flush_stdout() -> None:
    """Flush stdout, unless a signal stopped the command at once: the reader of stdout may be one that does not read."""
    if stopped_at_once():
        _leave_stdout()
    else:
        sys.stdout.flush()


def _leave_broken_pipe() -> int:
    """The reader of stdout has closed it (`| head`): end without an error, which Python's last flush would print."""
    _leave_stdout()
    return 1


def _leave_stdout() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    cls=ErrorBoundary,
    name="stargan",
    help="Change hair colour, gender, age or expression in whole folders of pictures, with StarGAN.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"stargan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with every error.")] = False,
) -> None:
    """The options before the command. `ErrorBoundary` removes `--debug` before Typer sees it."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


for _name, _command in COMMANDS.items():
    app.command(_name, cls=Command)(_command)
