"""A run over files and folders: what is written, what is left alone, and what becomes of pictures that fail."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from torch import Tensor
from translation_kit import draw

from stargan_cli.errors import UsageError
from stargan_cli.pictures.provenance import is_generated, read_fingerprint
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.report import DONE_BEFORE, FOREIGN, SHOWN, Report, Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings
from stargan_cli.translate.translator import Translator

pytestmark = pytest.mark.numeric

Tree = Callable[[Path], dict[str, bytes]]
NAMES = ["a.png", "b.jpg", "c.png", "sub/a.png", "sub/d.webp"]


def go(inputs: Path | list[Path], out: Path, weights: Path, rows: list[Row] | None = None, **options: Any) -> Report:
    """A run with `options` of TranslationSettings and Run mixed."""
    run = {name: options.pop(name) for name in Run.__dataclass_fields__ if name in options}
    usual = {"spec": "blond", "weights": str(weights), "precision": "fp32", "size": "model"}
    settings = TranslationSettings(**(usual | options))
    on_row = rows.append if rows is not None else lambda row: None
    paths = inputs if isinstance(inputs, list) else [inputs]
    return translate(paths, out, settings, Run(**run), on_row=on_row)


def test_the_tree_is_mirrored_and_the_pictures_change(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    before = tree(pictures)
    report = go(pictures, tmp_path / "out", weights)
    assert (report.done, report.skipped, report.failed, report.exit_code) == (5, 0, 0, 0)
    assert list(tree(tmp_path / "out")) == NAMES
    assert tree(pictures) == before
    with Image.open(tmp_path / "out/a.png") as image:
        assert image.size == (16, 16)
        with Image.open(pictures / "a.png") as source:
            assert image.convert("RGB").tobytes() != source.resize((16, 16)).tobytes()


def test_the_same_bytes_whatever_the_order_the_workers_and_the_neighbours(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    go(pictures, tmp_path / "one", weights, workers=1)
    files = [pictures / name for name in NAMES if name != "sub/a.png"]
    go(files[::-1], tmp_path / "two", weights, workers=7)
    go(files[2], tmp_path / "three", weights)
    one, two, three = (tree(tmp_path / name) for name in ("one", "two", "three"))
    assert {Path(name).name: data for name, data in one.items() if name != "sub/a.png"} == two
    assert three == {"c.png": one["c.png"]}


def test_what_is_passed_over_is_said(pictures: Path, tmp_path: Path, weights: Path) -> None:
    draw(pictures / ".ipynb_checkpoints" / "a-checkpoint.png", 9)
    draw(pictures / "sub" / "__MACOSX" / "b.png", 9)
    said: list[str] = []
    whole = FaceSettings(mode="off")
    settings = TranslationSettings(spec="blond", weights=str(weights), size="model", faces=whole)
    report = translate([pictures], tmp_path / "out", settings, Run(dry=True), note=said.append)
    assert report.total == 5
    assert said == ["passed over as hidden or a tool's own: .ipynb_checkpoints, sub/__MACOSX"]


def test_batch_sizes_agree_within_one_level(pictures: Path, tmp_path: Path, weights: Path) -> None:
    for size in (1, 16):
        go(pictures, tmp_path / str(size), weights, batch_size=size, format="png")
    for name in ("a.png", "b.png", "c.png", "sub/a.png", "sub/d.png"):
        with Image.open(tmp_path / "1" / name) as one, Image.open(tmp_path / "16" / name) as many:
            pairs = zip(one.convert("RGB").tobytes(), many.convert("RGB").tobytes(), strict=True)
            assert max(abs(a - b) for a, b in pairs) <= 1


def test_a_second_run_does_nothing_and_finishes_what_is_missing(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    out = tmp_path / "out"
    go(pictures, out, weights)
    first = tree(out)
    assert go(pictures, out, weights).skipped == 5
    (out / "c.png").unlink()
    report = go(pictures, out, weights)
    assert (report.done, report.skipped) == (1, 4)
    assert tree(out) == first


@pytest.mark.parametrize(
    "change",
    [
        {"spec": "brown"},
        {"spec": "blond=0.5"},
        {"strength": 2.0},
        {"quality": 50},
        {"size": "source"},
        {"rest_off": True},
    ],
)
def test_outputs_of_other_settings_are_not_taken_for_done(
    pictures: Path, tmp_path: Path, weights: Path, change: dict[str, Any]
) -> None:
    out = tmp_path / "out"
    go(pictures / "b.jpg", out, weights)
    assert go(pictures / "b.jpg", out, weights, **change).done == 1
    assert go(pictures / "b.jpg", out, weights, **change).skipped == 1


def test_outputs_of_other_weights_pictures_or_labels_are_not_taken_for_done(
    pictures: Path, tmp_path: Path, weights: Path, other_weights: Path
) -> None:
    out, picture = tmp_path / "out", pictures / "a.png"
    go(picture, out, weights)
    assert go(picture, out, other_weights).done == 1
    assert go(pictures / "sub/a.png", out, other_weights).done == 1
    labels = tmp_path / "labels.csv"
    for value in (0, 1):
        labels.write_text(f"name,Male\na.png,{value}\n")
        assert go(picture, out, weights, labels=labels).done == 1
        assert go(picture, out, weights, labels=labels).skipped == 1


def test_a_source_that_is_newer_than_its_output_is_done_again(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out, source = tmp_path / "out", pictures / "a.png"
    go(source, out, weights)
    earlier = (out / "a.png").stat().st_mtime - 60
    os.utime(out / "a.png", (earlier, earlier))
    assert go(source, out, weights).done == 1


def test_a_source_of_the_future_is_done_once(pictures: Path, tmp_path: Path, weights: Path) -> None:
    """Cameras' clocks are often wrong; another picture in its place is known by its bytes."""
    later = time.time() + 10**6
    os.utime(pictures / "a.png", (later, later))
    go(pictures / "a.png", tmp_path / "out", weights)
    assert go(pictures / "a.png", tmp_path / "out", weights).skipped == 1


