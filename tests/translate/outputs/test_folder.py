"""The output folder: one run at a time, nothing outside it, nothing left by a killed run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path, PurePath

import pytest

from stargan_cli.errors import OutputError, PictureError, UsageError
from stargan_cli.files.atomic import RUN_MARK
from stargan_cli.files.locks import LOCK_NAME
from stargan_cli.translate.outputs.folder import OutputFolder

HOLD = """
import sys, time
from pathlib import Path, PurePath
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.pictures.encoding import replacing
folder = OutputFolder(Path(sys.argv[1]))
with replacing(folder.place(PurePath("sub/a.png"))) as file:
    file.write(b"half")
    file.flush()
    print("held", flush=True)
    time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process that holds the folder, with half a file written."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_run_into_one_folder_is_refused(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out"), pytest.raises(UsageError, match="another run is writing into .*out"):
        OutputFolder(tmp_path / "out")
    with OutputFolder(tmp_path / "out"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_run_holds_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = hold(out)
    try:
        with pytest.raises(UsageError, match="another run"):
            OutputFolder(out)
    finally:
        kill(process)
    assert (out / LOCK_NAME).exists()
    assert len(list((out / "sub").iterdir())) == 1
    (out / ".mine.1.tmp").write_bytes(b"of somebody else")
    with OutputFolder(out):
        assert list((out / "sub").iterdir()) == []
    assert sorted(entry.name for entry in out.iterdir()) == [".mine.1.tmp", "sub"]


def test_a_lock_file_with_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\xffnonsense" * 100)
    with OutputFolder(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text() == RUN_MARK


def test_a_lock_that_is_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_NAME).symlink_to("../precious")
    with pytest.raises(UsageError, match="cannot write into the output folder"):
        OutputFolder(tmp_path / "out")
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_many_runs_at_once_take_turns(tmp_path: Path) -> None:
    """The lock file is removed at the end of a run, and still two never hold the folder together."""
    script = (
        "import sys, os, time\nfrom pathlib import Path\n"
        "from stargan_cli.translate.outputs.folder import OutputFolder\nfrom stargan_cli.errors import UsageError\n"
        "end = time.monotonic() + 1.5\nheld = 0\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with OutputFolder(Path(sys.argv[1])):\n"
        "            os.mkdir(sys.argv[2]); os.rmdir(sys.argv[2]); held += 1\n"
        "    except UsageError:\n        pass\n"
        "print(held)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out"), str(tmp_path / "inside")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counts = [int(run.communicate(timeout=60)[0]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]  # os.mkdir fails where another is inside
    assert sum(counts) > 3


def test_places_are_made_below_the_folder(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        assert folder.place(PurePath("a/b/c.png")) == tmp_path / "a" / "b" / "c.png"
        assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("place", ["../a.png", "/a.png", "/etc/a.png", "x/../../a.png"])
def test_places_outside_are_refused(place: str, tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder, pytest.raises(PictureError, match="outside the output folder"):
        folder.place(PurePath(place))


def test_a_symlinked_subfolder_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to("../elsewhere")
    with OutputFolder(tmp_path / "out") as folder:
        for place in ("sub/a.png", "sub/deeper/a.png"):
            with pytest.raises(PictureError, match="outside the output folder"):
                folder.place(PurePath(place))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_output_folder_may_be_a_symlink_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with OutputFolder(tmp_path / "out") as folder:
        folder.place(PurePath("sub/a.png")).write_bytes(b"x")
    assert (tmp_path / "real" / "sub" / "a.png").exists()


def test_a_file_in_the_way_of_a_subfolder_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").write_bytes(b"x")
    with OutputFolder(tmp_path) as folder, pytest.raises(PictureError, match="cannot make the folder .*sub"):
        folder.place(PurePath("sub/a.png"))


def test_an_output_folder_that_vanishes_ends_the_run(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        shutil.rmtree(tmp_path / "out")
        with pytest.raises(OutputError, match="is gone"):
            folder.place(PurePath("sub/a.png"))
        with pytest.raises(OutputError, match="is gone"):
            folder.place(PurePath("a.png"))
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for place in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/out")):
        with pytest.raises(UsageError, match="cannot write into the output folder"):
            OutputFolder(place)


def test_left_overs_are_looked_for_only_after_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[object] = []
    monkeypatch.setattr("stargan_cli.translate.outputs.folder.os.walk", lambda root: walked.append(root) or [])
    with OutputFolder(tmp_path):
        pass
    with OutputFolder(tmp_path):
        pass
    assert walked == []
    began = time.monotonic()
    (tmp_path / LOCK_NAME).write_text("4")
    with OutputFolder(tmp_path):
        assert walked == [tmp_path]
    assert time.monotonic() - began < 5


def test_a_file_system_without_locks_is_used_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("stargan_cli.files.locks._lock", no_locks)
    with OutputFolder(tmp_path) as folder:
        assert folder.place(PurePath("a.png")) == tmp_path / "a.png"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_already(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with OutputFolder(tmp_path) as folder:
        monkeypatch.setattr("stargan_cli.translate.outputs.folder.Path.mkdir", full)
        with pytest.raises(OutputError, match="cannot make the folder"):
            folder.place(PurePath("sub/a.png"))
    monkeypatch.undo()
    monkeypatch.setattr(OutputFolder, "_sweep", full)
    with pytest.raises(UsageError, match="cannot write into the output folder"):
        OutputFolder(tmp_path)
