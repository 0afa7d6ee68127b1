"""What a picture had, it keeps: colour space, depth, alpha, and every pixel that does not change."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import corpus
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from squares_kit import maps_of
from translation_kit import framed
from writing_kit import write_picture

from stargan_cli.compositing import paste
from stargan_cli.pictures.colour import icc
from stargan_cli.pictures.encoding import copied
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.native_pixels import native_pixels_of
from stargan_cli.pictures.png import sixteen_bits
from stargan_cli.pictures.provenance import Note
from stargan_cli.pictures.reading import Picture, Wanted, read_picture
from stargan_cli.pictures.save_options import Extras
from stargan_cli.translate.framing import Centre, Framed

SIZE, WIDTH, HEIGHT = 16, 80, 40  # the centred square is that of the columns 20 to 60
SQUARE = (slice(None), slice(20, 60))
NOTE = Note("0123abc", "weights", "Blond_Hair")


def colourful() -> Image.Image:
    """Soft colours of every kind, with grain."""
    random = np.random.default_rng(4)
    soft = Image.fromarray(random.integers(30, 226, (4, 7, 3), dtype=np.uint8)).resize((WIDTH, HEIGHT))
    grain = random.integers(-6, 7, (HEIGHT, WIDTH, 3))
    return Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8))


def deep(channels: int) -> bytes:
    """A 16-bit PNG with every number in its low bytes; the last of 2 or 4 channels is alpha."""
    values = np.random.default_rng(5).integers(9_000, 50_000, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    mode = {2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    return sixteen_bits.with_pixels(corpus.encoded(Image.new(mode, (1, 1)), "PNG"), values)


def grey_profile() -> bytes:
    """Gamma 2.2 on grey, after ICC.1:2001-04: a header, and the three tags that it asks for."""
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + (563).to_bytes(2, "big") + bytes(2)
    white = b"XYZ " + bytes(4) + bytes.fromhex("0000f6d6 00010000 0000d32d")
    words = b"desc" + bytes(4) + (5).to_bytes(4, "big") + b"grey\0" + bytes(78 + 1)
    at, table, data = 128 + 4 + 3 * 12, b"", b""
    for name, body in ((b"desc", words), (b"wtpt", white), (b"kTRC", curve)):
        body += bytes(-len(body) % 4)
        table += name + (at + len(data)).to_bytes(4, "big") + len(body).to_bytes(4, "big")
        data += body
    head = bytearray(128)
    head[:4] = (at + len(data)).to_bytes(4, "big")
    head[8:24], head[36:40] = b"\x02\x10\0\0mntrGRAYXYZ ", b"acsp"
    head[68:80] = bytes.fromhex("0000f6d6 00010000 0000d32d")
    return bytes(head) + (3).to_bytes(4, "big") + table + data


def with_alpha(mode: str) -> Image.Image:
    image = colourful().convert(mode)
    alpha = Image.fromarray(np.tile(np.arange(WIDTH, dtype=np.uint8) % 3 * 100, (HEIGHT, 1)))
    image.putalpha(alpha)
    return image


def in_lab() -> Image.Image:
    converted = ImageCms.applyTransform(colourful(), corpus.to_lab())
    assert converted is not None
    return converted


def with_black() -> Image.Image:
    values = np.asarray(colourful().convert("CMYK")).copy()
    values[..., 3] = np.random.default_rng(6).integers(0, 120, values.shape[:2])
    return Image.frombytes("CMYK", (WIDTH, HEIGHT), values.tobytes())


P3 = corpus.display_p3()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY16 = Image.fromarray(np.random.default_rng(7).integers(9_000, 50_000, (HEIGHT, WIDTH)).astype(np.uint16))
FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "rgb": (".png", lambda: corpus.encoded(colourful(), "PNG")),
    "rgb, sRGB profile": (".png", lambda: corpus.encoded(colourful(), "PNG", icc_profile=SRGB)),
    "rgb, Display P3": (".png", lambda: corpus.encoded(colourful(), "PNG", icc_profile=P3)),
    "rgb, Display P3, TIFF": (".tif", lambda: corpus.encoded(colourful(), "TIFF", icc_profile=P3)),
    "rgb, alpha": (".png", lambda: corpus.encoded(with_alpha("RGB"), "PNG")),
    "rgb, alpha, Display P3": (
        ".tif",
        lambda: corpus.encoded(with_alpha("RGB"), "TIFF", icc_profile=P3),
    ),
    "rgb, BMP": (".bmp", lambda: corpus.encoded(colourful(), "BMP")),
    "rgb, 16 bit": (".png", lambda: deep(3)),
    "rgb, 16 bit, alpha": (".png", lambda: deep(4)),
    "grey": (".png", lambda: corpus.encoded(colourful().convert("L"), "PNG")),
    "grey, profile": (".png", lambda: corpus.encoded(colourful().convert("L"), "PNG", icc_profile=grey_profile())),
    "grey, alpha": (".png", lambda: corpus.encoded(with_alpha("L"), "PNG")),
    "grey, BMP": (".bmp", lambda: corpus.encoded(colourful().convert("L"), "BMP")),
    "grey, 16 bit": (".png", lambda: corpus.encoded(GREY16, "PNG")),
    "grey, 16 bit, profile": (".png", lambda: corpus.encoded(GREY16, "PNG", icc_profile=grey_profile())),
    "grey, 16 bit, TIFF": (".tif", lambda: corpus.encoded(GREY16, "TIFF")),
    "grey, 16 bit, PGM": (".pgm", lambda: corpus.encoded(GREY16, "PPM")),
    "grey, 16 bit, alpha": (".png", lambda: deep(2)),
    "inks": (".tif", lambda: corpus.encoded(with_black(), "TIFF")),
    "lab": (".tif", lambda: corpus.encoded(in_lab(), "TIFF")),
}


@pytest.fixture(params=FILES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    suffix, make = FILES[request.param]
    path = tmp_path / f"source{suffix}"
    path.write_bytes(make())
    return path


@pytest.fixture(autouse=True)
def plain_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Detail that gets clearer with the light would blur what is measured here."""
    monkeypatch.setattr(paste, "MOST_GAIN", 1.0)