def test_skip_existing_goes_by_name_and_overwrite_always_does(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    go(pictures, out, weights)
    rows: list[Row] = []
    assert go(pictures, out, weights, rows, spec="brown", existing="skip").skipped == 5
    assert {row.reason for row in rows} == {"exists"}
    assert go(pictures, out, weights, existing="overwrite").done == 5


def test_without_provenance_nothing_is_embedded_and_later_runs_go_by_name(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    out = tmp_path / "out"
    go(pictures, out, weights, provenance=False)
    assert all(read_fingerprint(out / name) is None for name in NAMES)
    assert go(pictures, out, weights, provenance=False).skipped == 5
    (out / "a.png").unlink()
    report = go(pictures, out, weights, provenance=False)
    assert (report.done, report.skipped) == (1, 4)
    assert go(pictures, out, weights, provenance=False, existing="overwrite").done == 5


def test_without_provenance_outputs_with_a_note_are_made_again(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    go(pictures, out, weights)
    report = go(pictures, out, weights, provenance=False)
    assert (report.done, report.replaced, report.skipped) == (5, 5, 0)
    assert read_fingerprint(out / "a.png") is None
    assert go(pictures, out, weights, provenance=False).skipped == 5


def labelled(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["path,Black_Hair,Blond_Hair,Brown_Hair,Male,Young", *rows]) + "\n")
    return path


def test_each_makes_an_output_per_target_in_a_folder_of_its_name(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    labels = labelled(tmp_path / "labels.csv", "a.png,1,0,0,1,1", "b.jpg,0,0,1,0,0")
    rows: list[Row] = []
    options: dict[str, Any] = {"spec": None, "each": True, "labels": labels}
    report = go([pictures / "a.png", pictures / "b.jpg"], tmp_path / "all", weights, rows, **options)
    made = ["black/a.png", "black/b.jpg", "blond/a.png", "blond/b.jpg", "brown/a.png", "brown/b.jpg"]
    assert sorted(tree(tmp_path / "all")) == [*made, "female/a.png", "male/b.jpg", "old/a.png", "young/b.jpg"]
    assert (report.done, report.skipped, report.total) == (10, 0, 10)
    shown = [row for row in rows if row.reason == SHOWN]
    places = [str(Path(row.output or "").relative_to(tmp_path / "all")) for row in shown]
    assert places == ["black/a.png", "male/a.png", "young/a.png", "brown/b.jpg", "female/b.jpg", "old/b.jpg"]
    assert [row.status for row in shown] == ["done", "skipped", "skipped", "done", "skipped", "skipped"]


def test_each_reads_what_is_to_be_turned_off_and_knows_it_again(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[Row] = []
    go(pictures, tmp_path / "out", weights, rows, spec="male=flip", each=True)
    before = tree(tmp_path / "out")
    assert len(before) == 5
    for row in rows:
        if row.status == "done":
            shows_male = (row.source_label or {})["Male"] > 0.5
            assert Path(row.output or "").relative_to(tmp_path / "out").parts[0] == ("female" if shows_male else "male")
    monkeypatch.setattr(Translator, "read_labels", None)  # nothing is read again
    again: list[Row] = []
    report = go(pictures, tmp_path / "out", weights, again, spec="male=flip", each=True)
    assert (report.done, report.skipped, report.failed) == (0, 5, 0)
    assert sorted(str(row.reason) for row in again) == [DONE_BEFORE] * 5 + [SHOWN] * 5
    assert tree(tmp_path / "out") == before


def test_an_opposite_of_other_labels_is_told_from_one_that_was_never_made(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    found = []
    for male in ("1", "-1", "-1"):
        labels, rows = labelled(tmp_path / "labels.csv", f"a.png,1,0,0,{male},1"), list[Row]()
        manifest = tmp_path / "rows"
        options: dict[str, Any] = {"spec": "male=flip", "each": True, "labels": labels, "manifest": manifest}
        go(pictures / "a.png", tmp_path / "out", weights, rows, **options)
        found.append([Path(row.output or "").parent.name for row in rows if row.stale])
    assert found == [[], ["female"], ["female"]]
    written = [Row.from_json(line) for line in manifest.read_bytes().splitlines()]
    assert {Path(row.output or "").parent.name: row.status for row in written} == {"female": "skipped", "male": "done"}
    assert not any(row.replaced for row in written)


def test_a_dry_run_names_both_folders_where_the_picture_will_say_which(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    rows: list[Row] = []
    go(pictures / "a.png", tmp_path / "out", weights, rows, spec="blond,male=flip", each=True, dry=True)
    assert [row.output for row in rows] == [f"{tmp_path}/out/blond/a.png", f"{tmp_path}/out/{{female,male}}/a.png"]


def test_each_of_values_and_words(pictures: Path, tmp_path: Path, weights: Path, tree: Tree) -> None:
    rows: list[Row] = []
    go(pictures / "a.png", tmp_path / "some", weights, rows, spec="blond,no-young", each=True)
    assert sorted(tree(tmp_path / "some")) == ["blond/a.png", "old/a.png"]
    read = (rows[0].source_label or {})["Young"]
    assert [(row.target_label or {})["Young"] for row in rows] == [float(read > 0.5), 0.0]


def test_a_picture_that_shows_already_what_was_asked_is_said(pictures: Path, tmp_path: Path, weights: Path) -> None:
    labels = labelled(tmp_path / "labels.csv", "a.png,1,0,0,1,1", "b.jpg,0,1,0,0,0", "c.png,0,1,0,1,1")
    rows: list[Row] = []
    go(pictures, tmp_path / "out", weights, rows, spec="blond,male", labels=labels, manifest=tmp_path / "rows.jsonl")
    reasons = {Path(row.source).name: row.reason for row in rows if Path(row.source).parent == pictures}
    assert reasons == {"a.png": None, "b.jpg": None, "c.png": SHOWN}
    listed = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [Path(row["source"]).name for row in listed if row["reason"] == SHOWN] == ["c.png"]
    off: list[Row] = []
    go(pictures / "c.png", tmp_path / "off", weights, off, spec="old", labels=None, rest_off=True)
    assert off[0].reason is None  # nobody said that it shows this


def test_each_variant_equals_its_own_run(pictures: Path, tmp_path: Path, weights: Path, tree: Tree) -> None:
    go(pictures, tmp_path / "each", weights, spec="brown,male", each=True)
    go(pictures, tmp_path / "brown", weights, spec="brown")
    go(pictures, tmp_path / "male", weights, spec="male")
    assert tree(tmp_path / "each/brown") == tree(tmp_path / "brown")
    assert tree(tmp_path / "each/male") == tree(tmp_path / "male")


def test_joint_weights_translate_once_for_each_set(pictures: Path, tmp_path: Path, joint: Path, tree: Tree) -> None:
    rows: list[Row] = []
    for spec in ("happy", "blond", "happy,blond"):
        assert go(pictures / "a.png", tmp_path / spec, joint, rows, spec=spec).done == 1
    assert (rows[2].target_label or {})["happy"] == 1.0
    assert (rows[2].target_label or {})["Blond_Hair"] == 1.0
    assert len({tree(tmp_path / spec)["a.png"] for spec in ("happy", "blond", "happy,blond")}) == 3


def test_a_bad_picture_is_named_and_does_not_stop_the_others(pictures: Path, tmp_path: Path, weights: Path) -> None:
    (pictures / "bad.jpg").write_bytes((pictures / "b.jpg").read_bytes()[:300])
    (pictures / "text.jpg").write_text("no picture")
    (pictures / "empty.png").touch()
    draw(pictures / "wide.png", 8, (20_000, 3))
    draw(pictures / "sp ace 'q' \"d\"\n[red].png", 9)
    (pictures / "loop").symlink_to(pictures, target_is_directory=True)
    rows: list[Row] = []
    report = go(pictures, tmp_path / "out", weights, rows)
    assert (report.done, report.failed, report.exit_code) == (7, 4, 1)
    failed = {Path(row.source).name: row.reason for row in rows if row.status == "failed"}
    assert set(failed) == {"bad.jpg", "text.jpg", "empty.png", "loop"}
    assert failed["empty.png"] == "the file is empty"
    assert failed["text.jpg"] == "not a picture in a known format"
    assert all(failed.values())
    assert (tmp_path / "out" / "sp ace 'q' \"d\"\n[red].png").is_file()


def test_an_output_that_cannot_be_placed_fails_alone(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "sub").write_text("in the way")
    rows: list[Row] = []
    report = go(pictures, out, weights, rows)
    assert (report.done, report.failed) == (3, 2)
    assert "cannot make the folder" in str(rows[-1].reason)


def test_fail_fast_stops_at_the_first_failure(pictures: Path, tmp_path: Path, weights: Path, tree: Tree) -> None:
    (pictures / "aa.png").touch()
    rows: list[Row] = []
    for number in range(200):
        draw(pictures / f"b{number}.png", number)
    report = go(pictures, tmp_path / "out", weights, rows, fail_fast=True, batch_size=1)
    assert [Path(row.source).name for row in rows][:2] == ["a.png", "aa.png"]
    assert (report.failed, report.interrupted, report.exit_code) == (1, False, 1)
    assert report.done == len(tree(tmp_path / "out")) < 100


def test_a_dry_run_writes_nothing_and_tells_what_it_would(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    out, before, changed = tmp_path / "out", tree(tmp_path), tmp_path.stat().st_mtime_ns
    rows: list[Row] = []
    options: dict[str, Any] = {"dry": True, "grid": tmp_path / "g.png", "manifest": tmp_path / "m.jsonl"}
    report = go(pictures, out, weights, rows, **options)
    assert report.done == 5
    assert [row.output for row in rows] == [str(out / name) for name in NAMES]
    assert tree(tmp_path) == before and not out.exists()
    assert tmp_path.stat().st_mtime_ns == changed  # nothing was made and removed either
    go(pictures / "a.png", out, weights)
    assert go(pictures, out, weights, dry=True).skipped == 1


def test_the_manifest_has_a_row_for_each_output(pictures: Path, tmp_path: Path, weights: Path) -> None:
    manifest = tmp_path / "rows.jsonl"
    (pictures / "empty.png").touch()
    go(pictures, tmp_path / "out", weights, manifest=manifest, spec="blond,male,young")
    go(pictures, tmp_path / "out", weights, manifest=manifest, spec="blond,male,young")
    rows = {Path(row["output"]).name: row for row in map(json.loads, manifest.read_text().splitlines())}
    assert len(manifest.read_text().splitlines()) == 6
    assert rows["empty.png"]["status"] == "failed"
    assert rows["b.jpg"]["target_label"] == {
        "Black_Hair": 0.0,
        "Blond_Hair": 1.0,
        "Brown_Hair": 0.0,
        "Male": 1.0,
        "Young": 1.0,
    }
    assert set(rows["b.jpg"]["source_label"]) == set(rows["b.jpg"]["target_label"])


def test_the_folders_of_reports_are_made_unless_the_run_is_dry(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    new = tmp_path / "new"
    names = {"grid": "grids/g.png", "gallery": "pages/p.html", "manifest": "rows/r.jsonl"}
    reports = {option: new / name for option, name in names.items()}
    go(pictures, new / "out", weights, dry=True, **reports)
    assert not new.exists()
    go(pictures, new / "out", weights, **reports)
    assert {name for name in tree(new) if not name.startswith("out/")} == set(names.values())


def test_the_grid_shows_sources_beside_results(pictures: Path, tmp_path: Path, weights: Path) -> None:
    go(pictures, tmp_path / "out", weights, grid=tmp_path / "g.png", each=True, spec="blond,male")
    go(pictures, tmp_path / "out", weights, grid=tmp_path / "again.png", each=True, spec="blond,male")
    with Image.open(tmp_path / "g.png") as sheet, Image.open(tmp_path / "out/male/a.png") as result:
        assert sheet.size == (2 * 3 * 130 + 8 - 2, 14 + 3 * 144 - 2)  # two blocks of three rows
        assert len(sheet.crop((130, 0, 258, 14)).getcolors()) > 1  # the heading
        cell = sheet.crop((260, 14, 388, 14 + 128))
        assert cell.tobytes() == result.convert("RGB").resize((128, 128), Image.Resampling.BILINEAR).tobytes()
    assert (tmp_path / "g.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_the_grid_names_its_only_target(pictures: Path, tmp_path: Path, weights: Path) -> None:
    for spec in ("blond", "male"):
        go(pictures / "a.png", tmp_path / spec, weights, grid=tmp_path / f"{spec}.png", spec=spec)
    headings = []
    for spec in ("blond", "male"):
        with Image.open(tmp_path / f"{spec}.png") as sheet:
            headings.append(sheet.crop((130, 0, 258, 14)).tobytes())
    assert headings[0] != headings[1]


def test_a_row_that_two_pictures_share_is_said_of_the_second(pictures: Path, tmp_path: Path, weights: Path) -> None:
    rows: list[Row] = []
    labels = labelled(tmp_path / "labels.csv", "a.png,0,0,1,1,0", "b.jpg,0,0,1,1,0")
    go([pictures / "b.jpg", pictures / "sub", pictures / "a.png"], tmp_path / "out", weights, rows, labels=labels)
    said = {str(Path(row.source).relative_to(pictures)): row.reason for row in rows}
    shared = "labelled by a row of labels.csv that names another picture too"
    assert (said["b.jpg"], said["sub/a.png"], said["a.png"]) == (None, None, shared)
    with labels.open("a") as file:
        file.write("sub/a.png,1,0,0,1,0\n")
    rows.clear()
    go(pictures, tmp_path / "whole", weights, rows, labels=labels)
    assert shared not in {row.reason for row in rows}


def test_a_picture_that_the_labels_file_leaves_out_is_read_and_said(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("name,Male,Young\na.png,1,0\n")
    rows: list[Row] = []
    go([pictures / "a.png", pictures / "b.jpg"], tmp_path / "out", weights, rows, labels=labels)
    assert (rows[0].source_label or {})["Male"] == 1.0
    assert rows[0].reason is None
    assert rows[1].reason == "not in labels.csv: its labels were read by the discriminator"
    source, target = rows[1].source_label or {}, rows[1].target_label or {}
    assert source.keys() == target.keys()
    assert all(0.0 <= value <= 1.0 for value in source.values())
    assert target["Male"] == (source["Male"] > 0.5)


@pytest.mark.parametrize("name", ["g.ppm", "in/a.png/g.png"])
def test_a_grid_that_cannot_be_written_is_refused_before_the_work(
    pictures: Path, tmp_path: Path, weights: Path, name: str
) -> None:
    with pytest.raises(UsageError, match=r"--grid|a\.png is no folder"):
        go(pictures, tmp_path / "out", weights, grid=tmp_path / name)
    assert not (tmp_path / "out").exists()


def test_sources_are_never_replaced_unless_in_place_is_asked_for(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    before = tree(pictures)
    with pytest.raises(UsageError, match="holds the inputs"):
        go(pictures, pictures, weights)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/a.png").symlink_to(pictures / "a.png")
    rows: list[Row] = []
    report = go(tmp_path / "links", pictures, weights, rows)
    assert (report.done, report.failed) == (0, 1)
    assert rows[0].reason == "its output would replace it"
    assert tree(pictures) == before


def test_in_place_replaces_each_picture_once(
    pictures: Path, weights: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(pictures)
    (pictures / "a.png").chmod(0o600)
    draw(pictures / "e.ppm", 3)
    rows: list[Row] = []
    report = go(pictures, pictures, weights, rows, in_place=True)
    assert (report.done, report.failed) == (5, 1)
    assert [row.reason for row in rows if row.status == "failed"] == [
        ".ppm files cannot be written, so it cannot be replaced: give another --out, without --in-place"
    ]
    after = tree(pictures)
    assert all(after[name] != data for name, data in before.items())
    assert set(after) - set(before) == {"e.ppm"}
    monkeypatch.setattr("stargan_cli.translate.done_before.PIXELS_VERSION", 10**6)  # of a later version
    assert go(pictures, pictures, weights, in_place=True).skipped == 5
    assert tree(pictures) == after
    assert os.name == "nt" or (pictures / "a.png").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "frames.webp"])
def test_in_place_keeps_exif_and_does_so_once(suffix: str, tmp_path: Path, weights: Path) -> None:
    path, exif = draw(tmp_path / "in" / f"a.{suffix}", 1), Image.Exif()
    exif.update({0x010F: "Maker", 0x0132: "2024:05:06 07:08:09"})
    exif.get_ifd(0x8825)[1] = "N"
    with Image.open(path) as image:
        image.load()
        more = {"save_all": True, "append_images": [image.rotate(90)]} if "frames" in suffix else {}
        image.save(path, exif=exif, **more)
    before, gps = path.read_bytes(), {} if suffix == "tiff" else {1: "N"}  # which Pillow does not write into TIFF
    assert go(tmp_path / "in", tmp_path / "in", weights, in_place=True, size="source").replaced == 1
    assert path.read_bytes() != before
    with Image.open(path) as image:
        kept = image.getexif()
        assert (kept.get(0x010F), kept.get(0x0132)) == ("Maker", "2024:05:06 07:08:09")
        assert kept.get_ifd(0x8825) == gps
    assert go(tmp_path / "in", tmp_path / "in", weights, in_place=True, size="source").skipped == 1


def test_in_place_is_refused_for_anything_else(pictures: Path, tmp_path: Path, weights: Path) -> None:
    with pytest.raises(UsageError, match="--in-place is for one folder"):
        go(pictures, tmp_path / "out", weights, in_place=True)
    with pytest.raises(UsageError, match="not with --each or --format"):
        go(pictures, pictures, weights, in_place=True, format="png")
    with pytest.raises(UsageError, match="not with --no-provenance"):  # the next run would translate them twice
        go(pictures, pictures, weights, in_place=True, provenance=False)


def test_an_output_folder_inside_the_input_is_not_read(pictures: Path, weights: Path) -> None:
    go(pictures, pictures / "out", weights)
    report = go(pictures, pictures / "out", weights)
    assert (report.total, report.skipped) == (5, 5)


def foreign_things(out: Path) -> dict[str, bytes]:
    """Whatever may stand at the outputs' places and is not ours: by name what must still be there."""
    out.mkdir()
    draw(out / "a.png", 99)
    (out / "b.jpg").write_bytes((out / "a.png").read_bytes()[:50])
    (out / "precious.txt").write_bytes(b"precious")
    (out / "c.png").symlink_to("precious.txt")
    (out / "sub/a.png").mkdir(parents=True)
    (out / "sub/a.png/kept.txt").write_bytes(b"kept")
    (out / "sub/d.webp").symlink_to("nowhere")
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_what_stargan_did_not_write_is_left_alone_and_said(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    before = foreign_things(out)
    rows: list[Row] = []
    report = go(pictures, out, weights, rows, manifest=tmp_path / "m.jsonl")
    assert (report.done, report.skipped, report.failed) == (0, 4, 1)
    folder = f"a folder is in the way of its output {out}/sub/a.png"
    assert {(row.status, row.reason) for row in rows} == {("skipped", FOREIGN), ("failed", folder)}
    assert {name: (out / name).read_bytes() for name in before} == before
    assert (out / "c.png").is_symlink() and (out / "sub/d.webp").is_symlink()
    assert go(pictures, out, weights, dry=True).skipped == 4
    rows = []
    report = go(pictures, out, weights, rows, existing="overwrite")
    assert (report.done, report.failed) == (4, 1)
    assert [row.reason for row in rows if row.status == "failed"] == [folder]
    assert (out / "precious.txt").read_bytes() == b"precious"
    assert go(pictures, out, weights).skipped == 4


def test_a_fifo_at_an_outputs_place_is_not_waited_for(pictures: Path, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out/a.png")
    report = go(pictures / "a.png", tmp_path / "out", weights)
    assert (report.done, report.skipped) == (0, 1)


def test_files_that_hold_nothing_of_their_own_are_replaced(pictures: Path, tmp_path: Path, weights: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").touch()
    (out / "b.jpg").write_bytes((pictures / "b.jpg").read_bytes())
    (out / "c.png").write_bytes((pictures / "c.png").read_bytes()[:-1] + b"x")
    report = go(pictures, out, weights)
    assert (report.done, report.skipped) == (4, 1)
    assert read_fingerprint(out / "c.png") is None


def test_links_to_outputs_are_known_and_replaced_without_what_they_lead_to(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    out, store = tmp_path / "out", tmp_path / "store.png"
    go(pictures / "a.png", out, weights)
    (out / "a.png").rename(store)
    (out / "a.png").symlink_to(store)
    assert go(pictures / "a.png", out, weights).skipped == 1
    before = store.read_bytes()
    assert go(pictures / "a.png", out, weights, spec="brown").done == 1
    assert store.read_bytes() == before and not (out / "a.png").is_symlink()


@pytest.mark.parametrize(("option", "name"), [("grid", "g.png"), ("grid", "g.bmp"), ("gallery", "g.html")])
def test_overviews_replace_overviews_alone(
    option: str, name: str, pictures: Path, tmp_path: Path, weights: Path
) -> None:
    place = tmp_path / name
    options: dict[str, Any] = {option: place, "provenance": False}
    for _ in range(2):
        go(pictures, tmp_path / "out", weights, **options)
    sheet = place.read_bytes()
    place.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is there already") as caught:
        go(pictures, tmp_path / "out", weights, **options)
    assert "--overwrite replaces it" in str(caught.value.hint)
    assert place.read_bytes() == b"precious"
    go(pictures, tmp_path / "out", weights, existing="overwrite", **options)
    assert place.read_bytes() == sheet


def test_overviews_in_an_input_folder_are_no_pictures_of_it(pictures: Path, weights: Path) -> None:
    options: dict[str, Any] = {"grid": pictures / "sub" / "sheet.png", "gallery": pictures / "page.html"}
    for _ in range(2):
        report = go(pictures, pictures / "out", weights, gallery_assets=True, **options)
    assert (pictures / "page-assets").is_dir()
    assert (report.skipped, report.total) == (5, 5)


def test_what_an_overview_shows_of_outputs_says_that_it_is_generated(
    pictures: Path, tmp_path: Path, weights: Path
) -> None:
    overviews: dict[str, Any] = {"grid": tmp_path / "sheet.png", "gallery": tmp_path / "page.html"}
    go(pictures, tmp_path / "out", weights, gallery_assets=True, **overviews)
    copies = list((tmp_path / "page-assets").iterdir())
    assert {path.name for path in copies if is_generated(path)} == {f"{n:06d}-after.jpg" for n in range(5)}
    assert is_generated(tmp_path / "sheet.png") and len(copies) == 10


def test_an_overview_does_not_take_an_outputs_place(pictures: Path, tmp_path: Path, weights: Path, tree: Tree) -> None:
    go(pictures, tmp_path / "plain", weights)
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="would replace an output"):
        go(pictures, tmp_path / "out", weights, grid=tmp_path / "out" / "c.png")
    for name, data in tree(tmp_path / "out").items():
        assert data == tree(tmp_path / "plain")[name]


def test_ctrl_c_ends_with_whole_files_and_the_next_run_finishes(
    pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    def interrupt(row: Row) -> None:
        raise KeyboardInterrupt

    settings = TranslationSettings(spec="blond", weights=str(weights), precision="fp32", batch_size=1)
    report = translate([pictures], tmp_path / "out", settings, Run(grid=tmp_path / "g.png"), on_row=interrupt)
    assert report.interrupted and report.exit_code == 130
    assert not (tmp_path / "g.png").exists()
    assert all(read_fingerprint(path) for path in (tmp_path / "out").rglob("*.*"))
    go(pictures, tmp_path / "out", weights, batch_size=1)
    go(pictures, tmp_path / "again", weights)
    assert tree(tmp_path / "out") == tree(tmp_path / "again")


def test_a_stop_leaves_no_output_without_its_row(tmp_path: Path, weights: Path, tree: Tree) -> None:
    for number in range(200):
        draw(tmp_path / f"in/{number:03}.png", number)
    rows: list[Row] = []
    settings = TranslationSettings(spec="blond", weights=str(weights), precision="fp32", batch_size=2)
    report = translate(
        [tmp_path / "in"], tmp_path / "out", settings, Run(manifest=tmp_path / "m.jsonl"),
        on_row=rows.append, stop=lambda: len(rows) >= 5,
    )  # fmt: skip
    assert report.interrupted and report.exit_code == 130
    written = {str(tmp_path / "out" / name) for name in tree(tmp_path / "out")}
    noted = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert {row["output"] for row in noted} == written
    assert {row["status"] for row in noted} == {"done"} and all(row["target_label"] for row in noted)
    assert 5 <= len(written) < 100


def test_a_stop_is_seen_while_the_search_finds_nothing(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def find(*arguments: Any) -> Iterator[Found]:
        stop = arguments[-1]
        begun.set()
        while not stop():
            time.sleep(0.01)
        ended.set()
        yield from ()

    monkeypatch.setattr("stargan_cli.translate.run.find", find)
    settings = TranslationSettings(spec="blond", weights=str(weights), precision="fp32")
    report = translate([tmp_path], tmp_path / "out", settings, Run(), stop=begun.is_set)
    assert report.interrupted and ended.wait(30)


def test_a_run_that_is_stopped_leaves_the_unfinished_files_of_a_killed_one_to_the_next(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, answered, out = threading.Event(), threading.Event(), tmp_path / "out"

    def walk(root: Path) -> Iterator[Any]:
        listing.set()
        answered.wait(30)
        yield from ()

    out.mkdir()
    (out / ".stargan.lock").write_text("4")
    (out / ".a.png.4.tmp").touch()
    settings = TranslationSettings(spec="blond", weights=str(weights), precision="fp32")
    with monkeypatch.context() as patch:
        patch.setattr("stargan_cli.translate.outputs.folder.os.walk", walk)
        report = translate([pictures], out, settings, Run(), stop=listing.is_set)
        answered.set()
    assert report.interrupted and report.total == 0 and (out / ".a.png.4.tmp").exists()
    translate([pictures], out, settings, Run())
    assert list(out.glob(".*")) == []


def test_only_one_run_writes_into_a_folder(pictures: Path, tmp_path: Path, weights: Path) -> None:
    from stargan_cli.translate.outputs.folder import OutputFolder

    with OutputFolder(tmp_path / "out"), pytest.raises(UsageError, match="another run is writing"):
        go(pictures, tmp_path / "out", weights)


def test_numbers_that_are_none_fail_their_picture_alone(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stargan_cli.model import Generator

    original = Generator.translate

    def poisoned(self: Generator, x: Any, c: Any) -> Any:
        out = original(self, x, c)
        image = out.image.clone()
        image[1] = float("nan")
        return out._replace(image=image)

    monkeypatch.setattr(Generator, "translate", poisoned)
    rows: list[Row] = []
    report = go(pictures, tmp_path / "out", weights, rows, batch_size=5, workers=1)
    assert (report.done, report.failed) == (4, 1)
    assert "try --precision fp32" in str(rows[1].reason)


def test_labels_that_are_no_numbers_fail_their_picture_alone(
    pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Translator.read_labels

    def poisoned(self: Translator, pixels: Tensor) -> Tensor:
        logits = original(self, pixels).clone()
        logits[1] = float("nan")
        return logits

    monkeypatch.setattr(Translator, "read_labels", poisoned)
    rows: list[Row] = []
    report = go(pictures, tmp_path / "out", weights, rows, batch_size=5, workers=1)
    assert (report.done, report.failed) == (4, 1)
    assert rows[1].reason == "the network's output has NaN or infinite values: try --precision fp32"


@pytest.mark.parametrize(
    "options",
    [{"spec": None}, {"spec": "x", "format": "ppm"}, {"spec": "x", "size": "large"}, {"spec": "x", "quality": 0}],
)
def test_settings_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TranslationSettings(**options)
