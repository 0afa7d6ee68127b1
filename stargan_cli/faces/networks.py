"""The networks for face searches, on a device: they answer the questions of many pictures at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.faces.landmarks import landmark_reader
from stargan_cli.faces.yunet import detector
from stargan_cli.lanes import Lanes, Work, padded
from stargan_cli.pictures.arrays import Floats

CPU_PIXELS, GPU_PIXELS = 4 * 128 * 128, 16 * 512 * 512  # of one batch: larger ones are no faster
MOST_PICTURES = 256  # of one batch


class FaceNetworks:
    """Answers questions in batches. All batches of one picture size are equally large, the last one padded, so that an
    answer does not depend on the rest of its batch, to the bit. A network is loaded at its first question. `lanes` are
    those of `device`; others may use them too."""

    def __init__(self, device: torch.device, lanes: Lanes | None = None) -> None:
        self._device, self._lanes = device, lanes or Lanes(device)
        self._loaded, self._loading = dict[str, Work](), Lock()

    @torch.inference_mode()
    def answers(self, questions: Sequence[FaceQuestion]) -> list[Floats]:
        """Return one answer for each question, in order."""
        kinds: dict[tuple[str, int], list[int]] = {}
        for number, question in enumerate(questions):
            kinds.setdefault((question.network, question.pixels.shape[-1]), []).append(number)
        found: dict[int, Floats] = {}
        for (network, side), numbers in kinds.items():
            pixels = [questions[number].pixels for number in numbers]
            answer = self._in_batches(network, side, np.concatenate(pixels))
            parts = np.split(answer, np.cumsum([len(part) for part in pixels])[:-1])
            found |= dict(zip(numbers, parts, strict=True))
        return [found[number] for number in range(len(questions))]

    def answer(self, question: FaceQuestion) -> Floats:
        return self.answers([question])[0]

    def _in_batches(self, network: str, side: int, pixels: np.ndarray) -> Floats:
        work, size = self._network(network), _batch_size(self._device, network, side)
        results = []
        with self._lanes.one() as lane:
            for start in range(0, len(pixels), size):
                batch = torch.from_numpy(pixels[start : start + size])
                results.append(lane.fetch(lane.run(work, padded(batch, size))[0][: len(batch)]))
            lane.wait()
        return np.concatenate([result.numpy() for result in results])

    def _network(self, name: str) -> Work:
        with self._loading:
            if name not in self._loaded:
                make = {"detector": detector, "landmarks": landmark_reader}[name]
                self._loaded[name] = _as_work(self._lanes.bring(lambda: make(self._device)))
            return self._loaded[name]


def _as_work(network: Callable[[Tensor], Tensor]) -> Work:
    return lambda pictures: (network(pictures).float(),)


def _batch_size(device: torch.device, network: str, side: int) -> int:
    """On a CPU the detector takes the four views of a face at once; more are no faster. Landmarks are read one by
    one: a single face, padded to a batch of four, would take four times as long."""
    if device.type != "cpu":
        return max(1, min(MOST_PICTURES, GPU_PIXELS // (side * side)))
    return 1 if network == "landmarks" else max(1, CPU_PIXELS // (side * side))
