"""`stargan translate` on tar archives: what goes in comes out translated, whole or not at all."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tars_kit import pack, samples, unpack
from translation_kit import call, draw

from stargan_cli.errors import OutputError, PictureError
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.outputs.sinks import LocalSink
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.translate.streaming.stream import Stream

Tree = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for shard in range(2):
        pack(tmp_path / "shards" / f"{shard:04d}.tar", samples(tmp_path, range(3 * shard, 3 * shard + 3)))
    return tmp_path / "shards"


def test_archives_come_out_as_archives_with_the_same_pictures_as_files_give(
    shards: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    common = ("--set", "blond", "-w", weights, "--manifest", tmp_path / "rows.jsonl")
    result = call(f"{shards}/{{0000..0001}}.tar", *common, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[-1].startswith("6 translated: ")
    assert call(tmp_path / "pictures", "--set", "blond", "-w", weights, "-o", tmp_path / "files").exit_code == 0
    assert sorted(tree(tmp_path / "out")) == ["0000.tar", "0001.tar"]
    for number, name in enumerate(("0000.tar", "0001.tar")):
        before, after = unpack(shards / name), unpack(tmp_path / "out" / name)
        assert list(after) == list(before)
        for member, data in after.items():
            same = not member.endswith(".png")
            assert data == (before[member] if same else (tmp_path / "files" / member).read_bytes())
        assert f"{3 * number:04d}.png" in after
    rows = [Row.from_json(line) for line in (tmp_path / "rows.jsonl").read_bytes().splitlines()]
    assert [row.source for row in rows] == [f"{shards}/{n // 3:04d}.tar/{n:04d}.png" for n in range(6)]
    assert rows[0].output == f"{tmp_path}/out/0000.tar/0000.png"


def test_no_more_members_are_held_than_memory_is_meant_for(
    shards: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []
    begin = Stream._begin

    def counted(self: Any, items: Any) -> bool:
        more = begin(self, items)
        held.append(len(self._line))
        return more

    monkeypatch.setattr(Stream, "_begin", counted)
    monkeypatch.setattr("stargan_cli.translate.streaming.stream.MEMORY_BYTES", 1)
    assert call(shards / "0000.tar", "--set", "blond", "-w", weights, "-o", tmp_path / "out").exit_code == 0
    assert max(held) == 1


def test_webdataset_reads_what_is_written(shards: Path, tmp_path: Path, weights: Path) -> None:
    if importlib.util.find_spec("webdataset") is None:
        pytest.skip("no webdataset")
    assert call(shards, "--set", "blond", "-w", weights, "-o", tmp_path / "out").exit_code == 0
    program = (  # in a process of its own: it leaves files open
        "import sys, webdataset\n"
        "for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False).decode('pil'):\n"
        "    print(sample['__key__'], sample['cls'], sample['txt'], sample['png'].size)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out" / "{0000..0001}.tar")]
    read = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert read == [f"{number:04d} 1 {number:04d} (24, 20)" for number in range(6)]


def test_keys_that_come_again_are_samples_of_their_own(tmp_path: Path, weights: Path) -> None:
    """As in shards that were joined with `tar -A`, or made by several workers. One of the samples is broken."""
    shard, names = tmp_path / "in.tar", []
    with tarfile.open(shard, "w") as tar:
        for number, key in enumerate("01201"):
            picture = b"rubbish" if number == 0 else draw(tmp_path / "p.png", number).read_bytes()
            for name, data in ((f"{key}.bmp", picture), (f"{key}.png", picture), (f"{key}.cls", b"%d" % number)):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
                names.append(name)
    result = call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--format", "png")
    assert (result.exit_code, result.stderr.splitlines()[-1][:24]) == (1, "8 translated, 2 failed: ")
    with tarfile.open(tmp_path / "out" / "in.tar") as tar:
        assert tar.getnames() == [name.replace("png", "png.png").replace("bmp", "png") for name in names[3:]]
        pictures = [tar.extractfile(info).read() for info in tar if info.name == "1.png"]  # type: ignore[union-attr]
    assert len(set(pictures)) == 2
    assert read_samples(tmp_path / "out" / "in.tar", "cls png png.png") == [
        f"{key} {number}" for number, key in enumerate("01201") if number
    ]


def read_samples(shards: Path, fields: str) -> list[str]:
    """Key and class of each sample that webdataset reads; it must have these fields."""
    if importlib.util.find_spec("webdataset") is None:
        pytest.skip("no webdataset")
    program = (  # in a process of its own: it leaves files open
        "import sys, webdataset\n"
        "for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False):\n"
        "    assert set(sys.argv[2].split()) <= set(sample), list(sample)\n"
        "    print(sample['__key__'], sample['cls'].decode())\n"
    )
    command = [sys.executable, "-c", program, str(shards), fields]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_an_archive_that_is_there_is_done_unless_it_was_made_otherwise(
    shards: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    job = (shards, "-w", weights, "-o", tmp_path / "out", "--json", "--set")
    call(*job, "blond")
    first = tree(tmp_path / "out")
    (tmp_path / "out" / "0001.tar").unlink()
    ended = json.loads(call(*job, "blond").stdout)
    assert (ended["done"], ended["skipped"]) == (3, 1)
    assert tree(tmp_path / "out") == first
    assert json.loads(call(*job, "brown").stdout)["done"] == 6
    assert json.loads(call(*job, "brown", "--skip-existing").stdout)["skipped"] == 2
    pack(shards / "0000.tar", samples(tmp_path, range(7, 9)))
    ended = json.loads(call(*job, "brown").stdout)
    assert (ended["done"], ended["skipped"]) == (2, 1)


def test_each_makes_an_archive_per_attribute_and_only_those_that_are_missing(
    shards: Path, tmp_path: Path, weights: Path
) -> None:
    job = (shards / "0000.tar", "--each", "--set", "blond,male", "-w", weights, "-o", tmp_path / "out", "--json")
    assert json.loads(call(*job).stdout)["done"] == 6
    (tmp_path / "out" / "male" / "0000.tar").unlink()
    ended = json.loads(call(*job).stdout)
    assert (ended["done"], ended["skipped"]) == (3, 1)
    assert list(unpack(tmp_path / "out" / "male" / "0000.tar")) == list(unpack(shards / "0000.tar"))


def test_each_puts_a_picture_into_the_archive_of_what_it_became(shards: Path, tmp_path: Path, weights: Path) -> None:
    shard, labels = shards / "0000.tar", tmp_path / "labels.csv"
    rest = "Black_Hair,Blond_Hair,Brown_Hair,Young"
    labels.write_text(f"path,Male,{rest}\n0000.png,1,1,0,0,0\n0001.png,0,1,0,0,0\n0002.png,1,1,0,0,0\n")
    job = (shard, "--each", "--set", "male=flip", "--labels", labels, "-w", weights, "-o", tmp_path / "out", "--json")
    assert json.loads(call(*job).stdout)["done"] == 3
    members = list(unpack(shard))
    became = {name: list(unpack(tmp_path / "out" / name / "0000.tar")) for name in ("male", "female")}
    assert became["male"] == [name for name in members if name.startswith("0001")]
    assert became["female"] == [name for name in members if not name.startswith("0001")]
    assert json.loads(call(*job).stdout)["done"] == 0


def test_a_broken_member_fails_alone_and_takes_its_sample_with_it(tmp_path: Path, weights: Path) -> None:
    members = samples(tmp_path, range(3)) | {"0001.png": b"\x89PNG rubbish"}
    shard = pack(tmp_path / "a.tar", members)
    result = call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: {shard}/0001.png: a damaged or cut off PNG file" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("2 translated, 1 failed: ")
    assert list(unpack(tmp_path / "out" / "a.tar")) == [name for name in members if not name.startswith("0001")]


def test_a_good_picture_of_a_broken_sample_is_not_said_to_be_done(tmp_path: Path, weights: Path) -> None:
    good = draw(tmp_path / "p.png", 1).read_bytes()
    members = {"0.left.png": good, "0.right.png": b"rubbish", "1.left.png": good, "1.right.png": good}
    shard, rows = pack(tmp_path / "a.tar", members), tmp_path / "rows.jsonl"
    call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--manifest", rows)
    assert list(unpack(tmp_path / "out" / "a.tar")) == ["1.left.png", "1.right.png"]
    found = [Row.from_json(line) for line in rows.read_bytes().splitlines()]
    assert [(row.status, row.source[-11:]) for row in found] == [
        ("failed", "/0.left.png"),
        ("failed", "0.right.png"),
        ("done", "/1.left.png"),
        ("done", "1.right.png"),
    ]
    assert found[0].reason == "left out: a file of its sample is broken or missing"
    lone = pack(tmp_path / "b.tar", {name: data for name, data in members.items() if name[0] == "0"})
    result = call(lone, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert "0 translated, 2 failed" in result.stderr
    assert not (tmp_path / "out" / "b.tar").exists()


def test_a_refused_member_that_is_no_picture_takes_its_sample_alone_with_it(tmp_path: Path, weights: Path) -> None:
    good = draw(tmp_path / "p.png", 1).read_bytes()
    shard = tmp_path / "a.tar"
    with tarfile.open(shard, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, kind in (
            ("backup", b"V"),
            ("latest.txt", tarfile.SYMTYPE),
            ("0.png", tarfile.REGTYPE),
            ("1.json", tarfile.SYMTYPE),
            ("1.png", tarfile.REGTYPE),
            ("/elsewhere/2.json", tarfile.REGTYPE),
            ("3.png", tarfile.REGTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "elsewhere" * (kind == tarfile.SYMTYPE)
            data = good if kind == tarfile.REGTYPE else b""
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    result = call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert list(unpack(tmp_path / "out" / "a.tar")) == ["0.png", "3.png"]
    reasons = {
        name: f"failed: {shard}/{name}: " in result.stderr for name in ("latest.txt", "1.json", "1.png", "0.png")
    }
    assert reasons == {"latest.txt": True, "1.json": True, "1.png": True, "0.png": False}
    assert "backup" not in result.stderr


def test_compressed_archives_are_called_so(tmp_path: Path, weights: Path) -> None:
    for name in ("a.tar.gz", "b.TGZ", "c.zip"):
        (tmp_path / name).write_bytes(b"PK")
        result = call(tmp_path / name, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
        assert result.exit_code == 1
        assert f"failed: {tmp_path / name}: a compressed archive: only plain tars are read" in result.stderr


def test_of_an_archive_that_is_cut_off_what_can_be_read_is_done(shards: Path, tmp_path: Path, weights: Path) -> None:
    shard = shards / "0000.tar"
    shard.write_bytes(shard.read_bytes()[: 512 * 10])
    result = call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert f"failed: {shard}: cut off: it has no end mark" in result.stderr
    assert list(unpack(tmp_path / "out" / "0000.tar"))[:3] == ["0000.cls", "0000.png", "0000.txt"]


def test_an_archive_without_a_picture_that_can_be_read_leaves_nothing(tmp_path: Path, weights: Path) -> None:
    pack(tmp_path / "in" / "a.tar", {"0.txt": b"words"})
    pack(tmp_path / "in" / "b.tar", {"0.png": b"rubbish"})
    (tmp_path / "in" / "c.tar").write_bytes(b"rubbish" * 300)
    result = call(tmp_path / "in", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "b.tar/0.png: not a picture" in result.stderr
    assert "c.tar: not a tar archive" in result.stderr
    assert not (tmp_path / "out").exists()


def test_formats_and_names_within_an_archive(tmp_path: Path, weights: Path) -> None:
    picture = draw(tmp_path / "p.png", 1).read_bytes()
    shard = pack(tmp_path / "a.tar", {"./a.png": picture, "./a.bmp": picture, "./a.webp": b"x", "./s/a.png": picture})
    call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--format", "webp", "--faces", "off")
    assert list(unpack(tmp_path / "out" / "a.tar")) == ["./s/a.webp"]  # the sample ./a has a broken picture
    shard = pack(tmp_path / "b.tar", {"a.png": picture, "a.bmp": picture, "a.txt": b"words"})
    call(shard, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--format", "webp")
    after = unpack(tmp_path / "out" / "b.tar")
    assert list(after) == ["a.webp", "a.bmp.webp", "a.txt"]
    with Image.open(io.BytesIO(after["a.webp"])) as image:
        assert image.format == "WEBP"


def test_shards_share_archives_out_whole(shards: Path, tmp_path: Path, weights: Path) -> None:
    for number in range(2, 8):
        pack(shards / f"{number:04d}.tar", samples(tmp_path, range(number, number + 1)))
    job = (shards, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--json", "--shard")
    done = [json.loads(call(*job, f"{number}/2").stdout)["done"] for number in (1, 2)]
    assert sum(done) == 12
    assert min(done) > 0
    assert len(list((tmp_path / "out").iterdir())) == 8


def test_a_dry_run_names_members_and_writes_nothing(shards: Path, tmp_path: Path, weights: Path) -> None:
    result = call(shards, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--dry-run")
    assert result.stdout.splitlines()[0] == f"{shards}/0000.tar/0000.png -> {tmp_path}/out/0000.tar/0000.png"
    assert len(result.stdout.splitlines()) == 6
    assert not (tmp_path / "out").exists()


def test_labels_are_found_by_the_names_of_members(shards: Path, tmp_path: Path, weights: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("name,Male,Young,Black_Hair,Blond_Hair,Brown_Hair\n0001.png,1,0,1,0,0\n")
    rows = tmp_path / "rows.jsonl"
    job = (shards / "0000.tar", "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--labels", table, "--json")
    assert call(*job, "--manifest", rows).exit_code == 0
    labelled = Row.from_json(rows.read_bytes().splitlines()[1]).source_label
    assert labelled is not None
    assert labelled["Male"] == 1
    assert json.loads(call(*job).stdout)["skipped"] == 1
    table.write_text(table.read_text().replace("0001.png,1", "0001.png,0"))
    assert json.loads(call(*job).stdout)["done"] == 3


def test_fail_fast_leaves_no_half_archive(tmp_path: Path, weights: Path) -> None:
    members = {"0.png": b"rubbish"} | samples(tmp_path, range(1, 40))
    result = call(
        pack(tmp_path / "a.tar", members), "--set", "blond", "-w", weights, "-o", tmp_path / "o", "--fail-fast"
    )
    assert result.exit_code == 1
    assert "0 translated, 1 failed" in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_stopped_run_leaves_no_half_archive_and_no_rows_of_it(shards: Path, tmp_path: Path, weights: Path) -> None:
    rows: list[Row] = []
    seen = []
    settings = TranslationSettings(spec="blond", weights=str(weights))

    def stop() -> bool:
        seen.append(None)
        return len(seen) > 12

    pack(shards / "0000.tar", samples(tmp_path, range(30)))
    report = translate([shards], tmp_path / "out", settings, Run(), on_row=rows.append, stop=stop)
    assert report.interrupted
    assert rows == []
    assert not (tmp_path / "out").exists()


def test_a_stop_after_an_archive_was_read_leaves_none_that_lacks_pictures(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of its ten pictures wait for a batch of their own when the first batch is done."""
    pack(tmp_path / "in" / "0000.tar", samples(tmp_path, range(10)))
    answered: list[int] = []
    answer = Networks.answer

    def slowly(self: Any, asked: Any) -> Any:
        time.sleep(0.5)
        answered.append(len(asked))
        return answer(self, asked)

    monkeypatch.setattr(Networks, "answer", slowly)
    settings = TranslationSettings(spec="blond", weights=str(weights), batch_size=8)
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run(), stop=lambda: len(answered) > 0)
    assert report.interrupted and report.total == 0 and answered == [8]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [PictureError("no room for it"), OutputError("the disk is full")])
