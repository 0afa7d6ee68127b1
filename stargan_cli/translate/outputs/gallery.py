"""An HTML page with before and after of each picture, under one slider or side by side."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from stargan_cli.errors import PictureError, UsageError
from stargan_cli.files.opening import open_regular
from stargan_cli.files.passed_over import is_passed_over
from stargan_cli.files.writable import is_same_file, require_file
from stargan_cli.files.writing import replacing
from stargan_cli.pictures.encoding import encode
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.output_pixels import OutputPixels
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import MAX_PIXELS, read_picture
from stargan_cli.pictures.save_options import Extras
from stargan_cli.progress import Say, told, unheard

GALLERY = "gallery"
"""The fingerprint in the note of its pictures."""
SUFFIXES = (".html", ".htm")
QUALITY = 88
WHOLE, WHOLE_PX, THUMBNAIL_PX = 40, 1200, 480  # the first pictures are shown larger: a page of a thousand stays usable
MOST = 1000  # pairs that a page without `assets` shows
_ASSET = re.compile(r"[0-9]{6,}-(before|after)\.jpg")
_TITLE = "<title>stargan: before and after</title>"
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: file: 'self';
 style-src 'unsafe-inline'; script-src 'unsafe-inline'">
{title}
<style>
body {{ margin: 0; padding: 1.5rem; font: 16px/1.4 system-ui, sans-serif; background: #f4f4f2; color: #222; }}
h1 {{ margin: 0 0 1rem; font-size: 1.1rem; font-weight: 600; overflow-wrap: anywhere; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem; }}
figure {{ margin: 0; content-visibility: auto; contain-intrinsic-size: auto 24rem; }}
figcaption {{ margin-top: .4rem; overflow-wrap: anywhere; }}
.pair {{ position: relative; --split: 50%; border-radius: 6px; overflow: hidden; }}
.pair img {{ display: block; width: 100%; height: 100%; object-fit: cover; }}
.pair .before {{ position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--split)) 0 0); }}
.pair .line {{ position: absolute; top: 0; bottom: 0; left: calc(var(--split) - 1px); width: 2px; background: #fff;
 box-shadow: 0 0 4px #0008; pointer-events: none; }}
.pair .line::after {{ content: "\\2194"; position: absolute; top: 50%; left: 50%; width: 2rem; height: 2rem;
 transform: translate(-50%, -50%); border-radius: 50%; background: #fff; color: #222; text-align: center;
 line-height: 2rem; box-shadow: 0 0 4px #0008; }}
.pair span {{ position: absolute; bottom: .5rem; padding: .1rem .5rem; border-radius: 1rem; background: #000a;
 color: #fff; font-size: .8rem; pointer-events: none; }}
.pair .left {{ left: .5rem; }}
.pair .right {{ right: .5rem; }}
.pair input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }}
.pair:focus-within {{ outline: 3px solid #2563eb; outline-offset: 2px; }}
.beside {{ display: flex; gap: .25rem; align-items: center; }}
.beside img {{ width: calc(50% - .125rem); border-radius: 6px; }}
@media (max-width: 30rem) {{ body {{ padding: .75rem; }} }}
@media (prefers-color-scheme: dark) {{ body {{ background: #1b1b1b; color: #ddd; }} }}
</style>
</head>
<body>
<h1>{heading}</h1>
<main>
"""
_FIGURE = """<figure>
<div class="pair" style="aspect-ratio: {width} / {height}">
<img class="after" alt="after" loading="lazy" src="{after}">
<img class="before" alt="before" loading="lazy" src="{before}">
<div class="line"></div><span class="left">before</span><span class="right">after</span>
<input type="range" min="0" max="100" step="0.1" value="50" aria-label="before and after: {name}">
</div>
<figcaption>{name}</figcaption>
</figure>
"""
_BESIDE = """<figure>
<div class="beside">
<img alt="before" loading="lazy" src="{before}">
<img alt="after" loading="lazy" src="{after}">
</div>
<figcaption>{name}</figcaption>
</figure>
"""
_FOOT = """</main>
{note}<script>
const steps = {{ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5}};
for (const slider of document.querySelectorAll(".pair input")) {{
  const move = () => slider.parentElement.style.setProperty("--split", slider.value + "%");
  slider.addEventListener("input", move);
  slider.addEventListener("keydown", event => {{
    if (!(event.key in steps)) return;
    event.preventDefault();
    slider.value = Number(slider.value) + steps[event.key];
    move();
  }});
  move();
}}
</script>
</body>
</html>
"""


