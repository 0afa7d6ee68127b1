"""Batches, padding, memory, and the maps for larger pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from squares_kit import CPU, labels, laying_of, squares
from torch import Tensor

from stargan_cli.compositing.change import SquareChange, changes_of
from stargan_cli.compositing.maps import CHANNELS
from stargan_cli.errors import StarganError
from stargan_cli.lanes import padded
from stargan_cli.pictures.tensors import to_model, to_pixels
from stargan_cli.translate import translator as module
from stargan_cli.translate.translator import Translator
from stargan_cli.weights.files import load

pytestmark = pytest.mark.numeric


def translator(path: Path, batch_size: int, precision: torch.dtype = torch.float32) -> Translator:
    return Translator(load(str(path)), CPU, precision, batch_size)


def test_a_square_does_not_depend_on_the_batch_size_or_its_neighbours(weights: Path) -> None:
    whole = translator(weights, 16).translate(squares(16), labels(16)).changes
    alone = translator(weights, 1).translate(squares(16), labels(16)).changes
    assert (whole.int() - alone.int()).abs().max() <= 1
    some = translator(weights, 4).translate(squares(16)[5:10], labels(16)[5:10]).changes
    assert torch.equal(some, translator(weights, 4).translate(squares(16), labels(16)).changes[5:10])


def test_the_generator_is_always_given_full_batches(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, seen = translator(weights, 4), []
    original = made.networks.generator.translate
    monkeypatch.setattr(made.networks.generator, "translate", lambda x, c: seen.append(len(x)) or original(x, c))
    assert len(made.translate(squares(6), labels(6)).changes) == 6
    assert seen == [4, 4]


def test_the_result_is_the_generators(weights: Path) -> None:
    loaded = load(str(weights))
    with torch.inference_mode():
        expected = to_pixels(loaded.generator(to_model(squares(3)), labels(3)[:, 0]))
        classes = loaded.discriminator(to_model(squares(3))).classes  # type: ignore[misc]
    made = Translator(loaded, CPU, torch.float32, 2)
    assert (made.translate(squares(3), labels(3)).changes.int() - expected.int()).abs().max() <= 1
    assert torch.allclose(made.read_labels(squares(3)), classes, atol=1e-5)


def test_half_precision_stays_close(weights: Path) -> None:
    full = translator(weights, 4).translate(squares(4), labels(4)).changes.float()
    half = translator(weights, 4, torch.bfloat16).translate(squares(4), labels(4)).changes.float()
    assert 0 < (full - half).abs().mean() < 2


@pytest.mark.parametrize("kind", ["weights", "imported"])
@pytest.mark.parametrize("passes", [1, 2])
def test_the_maps_are_of_what_makes_the_pixels(
    kind: str, passes: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Tensor] = []

    def noted(seen: Tensor, add: Tensor, keep: Tensor | float = 1.0) -> SquareChange:
        given.append(to_pixels(add + keep * to_model(seen)))
        return changes_of(seen, add, keep if isinstance(keep, Tensor) else None)

    monkeypatch.setattr("stargan_cli.translate.device_networks.changes_of", noted)
    made = translator(request.getfixturevalue(kind), 5)
    source, target = squares(5), labels(5, passes)
    result = made.translate(source, target, laying_of(5))
    assert (given[0].int() - made.translate(source, target).changes.int()).abs().max() <= 1
    assert result.changes.shape == (5, CHANNELS, 16, 16)


def test_out_of_memory_halves_the_batch_and_loses_nothing(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    made = Translator(load(str(weights)), CPU, torch.float32, 8, warn=warnings.append)
    original = made.networks.generator.translate

    def limited(x: Tensor, c: Tensor) -> object:
        if len(x) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return original(x, c)

    monkeypatch.setattr(made.networks.generator, "translate", limited)
    result = made.translate(squares(7), labels(7)).changes
    assert torch.equal(result, translator(weights, 2).translate(squares(7), labels(7)).changes)
    assert made.batch_size == 2
    assert warnings == [f"out of memory on cpu: going on with batches of {size}" for size in (4, 2)]


def test_no_memory_for_the_padding_of_a_batch_halves_it_too(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def limited(tensor: Tensor, length: int) -> Tensor:
        if length > 2:
            raise MemoryError
        return padded(tensor, length)

    monkeypatch.setattr("stargan_cli.translate.translator.padded", limited)
    made = translator(weights, 8)
    assert made.translate(squares(1), labels(1)).changes.shape[0] == 1
    assert made.batch_size == 2


@pytest.mark.parametrize("text", ["[enforce fail] DefaultCPUAllocator: can't allocate memory", "std::bad_alloc"])
def test_no_memory_for_one_square_is_an_error_and_other_errors_pass(
    weights: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = translator(weights, 2)

    def full(x: Tensor, c: Tensor) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(made.networks.generator, "translate", full)
    with pytest.raises(StarganError, match="not enough memory on cpu for one picture"):
        made.translate(squares(2), labels(2))

    def broken(x: Tensor, c: Tensor) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(made.networks.generator, "translate", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        made.translate(squares(2), labels(2))


def test_squares_without_numbers_are_told_apart(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = translator(weights, 4)
    original = made.networks.generator.translate

    def poisoned(x: Tensor, c: Tensor) -> object:
        out = original(x, c)
        image = out.image.clone()
        image[1, 0, 0, 0] = float("nan")
        return out._replace(image=image)

    monkeypatch.setattr(made.networks.generator, "translate", poisoned)
    assert made.translate(squares(3), labels(3)).finite.tolist() == [True, False, True]


def test_the_automatic_batch_size_shrinks_with_larger_squares() -> None:
    cuda = torch.device("cuda")
    assert module.automatic_batch_size(cuda, 128) == 64
    assert module.automatic_batch_size(cuda, 256) == 16
    assert module.automatic_batch_size(cuda, 2048) == 1
    assert module.automatic_batch_size(CPU, 16) == module.CPU_BATCH
