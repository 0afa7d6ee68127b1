"""Generated pictures of every odd and damaged kind, which `read_picture` must decode correctly or refuse with a reason.

The scene is 48x32 px: red top left, green top right, blue bottom left, white bottom right.
"""

from __future__ import annotations

import base64
import os
import socket
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms, features
from PIL.PngImagePlugin import PngInfo

from stargan_cli.pictures.pillow.setup import decodable

RED, GREEN, BLUE, WHITE = (220, 40, 30), (40, 180, 60), (30, 60, 200), (250, 250, 250)
WIDTH, HEIGHT = 48, 32


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2], pixels[: height // 2, width // 2 :] = RED, GREEN
    pixels[height // 2 :, : width // 2], pixels[height // 2 :, width // 2 :] = BLUE, WHITE
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(image: Image.Image | None = None, **options: Any) -> bytes:
    return encoded(image or scene(), "JPEG", **({"quality": 95, "subsampling": 0} | options))


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with_header(width: int, height: int, body: bytes = b"", depth: int = 8, colour: int = 2) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(body)) + png_chunk(b"IEND", b"")


def gif_with_header(width: int, height: int) -> bytes:
    whole = encoded(scene().convert("P"), "GIF")
    return whole[:6] + struct.pack("<HH", width, height) + whole[10:]


def webp_with_header(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = encoded(scene(), "WEBP")[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + size + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_with_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(), "TIFF"))
    start = struct.unpack("<I", data[4:8])[0]
    for entry in range(struct.unpack("<H", data[start : start + 2])[0]):
        at = start + 2 + 12 * entry
        tag = struct.unpack("<H", data[at : at + 2])[0]
        if tag in (256, 257):
            data[at + 2 : at + 12] = struct.pack("<HII", 4, 1, width if tag == 256 else height)
    return bytes(data)


def bmp_with_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def turned(orientation: int, kind: str) -> bytes:
    """The scene, stored turned, with the orientation tag that makes it upright."""
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    image = scene() if undo is None else scene().transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif.tobytes(), **({"quality": 95} if kind != "PNG" else {}))


def exif_pointing_nowhere() -> bytes:
    entries = b"\x12\x01\x03\0\xff\xff\xff\xff\xf0\xf0\xf0\xf0" + b"\x69\x87\x04\0\x01\0\0\0\xff\xff\xff\x7f"
    return b"Exif\0\0II*\0\x08\0\0\0\x02\0" + entries


@cache
def display_p3() -> bytes:
    """An RGB profile with Display P3's primaries, built by hand: sRGB's own with the three columns replaced."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # A profile holds its creation time. The names of some tests depend on it, and must be the same in all processes.
    srgb = made[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + made[36:]
    columns = {
        b"rXYZ": (0.51512, 0.2412, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.1571, 0.06657, 0.78407),
    }
    return with_columns(srgb, columns)


def with_columns(profile: bytes, columns: dict[bytes, tuple[float, float, float]]) -> bytes:
    """`profile` with other primaries, in XYZ."""
    changed = bytearray(profile)
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        signature, offset, _ = struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index])
        if signature in columns:
            numbers = [round(value * 65536) for value in columns[signature]]
            changed[offset + 8 : offset + 20] = struct.pack(">iii", *numbers)
    return bytes(changed)


def in_display_p3() -> Image.Image:
    """The scene, stored in Display P3's numbers."""
    source, target = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(BytesIO(display_p3()))
    converted = ImageCms.profileToProfile(scene(), source, target)
    assert converted is not None
    return converted


def sixteen_bit_grey() -> Image.Image:
    return Image.fromarray(np.asarray(scene().convert("L")).astype(np.uint16) * 257)


def sixteen_bit_colour_png() -> bytes:
    pixels = np.asarray(scene()).astype(">u2") * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png_with_header(WIDTH, HEIGHT, rows, depth=16)


def palette_with_transparency() -> bytes:
    image = scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    return encoded(image, "PNG", transparency=bytes([255] * 7 + [0]))


def cmyk(invert: bool = False) -> Image.Image:
    image = scene().convert("CMYK")
    return Image.fromarray(255 - np.asarray(image), "CMYK") if invert else image


def without_adobe_marker(data: bytes) -> bytes:
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]


def frames(kind: str, **options: Any) -> bytes:
    others = [Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 0))] * 2
    return encoded(scene(), kind, save_all=True, append_images=others, **options)


