"""May a file be written here? One answer, asked before the work."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.files.writable import require_file, require_folder, require_place
from stargan_cli.translate.outputs.manifest import require_manifest


def refused(path: Path, match: str, **options: object) -> str:
    before = path.read_bytes() if os.path.isfile(path) else None
    with pytest.raises(UsageError, match=match) as caught:
        require_file(path, "--grid", **options)  # type: ignore[arg-type]
    assert (path.read_bytes() if os.path.isfile(path) else None) == before
    return str(caught.value.hint)


def test_a_new_file_may_be_written_where_a_folder_is_or_can_be_made_and_nothing_is_made(tmp_path: Path) -> None:
    require_file(tmp_path / "a.png", "--grid", own=lambda path: False)
    require_file(tmp_path / "new" / "sub" / "a.png", "--grid", own=lambda path: False)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_the_file_system_does_not_take_is_refused_before_the_work(tmp_path: Path) -> None:
    refused(tmp_path / ("a" * 256), "cannot write --grid .*: File name too long")


@pytest.mark.parametrize("require", [require_folder, require_place, lambda path: require_file(path, "--grid")])
def test_a_dash_is_not_taken_for_a_name(require: Callable[[Path], None], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="cannot write to -"):
        require(Path("-"))
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_replaced_with_overwrite_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    require_file(path, "--grid")
    assert "--overwrite replaces it" in refused(path, "--grid .*a.png is there already", own=lambda path: False)
    assert refused(path, "is there already", own=lambda path: False, overwrite=None) == "give another name"
    require_file(path, "--grid", own=lambda path: False, overwrite=True)


def test_folders_and_what_is_no_regular_file_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "it is a folder", overwrite=True)
    refused(tmp_path / "folder" / ".." / "folder", "it is a folder", overwrite=True)
    refused(Path(os.devnull), "not a regular file but a device", overwrite=True)
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "a.png", "file is no folder", overwrite=True)
    (tmp_path / "nowhere").symlink_to("missing")
    refused(tmp_path / "nowhere" / "a.png", "nowhere is no folder")
    with pytest.raises(UsageError, match="nowhere is no folder"):
        require_place(tmp_path / "nowhere" / "new")
    refused(tmp_path / "nowhere", "is there already", own=lambda path: False)


def test_a_device_is_called_so_where_its_folder_may_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused(Path(os.devnull), "not a regular file but a device", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_never_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "not a regular file but a FIFO", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_link_to_what_is_no_regular_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for target, kind in (("fifo", "not a regular file but a FIFO"), (os.devnull, "a device"), ("folder", "a folder")):
        link = tmp_path / f"to-{Path(target).name}"
        link.symlink_to(target)
        refused(link, kind, overwrite=True)
        assert link.is_symlink()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no links to open files here")
def test_a_link_to_an_open_pipe_is_called_a_pipe(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    try:
        link = tmp_path / "mystdout"
        link.symlink_to(f"/proc/self/fd/{writing}")
        refused(link, "not a regular file but a FIFO", overwrite=True)
        with pytest.raises(UsageError, match=f"cannot write --manifest {link}: it is not a regular file but a FIFO"):
            require_manifest(link, [])
    finally:
        os.close(reading)
        os.close(writing)


def test_an_input_is_never_replaced_by_whichever_name_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    picture = tmp_path / "in" / "sub" / "a.png"
    picture.write_bytes(b"precious")
    (tmp_path / "link.png").symlink_to(picture)
    (tmp_path / "folder").symlink_to("in")
    os.link(picture, tmp_path / "hard.png")
    foreign = {"own": lambda path: False, "overwrite": True}
    for source in (picture, tmp_path / "link.png", tmp_path / "hard.png", tmp_path / "in", tmp_path / "folder"):
        for path in (picture, tmp_path / "folder" / "sub" / "a.png", tmp_path / "in" / "sub" / ".." / "sub" / "a.png"):
            refused(path, "would replace an input", inputs=[source], **foreign)
    refused(tmp_path / "link.png", "would replace an input", inputs=[tmp_path / "link.png"], **foreign)
    require_file(picture, "--grid", inputs=[tmp_path / "in" / "other", tmp_path / "missing"], **foreign)  # type: ignore[arg-type]


def test_a_file_of_its_own_below_an_input_folder_may_be_replaced_and_as_an_input_not(tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    path.write_bytes(b"sheet")
    require_file(path, "--grid", inputs=[tmp_path])
    refused(path, "would replace an input", inputs=[path])
    require_file(tmp_path / "new.png", "--grid", inputs=[tmp_path], own=lambda path: False)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_places_without_the_right_to_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        for require, path in ((require_place, tmp_path / "new"), (require_folder, tmp_path)):
            with pytest.raises(UsageError, match="no permission to write"):
                require(path)
    finally:
        tmp_path.chmod(0o755)
