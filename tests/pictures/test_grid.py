"""Grids of pictures: what stands where."""

from __future__ import annotations

from PIL import Image

from stargan_cli.pictures.grid import BACKGROUND, Grid, draw_grid, plain_grid

COLOURS = ("red", "lime", "blue", "black", "yellow")


def row(count: int, first: int = 0) -> list[Image.Image]:
    return [Image.new("RGB", (8, 6), COLOURS[(first + number) % 5]) for number in range(count)]


def test_rows_stand_below_one_another_without_gaps() -> None:
    sheet = plain_grid([row(3), row(2, 3)])
    assert sheet.size == (24, 12)
    found = [sheet.getpixel((8 * x + 4, 6 * y + 3)) for y in (0, 1) for x in (0, 1, 2)]
    assert found == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 0), BACKGROUND]


def test_gaps_blocks_and_places_for_headings() -> None:
    grid = Grid(3, 2, 8, 6, gap=2, blocks=2, top=14)
    sheet = draw_grid(grid, [row(2), [None, *row(1)], row(2)])
    assert sheet.size == (2 * (2 * 10 + 8) - 10, 14 + 2 * 8 - 2)
    assert sheet.getpixel((28 + 4, 14 + 3)) == (255, 0, 0), "the third row begins the second block"
    assert sheet.getpixel((8, 14 + 3)) == sheet.getpixel((4, 14 + 8 + 3)) == BACKGROUND
    assert sheet.getpixel((10 + 4, 14 + 8 + 3)) == (255, 0, 0)
    assert list(grid.headings()) == [(0, (2, 0)), (1, (12, 0)), (0, (30, 0)), (1, (40, 0))]
