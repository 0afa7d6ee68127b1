"""A profile that would turn a picture into noise is ignored, and so is a way back that leads elsewhere."""

from __future__ import annotations

import struct
from io import BytesIO
from itertools import product

import corpus
import numpy as np
import pytest
from PIL import Image, ImageCms

from stargan_cli.pictures.colour import icc
from stargan_cli.pictures.colour.icc import colours_of
from stargan_cli.pictures.reading import read_picture

WHITE = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
UP, DOWN, ZIGZAG = (0, 65535), (65535, 0), (0, 65535, 0, 65535)


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """An ICC profile, version 2.1, with these tags besides those that every profile has."""
    name = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78 + 1)
    at, table, data = 128 + 4 + 12 * (len(tags) + 2), b"", b""
    for kind, body in ({b"desc": name, b"wtpt": WHITE} | tags).items():
        body += bytes(-len(body) % 4)
        table += kind + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(">I4xI4s4s4s12x4s28x", at + len(data), 0x02100000, b"prtr", space, pcs, b"acsp")
    return head + WHITE[8:] + bytes(48) + struct.pack(">I", len(tags) + 2) + table + data


def grey(curve: tuple[int, ...]) -> bytes:
    """A grey profile whose curve has these points, of 65535."""
    return profile(b"GRAY", {b"kTRC": b"curv" + bytes(4) + struct.pack(f">I{len(curve)}H", len(curve), *curve)})


def table(channels: int, corners: list[bytes]) -> bytes:
    """A colour table (lut8Type) with two points a channel; the last channel varies fastest."""
    straight, out = bytes(range(256)), len(corners[0])
    unit = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    head = b"mft1" + bytes(4) + bytes([channels, out, 2, 0]) + unit
    return head + straight * channels + b"".join(corners) + straight * out


def inks(paper: int, black: int, back: tuple[int, int] = (255, 0)) -> bytes:
    """A CMYK profile: the lightness (0..255) of paper and of full ink, and how much black ink black and white need."""
    shares = ((1 - key) * (3 - sum(others)) / 3 for *others, key in product((0, 1), repeat=4))
    forth = [bytes([round(black + (paper - black) * share), 128, 128]) for share in shares]
    ways = {b"A2B0": table(4, forth), b"B2A0": table(3, [bytes([0, 0, 0, ink]) for ink in back for _ in range(4)])}
    return profile(b"CMYK", ways, b"Lab ")


def lab(lightness: tuple[int, int]) -> bytes:
    """A profile of Lab pixels: the lightness (0..255) of black and of white."""
    corners = [bytes([value, a * 255, b * 255]) for value, a, b in product(lightness, (0, 1), (0, 1))]
    return profile(b"Lab ", {b"A2B0": table(3, corners), b"B2A0": table(3, corners)}, b"Lab ")


def primaries(red: float, green: float, blue: float) -> bytes:
    """sRGB with other brightnesses of its primaries, of white's."""
    return corpus.with_columns(
        corpus.display_p3(), {b"rXYZ": (0, red, 0), b"gXYZ": (0, green, 0), b"bXYZ": (0, blue, 0)}
    )


BROKEN = {
    "RGB": ("RGB", primaries(0, -0.5, 0)),
    "RGB, black": ("RGB", primaries(0, 0, 0)),
    "L, inverted": ("L", grey(DOWN)),
    "L, zigzag": ("L", grey(ZIGZAG)),
    "CMYK, inverted": ("CMYK", inks(0, 255)),
    "LAB, inverted": ("LAB", lab((255, 0))),
}
SOUND = {"RGB": corpus.display_p3(), "L": grey(UP), "CMYK": inks(255, 20), "LAB": lab((0, 255))}


@pytest.mark.parametrize("mode", SOUND)
def test_a_sound_profile_is_used(mode: str) -> None:
    colours = colours_of(SOUND[mode], mode)
    assert colours.usable and colours.forth is not None


@pytest.mark.parametrize("name", BROKEN)
def test_a_profile_that_makes_noise_of_greys_counts_as_none(name: str) -> None:
    mode, broken = BROKEN[name]
    image = corpus.scene().convert(mode) if mode != "LAB" else Image.new("LAB", (2, 2), (90, 128, 128))
    found = colours_of(broken, mode)
    assert not found.usable
    assert np.array_equal(found.to_srgb(image), colours_of(None, mode).to_srgb(image))


def test_a_picture_with_such_a_profile_is_read_as_if_it_had_none() -> None:
    plain, profiled = (
        read_picture(BytesIO(corpus.encoded(corpus.scene(), "PNG", icc_profile=one)), native=True)
        for one in (None, BROKEN["RGB"][1])
    )
    assert profiled.image.tobytes() == plain.image.tobytes()
    assert profiled.native is None and profiled.srgb_icc is None


@pytest.mark.parametrize(("back", "returns"), [((255, 0), True), ((0, 0), False), ((0, 255), False)])
def test_a_way_back_that_leads_to_other_colours_is_not_taken(back: tuple[int, int], returns: bool) -> None:
    colours = colours_of(inks(255, 20, back), "CMYK")
    assert colours.usable and colours.returns == returns


def test_a_way_back_that_cannot_be_gone_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """littleCMS cannot store some profiles after it has used them (ps_cmyk.icc of Ghostscript); Pillow stores them."""
    apply = ImageCms.applyTransform

    def forth_only(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image | None:
        if transform.output_mode == "CMYK":
            raise OSError("Could not determine profile size")
        return apply(image, transform)

    monkeypatch.setattr(icc.ImageCms, "applyTransform", forth_only)
    icc.colours_of.cache_clear()
    colours = icc.colours_of(inks(255, 20), "CMYK")
    icc.colours_of.cache_clear()
    assert colours.usable and not colours.returns
