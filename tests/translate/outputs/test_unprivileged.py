"""What a user without rights is told: unreadable pictures and folders, places that are not theirs to write to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import faults
import pytest
from training_kit import TINY_OPTIONS, celeba, class_folders
from typer.testing import CliRunner

from stargan_cli.cli.app import app

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faults.tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Any]:
    """Takes rights away, and gives them back behind the test, so that its folder can be removed."""
    taken: list[Path] = []

    def close(path: Path, mode: int = 0) -> Path:
        path.chmod(mode)
        taken.append(path)
        return path

    yield close
    for path in reversed(taken):
        path.chmod(0o755)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for folder in ("in", "in/closed", "in/listed", "in/sub"):
        (tmp_path / folder).mkdir()
        corpus.scene(24, 20).save(tmp_path / folder / "a.png")
        corpus.scene(24, 20).save(tmp_path / folder / "b.png")
    return tmp_path / "in"


def call(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def translate(source: Path, out: Path, weights: Path, *more: object) -> Any:
    return call("translate", source, "--set", "male", "-w", weights, "--device", "cpu", "-o", out, "-q", *more)


def test_what_cannot_be_read_is_named_and_the_rest_is_done(
    pictures: Path, tmp_path: Path, weights: Path, closed: Any
) -> None:
    closed(pictures / "a.png"), closed(pictures / "closed"), closed(pictures / "listed", 0o444)
    result = translate(pictures, tmp_path / "out", weights)
    assert result.exit_code == 1
    assert sorted(result.stderr.splitlines()) == [
        f"failed: {pictures}/a.png: cannot be read: Permission denied",
        f"failed: {pictures}/closed: cannot read the folder: Permission denied",
        f"failed: {pictures}/listed/a.png: no permission to read it",
        f"failed: {pictures}/listed/b.png: no permission to read it",
    ]
    assert sorted(faults.files(tmp_path / "out")) == ["b.png", "sub/a.png", "sub/b.png"]


def test_an_input_that_cannot_be_reached_is_the_calls_mistake(
    pictures: Path, tmp_path: Path, weights: Path, closed: Any
) -> None:
    closed(pictures / "closed")
    result = translate(pictures / "closed" / "a.png", tmp_path / "out", weights)
    assert (result.exit_code, result.stderr) == (2, f"error: cannot read {pictures}/closed/a.png: Permission denied\n")


def test_places_that_cannot_be_written_are_refused_before_the_work(
    pictures: Path, tmp_path: Path, weights: Path, closed: Any
) -> None:
    (tmp_path / "theirs").mkdir()
    theirs, out = closed(tmp_path / "theirs", 0o555), tmp_path / "out"
    for place in (theirs, theirs / "out"):
        result = translate(pictures, place, weights)
        assert (result.exit_code, result.stderr.count("cannot write into the output folder")) == (2, 1)
    for options in (("--manifest", theirs / "m.jsonl"), ("--grid", theirs / "g.png"), ("--gallery", theirs / "g.html")):
        result = translate(pictures, out, weights, *options)
        assert result.exit_code == 2
        assert "cannot write" in result.stderr and str(theirs) in result.stderr
        assert not faults.files(out)


def test_a_subfolder_of_somebody_else_costs_its_pictures_alone(
    pictures: Path, tmp_path: Path, weights: Path, closed: Any
) -> None:
    (tmp_path / "out" / "sub").mkdir(parents=True)
    closed(tmp_path / "out" / "sub", 0o555)
    result = translate(pictures, tmp_path / "out", weights)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"failed: {pictures}/sub/{name}: cannot write {tmp_path}/out/sub/{name}: Permission denied"
        for name in ("a.png", "b.png")
    ]
    assert len(faults.files(tmp_path / "out")) == 6


def test_a_foreign_output_that_cannot_be_read_is_left_alone(
    pictures: Path, tmp_path: Path, weights: Path, closed: Any
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"secret")
    closed(tmp_path / "out" / "a.png")
    result = translate(pictures / "a.png", tmp_path / "out", weights)
    assert result.exit_code == 0 and "a file without stargan's note" in result.stderr
    (tmp_path / "out" / "a.png").chmod(0o600)
    assert (tmp_path / "out" / "a.png").read_bytes() == b"secret"


@pytest.mark.parametrize(
    "command",
    [["translate", "in", "--set", "male", "-w"], ["info"], ["export", "--to", "ckpt"]],
)
def test_weights_that_cannot_be_read(
    command: list[str], pictures: Path, tmp_path: Path, weights: Path, closed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret.safetensors"
    secret.write_bytes(weights.read_bytes())
    closed(secret)
    result = call(*command, secret)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"cannot read {secret}: Permission denied" in result.stderr


def test_training_says_what_it_cannot_read_or_write(tmp_path: Path, closed: Any) -> None:
    moods = class_folders(tmp_path / "moods", {"a": 4, "b": 4})
    (tmp_path / "theirs").mkdir()
    theirs = closed(tmp_path / "theirs", 0o555)
    own: list[object] = ["train", "--data", moods, "--cache", tmp_path / "cache", *TINY_OPTIONS, "-q"]
    result = call(*own, "--run", theirs / "run")
    assert (result.exit_code, "no permission to write" in result.stderr) == (2, True)
    assert not (tmp_path / "cache").exists()
    closed(moods / "train" / "b")
    result = call(*own, "--run", tmp_path / "run")
    assert (result.exit_code, result.stderr) == (2, f"error: cannot read {moods}/train/b: Permission denied\n")


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"])
def test_celeba_that_cannot_be_read(name: str, tmp_path: Path, closed: Any) -> None:
    path = closed(celeba(tmp_path) / "celeba" / name)
    result = call("train", "--data", "celeba", "--root", tmp_path, "--run", tmp_path / "run", *TINY_OPTIONS, "-q")
    assert (result.exit_code, result.stderr) == (2, f"error: cannot read {path}: Permission denied\n")


@pytest.mark.parametrize("name", [".stargan.lock", ".stargan.1-of-2.lock"])
def test_the_lock_of_another_user_is_named(
    name: str, closed: Any, pictures: Path, tmp_path: Path, weights: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).touch()
    closed(tmp_path / "out" / name)
    result = translate(pictures, tmp_path / "out", weights)
    assert result.exit_code == 2 and f"{tmp_path}/out/{name}: Permission denied (a lock of another" in result.stderr
