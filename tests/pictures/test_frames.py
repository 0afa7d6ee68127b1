"""Animations and pages: read frame by frame, and written again with all that they had."""

from __future__ import annotations

import re
import struct
import tracemalloc
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import pytest
import tifffile
from animations_kit import DURATIONS, KINDS, NOTE, again, by_hand, drawn, pages, read, same
from other_programs import read_by
from PIL import Image, TiffImagePlugin

from stargan_cli.errors import FramesError, PictureError
from stargan_cli.pictures import frames as frames_module
from stargan_cli.pictures import output_pixels
from stargan_cli.pictures.animations import Timing, join_gif
from stargan_cli.pictures.encoding import FrameEncoder
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.frames import FrameSequence, opened_frames
from stargan_cli.pictures.output_pixels import in_palette
from stargan_cli.pictures.provenance import fingerprint_in
from stargan_cli.pictures.reading import Picture, Wanted, read_picture
from stargan_cli.pictures.save_options import Extras


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("clear", [False, True], ids=["opaque", "transparent"])
@pytest.mark.parametrize("name", KINDS)
def test_frames_times_plays_and_transparency_are_kept(name: str, clear: bool, plays: int) -> None:
    found, before = read(data := by_hand(name, clear, plays))
    assert (found.kind, found.number, found.plays, found.poster) == ("animation", 4, plays, False)
    assert [frame.duration for frame in before] == DURATIONS
    written = again(data, name)
    after, result = read(written)
    assert (after.plays, [frame.duration for frame in result]) == (plays, DURATIONS)
    assert same(before, result)
    assert [frame.picture.alpha is not None for frame in result] == 4 * [clear]
    assert fingerprint_in(written) == NOTE.fingerprint
    assert fingerprint_in(again(data, name, None)) is None
    assert written == again(data, name)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_what_other_frames_leave_is_part_of_a_frame(kind: str, disposal: int) -> None:
    if kind == "PNG" and disposal == 3:
        pytest.skip("APNG knows three")
    images = [drawn(number) for number in range(4)]
    options: dict[str, Any] = {"duration": DURATIONS, "loop": 0, "disposal": disposal}
    if kind == "PNG":
        options["blend"] = 1
    data = corpus.encoded(images[0], kind, save_all=True, append_images=images[1:], **options)
    _, before = read(data)
    for name in KINDS:
        assert same(before, read(again(data, name))[1])


def test_a_gif_keeps_few_colours_and_dithers_many() -> None:
    column = np.linspace(0, 255, 256)
    soft = np.stack([column + 0 * column[:, None], column[:, None] + 0 * column, 255 - 0 * column[:, None] - column], 2)
    image = Image.fromarray((60 + soft / 3).astype(np.uint8))
    given = FrameSequence("animation", 2, 0, False, False, None, iter(()))
    encoder = FrameEncoder(WRITABLE["gif"], given, Extras())
    for _ in range(2):
        encoder.add(Picture(image, None, image.size, "PNG", "RGB", None, None), 100)
    for frame in read(encoder.file())[1]:
        difference = np.asarray(frame.picture.image).astype(int) - np.asarray(image)
        assert len(np.unique(np.asarray(frame.picture.image).reshape(-1, 3), axis=0)) <= 256
        assert np.abs(difference).mean() < 6
        assert np.abs(difference.reshape(16, 16, 16, 16, 3).mean(axis=(1, 3))).mean() < 1


@pytest.mark.parametrize("clear", [False, True])
def test_what_is_not_changed_in_a_gif_keeps_its_colours(clear: bool) -> None:
    random = np.random.default_rng(3)
    palette = random.integers(0, 256, (150, 3), dtype=np.uint8)
    values = palette[random.integers(0, 150, (60, 80))]
    values[20:40, 20:50] = random.integers(0, 256, (20, 30, 3))
    image = Image.fromarray(values).convert("RGBA")
    if clear:
        image.paste((0, 0, 0, 0), (0, 0, 5, 5))
    made = np.asarray(in_palette(image).convert("RGBA"))
    untouched = np.ones((60, 80), bool)
    untouched[20:40, 20:50] = untouched[:5, :5] = False
    assert np.array_equal(made[untouched], np.asarray(image)[untouched])
    assert (made[:5, :5, 3] == (0 if clear else 255)).all()