def test_where_the_archive_cannot_be_written_its_pictures_have_failed(
    error: Exception, shards: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(LocalSink, "file", fail)
    result = call(shards / "0000.tar", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert str(error) in result.stderr
    if isinstance(error, PictureError):
        assert "0 translated, 3 failed" in result.stderr


def test_overviews_show_files_alone(shards: Path, tmp_path: Path, weights: Path) -> None:
    job = ("--set", "blond", "-w", weights, "-o", tmp_path / "out", "--grid", tmp_path / "sheet.png")
    result = call(shards / "0000.tar", *job)
    assert result.exit_code == 2
    assert "not with tars" in result.stderr
    draw(shards / "a.png", 1)
    assert call(shards, *job).exit_code == 0
    assert (tmp_path / "sheet.png").is_file()


def test_the_output_may_not_be_the_archive_itself(shards: Path, weights: Path) -> None:
    result = call(shards / "0000.tar", "--set", "blond", "-w", weights, "-o", shards)
    assert result.exit_code == 2
    assert "holds the inputs" in result.stderr


def test_pictures_in_tools_folders_are_carried_as_they_are(tmp_path: Path, weights: Path) -> None:
    members = {name: draw(tmp_path / "a.png", 1).read_bytes() for name in ("a.png", "__MACOSX/b.png", ".x/c.png")}
    pack(tmp_path / "in.tar", members)
    result = call(tmp_path / "in.tar", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    after = unpack(tmp_path / "out" / "in.tar")
    assert [name for name in members if after[name] != members[name]] == ["a.png"]


@pytest.mark.parametrize("out", ["d", "dd.tar"])
def test_scripts_are_told_of_the_archive_however_its_members_are_written(
    out: str, tmp_path: Path, weights: Path
) -> None:
    picture = draw(tmp_path / "p.png", 1).read_bytes()
    names = ("./0.png", "a//b.png", "a/./c.png", "a/d.png", "x.tar/e.png")
    shard = pack(tmp_path / "dot.tar", {**dict.fromkeys(names, picture), "./bad.png": b"rubbish"})
    job, rows = (shard, "--set", "blond", "-w", weights, "-o", tmp_path / out), tmp_path / "rows.jsonl"
    archive = tmp_path / "d" / "dot.tar" if out == "d" else tmp_path / out
    for more in ((), ("--dry-run",), ("--manifest", rows), ()):
        result = call(*job, "--print", *more, "--overwrite")
        assert result.stdout == f"{archive}\n"
    failures = json.loads(call(*job, "--json", "--overwrite").stdout)["failures"]
    assert all("archive" not in row for row in [*failures, *map(json.loads, rows.read_text().splitlines())])
    assert Path(failures[0]["output"]).parent == archive


@pytest.mark.parametrize("option", ["--print", "--json"])
@pytest.mark.parametrize("targets", [("--set", "blond"), ("--each",)])
def test_scripts_are_told_of_archives_by_the_paths_of_files(
    option: str, targets: tuple[str, ...], shards: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    for _ in range(2):
        result = call(shards, *targets, "-w", weights, "-o", tmp_path / "out", option)
        assert result.exit_code == 0, result.stderr
        named = json.loads(result.stdout)["outputs"] if option == "--json" else result.stdout.splitlines()
        assert sorted(named) == [f"{tmp_path}/out/{name}" for name in sorted(tree(tmp_path / "out"))]
