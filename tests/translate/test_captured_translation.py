"""The work of `translate` on a GPU, which is recorded once for each shape of batch: with a stand-in on the CPU."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recording_kit import NoListsFromTheHost, NothingFromTheHost, Operations, RecordedLanes
from squares_kit import CPU, STRAIGHT, TURNED, labels, laying_of, squares
from torch import Tensor
from translation_kit import make_weights

from stargan_cli.captured import EAGER_CALLS
from stargan_cli.compositing.placement import Place
from stargan_cli.faces.asking import FaceQuestion
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.lanes import Lanes
from stargan_cli.translate.translator import Translated, Translator
from stargan_cli.weights.files import Weights, load

pytestmark = pytest.mark.numeric
META = torch.device("meta")
KINDS: list[dict[str, Any]] = [{}, {"output": "attention"}, {"output": "attention", "downscale": 2}]


@pytest.fixture(params=KINDS, ids=["tanh", "attention", "downscale"])
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> Weights:
    return load(str(make_weights(tmp_path / "w.safetensors", **request.param)))


def fetched(tensor: Tensor) -> Tensor:
    """What is fetched from a GPU is a copy."""
    return tensor.clone()


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    pixels, wanted = squares(16), labels(16)
    return [
        (pixels.roll(number, 0)[: 3 + number % 3], wanted.roll(number, 0)[: 3 + number % 3]) for number in range(count)
    ]


@pytest.mark.parametrize("places", [(), STRAIGHT, TURNED], ids=["pixels", "straight maps", "turned maps"])
def test_batches_that_are_played_back_are_those_that_are_computed(
    loaded: Weights, places: tuple[Place, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stargan_cli.lanes.fetch", fetched)
    plain, played = (Translator(loaded, CPU, torch.float32, 2, lanes=one(CPU)) for one in (Lanes, RecordedLanes))
    for pixels, wanted in batches(2 * EAGER_CALLS):
        for one in ("translate", "read_labels"):
            laying = laying_of(len(pixels), places) if places else None
            given = (pixels, wanted, laying) if one == "translate" else (pixels,)
            with Operations():  # as the recording: fp32 may be rounded otherwise there
                expected = getattr(plain, one)(*given)
            found = getattr(played, one)(*given)
            if one == "translate":
                assert torch.equal(found.changes, expected.changes) and torch.equal(found.finite, expected.finite)
            else:
                assert torch.equal(found, expected)


def test_runners_that_play_back_at_once_keep_their_batches(loaded: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.lanes.fetch", fetched)
    played = Translator(loaded, CPU, torch.float32, 4, lanes=RecordedLanes(CPU))
    given = batches(24)
    expected = [Translator(loaded, CPU, torch.float32, 4).translate(*one).changes for one in given]
    with ThreadPoolExecutor(2) as pool:
        for found, plain in zip(pool.map(lambda one: played.translate(*one), given), expected, strict=True):
            assert (found.changes.int() - plain.int()).abs().max() <= 1


def test_out_of_memory_records_smaller_batches(loaded: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.lanes.fetch", fetched)
    warnings: list[str] = []
    made = Translator(loaded, CPU, torch.float32, 4, warn=warnings.append, lanes=RecordedLanes(CPU))
    for given in batches(EAGER_CALLS + 2):
        made.translate(*given)
    (lane,) = made._lanes._all
    assert lane._captured is not None and len(lane._captured._recorded) == 1
    original, calls = lane.run, iter(range(1))

    def limited(work: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
        if next(calls, None) is not None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return original(work, *inputs)

    monkeypatch.setattr(lane, "run", limited)
    plain = Translator(loaded, CPU, torch.float32, 2)
    for given in batches(EAGER_CALLS):
        assert (made.translate(*given).changes.int() - plain.translate(*given).changes.int()).abs().max() <= 1
    assert made.batch_size == 2 and len(warnings) == 1
    (key,) = lane._inputs
    assert key[1][0][0] == 2, "what was recorded for the larger batches is gone"


def test_networks_that_are_no_longer_used_leave_the_device_at_once(loaded: Weights) -> None:
    made = Translator(loaded, CPU, torch.float32, 4, lanes=RecordedLanes(CPU))
    for pixels, wanted in batches(EAGER_CALLS + 1):
        made.translate(pixels, wanted)
        made.read_labels(pixels)
    lane = weakref.ref(made._lanes._all[0])
    gc.disable()
    try:
        del made
        assert lane() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("places", [(), STRAIGHT, TURNED], ids=["pixels", "straight maps", "turned maps"])
def test_translating_and_reading_stay_on_the_device(loaded: Weights, places: tuple[Place, ...]) -> None:
    """On the meta device, which refuses to give a number as a GPU does while it records."""
    made = Translator(loaded, META, torch.float32, 4)
    pixels, wanted = squares(4).to(META), labels(4, 2).to(META)
    laid = [torch.from_numpy(part).to(META) for part in reversed(laying_of(4, places))] if places else []
    if places == STRAIGHT:
        laid.pop()
    with torch.inference_mode(), NoListsFromTheHost(), NothingFromTheHost():
        changes, finite = (made.networks.maps if places else made.networks.pixels)(pixels, wanted, *laid)
        (logits,) = made.networks.logits(pixels)
    assert changes.is_contiguous() and {one.device for one in (changes, finite, logits)} == {META}


@pytest.mark.parametrize(("network", "side"), [("detector", 256), ("landmarks", 112)])
def test_finding_faces_stays_on_the_device(network: str, side: int) -> None:
    work, pixels = FaceNetworks(META)._network(network), torch.zeros(2, 3, side, side, dtype=torch.uint8, device=META)
    with torch.inference_mode():
        work(pixels)  # the first call may bring what all others use
        with NoListsFromTheHost(), NothingFromTheHost():
            (found,) = work(pixels)
    assert found.device == META


def test_answers_about_faces_that_are_played_back_are_those_that_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.lanes.fetch", fetched)
    plain, played = FaceNetworks(CPU), FaceNetworks(CPU, RecordedLanes(CPU))
    random = np.random.default_rng(0)
    for _ in range(EAGER_CALLS + 2):
        for network, side, count in (("detector", 64, 17), ("landmarks", 112, 2)):
            question = FaceQuestion(network, random.integers(0, 256, (count, 3, side, side), dtype=np.uint8))  # type: ignore[arg-type]
            np.testing.assert_allclose(played.answer(question), plain.answer(question), rtol=1e-3, atol=1e-3)


def translated(made: Translator, pixels: Tensor, wanted: Tensor) -> Translated:
    return made.translate(pixels, wanted, laying_of(len(pixels), TURNED))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_graphs_give_what_a_gpu_computes_plainly(loaded: Weights) -> None:
    device = torch.device("cuda")
    plain, played = (
        Translator(loaded, device, torch.float32, 4, lanes=Lanes(device, graphs=graphs)) for graphs in (False, True)
    )
    given = batches(24)
    with ThreadPoolExecutor(2) as pool:
        for one, found in zip(given, pool.map(lambda one: translated(played, *one), given), strict=True):
            torch.testing.assert_close(found.changes, translated(plain, *one).changes, atol=5e-3, rtol=5e-3)
