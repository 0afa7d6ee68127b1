"""`--out` as the name of one file, beside the input if need be; else as a folder."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import fsspec
import pytest
from PIL import Image
from translation_kit import call, draw

from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.outputs.folder import OutputFolder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return draw(tmp_path / "me.jpg", 0)


def test_one_picture_goes_into_the_file_that_out_names(picture: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "new" / "blond.png"
    result = call(picture, "--set", "blond", "-w", weights, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[-1] == f"1 translated: {out}"
    with Image.open(out) as image:
        assert (image.format, image.size) == ("PNG", (24, 20))
    assert os.listdir(out.parent) == ["blond.png"]


def test_the_file_may_lie_beside_the_input_and_is_named_to_scripts(
    picture: Path, monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.chdir(picture.parent)
    result = call("me.jpg", "--set", "blond", "-w", weights, "--out", "me-blond.jpg", "--print")
    assert (result.exit_code, result.stdout) == (0, "me-blond.jpg\n")
    again = call("me.jpg", "--set", "blond", "-w", weights, "--out", "me-blond.jpg", "--json")
    document = json.loads(again.stdout)
    assert (document["skipped"], document["out"], document["outputs"]) == (1, "me-blond.jpg", ["me-blond.jpg"])


def test_the_input_is_never_replaced(picture: Path, tmp_path: Path, weights: Path) -> None:
    before = picture.read_bytes()
    (tmp_path / "link.jpg").symlink_to(picture)
    for out in (picture, tmp_path / "link.jpg"):
        result = call(picture, "--set", "blond", "-w", weights, "--out", out, "--overwrite")
        assert result.exit_code == 2 and f"the output {out} would replace the input\n  give another" in result.stderr
    assert picture.read_bytes() == before


def test_somebody_elses_file_stays_without_overwrite(picture: Path, tmp_path: Path, weights: Path) -> None:
    other = draw(tmp_path / "other.jpg", 1)
    before = other.read_bytes()
    result = call(picture, "--set", "blond", "-w", weights, "--out", other)
    assert "--overwrite replaces them" in result.stderr and other.read_bytes() == before
    assert call(picture, "--set", "blond", "-w", weights, "--out", other, "--overwrite").exit_code == 0
    assert other.read_bytes() != before


def test_a_folder_of_such_a_name_is_a_folder(picture: Path, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "sheets.png").mkdir()
    assert call(picture, "--set", "blond", "-w", weights, "--out", tmp_path / "sheets.png").exit_code == 0
    assert os.listdir(tmp_path / "sheets.png") == ["me.jpg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["me.jpg", "other.jpg", "--out", "new.png"], "--out new.png is the name of one file"),
        ([".", "--out", "new.png"], "--out new.png is the name of one file"),
        (["me.jpg", "--out", "new.png/"], "--out new.png/ names a folder as if it were a picture"),
        (["me.jpg", "--each", "--out", "new.png"], "--out new.png is the name of one file"),
        (["me.jpg", "--format", "webp", "--out", "new.png"], "is not a webp file"),
        (["me.jpg", "--out", "new.heic"], ".heic files cannot be written"),
        (["missing.jpg", "--out", "new.png"], "no such file or folder: missing.jpg"),
    ],
)
def test_what_does_not_fit_into_one_file_is_refused(
    picture: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, weights: Path
) -> None:
    monkeypatch.chdir(picture.parent)
    draw(Path("other.jpg"), 1)
    before = sorted(os.listdir())
    result = call(*arguments, "--set", "blond", "-w", weights)
    assert result.exit_code == 2 and said in result.stderr
    assert sorted(os.listdir()) == before


def test_a_tar_goes_into_a_tar(picture: Path, tmp_path: Path, weights: Path) -> None:
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        tar.add(picture, "me.jpg")
    out = tmp_path / "out" / "blond.tar"
    assert call(tmp_path / "in.tar", "--set", "blond", "-w", weights, "--out", out).exit_code == 0
    with tarfile.open(out) as tar:
        assert tar.getnames() == ["me.jpg"]


def test_an_object_is_named_by_its_url(picture: Path, weights: Path) -> None:
    store = fsspec.filesystem("memory")
    result = call(picture, "--set", "blond", "-w", weights, "--out", "memory://one/me.png")
    assert result.exit_code == 0, result.output
    assert store.cat_file("/one/me.png").startswith(b"\x89PNG")
    store.rm("/one", recursive=True)


def test_the_folder_above_a_url() -> None:
    assert RemotePath("s3://bucket/a/b.png").parent == RemotePath("s3://bucket/a")
    assert RemotePath("s3://bucket").parent == RemotePath("s3://bucket")


def test_a_run_that_holds_the_folder_is_not_waited_for(picture: Path, tmp_path: Path, weights: Path) -> None:
    with OutputFolder(tmp_path):
        assert call(picture, "--set", "blond", "-w", weights, "--out", tmp_path / "blond.jpg").exit_code == 0
    assert (tmp_path / "blond.jpg").is_file()


def test_a_second_run_into_one_file_is_refused(picture: Path, tmp_path: Path, weights: Path) -> None:
    with OutputFolder(tmp_path, name="blond.jpg"):
        result = call(picture, "--set", "blond", "-w", weights, "--out", tmp_path / "blond.jpg")
    assert result.exit_code == 2 and f"another run is writing {tmp_path / 'blond.jpg'}" in result.stderr
    assert "give another name to --out" in result.stderr


@pytest.mark.parametrize("name", ["faces.tar", "faces.zip", "faces.tar.gz"])
def test_pictures_do_not_become_an_archive(name: str, picture: Path, tmp_path: Path, weights: Path) -> None:
    result = call(picture.parent, "--set", "blond", "-w", weights, "--out", tmp_path / name)
    assert result.exit_code == 2 and "is the name of an archive" in result.stderr
    assert not (tmp_path / name).exists()


def test_a_folder_named_like_an_archive_is_a_folder(tmp_path: Path, weights: Path) -> None:
    draw(tmp_path / "faces.tar" / "a.png", 0)
    (tmp_path / "out.tar").mkdir()
    options = ("--grid", tmp_path / "grid.png", "--print")
    result = call(tmp_path / "faces.tar", "--set", "blond", "-w", weights, "--out", tmp_path / "out.tar", *options)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}/out.tar/a.png\n"), result.stderr