def own(path: Path) -> tuple[list[np.ndarray], str, bytes | None]:
    """The numbers in a file, and alpha where there is any, what they are, and their profile."""
    with Image.open(path) as image:
        image.load()
        with path.open("rb") as file:
            numbers = sixteen_bits.read(file, image)
        mode = "I;16" if image.mode == "I" else image.mode  # PGM, whose 16 bits Pillow gives 32
        plain = np.asarray(image, np.uint16 if mode == "I;16" else None)
        return [plain if numbers is None else numbers], mode, image.info.get("icc_profile")


def _maps(prepared: Framed, add: torch.Tensor) -> np.ndarray:
    return maps_of(prepared.places[0], prepared.picture.image.size, prepared.squares[0], add)[None]


def translated(path: Path, brighter: float, out: Path | None = None) -> tuple[Picture, Path]:
    """Put through the framing of photos with a change that is `brighter` everywhere in the centred square."""
    framing = Centre(SIZE, at_source_size=True)
    prepared = framed(framing, path)
    add = torch.full((3, SIZE, SIZE), brighter / 127.5)
    out = out or path.with_stem("out")
    made = framing.finish(prepared, _maps(prepared, add))
    write_picture(out, made.image, alpha=made.alpha, native=made.native, icc=made.srgb_icc, note=NOTE)
    return prepared.picture, out


def test_without_a_change_everything_is_as_it_was(source: Path) -> None:
    _, out = translated(source, 0.0)
    (before,), (after,) = own(source)[0], own(out)[0]
    assert own(source)[1:] == own(out)[1:]
    assert before.dtype == after.dtype and np.array_equal(before, after)


def test_outside_the_square_every_bit_is_kept_and_inside_the_change_is_seen(source: Path) -> None:
    picture, out = translated(source, 25.0)
    (before,), (after,) = own(source)[0], own(out)[0]
    assert own(source)[1:] == own(out)[1:]
    assert np.array_equal(before[:, :20], after[:, :20]) and np.array_equal(before[:, 60:], after[:, 60:])
    seen = read_picture(out)
    assert seen.size == picture.size
    assert (seen.alpha is None) == (picture.alpha is None)
    if seen.alpha is not None and picture.alpha is not None:
        assert seen.alpha.tobytes() == picture.alpha.tobytes()
    moved = np.asarray(seen.image).astype(int) - np.asarray(picture.image)
    visible = np.ones((HEIGHT, WIDTH), bool) if picture.alpha is None else np.asarray(picture.alpha) > 0
    middle = np.zeros_like(visible)
    middle[8:32, 30:50] = True
    bright = np.asarray(picture.image).max(axis=2) < 200  # else the colour space ends before the change does
    inner = moved[visible & middle & bright]
    assert len(inner) > 50
    assert np.abs(inner - 25).mean() < 2
    assert not moved[~visible].any()


def test_sixteen_bits_stay_fine_where_the_change_is(tmp_path: Path) -> None:
    for name in (name for name in FILES if "16 bit" in name and "alpha" not in name):
        suffix, make = FILES[name]
        path = tmp_path / f"a{suffix}"
        path.write_bytes(make())
        _, out = translated(path, 10.3)
        (before,), (after,) = own(path)[0], own(out)[0]
        assert after.dtype == np.uint16
        step = after[20, 40].astype(int) - before[20, 40]
        if "profile" not in name:
            assert np.abs(step - 10.3 * 257).max() <= 10.3 * 257 / 2**11  # maps have half precision
        assert len(np.unique(after % 256)) > 200


