"""What killed processes left unfinished is removed by the next one, and what is at work is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stargan_cli.files import atomic
from stargan_cli.files.atomic import OLD_SECONDS, replacement, temporary_name
from stargan_cli.files.locks import LOCK_NAME
from stargan_cli.files.scratch import scratch_folder
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.outputs.names import folding_of

KILLED = "123"
AT_WORK = """
import sys, time
from pathlib import Path
from stargan_cli.files.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1]), "merge") as folder:
    (folder / "rows").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_a_scratch_folder_of_a_killed_process_goes_and_one_at_work_stays(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", AT_WORK, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    other = Path(process.stdout.readline().strip())
    try:
        os.utime(other, (time.time() - 3600,) * 2)
        with scratch_folder(tmp_path, "merge") as folder:
            assert folder != other and other.is_dir() and folder.is_dir()
    finally:
        process.kill()
        process.communicate()
    os.utime(other)
    with scratch_folder(tmp_path, "merge"):
        assert other.is_dir(), "it is young"
    os.utime(other, (time.time() - 3600,) * 2)
    (tmp_path / ".stargan-export-x").mkdir()
    with scratch_folder(tmp_path, "merge"):
        assert not other.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".stargan-export-x"]


@pytest.mark.usefixtures("no_locks")
def test_a_scratch_folder_may_be_at_work_where_the_file_system_has_no_locks(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, "merge") as other:
        os.utime(other, (time.time() - 3600,) * 2)
        with scratch_folder(tmp_path, "merge"):
            assert other.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_an_old_unfinished_file_goes_with_the_next_of_its_name(tmp_path: Path) -> None:
    names = [
        ".w\u00e9.safetensors.123.tmp",
        ".w\u00e9.safetensors.456.tmp",
        ".other.789.tmp",
        ".w\u00e9.safetensors.x.tmp",
    ]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (time.time() - 2 * OLD_SECONDS,) * 2)
    os.utime(tmp_path / names[1])
    with replacement(tmp_path / "w\u00e9.safetensors") as temporary:
        temporary.write_bytes(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["w\u00e9.safetensors", *names[1:]])


@pytest.mark.parametrize(
    "name", ["a.png", "\u00e9\u4e2d\U0001f600.png", "\udcff.png", "\u00e9" * 120 + ".png", "a\nb.png"]
)
def test_an_unfinished_output_of_any_name_goes_with_the_next_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.setattr(atomic, "RUN_ID", KILLED)
    half = tmp_path / "sub" / temporary_name(name)
    half.write_bytes(b"half")
    (tmp_path / LOCK_NAME).write_text(KILLED)
    with OutputFolder(tmp_path):
        assert not half.exists()


def test_what_looks_at_the_file_system_goes_with_the_next_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "RUN_ID", KILLED)
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # killed before
        folding_of(tmp_path)
    (left,) = tmp_path.iterdir()
    (tmp_path / LOCK_NAME).write_text(KILLED)
    with OutputFolder(tmp_path):
        assert not left.exists()