def test_a_palette_is_found_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(6)
    few, many = (Image.fromarray(random.integers(0, top, (60, 80, 4), dtype=np.uint8) * 63) for top in (5, 256))
    whole = [in_palette(image) for image in (few, many)]
    monkeypatch.setattr(output_pixels, "STRIP", 200)
    for image, before in zip((few, many), whole, strict=True):
        after = in_palette(image)
        assert (after.tobytes(), after.getpalette()) == (before.tobytes(), before.getpalette())


def test_a_palette_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.effect_noise((2000, 2000), 20).convert("RGB")
    monkeypatch.setattr(output_pixels, "STRIP", 1 << 17)
    tracemalloc.start()
    in_palette(image)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * output_pixels.COLOURS + 10 * image.width * image.height  # bytes: its tables, and the rest


def test_the_poster_of_an_apng_stays_and_is_no_frame_elsewhere() -> None:
    data = by_hand("png", poster=True)
    found, before = read(data)
    assert found.poster and found.number == 4
    written = again(data, "png")
    assert same(before, read(written)[1]) and read(written)[0].poster
    for name in ("gif", "webp"):
        found, shown = read(again(data, name))
        assert not found.poster and same(before[1:], shown)


def test_an_apng_keeps_times_that_are_no_whole_milliseconds() -> None:
    data = by_hand("png")
    delay = struct.pack(">HH", 1, 30)
    for number in range(4):
        control = data.index(b"fcTL", 0 if number == 0 else control + 4)  # noqa: F821
        body = data[control + 4 : control + 24] + delay + data[control + 28 : control + 30]
        data = data[: control - 4] + corpus.png_chunk(b"fcTL", body) + data[control + 34 :]
    written = again(data, "png", None)
    assert written.count(delay) == 4 == len(read(written)[1])


def test_pages_of_a_tiff_keep_their_sizes_modes_and_profiles() -> None:
    images = [corpus.scene(), corpus.scene(30, 20).convert("L"), drawn(0), corpus.cmyk()]
    out = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for page, profile in zip(images, (corpus.display_p3(), None, None, None), strict=True):
            writer.write(corpus.encoded(page, "TIFF", icc_profile=profile))
            writer.newFrame()
    found, _ = read(out.getvalue())
    assert (found.kind, found.number) == ("pages", 4)
    written = again(out.getvalue(), "tiff")
    with Image.open(BytesIO(written)) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
        for number, page in enumerate(images):
            image.seek(number)
            assert np.array_equal(np.asarray(image), np.asarray(page))
    assert [frame.picture.icc is not None for frame in read(written)[1]] == [True, False, False, False]


def test_a_page_may_not_be_larger_than_a_picture() -> None:
    out = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for page in (corpus.scene(), corpus.scene(100, 100)):
            writer.write(corpus.encoded(page, "TIFF"))
            writer.newFrame()
    with pytest.raises(PictureError, match="too large: 100x100 is 10,000 pixels"):
        read(out.getvalue(), max_pixels=2_000)


def test_a_damaged_list_of_pages_is_named_with_the_way_out() -> None:
    data = bytearray(corpus.encoded(corpus.scene(), "TIFF"))
    start = struct.unpack("<I", data[4:8])[0]
    end = start + 2 + 12 * struct.unpack("<H", data[start : start + 2])[0]
    data[end : end + 4] = struct.pack("<I", len(data) + 1000)
    with pytest.raises(PictureError, match="list of pages is damaged: --frames first takes the first"):
        read(bytes(data))
    with opened_frames(BytesIO(bytes(data)), Wanted(), first=True) as found:
        assert isinstance(found, Picture)


