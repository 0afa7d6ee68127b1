"""The output folder: nothing is written outside it, and what is written is whole."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path, PurePath, PurePosixPath

import pytest
from power_cut import forgetful_disk, on_linux

from stargan_cli.errors import OutputError, PictureError, UsageError
from stargan_cli.files import below
from stargan_cli.translate.outputs.folder import OutputFolder


def write(folder: OutputFolder, place: str, data: bytes = b"x") -> None:
    with folder.writing(PurePath(place)) as file:
        file.write(data)


@pytest.fixture(params=[True, False], ids=["handles", "paths"])
def _either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With names relative to open folders, and as on systems without."""
    monkeypatch.setattr(below, "HAS_DIR_FD", request.param and below.HAS_DIR_FD)


@pytest.mark.usefixtures("_either_way")
def test_outputs_are_written_below_the_folder(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as folder:
        write(folder, "a/b/c.png")
        write(folder, "d.png")
    assert (tmp_path / "a" / "b" / "c.png").read_bytes() == (tmp_path / "d.png").read_bytes() == b"x"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "d.png"]


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()
    (tmp_path / "own").mkdir()
    with OutputFolder(tmp_path / "own"), OutputFolder(tmp_path / "one", name="a.tar"):
        pass
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["one", "own"]


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("place", ["../a.png", "/a.png", "/etc/a.png", "x/../../a.png"])
def test_places_outside_are_refused(place: str, tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder, pytest.raises(PictureError, match="outside the output folder"):
        write(folder, place)


@pytest.mark.usefixtures("_either_way")
def test_a_symlinked_subfolder_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to("../elsewhere")
    with OutputFolder(tmp_path / "out") as folder:
        for place in ("sub/a.png", "sub/deeper/a.png"):
            with pytest.raises(PictureError, match="outside the output folder"):
                write(folder, place)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.usefixtures("_either_way")
def test_a_symlinked_subfolder_may_lead_to_another(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "sub").symlink_to("real")
    with OutputFolder(tmp_path) as folder:
        write(folder, "sub/deeper/a.png")
    assert (tmp_path / "real" / "deeper" / "a.png").exists()


@pytest.mark.usefixtures("_either_way")
def test_a_symlink_loop_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").symlink_to("sub")
    with OutputFolder(tmp_path) as folder, pytest.raises(PictureError, match="cannot make the folder .*sub"):
        write(folder, "sub/a.png")


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize("place", ["sub/b.png", "sub/deep/b.png"])
def test_a_subfolder_that_is_swapped_for_a_symlink_is_not_followed(place: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    with OutputFolder(tmp_path / "out") as folder:
        write(folder, place.replace("b.png", "a.png"))
        (tmp_path / "out" / "sub").rename(tmp_path / "moved")
        (tmp_path / "out" / "sub").symlink_to("../elsewhere")
        with pytest.raises(PictureError, match="outside the output folder"):
            write(folder, place)
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["deep"]


@pytest.mark.skipif(not below.HAS_DIR_FD, reason="no names relative to folders here")
@pytest.mark.parametrize("moment", ["open", "replace"])
def test_a_subfolder_swapped_at_the_very_moment_of_writing_is_not_followed(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any look at the path and the system's own step: at the temporary file, or at the rename."""
    (tmp_path / "elsewhere").mkdir()
    real = getattr(os, moment)

    def swapped(name: object, *arguments: object, **options: object) -> object:
        if ".a.png." in str(name) and not (tmp_path / "moved").exists():
            (tmp_path / "out" / "sub").rename(tmp_path / "moved")
            (tmp_path / "out" / "sub").symlink_to("../elsewhere")
        return real(name, *arguments, **options)

    with OutputFolder(tmp_path / "out") as folder:
        monkeypatch.setattr(os, moment, swapped)
        write(folder, "sub/a.png")
        monkeypatch.undo()
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["a.png"]


@pytest.mark.skipif(not below.HAS_DIR_FD, reason="no names relative to folders here")
def test_an_output_folder_that_is_swapped_for_a_symlink_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    with OutputFolder(tmp_path / "out") as folder:
        (tmp_path / "out").rename(tmp_path / "moved")
        (tmp_path / "out").symlink_to("elsewhere")
        with pytest.raises(OutputError, match="is gone"):
            write(folder, "a.png")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.usefixtures("_either_way")
def test_the_output_folder_may_be_a_symlink_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with OutputFolder(tmp_path / "out") as folder:
        write(folder, "sub/a.png")
    assert (tmp_path / "real" / "sub" / "a.png").exists()


@pytest.mark.usefixtures("_either_way")
def test_a_file_in_the_way_of_a_subfolder_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "sub").write_bytes(b"x")
    with OutputFolder(tmp_path) as folder, pytest.raises(PictureError, match="cannot make the folder .*sub"):
        write(folder, "sub/a.png")


@pytest.mark.usefixtures("_either_way")
def test_an_output_folder_that_vanishes_ends_the_run(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as folder:
        shutil.rmtree(tmp_path / "out")
        for place in ("sub/a.png", "a.png"):
            with pytest.raises(OutputError, match="is gone"):
                write(folder, place)
    assert not (tmp_path / "out").exists()


@on_linux
def test_a_power_cut_leaves_outputs_whole_and_after_the_run_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stargan_cli.translate.outputs.folder.OUTPUTS_A_SYNC", 4)
    names = [f"{'sub/' * (number % 3)}{number}.png" for number in range(10)]
    with forgetful_disk(tmp_path) as disk:
        with OutputFolder(tmp_path / "out") as folder:
            for number, name in enumerate(names):
                write(folder, name, b"whole %d" % number)
            assert sum(f"out/{name}" in disk.cuts[-1].lazy for name in names) == 8
        last = disk.cuts[-1]
    for number, name in enumerate(names):
        assert {tree.get(f"out/{name}") for cut in disk.cuts for tree in (cut.eager, cut.lazy)} == {
            None, b"whole %d" % number}  # fmt: skip
        assert last.lazy[f"out/{name}"] == b"whole %d" % number
    assert disk.syncs <= len(names) + 3 * 3 + 3  # each file, three folders three times, and the folder itself


def test_a_name_that_another_thread_makes_during_a_sync_is_synced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, synced = threading.Event(), list[str]()

    class Slow(PurePosixPath):
        def __hash__(self) -> int:
            noted.set()
            time.sleep(0.2)
            return super().__hash__()

    def write_slowly() -> None:
        with folders.folder(Slow("sub")):
            pass

    monkeypatch.setattr(below, "sync_folder", lambda path, handle: synced.append(path.name))
    folders = below.Below(tmp_path)
    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert noted.wait(30)
    folders.sync()
    writer.join()
    folders.close()
    assert "sub" in synced


def test_a_disk_that_does_not_take_the_names_ends_the_run_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    folder = OutputFolder(tmp_path)
    write(folder, "a.png")
    monkeypatch.setattr(below, "sync_folder", fails)
    with pytest.raises(OutputError, match="cannot write into the output folder .*Input/output error"):
        folder.close()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_an_output_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for place in (tmp_path / "file", tmp_path / "file" / "out", Path("/proc/out")):
        reason = "file is not a folder" if place.is_relative_to(tmp_path) else ""
        with pytest.raises(UsageError, match=f"cannot write into the output folder .*: .*{reason}"):
            OutputFolder(place)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_already(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with OutputFolder(tmp_path) as folder:
        monkeypatch.setattr(os, "mkdir", full)
        with pytest.raises(OutputError, match="cannot make the folder"):
            write(folder, "sub/a.png")
    monkeypatch.undo()
    monkeypatch.setattr(OutputFolder, "_sweep", full)
    with pytest.raises(UsageError, match="cannot write into the output folder"):
        OutputFolder(tmp_path)
