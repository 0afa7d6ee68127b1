"""The before and after page, by its text and as a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stargan_cli.errors import UsageError
from stargan_cli.translate.outputs import gallery
from stargan_cli.translate.outputs.gallery import Gallery, require_gallery
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
RED, BLUE = (200, 30, 30), (30, 30, 200)


def make_pair(folder: Path, name: str, size: tuple[int, int] = (300, 200)) -> tuple[Path, Path]:
    before, after = folder / "in" / name, folder / "out" / name
    for path, colour in ((before, RED), (after, BLUE)):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path)
    return before, after


def page_of(folder: Path, *names: str, assets: bool = False) -> Path:
    collected = Gallery(folder / "out", "blond <i> (tiny)", assets)
    for name in names:
        collected.add(*make_pair(folder, name))
    collected.save(folder / "page.html")
    return folder / "page.html"


def test_one_file_with_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = page_of(tmp_path, "a.png", "<b> & 'c'.png").read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(addresses) == 4
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert "<figcaption>a.png</figcaption>" in text
    assert "<h1>blond &lt;i&gt; (tiny)</h1>" in text
    assert text.count(">before</span>") == text.count(">after</span>") == 2
    assert "&lt;b&gt; &amp; &#x27;c&#x27;.png" in text and "<b>" not in text
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["page.html"]


def test_an_output_that_is_made_again_is_shown_once(tmp_path: Path) -> None:
    text = page_of(tmp_path, "a.png", "b.png", "a.png").read_text()
    assert re.findall("<figcaption>(.*)</figcaption>", text) == ["a.png", "b.png"]


def test_large_pictures_are_made_smaller_and_lost_ones_left_out(tmp_path: Path) -> None:
    collected = Gallery(tmp_path / "out", "blond (tiny)")
    collected.add(*make_pair(tmp_path, "large.png", (2400, 1000)))
    before, after = make_pair(tmp_path, "lost.png")
    collected.add(before, after)
    after.unlink()
    collected.save(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert "aspect-ratio: 1200 / 500" in text or "aspect-ratio: 2400 / 1000" in text
    assert "lost.png" not in text and "1 more pictures are not shown" in text
    assert len(text) < 60_000


def test_the_first_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "MOST", 1)
    text = page_of(tmp_path, "a.png", "b.png").read_text()
    assert text.count("<figure>") == 1 and "1 more pictures are not shown" in text


def test_pictures_beyond_the_first_are_thumbnails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "WHOLE", 1)
    collected = Gallery(tmp_path / "out", "blond (tiny)")
    for name in ("a.png", "b.png"):
        collected.add(*make_pair(tmp_path, name, (2400, 1200)))
    collected.save(tmp_path / "page.html")
    assert re.findall(r"aspect-ratio: (\d+)", (tmp_path / "page.html").read_text()) == ["1200", "480"]


def test_assets_lie_beside_the_page(tmp_path: Path) -> None:
    page = page_of(tmp_path, "a.png", "b.png", assets=True)
    addresses = re.findall(r'src="([^"]*)"', page.read_text())
    assert len(addresses) == 4
    assert all((tmp_path / address).is_file() for address in addresses)
    assert len(page.read_bytes()) < 8000


def test_a_gallerys_own_assets_are_known_without_its_page_and_beside_files_of_systems(tmp_path: Path) -> None:
    page = page_of(tmp_path, "a.png", assets=True)
    page.unlink()
    for name in (".DS_Store", "Thumbs.db"):
        (tmp_path / "page-assets" / name).touch()
    require_gallery(page, assets=True)


def test_where_a_page_may_go(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="HTML"):
        require_gallery(tmp_path / "page.png")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is no folder"):
        require_gallery(tmp_path / "file" / "page.html")
    Gallery(tmp_path, "blond").save(tmp_path / "page.html")
    require_gallery(tmp_path / "page.html", assets=True)
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match="in-place"):
        run = Run(in_place=True, gallery=tmp_path / "page.html")
        translate([tmp_path / "in"], tmp_path / "in", TranslationSettings("blond"), run)


@pytest.mark.parametrize("kind", ["other files", "a symlink", "a file"])
def test_an_assets_folder_of_somebody_else_is_not_written_into(tmp_path: Path, kind: str) -> None:
    page, folder = tmp_path / "page.html", tmp_path / "page-assets"
    Gallery(tmp_path, "blond").save(page)
    if kind == "a symlink":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to("elsewhere")
    elif kind == "a file":
        folder.touch()
    else:
        folder.mkdir()
        (folder / "holiday-before.jpg").touch()
    with pytest.raises(UsageError, match="page-assets is there already"):
        require_gallery(page, assets=True, overwrite=True)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_two_pages_do_not_share_a_folder_of_assets(tmp_path: Path) -> None:
    page_of(tmp_path, "a.png", assets=True)
    with pytest.raises(UsageError, match="page-assets is there already"):
        require_gallery(tmp_path / "page.htm", assets=True)


@pytest.mark.parametrize("assets", [False, True])
@pytest.mark.parametrize(("value", "shares"), [(None, (0.5, 0.5)), (20, (0.2, 0.8)), (100, (1.0, 0.0))])
def test_the_slider_in_a_browser(tmp_path: Path, value: int | None, shares: tuple[float, float], assets: bool) -> None:
    page = page_of(tmp_path, "a.png", assets=assets)
    if value is not None:
        _run_in(page, f"s.value={value};s.dispatchEvent(new Event('input'))")
    assert _share_of_before(page, tmp_path) == pytest.approx(shares[0], abs=0.03)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_arrow_keys_move_the_slider_by_a_twentieth(tmp_path: Path) -> None:
    page = page_of(tmp_path, "a.png")
    press = "for (const key of ['ArrowRight', 'ArrowRight', 'ArrowUp', 'ArrowLeft']) "
    _run_in(page, press + "s.dispatchEvent(new KeyboardEvent('keydown', {key}))")
    assert _share_of_before(page, tmp_path) == pytest.approx(0.6, abs=0.03)


def _run_in(page: Path, script: str) -> None:
    text = page.read_text()
    page.write_text(text.replace("</script>", f"{{const s=document.querySelector('input');{script}}}</script>"))


def _share_of_before(page: Path, tmp_path: Path) -> float:
    shot = tmp_path / "shot.png"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=600,500"]
    subprocess.run([*command, f"--screenshot={shot}", page.as_uri()], check=True, capture_output=True, timeout=100)
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    before = (np.abs(pixels - RED).max(axis=2) < 12).sum()
    after = (np.abs(pixels - BLUE).max(axis=2) < 12).sum()
    assert before + after > 20_000
    return float(before / (before + after))