def test_smaller_copies_and_masks_are_no_pages() -> None:
    out = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for kind in (0, 1, 4):
            writer.write(corpus.encoded(corpus.scene(), "TIFF", tiffinfo={254: kind}))
            writer.newFrame()
    with opened_frames(BytesIO(out.getvalue()), Wanted()) as found:
        assert isinstance(found, Picture)


def mpo(second: Image.Image, **options: Any) -> bytes:
    return corpus.encoded(corpus.scene(), "MPO", save_all=True, append_images=[second], **options)


def test_views_of_an_mpo_are_pictures_and_its_previews_are_not() -> None:
    found, frames = read(mpo(corpus.scene()))
    assert (found.kind, found.number, len(frames)) == ("pages", 2, 2)
    with opened_frames(BytesIO(mpo(corpus.scene(24, 16))), Wanted()) as one:
        assert isinstance(one, Picture)
    with pytest.raises(PictureError, match=r"it holds 2 pictures, which a JPEG file cannot hold: --frames first"):
        again(mpo(corpus.scene()), "jpg")
    assert read(again(mpo(corpus.scene()), "tiff"))[0].number == 2


ISO_GAIN_MAP = b"\xff\xe2" + struct.pack(">H", 34) + b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4)


def test_a_gain_map_of_the_same_size_is_no_picture() -> None:
    plain = mpo(corpus.scene())
    for data in (mpo(corpus.scene(), xmp=b'<x:xmpmeta hdrgm:Version="1.0"/>'), plain[:2] + ISO_GAIN_MAP + plain[2:]):
        with opened_frames(BytesIO(data), Wanted()) as one:
            assert isinstance(one, Picture)


VIEW, PREVIEW, UNDEFINED, FIRST = 0x020002, 0x010001, 0, 0x030000


def mpo_with(kind: int) -> bytes:
    """An MPO whose second entry is of this kind."""
    data = mpo(corpus.scene())
    index = data.index(b"MPF\0")
    at = data.rindex(struct.pack("<I", FIRST), index, index + 90) + 16
    return data[:at] + struct.pack("<I", kind) + data[at + 4 :]


@pytest.mark.parametrize("kind", [UNDEFINED, VIEW])
@pytest.mark.parametrize("behind", [b"", b"no picture" * 9], ids=["gone", "other data"])
def test_an_entry_that_leads_to_no_picture_is_none(kind: int, behind: bytes) -> None:
    whole = mpo_with(kind)
    assert read(whole)[0].number == 2
    data = whole[: whole.rindex(b"\xff\xd8\xff")] + behind
    with opened_frames(BytesIO(data), Wanted()) as one:
        assert isinstance(one, Picture)
        assert np.array_equal(np.asarray(one.image), np.asarray(read_picture(BytesIO(data)).image))


VIDEO = b"\0\0\0\x18ftypmp42" + bytes(99)


@pytest.mark.parametrize(
    ("data", "lost"),
    [
        (corpus.jpeg() + VIDEO, True),
        (corpus.jpeg(progressive=True) + bytes(500) + corpus.jpeg(), True),
        (mpo(corpus.scene(), xmp=b"hdrgm"), True),
        (mpo_with(PREVIEW), False),
        (mpo_with(PREVIEW) + VIDEO, True),
        (corpus.jpeg() + bytes(500) + b"SEFT", False),
        (corpus.jpeg(exif=b"Exif\0\0" + corpus.jpeg()), False),
        (corpus.encoded(corpus.scene(), "PNG") + VIDEO, False),
    ],
    ids=["video", "depth map", "gain map", "preview", "preview and video", "padding", "thumbnail", "png"],
)
def test_a_file_to_be_replaced_may_hold_no_more_than_its_picture(data: bytes, lost: bool) -> None:
    for first, replaced in ((False, False), (True, True)):
        with opened_frames(BytesIO(data), Wanted(), first, replaced) as one:
            assert isinstance(one, Picture)
    outcome = pytest.raises(FramesError, match="--in-place would lose") if lost else nullcontext()
    with outcome, opened_frames(BytesIO(data), Wanted(), replaced=True):
        pass


