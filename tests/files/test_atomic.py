"""Replacements: whole or not at all, whenever the process or the power ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from power_cut import ForgetfulDisk, forgetful_disk, on_linux

from stargan_cli.files import atomic
from stargan_cli.files.atomic import Sync, make_folder, replacement, temporary_name


def replace(path: Path, text: str, sync: Sync = "all") -> None:
    with replacement(path, sync=sync) as temporary:
        temporary.write_text(text, encoding="utf-8")


def found(disk: ForgetfulDisk, name: str) -> set[bytes | None]:
    """What may be in a file after a power cut at any moment, with b"-" for no such file."""
    return {tree.get(name, b"-") for cut in disk.cuts for tree in (cut.eager, cut.lazy)}


@on_linux
@pytest.mark.parametrize("sync", ["all", "file"])
def test_a_power_cut_leaves_the_earlier_file_or_the_new_one_whole(tmp_path: Path, sync: Sync) -> None:
    (tmp_path / "a").write_text("earlier")
    with forgetful_disk(tmp_path) as disk:
        replace(tmp_path / "a", "new", sync)
    assert found(disk, "a") == {b"earlier", b"new"}
    assert disk.cuts[-1].lazy["a"] == (b"new" if sync == "all" else b"earlier")


@on_linux
def test_the_disk_of_these_tests_forgets_what_is_not_synced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("earlier")
    with forgetful_disk(tmp_path) as disk:
        replace(tmp_path / "a", "new", "nothing")
    assert found(disk, "a") == {b"earlier", b""}


@on_linux
def test_a_file_that_is_synced_is_there_after_a_power_cut_with_the_folders_made_for_it(tmp_path: Path) -> None:
    with forgetful_disk(tmp_path) as disk:
        make_folder(tmp_path / "run" / "checkpoints")
        replace(tmp_path / "run" / "checkpoints" / "1", "whole")
    assert disk.cuts[-1].lazy == {"run": None, "run/checkpoints": None, "run/checkpoints/1": b"whole"}


@pytest.mark.skipif(os.name == "nt", reason="no permissions here")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_the_permissions_of_what_is_replaced_are_kept(tmp_path: Path, mode: int) -> None:
    (tmp_path / "a").write_text("earlier")
    (tmp_path / "a").chmod(mode)
    replace(tmp_path / "a", "new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
    folder = os.open(tmp_path, os.O_RDONLY)
    with replacement(tmp_path / "a", sync="file", folder=folder) as temporary:
        (tmp_path / temporary).write_text("newer")
    os.close(folder)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode
    assert (tmp_path / "a").read_text() == "newer"


@pytest.mark.skipif(os.name == "nt", reason="no permissions here")
def test_a_symlink_that_is_replaced_gives_no_permissions(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "target").chmod(0o777)
    (tmp_path / "a").symlink_to("target")
    replace(tmp_path / "a", "new")
    assert (tmp_path / "a").stat().st_mode & 0o111 == 0


def test_a_replacement_that_fails_leaves_nothing_but_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("earlier")
    with pytest.raises(ValueError, match="no"), replacement(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise ValueError("no")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "earlier"


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True), (errno.ENOSPC, True)])
def test_a_sync_that_fails_is_an_error_where_the_file_system_has_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    def fails(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    monkeypatch.setattr(atomic.sys, "platform", "linux")
    (tmp_path / "a").write_text("earlier")
    if raised:
        with pytest.raises(OSError, match=os.strerror(number)):
            replace(tmp_path / "a", "new")
    else:
        replace(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == ("earlier" if raised else "new")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("number", [errno.EBADF, errno.EISDIR, errno.EPERM, errno.EACCES])
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_a_file_system_that_syncs_files_alone_can_be_written(
    call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(os, call)

    def no_folders(what: Any, *args: Any, **options: Any) -> Any:
        if os.path.isdir(what):
            raise OSError(number, os.strerror(number))
        return real(what, *args, **options)

    monkeypatch.setattr(os, call, no_folders)
    replace(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


def test_a_replacement_may_be_relative_to_an_open_folder(tmp_path: Path) -> None:
    if os.open not in os.supports_dir_fd:
        pytest.skip("no names relative to folders here")
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        with replacement(Path("a"), folder=handle) as temporary:
            (tmp_path / temporary).write_text("new")
    finally:
        os.close(handle)
    assert (tmp_path / "a").read_text() == "new"


def test_temporary_names_fit_any_file_system() -> None:
    assert temporary_name("a.png") == f".a.png.{atomic.RUN_ID}.tmp"
    for length in (1, 100, 118, 119, 120, 143, 255):  # 143 is the longest name on eCryptfs
        assert len(os.fsencode(temporary_name("a" * length))) <= 143
    assert len(os.fsencode(temporary_name("\u00e9" * 200))) <= 143


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_root_leaves_what_it_replaces_to_its_owner(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("earlier")
    (tmp_path / "a").chmod(0o600)
    os.chown(tmp_path / "a", 1234, 2345)
    replace(tmp_path / "a", "new")
    state = (tmp_path / "a").stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (1234, 2345, 0o600)
