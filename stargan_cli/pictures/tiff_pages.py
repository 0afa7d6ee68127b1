"""Tags of TIFF files, and their pages, apart from the reduced copies and masks that are stored beside them."""

from __future__ import annotations

from typing import Any

from PIL import Image

from stargan_cli.errors import PictureError

SUBFILE_TYPE, SUB_DIRECTORIES = 254, 330
REDUCED, MASK = 1, 4  # bits of SUBFILE_TYPE


def tags_of(image: Image.Image) -> Any:
    """The tags of an opened TIFF, by number; empty for other formats."""
    return getattr(image, "tag_v2", {})


def is_page(image: Image.Image) -> bool:
    """Whether the current picture of a TIFF file is a page of its own."""
    return not int(tags_of(image).get(SUBFILE_TYPE, 0)) & (REDUCED | MASK)


def go_to_first_page(image: Image.Image) -> None:
    """Seek to the first page of a TIFF file; scanners store a reduced copy before it. A file of nothing but reduced
    copies stays at its first. Raises PictureError if that is the preview of a raw photo."""
    if image.format != "TIFF" or is_page(image):
        return
    for place in range(1, int(getattr(image, "n_frames", 1))):
        go_to_page(image, place)
        if is_page(image):
            return
    go_to_page(image, 0)
    if SUB_DIRECTORIES in tags_of(image):
        raise PictureError("a raw photo, of which only a preview can be read: export it as TIFF or JPEG")


def go_to_page(image: Image.Image, place: int) -> None:
    """Seek. Pillow would keep the ICC profile of the last page for a page without one: remove it before."""
    if image.tell() != place:
        image.info.pop("icc_profile", None)
        image.seek(place)