def test_a_grey_apng_stays_grey() -> None:
    images = [corpus.scene().convert("L"), corpus.scene().convert("L").transpose(Image.Transpose.ROTATE_180)]
    data = corpus.encoded(images[0], "PNG", save_all=True, append_images=images[1:])
    for frame, image in zip(read(data)[1], images, strict=True):
        assert frame.picture.native is not None and frame.picture.native.mode == "L"
        assert np.array_equal(np.asarray(frame.picture.image.convert("L")), np.asarray(image))
    assert same(read(data)[1], read(again(data, "png"))[1])


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_apng_keeps_its_gamma(mode: str) -> None:
    image = corpus.scene().convert(mode)
    plain = corpus.encoded(image, "PNG", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)])
    data = plain[:33] + corpus.png_chunk(b"gAMA", struct.pack(">I", 100_000)) + plain[33:]
    seen = read(data)[1][0].picture.image.getpixel((0, 0))
    assert seen[0] > image.convert("L").getpixel((0, 0)) + 20  # type: ignore[index, operator]
    for kind in ("png", "webp"):
        result = again(data, kind)
        assert read(result)[1][0].picture.image.getpixel((0, 0)) == seen
        with Image.open(BytesIO(result)) as opened:
            profile = opened.info.get("icc_profile", b"")
            assert opened.mode == mode and profile[16:20] == b"GRAY" if kind == "png" else not profile


def test_a_gif_frame_that_reaches_beyond_the_screen_is_cut_off() -> None:
    images = [corpus.scene().quantize(16), corpus.scene().transpose(Image.Transpose.FLIP_LEFT_RIGHT).quantize(16)]
    data = bytearray(corpus.encoded(images[0], "GIF", save_all=True, append_images=images[1:], duration=50))
    data[6:10] = struct.pack("<HH", 40, 32)
    first = data.index(b"," + bytes(4) + struct.pack("<HH", 48, 32))
    data[first + 5 : first + 7] = struct.pack("<H", 40)
    for name in KINDS:
        with Image.open(BytesIO(again(bytes(data), name))) as image:
            assert (image.size, image.n_frames) == ((40, 32), 2)  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [0, 1])
def test_a_gif_takes_no_memory_for_frames_that_are_too_large(number: int) -> None:
    """Pillow fills the area of a frame that is to be cleared, as soon as it reads the frame's header."""
    frames = [corpus.encoded(drawn(number), "GIF", transparency=0) for number in range(2)]
    data = bytearray(join_gif(frames, Timing(0, (50, 50))))
    starts = [found.end() for found in re.finditer(rb",\0\0\0\0", data)]
    data[starts[number] : starts[number] + 4] = struct.pack("<HH", 30_000, 30_000)
    with pytest.raises(PictureError, match="too large: it has more than twice the allowed pixels"):
        read(bytes(data))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_pnm_files_of_several_pictures_are_not_reduced_to_the_first(mode: str) -> None:
    image = corpus.sixteen_bit_grey() if mode == "I;16" else corpus.scene(47, 32).convert(mode)
    one = corpus.encoded(image, "PPM")
    with pytest.raises(PictureError, match="it holds several pictures"), opened_frames(BytesIO(one + one), Wanted()):
        pass
    for data, first in ((one, False), (one + b"\n", False), (one + one, True)):
        with opened_frames(BytesIO(data), Wanted(), first) as found:
            assert isinstance(found, Picture)


def test_a_pnm_of_unusual_depth_is_measured_too() -> None:
    for top, size in ((100, 1), (1000, 2)):
        one = b"P6 3 2 %d\n" % top + bytes(3 * 2 * 3 * size)
        with opened_frames(BytesIO(one), Wanted()) as found:
            assert isinstance(found, Picture)
        with pytest.raises(PictureError, match="several pictures"), opened_frames(BytesIO(one + one), Wanted()):
            pass


