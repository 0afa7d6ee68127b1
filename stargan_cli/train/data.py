"""The pictures of a training run: loaded, checked, decoded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stargan_cli.datasets.decoded_cache import MAX_UNREADABLE_SHARE, CachedPictures, cached
from stargan_cli.datasets.labelled import DataSet, Labelled, refuse_empty
from stargan_cli.datasets.loading import load_set, without_shared_pictures
from stargan_cli.device import cpu_count
from stargan_cli.errors import DataError, UsageError
from stargan_cli.faces.eye_places import EyePlaces, alike, measured_landmarks
from stargan_cli.labels import LabelLayout
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.train.recipe.settings import TrainSettings

SAMPLE_ROWS = 8
MOST_UNREADABLE_SAMPLES = 0.5
"""One broken picture of a few is more than MAX_UNREADABLE_SHARE."""
_SHOWN = 5


@dataclass(frozen=True)
class TrainingData:
    """What a run trains on: of each set, in the layout's order, the pictures to train with and a few held-out ones
    for the sample grids."""

    layout: LabelLayout
    train: tuple[CachedPictures, ...]
    held_out: tuple[CachedPictures, ...]

    def identity(self) -> dict[str, list[str]]:
        """Hashes that a resumed run must find again, for each set: of names and labels, and of file sizes."""
        sets = [pictures.labelled for pictures in self.train]
        return {"data": [one.fingerprint() for one in sets], "files": [one.sizes() for one in sets]}

    @cached_property
    def eye_places(self) -> dict[str, EyePlaces]:
        """The places of the eyes in each set, by its name; takes seconds where pictures are large."""
        return {one.labelled.label_set.name: measured_landmarks(one.labelled.paths()) for one in self.train}

    def landmarks(self) -> EyePlaces:
        """The places of the eyes in the first set of aligned faces, for the weights' card."""
        return next(filter(None, self.eye_places.values()), {})

    def framing_notes(self) -> list[str]:
        """A sentence for each set without aligned faces, or that frames them otherwise than the first one with them."""
        first = next((name for name, found in self.eye_places.items() if found), None)
        then = f"place them as in {first}" if first else "take the centred square of each picture"
        notes = []
        for name, found in self.eye_places.items():
            if not found:
                notes.append(f"faces are not aligned in {name}, or too few are found: translate will {then}")
            elif not alike(found, self.landmarks()):
                notes.append(f"faces are placed differently in {name} than in {first}: translate will {then}")
        return notes


def load_data(settings: TrainSettings) -> tuple[list[DataSet], LabelLayout]:
    """Load all data sets of a run and the layout of their labels. Raises DataError and UsageError."""
    if settings.attributes and "celeba" not in settings.data:
        raise UsageError("--attrs chooses among the attributes of celeba; class folders have classes", "leave it out")
    names = [group[0] for group in settings.groups if len(group) == 1]
    folders = [source for source in settings.data if source != "celeba"]
    if len(names) > len(folders):
        raise UsageError(
            f"--group {names[-1]}: a group has two attributes at least",
            "separate them with commas; a single word names the classes of a set of class folders",
        )
    groups = tuple(group for group in settings.groups if len(group) > 1)
    if groups and "celeba" not in settings.data:
        raise UsageError("--group: the classes of class folders exclude each other anyway", "leave it out")
    root = Path(settings.root) if settings.root else None
    names_of = dict(zip(folders, names, strict=False))
    sets = [
        load_set(source, root, settings.attributes, groups, settings.split, names_of.get(source))
        for source in settings.data
    ]
    _refuse_same_names([parts["train"].label_set.name for parts in sets])
    whole, sets = sets, without_shared_pictures(sets)
    for before, parts in zip(whole, sets, strict=True):
        _refuse_all_shared(before["train"], parts["train"])
        refuse_empty(parts["train"])
    return sets, LabelLayout(tuple(parts["train"].label_set for parts in sets))


def _refuse_all_shared(whole: Labelled, kept: Labelled) -> None:
    if len(whole) and not len(kept):
        name = whole.label_set.name
        raise DataError(
            f"all {len(whole):,} training pictures of {name} are in the class folders too",
            f"leave {name} out of --data, or move pictures out of the class folders",
        )


def _refuse_same_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two data sets are called {name}",
                "give each once; class folders are named after their folder, or after --group NAME, in their order",
            )


def prepare(
    settings: TrainSettings,
    sets: list[DataSet],
    layout: LabelLayout,
    *,
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
    say: Say = unheard,
) -> TrainingData:
    """Decode the pictures of `load_data`, or open the cache where that was done before.

    Pictures that cannot be read are named through `say` and left out. Raises DataError where they are too many, or
    where no picture, or every picture, that is left shows some attribute.
    """

    to_decode = [(parts["train"], _spread(parts)) for parts in sets]
    everything = sum(len(labelled) for pair in to_decode for labelled in pair)
    before = 0

    def decode(labelled: Labelled, most_unreadable: float = MAX_UNREADABLE_SHARE) -> CachedPictures:
        nonlocal before

        def count(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
            progress(before + done, everything, note)

        result = cached(labelled, settings.image_size, cache, workers or cpu_count(), count, most_unreadable)
        before += len(labelled)
        _name_unreadable(result, say)
        return result

    decoded = [(decode(train), decode(few, MOST_UNREADABLE_SAMPLES)) for train, few in to_decode]
    for pictures, _ in decoded:
        refuse_empty(pictures.labelled)
    return TrainingData(layout, tuple(train for train, _ in decoded), tuple(few for _, few in decoded))


def _name_unreadable(pictures: CachedPictures, say: Say) -> None:
    name = pictures.labelled.label_set.name
    for file, why in list(pictures.unreadable.items())[:_SHOWN]:
        say(f"{name}: {file} cannot be read and is left out: {why}")
    if len(pictures.unreadable) > _SHOWN:
        say(f"{name}: so are {len(pictures.unreadable) - _SHOWN:,} more")


def _spread(parts: DataSet) -> Labelled:
    """A few held-out pictures from all over the set; training pictures where none are held out."""
    return next(parts[part] for part in ("validation", "test", "train") if len(parts[part])).evenly(SAMPLE_ROWS)
