"""A run's folder: its lock, its settings, and which of them a resumed run may change."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.atomic import make_folder, remove_unfinished, replacement
from stargan_cli.files.below import Below
from stargan_cli.files.locks import LOCK_NAME, lock_file
from stargan_cli.settings import LOSSES, MODEL, TRAINING, declared, shown
from stargan_cli.train.recipe.config import parsed
from stargan_cli.train.recipe.settings import TrainSettings

WEIGHTS_NAMES = ("weights.safetensors", "best.safetensors")
_OWN = re.compile(r"(settings|best)\.json|log\.jsonl|(weights|best|\d+)\.safetensors|\d{8}-.+\.png", re.DOTALL)


class RunFolder:
    """Locks the folder of a run, as a context manager. In it are `checkpoints/`, `samples/`, `log.jsonl`,
    `settings.json` and `weights.safetensors`. The lock ends with the process, even if that is killed."""

    def __init__(self, path: Path) -> None:
        """Makes the folder if it is missing, and locks it. Raises UsageError where it cannot."""
        self.path = path
        with writing(path):
            try:
                make_folder(path)
                self._lock = lock_file(path / LOCK_NAME)
                self._place = Below(path)
            except BlockingIOError as error:
                raise UsageError(
                    f"another training is running in {path}", "wait for it, or choose another --run"
                ) from error
        for folder in (path, self.checkpoints, path / "samples"):
            remove_unfinished(folder, _is_left_over)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            (self.path / LOCK_NAME).unlink(missing_ok=True)
        self._place.close()
        self._lock.close()

    def is_there(self) -> bool:
        """Whether the folder still lies where the run began. The lock's file does not say so: where the file system has
        no locks, another training in the folder removes it."""
        return not self._place.is_gone()

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def write_settings(self, settings: TrainSettings) -> None:
        """Raises OSError."""
        with replacement(self.path / "settings.json") as temporary:
            temporary.write_text(json.dumps(settings.to_dict(), indent=2) + "\n", encoding="utf-8")


@contextmanager
def writing(run: Path, resume: bool = False) -> Iterator[None]:
    """Raises UsageError where the block raises OSError; a run that is resumed is not told to go elsewhere."""
    try:
        yield
    except OSError as error:
        elsewhere = "" if resume else ", or choose another --run"
        raise UsageError(
            f"cannot write the run folder {run}: {reason_of(error)}", f"make room there or allow writing{elsewhere}"
        ) from error


def _is_left_over(entry: os.DirEntry[str], name: str, _: str) -> bool:
    """Whether a killed run left it; else it is another program's."""
    return _OWN.fullmatch(name) is not None and entry.is_file(follow_symlinks=False)


def refuse_earlier_run(run: Path) -> None:
    """Raises UsageError where the folder holds checkpoints or weights, or files that no run wrote under the names of a
    run's files. What is left of a run that ended before its first checkpoint is accepted."""
    if _holds_checkpoints(run):
        raise UsageError(f"{run} holds a run already", "go on with --resume, or choose another --run")
    refuse_lone_weights(run)
    if (run / "settings.json").exists():
        read_settings(run)
    elif (run / "log.jsonl").exists():
        raise UsageError(f"{run / 'log.jsonl'} belongs to no run", "choose another --run")


def _holds_checkpoints(run: Path) -> bool:
    """Whether there is a checkpoint, or a user's copy of one under another name."""
    return any((run / "checkpoints").glob("*.safetensors"))


def refuse_folders(run: Path) -> None:
    """Raises UsageError where folders lie in the places of the run's weights."""
    for name in WEIGHTS_NAMES:
        if (run / name).is_dir():
            raise UsageError(f"a folder is in the way of {run / name}", "move it away")


def refuse_lone_weights(run: Path) -> None:
    """Raises UsageError where there are weights, but no checkpoint to go on from: a new run would replace them."""
    if (weights := _weights_in(run)) is not None:
        raise UsageError(
            f"{run} holds weights and no checkpoint",
            f"start a new run from them with --init-from {weights} and another --run, or move them away",
        )


def read_settings(run: Path) -> TrainSettings:
    """The settings of a run that exists. Raises UsageError."""
    path = run / "settings.json"
    try:
        return TrainSettings.from_dict(parsed(path))
    except FileNotFoundError as error:
        if _holds_checkpoints(run):
            raise UsageError(f"{path} is missing", f"put it back, or {from_weights_of(run)}") from error
        raise UsageError(f"no run to resume in {run}", "start one without --resume") from error
    except (ValueError, TypeError, OSError) as error:
        raise UsageError(
            f"{path} cannot be read: {reason_of(error)}", f"correct it, or {from_weights_of(run)}"
        ) from error


def from_weights_of(run: Path) -> str:
    """What to do if the run cannot be resumed."""
    if (weights := _weights_in(run)) is None:
        return "choose another --run"
    return f"start a new run from its weights: --init-from {weights} and another --run"


def _weights_in(run: Path) -> Path | None:
    return next((run / name for name in WEIGHTS_NAMES if (run / name).exists()), None)


def with_changes(settings: TrainSettings, **changes: Any) -> TrainSettings:
    """The settings of a run that is resumed, with changes. Raises UsageError for a setting that may not change."""
    known = declared(TrainSettings)
    for name, value in changes.items():
        kept = getattr(settings, name)
        if not known[name].setting.changeable and kept != value:
            raise UsageError(
                f"a resumed run keeps its {known[name].option}: {shown(kept) or 'none'}, not {shown(value) or 'none'}",
                "leave the option out, or start a new run with --init-from",
            )
    return replace(settings, **changes)


def refuse_checkpoint_of_other_settings(path: Path, settings: TrainSettings, trained: dict[str, Any]) -> None:
    """Raises UsageError if the checkpoint at `path` was `trained` with another value of a setting that a run keeps:
    it is another run's, or somebody edited `settings.json`. The data are compared by what they contain, and what
    the run started from no longer counts."""
    for name, one in declared(TrainSettings).items():
        value = getattr(settings, name)
        kept = one.setting.panel in (TRAINING, LOSSES, MODEL) and not one.setting.changeable and name != "init_from"
        if kept and trained.get(name, value) != value:
            raise UsageError(
                f"{path} was trained with {one.option} {shown(trained[name])}, and settings.json has {shown(value)}",
                f"correct settings.json; if the checkpoint is another run's, move it out of {path.parent}",
            )


def refuse_changes_without_effect(settings: TrainSettings, trained: dict[str, Any]) -> None:
    """Raises UsageError if settings of the training differ from those with which a finished run was `trained`: its
    weights would claim them."""
    for name, one in declared(TrainSettings).items():
        value = getattr(settings, name)
        claimed = one.setting.panel in (TRAINING, LOSSES) or name == "precision"
        if name != "iterations" and claimed and trained.get(name, value) != value:
            given, before = shown(value) or "none", shown(trained[name]) or "none"
            raise UsageError(
                f"the run has done all {settings.iterations} iterations: {one.option} {given} has no effect",
                f"give a larger --iterations, or leave {one.option} at {before}",
            )
