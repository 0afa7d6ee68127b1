"""The Python interface: a model that translates pictures, tensors and folders. Start with `stargan_cli.load`.

The command line calls the same functions, so both give the same pictures.
"""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property, lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from stargan_cli.device import pick_device, pick_precision, repeatable
from stargan_cli.errors import PictureError, UsageError
from stargan_cli.faces.asking import answered
from stargan_cli.labels import SourceLabels, Vocabulary, parse_set, require_said
from stargan_cli.labels.probabilities import as_read
from stargan_cli.labels.vectors import pass_vectors
from stargan_cli.labels.vocabulary import labels_of
from stargan_cli.pictures.reading import read_picture
from stargan_cli.pictures.tensors import NOT_FINITE
from stargan_cli.translate.inputs.addresses import parse_address
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.pipe import as_file, translate_bytes
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Location, Run, TranslationSettings
from stargan_cli.translate.streaming.rows import rows_of
from stargan_cli.weights.files import Weights
from stargan_cli.weights.files import load as load_weights
from stargan_cli.weights.places import DEFAULT_WEIGHTS

BEYOND = 1.01  # the largest value of pictures in [-1, 1], with room for rounding and resampling
OF_FOLDERS = {"each", "format", "labels"}
"""Fields of `TranslationSettings` that make no sense for one picture without a file."""
OF_LOADING = {"weights", "device", "precision"}
"""Fields of `TranslationSettings` that `load` sets."""
_log = logging.getLogger("stargan_cli")


def load(weights: str | Path = DEFAULT_WEIGHTS, *, device: str = "auto", precision: str = "auto") -> Model:
    """Load a model from a weights file, the name of bundled weights, or hf://owner/repo; `~` is the home folder.
    The file is read once: later changes of it have no effect.

    `device`: auto, cpu, cuda, cuda:1, mps. `precision`: auto, fp32, bf16, fp16; `generate` always computes in fp32.
    Warnings and notes go to the logger `stargan_cli`. Settings that this changes for the whole process: the first
    picture raises Pillow's limit on the size of pictures (`Image.MAX_IMAGE_PIXELS`) to `max_pixels`, and turns its
    warnings off. Texts and profiles of PNG files may unpack to 64 MiB. With glibc, `translate_folder` raises its
    thresholds for giving freed memory back, and gives memory back when it ends. On CUDA, cuDNN is deterministic, and
    fp32 is computed without TF32. Without OMP_NUM_THREADS, torch uses at most as many threads as the process may use
    CPU cores.
    Raises UsageError and WeightsError.
    """
    return Model(os.path.expanduser(str(weights)), str(device), str(precision))


