"""`translate` on real file systems that take different names for one, or that run out of room. Each is made in a file
and mounted; where that is not permitted, or the tools are missing, the test is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import corpus
import faults
import pytest

from stargan_cli.errors import OutputError, UsageError
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings

Mount = Callable[[str], Path]
FOLDING = {
    "exfat": (["mkfs.exfat"], ["mount.exfat-fuse"]),
    "ntfs": (["mkfs.ntfs", "-q", "-F", "-f"], ["lowntfs-3g", "-o", "ignore_case"]),
    "vfat": (["mkfs.vfat"], ["mount", "-o", "loop,utf8"]),
    "casefold": (["mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8"], ["mount", "-o", "loop"]),
}
ONE_NAME = ("a.png", "A.png", "a.PNG", "\u00e9.png", "e\u0301.png", "\u00c9.png")
NAMES = (*ONE_NAME, "sub/x.png", "SUB/x.png", "stra\u00dfe.png")


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a file system of one of FOLDING, or a `tmpfs` with the options that follow this word."""
    places: list[Path] = []
    devices: list[str] = []

    def tried(*command: object) -> str:
        words = [str(word) for word in command]
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is missing")
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"{words[0]} is not permitted, or this kernel does not know the file system: {done.stderr}")
        return done.stdout.strip()

    def mount(kind: str) -> Path:
        place = tmp_path / "disk"
        place.mkdir()
        if kind.startswith("tmpfs "):
            tried("mount", "-t", "tmpfs", "-o", kind.removeprefix("tmpfs "), "tmpfs", place)
        else:
            image, (make, use) = tmp_path / "image", FOLDING[kind]
            image.touch()
            os.truncate(image, 48 * 2**20)
            tried(*make, image)
            if kind == "exfat":  # its FUSE driver takes block devices alone
                devices.append(tried("losetup", "-f", "--show", image))
            tried(*use, *(devices or [image]), place)
        places.append(place)
        if kind == "casefold":
            (place / "folded").mkdir()
            tried("chattr", "+F", place / "folded")
            return place / "folded"
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True)
    for device in devices:
        subprocess.run(["losetup", "-d", device], check=True)


def settings(weights: str) -> TranslationSettings:
    return TranslationSettings("male", weights=weights, device="cpu", precision="fp32", batch_size=4, workers=2)


@pytest.mark.parametrize("kind", FOLDING)
def test_names_that_the_file_system_takes_for_one_are_kept_apart(
    kind: str, mounted: Mount, tiny: str, tmp_path: Path
) -> None:
    source, disk = tmp_path / "in", mounted(kind)
    (disk / "probe").touch()
    assert (disk / "PROBE").exists()
    earlier = time.time() - 60  # these file systems round times
    for number, name in enumerate(NAMES):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        corpus.scene(20 + number, 20).save(path)
        os.utime(path, (earlier, earlier))
    rows: list[Row] = []
    plain: list[Row] = []
    assert translate([source], disk / "out", settings(tiny), Run(), on_row=rows.append).done == len(NAMES)
    translate([source], tmp_path / "plain", settings(tiny), Run(), on_row=plain.append)
    for row, expected in zip(rows, plain, strict=True):
        assert row.source == expected.source
        assert Path(str(row.output)).read_bytes() == Path(str(expected.output)).read_bytes()
    assert len(faults.files(disk / "out")) == len(NAMES)
    assert translate([source], disk / "out", settings(tiny), Run()).skipped == len(NAMES)


def test_a_name_that_the_file_system_does_not_take_fails_alone(mounted: Mount, tiny: str, tmp_path: Path) -> None:
    source, disk = tmp_path / "in", mounted("exfat")
    source.mkdir()
    for name in ("a.png", "b:c.png", "d\ne.png"):
        corpus.scene(20, 20).save(source / name)
    rows: list[Row] = []
    report = translate([source], disk / "out", settings(tiny), Run(), on_row=rows.append)
    assert (report.done, report.failed) == (1, 2)
    assert all("its file system may not allow this name" in str(row.reason) for row in rows if row.status == "failed")


def test_a_disk_without_inodes_stops_the_run(mounted: Mount, tiny: str, tmp_path: Path) -> None:
    source, disk = tmp_path / "in", mounted("tmpfs size=8m,nr_inodes=20")
    source.mkdir()
    for number in range(60):
        corpus.scene(20, 20).save(source / f"{number:02}.png")
    rows: list[Row] = []
    run = Run(manifest=tmp_path / "rows.jsonl")
    with pytest.raises(OutputError, match="No space left on device"):
        translate([source], disk / "out", settings(tiny), run, on_row=rows.append)
    assert len(rows) == len(faults.files(disk / "out")) == (tmp_path / "rows.jsonl").read_bytes().count(b"\n") > 5
    assert not [name for name in os.listdir(disk / "out") if name.endswith(".tmp")]
    with pytest.raises(UsageError, match="cannot write into the output folder"):
        translate([source], disk / "other", settings(tiny), Run())
