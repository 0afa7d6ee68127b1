"""Find the squares of a photo that the networks are given: its faces, placed as in the training pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from stargan_cli.compositing.placement import Place, centred
from stargan_cli.errors import NoFaceError
from stargan_cli.faces.asking import Search
from stargan_cli.faces.finding import DEFAULT_MIN_FACE, exact, find_faces, is_crop, place_of

SMALL = 2  # times the network's square: a picture no larger than this may be a crop in which no face is recognised
TINY, LONGISH = 16, 2  # px of the shorter side, ratio of the sides: smaller or longer pictures are no face crop


def _may_be_crop(size: tuple[int, int], square: int) -> bool:
    """Whether a picture in which no face is recognised may still show one, and nothing else."""
    return min(size) >= TINY and max(size) <= min(LONGISH * min(size), SMALL * square)


def face_places(
    image: Image.Image,
    landmarks: Mapping[str, Sequence[float]],
    size: int,
    most: int | None,
    smallest: int = DEFAULT_MIN_FACE,
    crops: bool = True,
) -> Search[tuple[Place, ...]]:
    """The squares of the `most` largest faces (None: of all) that are at least `smallest` px high in an RGB picture.

    `landmarks`: where the weights expect a face, as in their card; `size`: the side of their square in pixels. With
    `crops`, a picture that already is a face crop is one square, and so is a small one in which no face is recognised.
    Raises NoFaceError.
    """
    whole = centred(*image.size)
    faces = yield from find_faces(image, smallest)
    if not faces and crops and _may_be_crop(image.size, size):
        return (whole,)
    if not faces:
        raise NoFaceError(f"no face found that is at least {smallest:,} px high (--min-face)")
    found = yield from exact(image, faces[:most])
    if crops and is_crop(found[0], image.size, landmarks):
        return (whole,)
    return tuple(place_of(face, landmarks) for face in found)
