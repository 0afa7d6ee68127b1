"""`--overwrite` lets no report of a run replace what the run reads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from translation_kit import draw, make_weights

from stargan_cli.errors import UsageError
from stargan_cli.translate.run import Run, translate
from stargan_cli.translate.settings import TranslationSettings


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with pictures, weights and labels, each of which a report could be called like."""
    make_weights(tmp_path / "w.png")
    shutil.copy(tmp_path / "w.png", tmp_path / "w.html")
    draw(tmp_path / "in" / "a.png", 1)
    draw(tmp_path / "in" / "sub" / "b.png", 2)
    (tmp_path / "in" / "page.html").write_text("mine")
    (tmp_path / "labels.html").write_text("path,Male\na.png,1\n")
    (tmp_path / "labels.png").write_text("path,Male\na.png,1\n")
    draw(tmp_path / "linked.png", 3)
    (tmp_path / "in" / "link.png").symlink_to("../linked.png")
    return tmp_path


def go(place: Path, weights: str, labels: Path | None = None, **run: Any) -> None:
    settings = TranslationSettings("blond", weights=weights, labels=labels, existing="overwrite", device="cpu")
    translate([place / "in"], place / "out", settings, Run(**run))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("option", "name", "weights"),
    [
        ("grid", "in/a.png", "w.html"),
        ("grid", "in/sub/../a.png", "w.html"),
        ("grid", "in/sub/b.png", "w.html"),
        ("grid", "w.png", "w.png"),
        ("grid", "labels.png", "w.html"),
        ("gallery", "in/page.html", "w.png"),
        ("gallery", "w.html", "w.html"),
        ("gallery", "labels.html", "w.png"),
        ("manifest", "in/a.png", "w.png"),
        ("manifest", "w.html", "w.html"),
        ("manifest", "labels.png", "w.png"),
        ("grid", "linked.png", "w.html"),
    ],
)
def test_a_report_does_not_replace_an_input(option: str, name: str, weights: str, place: Path) -> None:
    labels = place / "labels.png" if name == "labels.png" else place / "labels.html"
    before = contents(place)
    with pytest.raises(UsageError, match=f"--{option} .* would replace an input"):
        go(place, str(place / weights), labels, **{option: place / name})
    found = contents(place)
    assert {name: found[name] for name in before} == before


def test_a_manifest_may_not_be_the_labels_that_are_read(place: Path) -> None:
    rows = place / "rows.jsonl"
    go(place, str(place / "w.png"), manifest=rows)
    before = rows.read_bytes()
    with pytest.raises(UsageError, match="--manifest .* would replace an input"):
        go(place, str(place / "w.png"), rows, manifest=rows)
    assert rows.read_bytes() == before


def test_a_file_that_the_run_does_not_read_is_replaced(place: Path) -> None:
    (place / "old.png").write_bytes(b"old")
    go(place, str(place / "w.png"), grid=place / "old.png", gallery=place / "page.html")
    assert (place / "old.png").read_bytes().startswith(b"\x89PNG")
    assert (place / "page.html").exists()
