"""`translate` under faults: killed at random moments, a full disk, a folder that vanishes, two runs at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import corpus
import faults
import pytest
from PIL import Image
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.errors import OutputError, UsageError
from stargan_cli.pictures.reading import Picture, read_picture
from stargan_cli.translate.outputs import contact_sheet, gallery
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("mounting is not permitted")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def settings(weights: str, **more: object) -> TranslationSettings:
    values = {"spec": "male", "weights": weights, "device": "cpu", "batch_size": 2, "workers": 2} | more
    return TranslationSettings(**values)  # type: ignore[arg-type]


def pictures(folder: Path, number: int, size: int = 24) -> Path:
    folder.mkdir()
    for index in range(number):
        corpus.scene(size, size).save(folder / f"{index:03}.png")
    return folder


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_killed_at_random_moments_and_resumed(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "kits" / "faults.py"), "10", "3"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "'killed': 10" in done.stdout


def test_a_full_disk_stops_the_run_and_leaves_whole_files(small_disk: Path, tiny: str, tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", 200)
    rows: list[Row] = []
    with pytest.raises(OutputError, match="No space left on device") as caught:
        translate([source], small_disk / "out", settings(tiny, format="bmp"), Run(), on_row=rows.append)
    assert "make room" in str(caught.value.hint)
    written = faults.files(small_disk / "out")
    assert 0 < len(written) < 200
    assert len(rows) <= len(written)
    assert {len(data) for data in written.values()} == {len(next(iter(written.values())))}
    assert not [name for name in os.listdir(small_disk / "out") if name.endswith(".tmp")]


def test_an_output_folder_that_vanishes_stops_the_run(tiny: str, tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", 60)
    rows: list[Row] = []

    def remove(row: Row) -> None:
        rows.append(row)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    with pytest.raises(OutputError, match="gone"):
        translate([source], tmp_path / "out", settings(tiny), Run(), on_row=remove)
    assert len(rows) < 60
    assert not (tmp_path / "out").exists()


def test_pictures_that_vanish_or_change_meanwhile_fail_alone(tiny: str, tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", 60)
    rows: list[Row] = []
    cut = tmp_path / "cut.png"
    cut.write_bytes((source / "000.png").read_bytes()[:60])

    def change(row: Row) -> None:
        rows.append(row)
        (source / "057.png").unlink(missing_ok=True)
        if cut.exists():  # moved there whole: what is written in place is empty for a moment
            cut.replace(source / "058.png")

    report = translate([source], tmp_path / "out", settings(tiny), Run(), on_row=change)
    assert (report.done, report.failed, report.exit_code) == (58, 2, 1)
    reasons = {Path(row.source).name: str(row.reason) for row in rows if row.status == "failed"}
    assert "not there" in reasons["057.png"]
    assert "cut off" in reasons["058.png"]


def test_two_runs_into_one_folder_do_not_mix(tiny: str, tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", 30)
    inside, go_on = threading.Event(), threading.Event()

    def wait(row: Row) -> None:
        inside.set()
        go_on.wait(timeout=30)

    first = threading.Thread(
        target=translate, args=([source], tmp_path / "out", settings(tiny), Run()), kwargs={"on_row": wait}
    )
    first.start()
    try:
        assert inside.wait(timeout=30)
        with pytest.raises(UsageError, match="another run is writing into"):
            translate([source], tmp_path / "out", settings(tiny, spec="young"), Run())
    finally:
        go_on.set()
        first.join()
    assert len(faults.files(tmp_path / "out")) == 30


def test_the_whole_corpus_in_one_run(tiny: str, tmp_path: Path) -> None:
    """Every picture that can be read is translated; every other one is named with its reason; nothing else happens."""
    source = tmp_path / "in"
    source.mkdir()
    wanted = {}
    for name, data, outcome in corpus.files():
        (source / name).write_bytes(data)
        wanted[name] = "done" if outcome in ("any", "colour", "grey") else "failed"
    for path, _ in corpus.special_files(source):
        if path.name != "folder.jpg":
            wanted[path.name] = "failed"
    wanted["frames.mpo"] = "skipped"  # two views, of which a JPEG would hold one
    rows: list[Row] = []
    report = translate([source], tmp_path / "out", settings(tiny), Run(), on_row=rows.append)
    assert {Path(row.source).name: row.status for row in rows} == wanted
    assert all(row.reason for row in rows if row.status == "failed")
    assert report.exit_code == 1
    assert len(faults.files(tmp_path / "out")) == report.done == sum(status == "done" for status in wanted.values())


def test_location_is_not_copied_unless_it_is_asked_for(tiny: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    source = tmp_path / "in" / "a.jpg"
    source.parent.mkdir()
    source.write_bytes(corpus.jpeg(exif=exif.tobytes()))
    for keep, wanted in ((False, {}), (True, {1: "N"})):
        translate([source], tmp_path / "out", settings(tiny, keep_metadata=keep), Run())
        with Image.open(tmp_path / "out" / "a.jpg") as image:
            assert image.getexif().get_ifd(0x8825) == wanted
            assert image.getexif().get(0x010F) == ("Maker" if keep else None)


@pytest.mark.parametrize("size", ["model", "source"])
def test_the_limit_on_pixels_reaches_every_reader(size: str, tiny: str, tmp_path: Path) -> None:
    source = pictures(tmp_path / "in", 1)
    rows: list[Row] = []
    translate([source], tmp_path / "out", settings(tiny, size=size, max_pixels=575), Run(), on_row=rows.append)
    assert str(rows[0].reason).startswith("too large: 24x24 is 576 pixels, the limit is 575")
    report = translate([source], tmp_path / "out", settings(tiny, size=size, max_pixels=576), Run())
    assert report.done == 1


def test_the_limit_on_pixels_reaches_grid_and_gallery(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []

    def read(path: Path, max_pixels: int) -> Picture:
        limits.append(max_pixels)
        return read_picture(path)

    for overview in (contact_sheet, gallery):
        monkeypatch.setattr(overview, "read_picture", read)
    run = Run(grid=tmp_path / "grid.png", gallery=tmp_path / "page.html")
    translate([pictures(tmp_path / "in", 1)], tmp_path / "out", settings(tiny, max_pixels=576), run)
    assert limits == 4 * [576]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_system_that_gives_no_more_threads_is_named(
    number: int, tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, start, started = pictures(tmp_path / "in", 3), threading.Thread.start, 0

    def start_some(self: threading.Thread) -> None:
        nonlocal started
        started += 1
        if started > number:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    command = ["translate", str(source), "--set", "male", "-w", tiny, "-o", str(tmp_path / "out"), "--device", "cpu"]
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "no more threads" in result.stderr) == (1, True), result.stderr
    assert "report it" not in result.stderr
