"""The locks of an output folder: one run at a time, and nothing left by a killed run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path, PurePath

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.locks import LOCK_NAME
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.shards import Shard

HOLD = """
import sys, time
from pathlib import Path, PurePath
from stargan_cli.translate.outputs.folder import OutputFolder
folder = OutputFolder(Path(sys.argv[1]))
with folder.writing(PurePath("sub/a.png")) as file:
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
    assert list(tmp_path.iterdir()) == []


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


HOLD_FILE = """
import sys, time
from pathlib import Path, PurePath
from stargan_cli.translate.outputs.folder import OutputFolder
with OutputFolder(Path(sys.argv[1]), name="a.tar") as folder, folder.writing(PurePath("a.tar")) as file:
    file.write(b"half")
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("next_name", ["a.tar", None])
def test_a_killed_run_of_one_file_leaves_nothing_to_the_next_of_that_file_or_of_the_folder(
    next_name: str | None, tmp_path: Path
) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD_FILE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    try:
        with pytest.raises(UsageError, match=r"another run is writing .*a\.tar"):
            OutputFolder(tmp_path, name="a.tar")
        with OutputFolder(tmp_path, name="b.tar"), OutputFolder(tmp_path):
            assert len(list(tmp_path.glob(".a.tar.*.tmp"))) == 1, "it is being written"
    finally:
        kill(process)
    with OutputFolder(tmp_path, name="b.tar"):
        assert len(list(tmp_path.glob(".a.tar.*.tmp"))) == 1
    with OutputFolder(tmp_path, name=next_name):
        assert list(tmp_path.glob("*.tmp")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_with_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_bytes(b"\xff\xffnonsense" * 100)
    with OutputFolder(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text().split() == [RUN_ID]


def test_a_lock_that_is_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / LOCK_NAME).symlink_to("../precious")
    with pytest.raises(UsageError, match="cannot write into the output folder"):
        OutputFolder(tmp_path / "out")
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.parametrize("shard", [None, Shard(1, 2)])
def test_a_lock_that_is_a_hard_link_leaves_the_other_file_alone(shard: Shard | None, tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    for name in (LOCK_NAME, ".stargan.1-of-2.lock", ".stargan.2-of-2.lock"):
        os.link(tmp_path / "precious", tmp_path / "out" / name)
    with OutputFolder(tmp_path / "out", shard):
        assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert (tmp_path / "precious").stat().st_nlink == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_lock_that_is_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOCK_NAME)
    with pytest.raises(UsageError, match="cannot write into the output folder .*not a regular file"):
        OutputFolder(tmp_path)


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


@pytest.mark.parametrize("no_locks", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL], indirect=True)
@pytest.mark.usefixtures("no_locks")
def test_a_file_system_without_locks_is_used_without(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder, folder.writing(PurePath("a.png")) as file:
        file.write(b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.usefixtures("no_locks")
def test_a_run_in_the_folder_is_not_taken_for_a_killed_one_where_the_file_system_has_no_locks(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text("4")
    at_work = tmp_path / ".a.png.4.tmp"
    at_work.write_bytes(b"half")
    with OutputFolder(tmp_path):
        assert at_work.exists()
