"""A page to look at: before and after of each picture under one slider, all in one HTML file."""

from __future__ import annotations

import base64
import html
import os
from io import BytesIO
from pathlib import Path

from PIL import Image

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.reading import read_picture

LONGEST, QUALITY, LARGEST = 1200, 88, 200
_TITLE = "<title>stargan: before and after</title>"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline';
 script-src 'unsafe-inline'">
{title}
<style>
body {{ margin: 0; padding: 1.5rem; font: 16px/1.4 system-ui, sans-serif; background: #f4f4f2; color: #222; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem; }}
figure {{ margin: 0; }}
figcaption {{ margin-top: .4rem; overflow-wrap: anywhere; }}
.pair {{ position: relative; --split: 50%; border-radius: 6px; overflow: hidden; }}
.pair img {{ display: block; width: 100%; height: 100%; object-fit: cover; }}
.pair .before {{ position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--split)) 0 0); }}
.pair .line {{ position: absolute; top: 0; bottom: 0; left: calc(var(--split) - 1px); width: 2px; background: #fff;
 box-shadow: 0 0 4px #0008; pointer-events: none; }}
.pair input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }}
.pair:focus-within {{ outline: 3px solid #2563eb; outline-offset: 2px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd; }} }}
</style>
</head>
<body>
<main>
{figures}
</main>
{note}<script>
for (const slider of document.querySelectorAll(".pair input")) {{
  const move = () => slider.parentElement.style.setProperty("--split", slider.value + "%");
  slider.addEventListener("input", move);
  move();
}}
</script>
</body>
</html>
"""
_FIGURE = """<figure>
<div class="pair" style="aspect-ratio: {width} / {height}">
<img class="after" alt="after" src="{after}">
<img class="before" alt="before" src="{before}">
<div class="line"></div>
<input type="range" min="0" max="100" step="0.1" value="50" aria-label="before and after: {name}">
</div>
<figcaption>{name}</figcaption>
</figure>"""


class Gallery:
    """Collects pairs of source and output, of which the first LARGEST are shown, no side longer than LONGEST px."""

    def __init__(self, root: Path) -> None:
        """`root`: the output folder; outputs are named from there."""
        self._root = root
        self._pairs: list[tuple[Path, Path]] = []
        self._left_out = 0

    def add(self, source: Path, output: Path) -> None:
        if len(self._pairs) < LARGEST:
            self._pairs.append((source, output))
        else:
            self._left_out += 1

    def save(self, path: Path) -> None:
        """Write the page. Pairs of which a picture cannot be read any more are left out."""
        figures = []
        for source, output in self._pairs:
            try:
                before, after = read_picture(source).image, read_picture(output).image
            except PictureError:
                self._left_out += 1
                continue
            name = output.relative_to(self._root) if output.is_relative_to(self._root) else output
            figures.append(_figure(before, after, name.as_posix()))
        note = f"<p>{self._left_out:,} more pictures are not shown.</p>\n" if self._left_out else ""
        with replacing(path) as file:
            file.write(_PAGE.format(title=_TITLE, figures="\n".join(figures), note=note).encode("utf-8", "replace"))


def check_gallery_path(path: Path, overwrite: bool = False) -> None:
    """Raises UsageError where a gallery cannot be written there, or would replace something that is none."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--gallery {path}: the page is HTML", "name it something.html")
    if not path.parent.is_dir():
        raise UsageError(f"--gallery {path}: there is no folder {path.parent}")
    if os.path.lexists(path) and not overwrite and not _is_gallery(path):
        raise UsageError(
            f"--gallery {path} is there already, and is no gallery of stargan's",
            "give another name; --overwrite replaces it",
        )


def _is_gallery(path: Path) -> bool:
    try:
        with path.open("rb") if path.is_file() else BytesIO() as file:
            return _TITLE.encode() in file.read(4096)
    except OSError:
        return False


def _figure(before: Image.Image, after: Image.Image, name: str) -> str:
    return _FIGURE.format(
        width=after.width, height=after.height, before=_data(before), after=_data(after), name=html.escape(name)
    )


def _data(image: Image.Image) -> str:
    """A JPEG data address, of the whole picture made smaller."""
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
