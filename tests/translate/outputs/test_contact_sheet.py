"""The grid: columns under their headings, in a font that has the letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from translation_kit import draw

from stargan_cli.translate.outputs import fonts
from stargan_cli.translate.outputs.contact_sheet import GAP, LINE_HEIGHT, ContactSheet
from stargan_cli.translate.outputs.contact_sheet import SMALLEST_CELL as CELL

STEP = CELL + GAP


def ink(sheet: Path, column: int) -> int:
    """How many colours a heading has."""
    with Image.open(sheet) as image:
        heading = image.convert("RGB").crop((column * STEP, 0, column * STEP + CELL, LINE_HEIGHT))
        return len(heading.getcolors())


def test_a_picture_stands_in_the_column_of_its_folder(tmp_path: Path) -> None:
    source, result = draw(tmp_path / "in" / "a.png", 1), draw(tmp_path / "out" / "old" / "a.png", 2, (CELL, CELL))
    sheet = ContactSheet([("young", tmp_path / "out" / "young"), ("old", tmp_path / "out" / "old")])
    sheet.add(source, result)
    sheet.add(draw(tmp_path / "in" / "b.png", 1), draw(tmp_path / "out" / "young" / "b.png", 3))
    sheet.save(tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image, Image.open(result) as expected:
        cells = [
            image.convert("RGB").crop((STEP * n, LINE_HEIGHT, STEP * n + CELL, LINE_HEIGHT + CELL)) for n in (1, 2)
        ]
        assert cells[0].getcolors() == [(CELL * CELL, (255, 255, 255))]
        assert cells[1].tobytes() == expected.convert("RGB").tobytes()


def test_cells_are_as_large_as_most_pictures_and_sources_are_named(tmp_path: Path) -> None:
    sheet = ContactSheet([("old", tmp_path / "out")])
    for name in ("a", "b", "c"):
        sheet.add(draw(tmp_path / f"{name}.png", 1, (200, 160)), draw(tmp_path / "out" / f"{name}.png", 2, (200, 160)))
    sheet.save(tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        assert image.size == (2 * (200 + GAP) - GAP, LINE_HEIGHT + 3 * (200 + LINE_HEIGHT + GAP) - GAP)
        top, end = LINE_HEIGHT + 200, LINE_HEIGHT + 200 + LINE_HEIGHT
        name, nothing = (image.convert("RGB").crop((left, top, left + 200, end)) for left in (0, 202))
        assert len(name.getcolors()) > 1
        assert len(nothing.getcolors()) == 1


def test_a_column_without_a_picture_is_left_out(tmp_path: Path) -> None:
    sheet = ContactSheet([(name, tmp_path / "out" / name) for name in ("young", "old")])
    sheet.add(draw(tmp_path / "a.png", 1), draw(tmp_path / "out" / "old" / "a.png", 2))
    sheet.save(tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        assert image.width == 2 * STEP - GAP
    assert ink(tmp_path / "g.png", 1) > 1


def test_pictures_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    sheet = ContactSheet([("old", tmp_path / "out")])
    for folder in ("a", "b" * 60 + "/b"):
        name = f"{folder}/x.png"
        sheet.add(draw(tmp_path / name, 1, (CELL, CELL)), draw(tmp_path / "out" / name, 1, (CELL, CELL)))
    sheet.save(tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as image:
        step = CELL + LINE_HEIGHT + GAP
        tops = [LINE_HEIGHT + CELL + step * row for row in (0, 1)]
        first, second = (image.convert("RGB").crop((0, top, CELL, top + LINE_HEIGHT)) for top in tops)
        assert first.tobytes() != second.tobytes()
        assert len(second.getcolors()) > 1


@pytest.mark.parametrize("text", ["улыбка", "微笑", "ابتسامة", "old", "a\nb", "\udc80"])
def test_headings_of_every_script_are_drawn(tmp_path: Path, text: str) -> None:
    sheet = ContactSheet([(text, tmp_path / "out")])
    sheet.add(draw(tmp_path / "a.png", 1), draw(tmp_path / "out" / "a.png", 2))
    sheet.save(tmp_path / "g.png")
    assert ink(tmp_path / "g.png", 1) > 1
    assert ink(tmp_path / "g.png", 0) == 1


def test_a_long_heading_ends_with_its_cell(tmp_path: Path) -> None:
    sheet = ContactSheet([("x" * 200, tmp_path / "out"), (" ", tmp_path / "other")])
    source = draw(tmp_path / "a.png", 1)
    for folder in ("out", "other"):
        sheet.add(source, draw(tmp_path / folder / "a.png", 2))
    sheet.save(tmp_path / "g.png")
    assert ink(tmp_path / "g.png", 2) == 1


def test_without_a_font_that_has_the_letters_they_are_written_as_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts.system_fonts.cache_clear()
    try:
        assert fonts.font_for("old 微笑")[1] == r"old \u5fae\u7b11"
        assert fonts.font_for("old")[1] == "old"
    finally:
        fonts.system_fonts.cache_clear()


def test_fonts_that_cannot_be_read_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    monkeypatch.setattr(fonts, "FOLDERS", (str(tmp_path),))
    fonts.system_fonts.cache_clear()
    try:
        assert fonts.system_fonts() == (str(tmp_path / "broken.ttf"),)
        assert fonts.font_for("微")[1] == r"\u5fae"
    finally:
        fonts.system_fonts.cache_clear()