def test_frames_are_not_written_where_they_would_be_lost() -> None:
    for name in ("jpg", "bmp", "tiff"):
        with pytest.raises(PictureError, match="it holds 4 frames, which a .* file cannot"):
            again(by_hand("gif"), name)


def test_an_avif_sequence_becomes_an_animation() -> None:
    images = [drawn(number, clear=False).convert("RGB") for number in range(4)]
    if "AVIF" not in Image.SAVE_ALL:
        pytest.skip("Pillow without AVIF")
    data = corpus.encoded(images[0], "AVIF", save_all=True, append_images=images[1:], duration=DURATIONS)
    found, frames = read(again(data, "png"))
    assert (found.number, [frame.duration for frame in frames]) == (4, DURATIONS)


def test_too_many_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureError, match=r"too large: 4 frames of 6,144 pixels together.*--frames first"):
        monkeypatch.setattr(frames_module, "MOST_FRAMED", 1)
        read(by_hand("gif"), max_pixels=6_000)
    monkeypatch.setattr(frames_module, "MOST_FRAMES", 3)
    for data in (by_hand("png"), pages(4)):
        with pytest.raises(PictureError, match="too many frames: 4"):
            read(data)


@pytest.mark.parametrize("name", KINDS)
def test_a_cut_animation_is_refused_with_its_reason(name: str) -> None:
    whole = by_hand(name)
    with pytest.raises(PictureError, match="damaged or cut off"):
        read(whole[: len(whole) * 2 // 3])


def test_a_still_picture_is_a_picture() -> None:
    for kind in ("PNG", "GIF", "WEBP", "TIFF", "JPEG"):
        with opened_frames(BytesIO(corpus.encoded(corpus.scene(), kind)), Wanted()) as found:
            assert isinstance(found, Picture)


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("gif", ("gifsicle", "--info", "{}")),
        ("gif", ("convert", "-regard-warnings", "{}", "null:")),
        ("gif", ("ffmpeg", "-v", "warning", "-i", "{}", "-f", "null", "-")),
        ("png", ("ffmpeg", "-v", "warning", "-f", "apng", "-i", "{}", "-f", "null", "-")),
        ("png", ("pngcheck", "-q", "{}")),
        ("webp", ("webpmux", "-info", "{}")),
        ("tiff", ("tiffinfo", "{}")),
        ("tiff", ("convert", "-regard-warnings", "{}", "null:")),
    ],
)
def test_other_programs_read_them_without_a_word(name: str, program: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    path.write_bytes(again(pages(3) if name == "tiff" else by_hand(name), name))
    done = read_by(program, path)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr


@pytest.mark.parametrize("first", [False, True])
def test_a_reduced_copy_before_the_page_is_not_the_picture(first: bool) -> None:
    out = BytesIO()
    with tifffile.TiffWriter(out) as file:
        for size, reduced in ((16, 1), (64, 0)):
            file.write(np.full((size, size, 3), size, np.uint8), subfiletype=reduced)
    with opened_frames(BytesIO(out.getvalue()), Wanted(), first) as picture:
        assert isinstance(picture, Picture)
        assert picture.size == (64, 64) and picture.image.getpixel((0, 0)) == (64, 64, 64)
    assert read_picture(BytesIO(out.getvalue())).size == (64, 64)


def test_the_preview_of_a_raw_photo_is_not_the_photo() -> None:
    out = BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(np.zeros((16, 16, 3), np.uint8), subfiletype=1, subifds=1)
        file.write(np.zeros((64, 64), np.uint16), photometric=32803, extratags=[(33421, 3, 2, (2, 2), True)])
    with pytest.raises(PictureError, match="a raw photo, of which only a preview can be read"):
        read_picture(BytesIO(out.getvalue()))
