"""Photos as `translate` handles them by default: find the face, translate its square, put the change into the photo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of
from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.laying import laid
from stargan_cli.compositing.paste import paste
from stargan_cli.compositing.placement import Laying, Place
from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.errors import NoFaceError
from stargan_cli.faces.asking import FaceQuestion, answered
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.faces.placing import face_places
from stargan_cli.model import Translation
from stargan_cli.pictures.arrays import Pixels, to_square
from stargan_cli.pictures.reading import read_picture
from stargan_cli.pictures.tensors import to_model
from stargan_cli.pool import side_by_side
from stargan_cli.progress import Progress


@dataclass(frozen=True)
class Photos:
    """`squares`: each photo's largest face, framed as the weights expect it. `places`: where the squares lie in their
    photos. `sizes`: the photos' width and height (px)."""

    squares: CachedPictures
    places: tuple[Place, ...]
    sizes: tuple[tuple[int, int], ...]

    def put_back(self, rows: Tensor, made: Translation, attention: bool) -> tuple[Tensor, Tensor]:
        """Put the translations `made` of the squares `rows`, int64 (n,), into their photos. Returns the photos' centred
        squares and the faces' squares, as they are now: uint8 (n, 3, S, S) each, on the CPU. `attention`: the
        generator's output is a colour and a mask."""
        seen = self.squares.batch(rows)[0]
        image, colour, mask = (part.float().cpu() for part in made)
        change = changes_of(seen, mask * colour, 1 - mask) if attention else changes_of(seen, image - to_model(seen))
        laying = Laying.joined([Laying.of([self.places[row]], *self.sizes[row]) for row in rows])
        maps = laid(change, seen, *map(torch.from_numpy, laying.needed))
        paths = self.squares.labelled.paths()
        squares = [self._one(paths[row], self.places[row], one.numpy()) for row, one in zip(rows, maps, strict=True)]
        whole, faces = (torch.from_numpy(np.stack(one)) for one in zip(*squares, strict=True))
        return whole, faces

    def select(self, rows: Sequence[int], why: str) -> Photos:
        """These photos only; see `selected`."""
        places, sizes = ([values[row] for row in rows] for values in (self.places, self.sizes))
        return Photos(selected(self.squares, rows, why), tuple(places), tuple(sizes))  # type: ignore[arg-type]

    def _one(self, path: Path, place: Place, maps: np.ndarray) -> tuple[Pixels, Pixels]:
        photo, size = read_picture(path).image.copy(), self.squares.pixels.shape[-1]
        paste(photo, place, maps)
        return to_square(photo, size), cut(photo, place, size)


def found_in(
    pictures: CachedPictures, landmarks: Mapping[str, Sequence[float]], workers: int, progress: Progress
) -> tuple[CachedPictures, Photos]:
    """Find the largest face in each photo of a data set. Returns the centred squares of the photos with a face, and the
    faces; photos without one are added to `unreadable`. The squares are cut from the whole photo, as they are after the
    change: those of `pictures` are of JPEG files that were decoded at a smaller size, which are other pixels."""
    paths, size = pictures.labelled.paths(), pictures.pixels.shape[-1]
    answer = FaceNetworks(torch.device("cpu")).answer
    look = partial(_look, landmarks=landmarks, size=size, answer=answer)
    with side_by_side(workers, "look") as pool:
        found = list(pool.in_order(look, paths, progress, "finding faces"))
    kept = selected(pictures, [row for row, one in enumerate(found) if one is not None], "no face found")
    seen = [one for one in found if one is not None]
    if not seen:
        return kept, Photos(kept, (), ())
    centred, faces = (np.stack(squares) for squares in zip(*((one.centred, one.square) for one in seen), strict=True))
    places, sizes = tuple(one.place for one in seen), tuple(one.size for one in seen)
    return replace(kept, pixels=centred), Photos(replace(kept, pixels=faces), places, sizes)


def selected(pictures: CachedPictures, rows: Sequence[int], why: str) -> CachedPictures:
    """The pictures `rows` only, in this order; the others count as unreadable, for the reason `why`."""
    files, chosen = pictures.labelled.files, pictures.labelled.select(list(rows))
    left_out = dict.fromkeys(set(files).difference(chosen.files), why)
    return CachedPictures(chosen, pictures.pixels[rows], pictures.unreadable | left_out)


class _Face(NamedTuple):
    """The largest face of a photo, in its `square`; `size` is the photo's (px), and `centred` its centred square."""

    place: Place
    size: tuple[int, int]
    square: Pixels
    centred: Pixels


def _look(
    path: Path, landmarks: Mapping[str, Sequence[float]], size: int, answer: Callable[[FaceQuestion], np.ndarray]
) -> _Face | None:
    image = read_picture(path).image
    try:
        (place,) = answered(face_places(image, landmarks, size, most=1), answer)
    except NoFaceError:
        return None
    return _Face(place, image.size, cut(image, place, size), to_square(image, size))
