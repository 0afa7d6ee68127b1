"""`translate` and a power cut: the user's own pictures and the outputs are whole, whenever it comes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
from power_cut import ForgetfulDisk, forgetful_disk, on_linux
from tars_kit import pack
from translation_kit import draw, make_weights

from stargan_cli.translate.report import Row
from stargan_cli.translate.run import Run, translate
from stargan_cli.translate.settings import TranslationSettings

pytestmark = on_linux
NAMES = ("a.png", "b.jpg", "sub/c.png", "sub/d.webp", "sub/deeper/e.bmp", "f.tif")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number, name in enumerate(NAMES):
        draw(tmp_path / "disk" / "in" / name, number)
    return tmp_path / "disk" / "in"


def settings(weights: str) -> TranslationSettings:
    return TranslationSettings("male", weights=weights, device="cpu", batch_size=2, workers=2)


def contents(disk: ForgetfulDisk, name: str) -> set[bytes | None]:
    """What may lie there after a power cut at any moment; None where nothing lies there."""
    return {tree.get(name) for cut in disk.cuts for tree in (cut.eager, cut.lazy)}


def test_in_place_each_picture_is_the_users_or_the_result_whole(pictures: Path, weights: str) -> None:
    before = {name: (pictures / name).read_bytes() for name in NAMES}
    with forgetful_disk(pictures) as disk:
        assert translate([pictures], pictures, settings(weights), Run(in_place=True)).done == len(NAMES)
    for name in NAMES:
        after = (pictures / name).read_bytes()
        assert after != before[name]
        assert contents(disk, name) == {before[name], after}
        assert disk.cuts[-1].lazy[name] == after, "a run that has ended is on the disk"


@pytest.mark.parametrize("way", ["eager", "lazy"])
def test_after_a_power_cut_the_same_command_finishes_what_is_missing(
    way: Literal["eager", "lazy"], pictures: Path, weights: str, tmp_path: Path
) -> None:
    place = pictures.parent
    pack(pictures / "g.tar", {"x.png": (pictures / "a.png").read_bytes()})
    run = Run(manifest=place / "rows.jsonl")
    with forgetful_disk(place) as disk:
        assert translate([pictures], place / "out", settings(weights), run).exit_code == 0
    results = [f"out/{name}" for name in (*NAMES, "g.tar")]
    wanted = {name: (place / name).read_bytes() for name in results}
    for name in results:
        assert contents(disk, name) == {None, wanted[name]}
    assert all(disk.cuts[-1].lazy[name] == data for name, data in wanted.items())
    assert disk.cuts[-1].lazy["rows.jsonl"] == (place / "rows.jsonl").read_bytes()
    for number, cut in enumerate(disk.cuts[::7]):
        found = cut.found_in(tmp_path / f"cut-{number}", way)
        os.rename(place, tmp_path / "away")
        os.rename(found, place)
        report = translate([pictures], place / "out", settings(weights), run)
        assert report.exit_code == 0
        assert {name: (place / name).read_bytes() for name in results} == wanted
        noted = [Row.from_json(line).source for line in (place / "rows.jsonl").read_bytes().splitlines()]
        assert len(set(noted)) == len(noted)
        assert {str(pictures / name) for name in NAMES} <= set(noted)
        assert sorted(path.name for path in place.rglob(".*")) == []
        os.rename(place, tmp_path / f"done-{number}")
        os.rename(tmp_path / "away", place)