def jpeg_segments(data: bytes) -> list[int]:
    """Where each marker segment of a JPEG starts, and a few places inside the coded data."""
    places, at = [], 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        places.append(at)
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return [*places, at, *range(at + 20, len(data) - 40, max(1, (len(data) - at) // 5))]


def png_chunks(data: bytes) -> list[int]:
    places, at = [], 8
    while at < len(data) and data[at + 4 : at + 8] != b"IEND":
        places.append(at)
        at += 12 + struct.unpack(">I", data[at : at + 4])[0]
    return places


HEIC = (
    b"AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9j"
    b"AAAAAERAAAEAAQAAAAABoQABAAAAAAAAANAAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/Wlw"
    b"cnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AA"
    b"AAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAA"
    b"QAAAAEAAAAAoY2xhcAAAADAAAAABAAAAIAAAAAH////wAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWB"
    b"AgMFhAAAANhtZGF0AAAAzCgBrwngITip/+44//ywdl7eWEqgQeWroX/a4INuE/bVklQ70t/vsO363Wr+ptjzkB7zJqdAFnxiqmxyOcJoekH+"
    b"MfV91HEVLFl94JOv8ETZ4fajvfgCVdKf6R5OSYD0s+tvd3iPCzpf6F3TT1CqQ6XZP3nu9ue3Hp62ks52Tg+AD2+Ww+h/Y/d+6Kw/Qu6aeoVS"
    b"K6yPv7eA4/IPVppS6l/joHtwvL7v4fwfiYotDkKVII58a3h7RdaMACRmvHDLXPondpXIMvMkZKJw2Q=="
)
"""The scene as HEIC, in base64."""


def heic() -> bytes:
    return struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(200)


def files() -> Iterator[tuple[str, bytes, str]]:
    """Name, content and outcome of all regular files. The outcome: "colour" (the scene), "grey" (the scene
    in grey), "any" (some picture), or the pattern that the refusal's reason matches."""
    yield from good_files()
    yield from odd_files()
    yield from bad_files()
    yield from cut_files()


def good_files() -> Iterator[tuple[str, bytes, str]]:
    grey, alpha = scene().convert("L"), Image.new("L", (WIDTH, HEIGHT), 128)
    translucent = scene()
    translucent.putalpha(alpha)
    yield "plain.jpg", jpeg(), "colour"
    yield "progressive.jpg", jpeg(progressive=True), "colour"
    yield "subsampled.jpg", jpeg(scene(192, 128), subsampling=2), "colour"
    yield "no-extension-match.png", jpeg(), "colour"
    yield "png-named.jpg", encoded(scene(), "PNG"), "colour"
    yield "upper.JPG", jpeg(), "colour"
    yield "grey.jpg", jpeg(grey), "grey"
    yield "grey.png", encoded(grey, "PNG"), "grey"
    yield "one-bit.png", encoded(scene().convert("1"), "PNG"), "any"
    yield "la.png", encoded(translucent.convert("LA"), "PNG"), "grey"
    yield "rgba.png", encoded(translucent, "PNG"), "colour"
    yield "rgba.webp", encoded(translucent, "WEBP", lossless=True), "colour"
    yield "rgba.tif", encoded(translucent, "TIFF"), "colour"
    yield "palette.png", encoded(scene().convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), "colour"
    yield "palette-transparent.png", palette_with_transparency(), "any"
    yield "palette.gif", encoded(scene().convert("P", palette=Image.Palette.ADAPTIVE), "GIF"), "colour"
    yield "palette.bmp", encoded(scene().convert("P", palette=Image.Palette.ADAPTIVE), "BMP"), "colour"
    yield "key-colour.png", encoded(scene(), "PNG", transparency=GREEN), "any"
    yield "cmyk-adobe.jpg", jpeg(cmyk()), "colour"
    yield "cmyk-no-adobe.jpg", without_adobe_marker(jpeg(cmyk(invert=True))), "any"
    yield "cmyk.tif", encoded(cmyk(), "TIFF"), "colour"
    yield "lab.tif", encoded(ImageCms.applyTransform(scene(), to_lab()), "TIFF"), "colour"
    yield "ycbcr.tif", encoded(scene().convert("YCbCr"), "TIFF"), "colour"
    yield "sixteen-grey.png", encoded(sixteen_bit_grey(), "PNG"), "grey"
    yield "sixteen-grey.tif", encoded(sixteen_bit_grey(), "TIFF"), "grey"
    yield "sixteen-colour.png", sixteen_bit_colour_png(), "colour"
    yield "thirty-two.tif", encoded(wide(np.int32, 65535), "TIFF"), "grey"
    yield "float.tif", encoded(wide(np.float32, 1.0), "TIFF"), "grey"
    yield "float-255.tif", encoded(wide(np.float32, 255.0), "TIFF"), "grey"
    yield "maxval-65535.ppm", b"P6 48 32 65535\n" + (np.asarray(scene()).astype(">u2") * 257).tobytes(), "colour"
    yield "plain-text.ppm", plain_ppm(), "colour"
    yield "plain.jp2", encoded(scene(), "JPEG2000"), "colour"
    yield "lzw.tif", encoded(scene(), "TIFF", compression="tiff_lzw"), "colour"
    yield "deflate.tif", encoded(scene(), "TIFF", compression="tiff_adobe_deflate"), "colour"
    yield "lossless.webp", encoded(scene(), "WEBP", lossless=True), "colour"
    yield (
        "interlaced-like.gif",
        encoded(scene().convert("P", palette=Image.Palette.ADAPTIVE), "GIF", interlace=1),
        "colour",
    )
    yield "frames.gif", frames("GIF"), "colour"
    yield "frames.webp", frames("WEBP", lossless=True), "colour"
    yield "frames.png", frames("PNG"), "colour"
    yield "frames.tif", frames("TIFF"), "colour"
    if features.check("avif"):
        yield "plain.avif", encoded(scene(), "AVIF", quality=95), "colour"
        yield "turned-6.avif", turned(6, "AVIF"), "colour"
        yield "frames.avif", frames("AVIF"), "colour"
        whole = encoded(scene(), "AVIF")
        for part in (20, 100, len(whole) // 2, len(whole) - 5):
            yield f"cut-{part}.avif", whole[:part], "AVIF|cut off"
    if "HEIF" in decodable():
        whole = base64.b64decode(HEIC)
        yield "plain.heic", whole, "colour"
        for part in (40, 200, len(whole) // 2, len(whole) - 50):
            yield f"cut-{part}.heic", whole[:part], "HEIC|cut off"
    yield "grey-key.png", grey_with_key(8), "any"
    yield "white-is-zero.tif", tiff_with_white_zero(), "grey"
    yield "separate-planes.tif", separate_planes("RGB", photometric="rgb", compression="zlib"), "colour"
    yield "frames.mpo", frames("MPO", quality=95), "colour"
    for orientation in range(1, 9):
        yield f"turned-{orientation}.jpg", turned(orientation, "JPEG"), "colour"
    yield "turned-6.png", turned(6, "PNG"), "colour"
    yield "turned-8.webp", turned(8, "WEBP"), "colour"


def odd_files() -> Iterator[tuple[str, bytes, str]]:
    yield "display-p3.png", encoded(in_display_p3(), "PNG", icc_profile=display_p3()), "colour"
    yield "display-p3.jpg", jpeg(in_display_p3(), icc_profile=display_p3()), "colour"
    yield "dark-icc.jpg", jpeg(icc_profile=black_profile()), "colour"
    yield "broken-icc.jpg", jpeg(icc_profile=b"no profile at all" * 9), "colour"
    yield "cut-icc.png", encoded(scene(), "PNG", icc_profile=display_p3()[:200]), "colour"
    yield "rgb-icc-in-grey.png", encoded(scene().convert("L"), "PNG", icc_profile=display_p3()), "grey"
    yield "broken-exif.jpg", jpeg(exif=exif_pointing_nowhere()), "colour"
    yield "exif-of-noise.jpg", jpeg(exif=b"Exif\0\0" + bytes(range(256)) * 8), "colour"
    yield "exif-of-noise.png", encoded(scene(), "PNG", exif=b"II*\0" + bytes(range(255, 0, -1))), "colour"
    yield "exif-of-noise.webp", encoded(scene(), "WEBP", lossless=True, exif=b"Exif\0\0" + b"\xff" * 99), "colour"
    yield "orientation-99.jpg", jpeg(exif=orientation_exif(99)), "colour"
    yield "huge-exif.jpg", jpeg(exif=b"Exif\0\0" + bytes(65_000)), "colour"
    yield "huge-comment.png", encoded(scene(), "PNG", pnginfo=text_of(5_000_000)), "colour"
    yield "many-comments.jpg", jpeg(extra=(b"\xff\xfe\xff\xff" + bytes(65_533)) * 40), "colour"
    yield "trailing-noise.jpg", jpeg() + bytes(range(256)) * 40, "colour"
    yield "trailing-noise.png", encoded(scene(), "PNG") + b"PK\x03\x04" * 400, "colour"
    yield "one-pixel.png", encoded(scene(1, 1), "PNG"), "any"
    yield "one-pixel.jpg", jpeg(scene(1, 1)), "any"
    yield "thin.png", encoded(Image.new("RGB", (1, 5000), RED), "PNG"), "any"
    yield "wide.jpg", jpeg(Image.new("RGB", (20_000, 8), RED)), "any"


def bad_files() -> Iterator[tuple[str, bytes, str]]:
    yield "empty.jpg", b"", "empty"
    yield "text.jpg", b"Dear Sir or Madam,\n", "not a picture"
    yield "page.png", b"<!DOCTYPE html><html><body>404</body></html>", "not a picture"
    yield "vector.png", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "not a picture"
    yield "script.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ls) (r) file\n", "not a picture"
    yield "zeros.jpg", bytes(4096), "not a picture"
    yield "signature-only.png", b"\x89PNG\r\n\x1a\n", "PNG"
    yield "signature-only.jpg", b"\xff\xd8\xff", "JPEG"
    yield "zero-size.png", png_with_header(0, 0), "PNG|no pixels"
    yield "zero-height.png", png_with_header(9, 0), "PNG|no pixels"
    yield "zero-canvas.gif", gif_with_header(0, 0), "any"  # the frame itself has a size
    yield "zero-size.bmp", bmp_with_size(0, 0), "no pixels|BMP"
    yield "zero.ppm", b"P6 0 0 255\n", "cut off|no pixels|not a picture"
    yield "bomb.png", png_with_header(60_000, 60_000, bytes(1000)), "too large"
    yield "bomb.gif", gif_with_header(65_535, 65_535), "too large"
    yield "bomb.webp", webp_with_header(16_384, 16_384 * 2), "too large|cut off"
    yield "bomb.tif", tiff_with_size(1_000_000, 1_000_000), "too large"
    yield "bomb.bmp", bmp_with_size(100_000, 100_000), "too large"
    yield "bomb.ppm", b"P6 99999 99999 255\n", "too large"
    yield "comment-bomb.png", comment_bomb(), "damaged|cut off"
    yield "wrong-crc.png", wrong_crc(), "PNG|damaged"
    yield "no-palette.png", png_with_header(WIDTH, HEIGHT, (b"\0" + bytes(WIDTH)) * HEIGHT, colour=3), "no palette"
    yield "separate-16.tif", separate_planes("RGB", deep=True, photometric="rgb"), "separate planes"
    for name, compression in (("plain", None), ("packed", "zlib")):
        grey = separate_planes("LA", photometric="minisblack", extrasamples=["unassalpha"], compression=compression)
        yield f"separate-grey-alpha-{name}.tif", grey, "separate planes"
        lab = separate_planes("LAB", photometric="cielab", compression=compression)
        yield f"separate-lab-{name}.tif", lab, "separate planes"
    yield "separate-ycbcr.tif", separate_planes("YCbCr", photometric="ycbcr"), "in an order that cannot be decoded"
    yield "size-lie.jpg", size_lie(), "cut off: .* too few for 9000x9000"
    yield "noise-inside.png", png_with_header(WIDTH, HEIGHT, bytes(50)), "cut off"
    yield "picture.heic", heic(), "HEIC|cut off"
    yield "picture.avif", heic().replace(b"heic", b"avif").replace(b"mif1", b"avif"), "AVIF|cut off"
    yield "endless-comment.ppm", b"P6 #" + b"x" * 100_000, "cut off|not a picture"


def cut_files() -> Iterator[tuple[str, bytes, str]]:
    whole = jpeg(scene(160, 120))
    for place in jpeg_segments(whole):
        yield f"cut-{place}.jpg", whole[:place], "cut off"
    whole = encoded(scene(), "PNG", icc_profile=display_p3(), pnginfo=text_of(50))
    for place in png_chunks(whole):
        yield f"cut-{place}.png", whole[:place], "cut off"
    for kind, suffix in (
        ("WEBP", "webp"),
        ("TIFF", "tif"),
        ("BMP", "bmp"),
        ("GIF", "gif"),
        ("PPM", "ppm"),
        ("JPEG2000", "jp2"),
    ):
        whole = encoded(scene(), kind)
        for part in (4, 16, len(whole) // 3, len(whole) // 2):
            yield f"cut-{part}.{suffix}", whole[:part], "cut off|not a picture"


def grey_with_key(depth: int) -> bytes:
    """A grey PNG of 1, 2, 4 or 8 bits: the upper half is the grey 1, which is declared transparent, the lower half the
    brightest."""
    rows = [b"\0" + bytes([upper] * (WIDTH * depth // 8)) for upper in (sum(1 << s for s in range(0, 8, depth)), 255)]
    whole = png_with_header(WIDTH, HEIGHT, rows[0] * (HEIGHT // 2) + rows[1] * (HEIGHT // 2), depth, 0)
    return whole[:33] + png_chunk(b"tRNS", b"\0\1") + whole[33:]


def tiff_entry(data: bytearray, tag: int, kind: int, value: int) -> None:
    """Set a tag of a TIFF that has it to one number."""
    start = struct.unpack("<I", data[4:8])[0]
    for at in range(start + 2, start + 2 + 12 * struct.unpack("<H", data[start : start + 2])[0], 12):
        if struct.unpack("<H", data[at : at + 2])[0] == tag:
            data[at + 2 : at + 12] = struct.pack("<HII", kind, 1, value)


def tiff_with_white_zero() -> bytes:
    negative = Image.fromarray((255 - np.asarray(scene().convert("L"))).astype(np.uint16) * 257)
    data = bytearray(encoded(negative, "TIFF"))
    tiff_entry(data, 262, 3, 0)
    return bytes(data)


def separate_planes(mode: str, deep: bool = False, **options: Any) -> bytes:
    """A TIFF of the scene with separate colour planes, of 16 bits if `deep`."""
    out = BytesIO()
    planes = np.moveaxis(np.asarray(scene().convert(mode)), 2, 0)
    planes = planes.astype(np.uint16) * 257 if deep else planes
    tifffile.imwrite(out, planes, planarconfig="separate", **options)
    return out.getvalue()


def size_lie() -> bytes:
    """A JPEG whose header claims 9000x9000 px."""
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 9000, 9000)
    return bytes(data)


def black_profile() -> bytes:
    """An RGB profile whose primaries are all black."""
    return with_columns(display_p3(), dict.fromkeys((b"rXYZ", b"gXYZ", b"bXYZ"), (0.0, 0.0, 0.0)))


def to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def wide(kind: Any, white: float) -> Image.Image:
    return Image.fromarray((np.asarray(scene().convert("L")) * (white / 255)).astype(kind))


def plain_ppm() -> bytes:
    return b"P3\n# numbers\n48 32\n255\n" + " ".join(map(str, np.asarray(scene()).reshape(-1))).encode() + b"\n"


def orientation_exif(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def text_of(length: int) -> PngInfo:
    info = PngInfo()
    info.add_text("Comment", "x" * length)
    return info


def comment_bomb() -> bytes:
    """A PNG whose comment unpacks to 100 MB."""
    packed = zlib.compress(bytes(100_000_000), 1)
    whole = encoded(scene(), "PNG")
    return whole[:33] + png_chunk(b"zTXt", b"Comment\0\0" + packed) + whole[33:]


def wrong_crc() -> bytes:
    data = bytearray(encoded(scene(), "PNG"))
    data[29] ^= 0xFF
    return bytes(data)


def special_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Paths that are not regular files, and the word for each in the refusal."""
    os.mkfifo(folder / "pipe.jpg")
    yield folder / "pipe.jpg", "FIFO"
    listener = socket.socket(socket.AF_UNIX)
    place = os.getcwd()
    os.chdir(folder)  # the path of a socket must be short
    try:
        listener.bind("socket.jpg")
    finally:
        os.chdir(place)
        listener.close()
    yield folder / "socket.jpg", "socket"
    (folder / "device.jpg").symlink_to("/dev/zero")
    yield folder / "device.jpg", "device"
    (folder / "folder.jpg").mkdir()
    yield folder / "folder.jpg", "folder"
    (folder / "nothing.jpg").symlink_to("not-there.jpg")
    yield folder / "nothing.jpg", "symlink to nothing"
    (folder / "loop.jpg").symlink_to("loop.jpg")
    yield folder / "loop.jpg", "leads back to itself"