class Model:
    """Weights on a device. Made by `load`."""

    @torch.inference_mode(False)  # tensors made in the caller's inference mode could not be used outside it
    def __init__(self, weights: str, device: str, precision: str) -> None:
        self._device_name, self._precision = device, precision
        self._device = pick_device(device)
        pick_precision(precision, self._device)
        repeatable(self._device)
        self._weights: Weights = load_weights(weights)
        self._networks = lru_cache(maxsize=8)(partial(_started, self._weights))

    def __getstate__(self) -> Any:
        raise UsageError("a model cannot be pickled or copied", "load it in each process")

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes that the model can set, as `--set` takes them."""
        return tuple(map(self._vocabulary.full_name, labels_of(self._weights.card.layout)))

    @property
    def image_size(self) -> int:
        """The side of the square pictures that the networks take (px)."""
        return self._weights.card.model.image_size

    def read(self, image: Image.Image) -> dict[str, float]:
        """The probability (0..1) of each attribute of the picture's largest face, as the discriminator reads it.

        Raises PictureError where no face is found or the discriminator's output is not finite, UsageError for weights
        without a discriminator.
        """
        if self._weights.discriminator is None:
            raise UsageError(
                f"{self._weights.path.name} has no discriminator, so it cannot read attributes",
                "load weights that have one: those of a training run, or a checkpoint imported with --discriminator",
            )
        networks = self._networks(self._settings(each=True))
        framing = networks.plan.framing
        picture = read_picture(as_file(image), max_pixels=framing.wanted.max_pixels)
        framed = answered(framing.prepare(picture), networks.faces.answer)
        logits = networks.translator.read_labels(torch.from_numpy(framed.squares[:1]))
        if not bool(logits.isfinite().all()):
            raise PictureError(f"{NOT_FINITE}: try precision='fp32'")
        return networks.labels.named(networks.labels.completed({}, logits[0].tolist()))

    def translate(self, image: Image.Image, spec: str, **options: Any) -> Image.Image:
        """Change attributes of the faces in a picture. Faces are found, and the change is blended into the picture.

        `spec` is what `--set` takes: "blond,old". `options` are fields of
        `stargan_cli.translate.settings.TranslationSettings`: `strength`, `size`, `faces` (a `FaceSettings` of the same
        module). Raises UsageError and PictureError.
        """
        if unfit := sorted(OF_FOLDERS & options.keys()):
            raise UsageError(f"translate returns one picture: it does not take {unfit[0]}", "translate_folder does")
        networks = self._networks(self._settings(spec=spec, format="png", **options))
        result: Image.Image = Image.open(BytesIO(translate_bytes(as_file(image), networks)))
        result.load()
        return result

    @torch.no_grad()
    def generate(self, batch: Tensor, labels: Tensor | str) -> Tensor:
        """Run the generator alone, in fp32: pictures (N, 3, S, S) in [-1, 1] -> the same with other attributes,
        float32, on the model's device, without gradients.

        `labels`: label vectors (N, label_dim), or a text for `--set`; then the discriminator reads the source labels.
        Label vectors hold numbers of 0..1; others are not refused. Raises UsageError for other types or shapes,
        pictures beyond [-1, 1], NaN and infinite numbers, and for a text that leaves source labels to weights without a
        discriminator.
        """
        model = self._weights.card.model
        _require(batch, None, (3, model.image_size, model.image_size), "pictures")
        if batch.abs().max() > BEYOND:
            raise UsageError("pictures have values beyond [-1, 1]", "bytes x become x / 127.5 - 1")
        if not isinstance(labels, str):
            _require(labels, len(batch), (model.label_dim,), "labels")
        pictures = batch.to(self._device, torch.float32)
        with torch.autocast(self._device.type, enabled=False):  # the caller's
            for vectors in self._passes(pictures, labels):
                pictures = self._generator(pictures, vectors)
        return pictures

    def translate_folder(self, source: str | Path, out: str | Path, spec: str, **options: Any) -> Iterator[Row]:
        """Translate a folder, file or URL into the folder, file or URL `out`; yields a row for each output once it is
        written, skipped or has failed. `~` is the home folder.

        Outputs of earlier calls are skipped. `options` are fields of `TranslationSettings`. Closing the iterator stops
        the work. Raises StarganError.
        """
        settings = self._settings(spec=spec, **options)
        addresses = [_address(source, "source")], _address(out, "out")
        job = partial(translate, *addresses, settings, Run(), warn=_log.warning, note=_log.info)
        return rows_of(partial(job, weights=copy.deepcopy(self._weights)))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._weights.card.layout, self._weights.card.aliases)

    @cached_property
    @torch.inference_mode(False)
    def _generator(self) -> Any:
        return copy.deepcopy(self._weights.generator).to(self._device)

    @cached_property
    @torch.inference_mode(False)
    def _discriminator(self) -> Any:
        return copy.deepcopy(self._weights.discriminator).to(self._device) if self._weights.discriminator else None

    def _settings(self, **options: Any) -> TranslationSettings:
        known = [field.name for field in fields(TranslationSettings) if field.name not in OF_LOADING]
        if unknown := sorted(options.keys() - set(known)):
            raise UsageError(
                f"{unknown[0]} is no option of a translation: use {', '.join(known)}",
                f"{', '.join(sorted(OF_LOADING))} are those of stargan_cli.load",
            )
        path, device, precision = str(self._weights.path), self._device_name, self._precision
        return TranslationSettings(weights=path, device=device, precision=precision, **options)

    def _passes(self, pictures: Tensor, labels: Tensor | str) -> Iterator[Tensor]:
        """Label vectors (N, label_dim), one tensor for each pass through the generator."""
        if isinstance(labels, Tensor):
            yield labels.to(self._device, torch.float32)
            return
        card = self._weights.card
        changes = parse_set(labels, card.layout, card.aliases)
        known: list[SourceLabels] = [{} for _ in pictures]
        if self._discriminator is None:
            require_said(card.layout, changes)
        else:
            read = self._discriminator(pictures).classes
            known = [as_read(card.layout, logits) for logits in read.tolist()]
        vectors = [pass_vectors(card.layout, one, changes) for one in known]
        yield from torch.tensor(vectors, dtype=torch.float32, device=self._device).unbind(dim=1)


def _address(value: object, what: str) -> Location:
    if not isinstance(value, (str, Path)):
        raise UsageError(f"{what} takes a text or a Path, not {value!r}")
    if not str(value):
        raise UsageError(f"{what} is empty", "the current folder is .")
    if "\0" in str(value):
        raise UsageError(f"{what} holds a NUL, which no path does: {value!r}")
    return parse_address(os.path.expanduser(str(value)))


def _require(tensor: object, count: int | None, shape: tuple[int, ...], what: str) -> None:
    """Raises UsageError for all but a float tensor (count, *shape) of finite numbers; any count from 1 if None."""
    if not isinstance(tensor, Tensor):
        sides = ", ".join(map(str, (count or "N", *shape)))
        raise UsageError(f"{what} are no tensor but {type(tensor).__name__}", f"give a float tensor ({sides})")
    wanted = (count or max([1, *tensor.shape[:1]]), *shape)
    if not tensor.is_floating_point() or tensor.shape != wanted:
        raise UsageError(f"{what} are {tensor.dtype} {tuple(tensor.shape)}, not a float tensor {wanted}")
    if not bool(tensor.isfinite().all()):
        raise UsageError(f"{what} hold NaN or infinite values")


@torch.inference_mode(False)
def _started(weights: Weights, settings: TranslationSettings) -> Networks:
    networks = Networks(settings, weights=copy.deepcopy(weights))
    networks.start(_log.warning)
    return networks