class Gallery:
    """Collects pairs of source and output and shows them on one page.

    Without `assets` the page embeds the first MOST pairs: the first WHOLE with sides of at most WHOLE_PX, the others of
    THUMBNAIL_PX. With `assets` it shows all pairs, and their pictures are files in a folder beside the page.
    """

    def __init__(
        self,
        root: Path,
        heading: str,
        assets: bool = False,
        max_pixels: int = MAX_PIXELS,
        same_frame: bool = True,
        note: Note | None = None,
    ) -> None:
        """`root`: the output folder; captions are paths below it. `heading`: the heading of the page. Pictures with
        more than `max_pixels` are left out. `same_frame`: the outputs show all of their sources, so that a slider can
        compare them; else they lie side by side. `note` is written into the metadata of outputs' copies."""
        self._note = note
        self._root, self._heading, self._assets, self._max_pixels = root, heading, assets, max_pixels
        self._template = _FIGURE if same_frame else _BESIDE
        self._sources: dict[Path, Path] = {}
        self._left_out = 0

    def add(self, source: Path, output: Path) -> None:
        """Add a pair. An output that is made again, as may happen while a folder is watched, keeps its position."""
        if self._assets or output in self._sources or len(self._sources) < MOST:
            self._sources[output] = source
        else:
            self._left_out += 1

    def save(self, path: Path, tell: Say = unheard) -> None:
        """Write the page, pair by pair. Pairs with a picture that cannot be read any more are left out. `tell` is
        called before each pair; what it raises leaves `path` as it was."""
        pairs = told(self._sources.items(), tell, f"writing {path.name}", len(self._sources))
        with replacing(path) as file:
            file.write(_text(_HEAD.format(title=_TITLE, heading=html.escape(self._heading))))
            for number, (output, source) in enumerate(pairs):
                try:
                    before, after = (read_picture(p, max_pixels=self._max_pixels).image for p in (source, output))
                except PictureError:
                    self._left_out += 1
                    continue
                name = output.relative_to(self._root) if output.is_relative_to(self._root) else output
                file.write(_text(self._figure(path, number, before, after, name.as_posix())))
            note = f"<p>{self._left_out:,} more pictures are not shown.</p>\n" if self._left_out else ""
            file.write(_text(_FOOT.format(note=note)))

    def _figure(self, page: Path, number: int, before: Image.Image, after: Image.Image, name: str) -> str:
        side = WHOLE_PX if self._assets or number < WHOLE else THUMBNAIL_PX
        addresses = {}
        for which, image, note in (("before", before, None), ("after", after, self._note)):
            data = _jpeg(image, side, note)
            if self._assets:
                file = assets_folder(page) / f"{number:06d}-{which}.jpg"
                file.parent.mkdir(exist_ok=True)
                with replacing(file, sync="nothing") as picture:
                    picture.write(data)
                addresses[which] = quote(f"{file.parent.name}/{file.name}")
            else:
                addresses[which] = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        return self._template.format(width=after.width, height=after.height, name=html.escape(name), **addresses)


def assets_folder(page: Path) -> Path:
    """The folder for the pictures of a page with `assets`."""
    return page.with_name(f"{page.stem}-assets")


def require_gallery(path: Path, assets: bool = False, inputs: Iterable[Path] = (), overwrite: bool = False) -> None:
    """Raises UsageError if a gallery cannot be written there (see `writable.require_file`). With `assets`, also if
    their folder exists and holds other files than those of a gallery, belongs to another page, or is a symlink."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--gallery {path}: the page is HTML", "name it something.html")
    require_file(path, "--gallery", inputs=inputs, own=_is_gallery, overwrite=overwrite)
    folder = assets_folder(path)
    others = [other for other in map(path.with_suffix, SUFFIXES) if not is_same_file(other, path)]
    if assets and os.path.lexists(folder) and (not _is_assets(folder) or any(map(_is_gallery, others))):
        raise UsageError(f"--gallery-assets {folder} is there already", "give another name to --gallery")


def _is_gallery(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return _TITLE.encode() in file.read(4096)
    except OSError:
        return False


def _is_assets(folder: Path) -> bool:
    """Whether a folder holds pictures of galleries alone, besides files that are hidden or a tool's own. Its page may
    be missing: a run that was stopped wrote none."""
    if folder.is_symlink():
        return False
    try:
        return all(_ASSET.fullmatch(name) or is_passed_over(name) for name in os.listdir(folder))
    except OSError:
        return False


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _jpeg(image: Image.Image, side: int, note: Note | None) -> bytes:
    """The whole picture made smaller, no side longer than `side` px. Changes `image`."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return encode(OutputPixels(image, None), WRITABLE["jpg"], Extras(QUALITY, note=note))
