"""Lay out pictures of one size in rows and columns of one large picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

BACKGROUND = (255, 255, 255)


@dataclass(frozen=True)
class Grid:
    """The layout of `rows` rows of `columns` pictures, each `width` x `height` px, `gap` px apart.

    The rows are split into `blocks` side by side. Above each block, `top` px are left for headings.
    """

    rows: int
    columns: int
    width: int
    height: int
    gap: int = 0
    blocks: int = 1
    top: int = 0

    @property
    def lines(self) -> int:
        """Rows of a block."""
        return -(-self.rows // self.blocks)

    @property
    def size(self) -> tuple[int, int]:
        return self._left(self.blocks, 0) - 5 * self.gap, self._top(self.lines) - self.gap

    def place(self, row: int, column: int) -> tuple[int, int]:
        """The upper left corner of a picture (px)."""
        block, line = divmod(row, self.lines)
        return self._left(block, column), self._top(line)

    def headings(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield each column's number in each block, and where its heading begins (px)."""
        for block in range(self.blocks):
            for column in range(self.columns):
                yield column, (self._left(block, column) + self.gap, 0)

    def _left(self, block: int, column: int) -> int:
        return block * (self.columns * (self.width + self.gap) + 4 * self.gap) + column * (self.width + self.gap)

    def _top(self, line: int) -> int:
        return self.top + line * (self.height + self.gap)


def draw_grid(grid: Grid, rows: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """Return the large picture (RGB). A picture that is None, or missing at the end of a row, leaves white."""
    sheet = Image.new("RGB", grid.size, BACKGROUND)
    for number, row in enumerate(rows):
        for column, picture in enumerate(row):
            if picture is not None:
                sheet.paste(picture, grid.place(number, column))
    return sheet


def plain_grid(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Return pictures of one size as a grid without gaps. A shorter row ends in white."""
    return draw_grid(Grid(len(rows), max(map(len, rows)), *rows[0][0].size), rows)