def test_a_grey_picture_stays_grey_under_a_coloured_change(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    colourful().convert("L").save(path)
    framing = Centre(SIZE, at_source_size=True)
    prepared = framed(framing, path)
    add = torch.tensor([60.0, 0.0, -60.0])[:, None, None].expand(3, SIZE, SIZE) / 127.5
    finished = framing.finish(prepared, _maps(prepared, add))
    for name in ("png", "webp", "jpg"):
        out = BytesIO()
        write_picture(
            out, finished.image, native=finished.native, icc=finished.srgb_icc, format=WRITABLE[name], quality=100
        )
        with Image.open(out) as image:
            assert image.mode == ("RGB" if name == "webp" else "L")
            values = np.asarray(image.convert("RGB")).astype(int)
        assert np.ptp(values, axis=2).max() <= 1
        change = values[20, 40, 0] - np.asarray(prepared.picture.image)[20, 40, 0].astype(int)
        assert change == pytest.approx(60 * 0.299 - 60 * 0.114, abs=2)


@pytest.mark.parametrize(
    ("name", "suffix", "mode", "profile"),
    [
        ("rgb, Display P3", ".jpg", "RGB", True),
        ("rgb, Display P3", ".webp", "RGB", True),
        ("rgb, Display P3", ".bmp", "RGB", False),
        ("rgb, sRGB profile", ".jpg", "RGB", True),
        ("rgb, alpha, Display P3", ".jpg", "RGB", True),
        ("rgb, 16 bit", ".jpg", "RGB", False),
        ("rgb, 16 bit, alpha", ".tif", "RGBA", False),
        ("grey, 16 bit, profile", ".jpg", "L", True),
        ("grey, profile", ".webp", "RGB", False),
        ("grey, 16 bit, alpha", ".jpg", "L", False),
        ("inks", ".jpg", "CMYK", False),
        ("inks", ".png", "RGB", False),
        ("lab", ".jpg", "RGB", False),
    ],
)
def test_what_a_format_cannot_hold_comes_out_as_near_as_it_can(
    name: str, suffix: str, mode: str, profile: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"a{FILES[name][0]}"
    path.write_bytes(FILES[name][1]())
    picture, out = translated(path, 0.0, tmp_path / f"out{suffix}")
    with Image.open(out) as image:
        assert image.mode == mode
        assert ("icc_profile" in image.info) == profile
    seen = read_picture(out)
    expected = picture.image
    if picture.alpha is not None and seen.alpha is None:
        expected = Image.composite(expected, Image.new("RGB", expected.size, (255, 255, 255)), picture.alpha)
    assert np.abs(np.asarray(seen.image).astype(int) - np.asarray(expected)).mean() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_upright_in_its_own_colours(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = corpus.encoded(colourful(), "TIFF", icc_profile=P3, exif=exif.tobytes())
    picture = read_picture(BytesIO(data), native=True)
    assert picture.native is not None and picture.native.size == picture.size
    again = picture.native.values
    shown = icc.colours_of(P3, "RGB").to_srgb(Image.fromarray(again))
    assert shown.tobytes() == picture.image.tobytes()


def test_a_profile_that_is_broken_or_of_another_mode_is_dropped() -> None:
    for profile in (b"no profile" * 30, P3[:200], P3):
        native = native_pixels_of(colourful().convert("L"), profile)
        assert native is not None and native.icc is None
    picture = read_picture(BytesIO(corpus.encoded(colourful(), "PNG", icc_profile=b"no profile" * 30)), native=True)
    assert picture.native is None and picture.srgb_icc is None


def test_without_a_way_back_the_picture_is_srgb(monkeypatch: pytest.MonkeyPatch) -> None:
    build = ImageCms.buildTransform

    def one_way(source: object, target: object, *modes: str) -> object:
        if isinstance(target, ImageCms.ImageCmsProfile):
            raise ImageCms.PyCMSError("cannot build it")
        return build(source, target, *modes)  # type: ignore[arg-type]

    monkeypatch.setattr(icc.ImageCms, "buildTransform", one_way)
    icc.colours_of.cache_clear()
    picture = read_picture(BytesIO(FILES["rgb, Display P3"][1]()), native=True)
    assert picture.native is None and picture.srgb_icc is None
    icc.colours_of.cache_clear()
    assert picture.image.tobytes() != colourful().tobytes()


def test_a_deep_png_carries_note_and_profile(tmp_path: Path) -> None:
    picture = read_picture(BytesIO(deep(4)), native=True)
    assert picture.native is not None
    write_picture(tmp_path / "a.png", picture.image, alpha=picture.alpha, native=picture.native, note=NOTE, icc=SRGB)
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        assert image.text["Comment"] == NOTE.sentence  # type: ignore[attr-defined]
        assert image.mode == "RGBA"


def test_a_profile_that_is_no_longer_true_is_not_written(tmp_path: Path) -> None:
    """Pillow writes the profile that it read, unless told otherwise."""
    for number, name in enumerate(("inks", "lab", "rgb, Display P3")):
        picture = read_picture(BytesIO(FILES[name][1]()))
        write_picture(tmp_path / f"{number}.png", picture.image)
        assert own(tmp_path / f"{number}.png")[2] is None


def test_a_copy_in_another_format_keeps_its_colour_space(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["rgb, Display P3"][1]())
    (tmp_path / "b.tif").write_bytes(
        copied(tmp_path / "a.png", WRITABLE["tiff"], lambda exif: Extras(), Wanted(native=True))
    )
    (values,), _, profile = own(tmp_path / "b.tif")
    assert profile == P3
    assert np.array_equal(values, np.asarray(colourful()))
