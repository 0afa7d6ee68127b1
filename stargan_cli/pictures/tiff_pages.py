"""Pages of TIFF files, apart from the reduced copies and masks that are stored beside them."""

from __future__ import annotations

from typing import Any

from PIL import Image

from stargan_cli.errors import PictureError

SUBFILE_TYPE, SUB_DIRECTORIES = 254, 330
REDUCED, MASK = 1, 4  # bits of SUBFILE_TYPE


def is_page(image: Image.Image) -> bool:
    """Whether the current picture of a TIFF file is a page of its own."""
    return not int(_tags(image).get(SUBFILE_TYPE, 0)) & (REDUCED | MASK)


def go_to_first_page(image: Image.Image) -> None:
    """Seek to the first page of a TIFF file; scanners store a reduced copy before it. A file of nothing but reduced
    copies stays at its first. Raises PictureError if that is the preview of a raw photo."""
    if image.format != "TIFF" or is_page(image):
        return
    for place in range(1, int(getattr(image, "n_frames", 1))):
        _go_to(image, place)
        if is_page(image):
            return
    _go_to(image, 0)
    if SUB_DIRECTORIES in _tags(image):
        raise PictureError("a raw photo, of which only a preview can be read: export it as TIFF or JPEG")


def _go_to(image: Image.Image, place: int) -> None:
    if image.tell() != place:
        image.info.pop("icc_profile", None)
        image.seek(place)


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})
