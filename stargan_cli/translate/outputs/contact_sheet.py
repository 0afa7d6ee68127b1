"""A contact sheet: each source beside its results, on one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.files.writable import require_file
from stargan_cli.pictures.encoding import write_picture
from stargan_cli.pictures.formats import written_by_name
from stargan_cli.pictures.provenance import Note, read_fingerprint
from stargan_cli.pictures.reading import read_picture
from stargan_cli.translate.outputs.fonts import font_for

CONTACT_SHEET = "contact-sheet"
CELL, GAP, LARGEST = 128, 2, 100
HEADING_HEIGHT = 14
BACKGROUND, INK = (255, 255, 255), (0, 0, 0)


class ContactSheet:
    """Collects pairs of source and output, and draws the first LARGEST sources: a source in the first column of its
    row, its results in those behind it, in cells of CELL px. Few columns are laid out in several blocks abreast.
    `columns` are the headings of the columns of results with the folders of their pictures; without them there is one
    column, and no heading. `note` goes into the sheet's metadata; by its fingerprint, CONTACT_SHEET,
    `require_sheet` knows that a sheet may be replaced."""

    def __init__(self, columns: Sequence[tuple[str, Path]] = (), note: Note | None = None) -> None:
        self._note = note
        self._headings = ("", *(heading for heading, _ in columns)) if columns else ()
        self._folders = [folder for _, folder in columns]
        self._rows: dict[Path, dict[int, Path]] = {}

    def add(self, source: Path, output: Path) -> None:
        if source in self._rows or len(self._rows) < LARGEST:
            columns = (number for number, folder in enumerate(self._folders, 1) if output.is_relative_to(folder))
            self._rows.setdefault(source, {0: source})[next(columns, 1)] = output

    def save(self, path: Path) -> None:
        """Write the sheet, in the format of the path's extension. Does nothing where there is nothing to show."""
        if self._rows:
            write_picture(path, self._draw(), note=self._note)

    def _draw(self) -> Image.Image:
        columns = len(self._headings) or 2
        blocks = max(1, min(8 // columns, -(-len(self._rows) // 4)))
        height = -(-len(self._rows) // blocks)
        step, top = CELL + GAP, HEADING_HEIGHT if self._headings else 0
        block_width = columns * step + 4 * GAP
        size = (blocks * block_width - 5 * GAP, top + height * step - GAP)
        sheet = Image.new("RGB", size, BACKGROUND)
        for number, pictures in enumerate(self._rows.values()):
            block, row = divmod(number, height)
            for column, picture in pictures.items():
                sheet.paste(_cell(picture), (block * block_width + column * step, top + row * step))
        draw = ImageDraw.Draw(sheet)
        for block in range(blocks):
            for column, heading in enumerate(self._headings):
                _write(draw, (block * block_width + column * step + GAP, 0), heading)
        return sheet


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str) -> None:
    """A heading, cut off where its cell ends."""
    font, text = font_for(text)
    end = len(text)
    while end > 1 and font.getlength(text[:end] + "..." * (end < len(text))) > CELL - GAP:
        end -= 1
    draw.text(place, text[:end] + "..." * (end < len(text)), INK, font)


def require_sheet(path: Path, inputs: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Raises UsageError where a sheet cannot be written there (see `writable.require_file`)."""
    if written_by_name(path.name) is None:
        raise UsageError(f"--grid {path}: not a picture format that can be written", "name it something.png or .jpg")
    require_file(path, "--grid", inputs=inputs, own=_is_sheet, overwrite=overwrite)


def _is_sheet(path: Path) -> bool:
    return read_fingerprint(path) == CONTACT_SHEET


def _cell(path: Path) -> Image.Image:
    """The whole picture, fitted into a cell; empty where it cannot be read any more."""
    try:
        picture = read_picture(path)
    except PictureError:
        return Image.new("RGB", (CELL, CELL), BACKGROUND)
    return ImageOps.pad(picture.image, (CELL, CELL), Image.Resampling.BILINEAR, BACKGROUND)
