"""A contact sheet: each source beside its results, on one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageOps

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.files.writable import require_file
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.encoding import encode
from stargan_cli.pictures.formats import FALLBACK, written_by_name
from stargan_cli.pictures.grid import BACKGROUND, Grid, draw_grid
from stargan_cli.pictures.output_pixels import OutputPixels
from stargan_cli.pictures.provenance import Note, read_fingerprint
from stargan_cli.pictures.reading import MAX_PIXELS, Wanted, opened_picture, read_picture
from stargan_cli.pictures.save_options import Extras
from stargan_cli.progress import Say, told, unheard
from stargan_cli.translate.outputs.fonts import font_for

CONTACT_SHEET = "contact-sheet"
SMALLEST_CELL, LARGEST_CELL = 128, 256
GAP, LARGEST = 2, 100
SAMPLED = 20  # sources whose sizes, with those of their results, set the size of cells
LINE_HEIGHT = 14
INK = (0, 0, 0)


class ContactSheet:
    """Collects pairs of source and output, and draws the first LARGEST sources: one row for each, with the source in
    the first column and its results in the others. The side of a cell is the median of the pictures' longer sides
    (SMALLEST_CELL..LARGEST_CELL px). If there are few columns, several blocks of rows are side by side.
    `columns` are the headings of the columns of results with the folders of their pictures; a column without a picture
    is left out. A row has the name of its first output below that folder. Cells of pictures with more than `max_pixels`
    stay empty. `note` is written into the sheet's metadata. Its fingerprint, CONTACT_SHEET, tells `require_sheet` that
    a sheet may be replaced."""

    def __init__(
        self,
        columns: Sequence[tuple[str, Path]],
        note: Note | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._note, self._max_pixels = note, max_pixels
        self._headings = ("", *(heading for heading, _ in columns))
        self._folders = [folder for _, folder in columns]
        self._rows: dict[Path, dict[int, Path]] = {}
        self._names: dict[Path, str] = {}

    def add(self, source: Path, output: Path) -> None:
        if source in self._rows or len(self._rows) < LARGEST:
            below = ((n, folder) for n, folder in enumerate(self._folders, 1) if output.is_relative_to(folder))
            column, folder = next(below, (1, output.parent))
            self._rows.setdefault(source, {0: source})[column] = output
            self._names.setdefault(source, output.relative_to(folder).as_posix())

    def save(self, path: Path, tell: Say = unheard) -> None:
        """Write the sheet, in the format of the path's extension. Does nothing if no pair was added. `tell` is called
        before each picture; what it raises leaves `path` as it was."""
        if self._rows:
            format, extras = written_by_name(path.name) or FALLBACK, Extras(note=self._note)
            data = encode(OutputPixels(self._draw(tell, f"writing {path.name}"), None), format, extras)
            with replacing(path) as file:
                file.write(data)

    def _draw(self, tell: Say, doing: str) -> Image.Image:
        used = sorted({column for row in self._rows.values() for column in row})
        columns, rows = len(used), len(self._rows)
        blocks = max(1, min(8 // columns, -(-rows // 4)))
        sampled = [path for row in list(self._rows.values())[:SAMPLED] for path in row.values()]
        side = _cell_side(sampled, self._max_pixels)
        grid = Grid(rows, columns, side, side + LINE_HEIGHT, GAP, blocks, LINE_HEIGHT)
        found = [row.get(column) for row in self._rows.values() for column in used]
        cells = [self._cell(path, side) if path else None for path in told(found, tell, doing, len(found))]
        sheet = draw_grid(grid, [cells[row * columns : (row + 1) * columns] for row in range(rows)])
        draw = ImageDraw.Draw(sheet)
        for column, place in grid.headings():
            _write(draw, place, self._headings[used[column]], side)
        for number, source in enumerate(self._rows):
            left, top = grid.place(number, 0)
            _write(draw, (left, top + side), self._names[source], side, keep_end=True)
        return sheet

    def _cell(self, path: Path, side: int) -> Image.Image:
        """The whole picture, fitted into a cell; an empty cell if it cannot be read any more."""
        try:
            picture = read_picture(path, max_pixels=self._max_pixels)
        except PictureError:
            return Image.new("RGB", (side, side), BACKGROUND)
        return ImageOps.pad(picture.image, (side, side), Image.Resampling.BILINEAR, BACKGROUND)


def _cell_side(pictures: Sequence[Path], max_pixels: int) -> int:
    """The median of the pictures' longer sides, within SMALLEST_CELL..LARGEST_CELL (px)."""
    sides = [max(size) for size in (_size(path, max_pixels) for path in pictures) if size is not None]
    return min(LARGEST_CELL, max(SMALLEST_CELL, round(median(sides)))) if sides else SMALLEST_CELL


def _size(path: Path, max_pixels: int) -> tuple[int, int] | None:
    """The size from the file's header, as pixels are decoded only once, for their cell. None if it cannot be read."""
    try:
        with opened_picture(path, Wanted(max_pixels=max_pixels)) as (_, image):
            return image.size
    except PictureError:
        return None


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, width: int, keep_end: bool = False) -> None:
    """Draw a heading or a name, cut to the width of its cell (px)."""
    font, text = font_for(text)
    shown, length = text, len(text)
    while length > 1 and font.getlength(shown) > width - GAP:
        length -= 1
        shown = f"...{text[-length:]}" if keep_end else f"{text[:length]}..."
    draw.text(place, shown, INK, font)


def require_sheet(path: Path, inputs: Iterable[Path], overwrite: bool) -> None:
    """Raises UsageError where a sheet cannot be written there (see `writable.require_file`)."""
    if written_by_name(path.name) is None:
        raise UsageError(f"--grid {path}: not a picture format that can be written", "name it something.png or .jpg")
    require_file(path, "--grid", inputs=inputs, own=_is_sheet, overwrite=overwrite)


def _is_sheet(path: Path) -> bool:
    return read_fingerprint(path) == CONTACT_SHEET
