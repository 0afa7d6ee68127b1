"""The Python interface: a model that translates pictures, tensors and folders. `stargan_cli.load` is its entrance.

The command line calls the same functions, so both give the same pictures.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from stargan_cli.device import pick_device
from stargan_cli.errors import PictureError
from stargan_cli.faces.asking import Ask
from stargan_cli.labels import Vocabulary, parse_set
from stargan_cli.labels.probabilities import as_read
from stargan_cli.labels.vectors import pass_vectors
from stargan_cli.labels.vocabulary import Meaning
from stargan_cli.translate.inputs.addresses import place_of_text
from stargan_cli.translate.networks import Networks
from stargan_cli.translate.outputs.sinks import MemorySink
from stargan_cli.translate.outputs.together import synced_at_once
from stargan_cli.translate.picture import way_of
from stargan_cli.translate.pipe import piped, translate_bytes
from stargan_cli.translate.report import Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
from stargan_cli.weights.discriminator_view import reading_square
from stargan_cli.weights.files import Weights
from stargan_cli.weights.files import load as load_weights
from stargan_cli.weights.places import DEFAULT_WEIGHTS

PNG_MODES = ("L", "LA", "RGB", "RGBA")
ROWS_AHEAD = 64


def load(weights: str = DEFAULT_WEIGHTS, *, device: str = "auto", precision: str = "auto") -> Model:
    """A model from a weights file, the name of bundled weights, or hf://owner/repo.

    `device`: auto, cpu, cuda, cuda:1, mps. `precision`: auto, fp32, bf16, fp16. Raises UsageError and WeightsError.
    """
    return Model(weights, device, precision)


class Model:
    """Weights on a device. Made by `load`."""

    def __init__(self, weights: str, device: str, precision: str) -> None:
        self._name, self._device_name, self._precision = weights, device, precision
        self._device = pick_device(device)
        self._weights: Weights = load_weights(weights)
        self._networks = lru_cache(maxsize=8)(_started)

    @property
    def attributes(self) -> tuple[str, ...]:
        """What the model can set, as `--set` takes it."""
        names = self._vocabulary.full_name
        sets = enumerate(self._weights.card.layout.sets)
        return tuple(names(Meaning(index, name)) for index, label_set in sets for name in label_set.attributes)

    @property
    def image_size(self) -> int:
        """The side of the squares that the networks take (px)."""
        return self._weights.card.model.image_size

    def read(self, image: Image.Image) -> dict[str, float]:
        """How probable each attribute is, in [0, 1], of the picture's largest face, as the discriminator reads it.

        Raises PictureError where no face is found, UsageError for weights without a discriminator.
        """
        networks = self._networks(self._settings(each=True))
        way = synced_at_once(way_of(piped(_as_png(image), "png"), networks.plan, MemorySink()))
        try:
            asked = next(way)
            while isinstance(asked, Ask):
                asked = way.send(networks.faces.answer(asked))
        except StopIteration as ended:
            raise PictureError(ended.value.rows[0].reason) from None
        way.close()
        logits = networks.translator.read_labels(torch.from_numpy(asked.squares[:1]))
        return networks.labels.named(networks.labels.completed({}, logits[0].tolist()))

    def translate(self, image: Image.Image, spec: str, **options: Any) -> Image.Image:
        """The picture with other attributes, at its own size: faces are found, and the change is put into it.

        `spec` is what `--set` takes: "blond,old". `options` are fields of `TranslationSettings`: `strength`, `size`,
        `faces`. Raises UsageError and PictureError.
        """
        networks = self._networks(self._settings(spec=spec, format="png", **options))
        result: Image.Image = Image.open(BytesIO(translate_bytes(_as_png(image), networks)))
        result.load()
        return result

    @torch.inference_mode()
    def generate(self, batch: Tensor, labels: Tensor | str) -> Tensor:
        """The generator alone: pictures (N, 3, S, S) in [-1, 1] -> the same with other attributes, float32, on the
        model's device.

        `labels`: label vectors (N, label_dim), or what `--set` takes; then the discriminator reads the source labels.
        """
        pictures = batch.to(self._device, torch.float32)
        for vectors in self._passes(pictures, labels):
            pictures = self._generator(pictures, vectors)
        return pictures

    def translate_folder(self, source: str | Path, out: str | Path, spec: str, **options: Any) -> Iterator[Row]:
        """Translate a folder, file or URL into the folder, file or URL `out`; gives a row for each output once it is
        settled.

        What an earlier call made is skipped. `options` are fields of `TranslationSettings`. Closing the iterator stops
        the work. Raises StarganError.
        """
        settings = self._settings(spec=spec, **options)
        return _rows([place_of_text(str(source))], place_of_text(str(out)), settings)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._weights.card.layout, self._weights.card.aliases)

    @cached_property
    def _generator(self) -> Any:
        return self._weights.generator.to(self._device)

    def _settings(self, **options: Any) -> TranslationSettings:
        return TranslationSettings(weights=self._name, device=self._device_name, precision=self._precision, **options)

    def _passes(self, pictures: Tensor, labels: Tensor | str) -> Iterator[Tensor]:
        """Label vectors (N, label_dim), one tensor for each pass through the generator."""
        if isinstance(labels, Tensor):
            yield labels.to(self._device, torch.float32)
            return
        card, discriminator = self._weights.card, self._weights.discriminator
        changes = parse_set(labels, card.layout, card.aliases)
        known: list[dict[tuple[int, str], float]] = [{} for _ in pictures]
        if discriminator is not None:
            read = discriminator.to(self._device)(reading_square(card)(pictures)).classes
            known = [as_read(card.layout, logits) for logits in read.tolist()]
        vectors = [pass_vectors(card.layout, one, changes) for one in known]
        yield from torch.tensor(vectors, device=self._device).unbind(dim=1)


def _started(settings: TranslationSettings) -> Networks:
    networks = Networks(settings)
    networks.start()
    return networks


def _as_png(image: Image.Image) -> BytesIO:
    """The picture as a file without loss, upright."""
    upright, file = ImageOps.exif_transpose(image), BytesIO()
    (upright if upright.mode in PNG_MODES else upright.convert("RGB")).save(file, "PNG", compress_level=1)
    file.seek(0)
    return file


def _rows(inputs: list[Any], out: Any, settings: TranslationSettings) -> Iterator[Row]:
    """The rows of a run that goes on in a thread of its own, a bounded way ahead of whoever takes them."""
    rows: queue.Queue[Row | BaseException | None] = queue.Queue(ROWS_AHEAD)
    stopped = threading.Event()

    def run() -> None:
        try:
            translate(inputs, out, settings, Run(), on_row=rows.put, stop=stopped.is_set)
            rows.put(None)
        except BaseException as error:
            rows.put(error)

    worker = threading.Thread(target=run, name="translate", daemon=True)
    worker.start()
    try:
        while (row := rows.get()) is not None:
            if isinstance(row, BaseException):
                raise row
            yield row
    finally:
        stopped.set()
        while worker.is_alive():
            _empty(rows)
            worker.join(timeout=0.05)


def _empty(rows: queue.Queue[Any]) -> None:
    while not rows.empty():
        rows.get_nowait()
