"""Which pictures a step sees, wherever they lie."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from training_kit import FACES, MOODS, random_pictures, tiny_trainer

from stargan_cli.train.learning import batches as batches_module
from stargan_cli.train.learning.batches import BatchSource, Drawn, Resident, Streamed, feed

CPU = torch.device("cpu")


def source(balance: bool, batch_size: int = 5) -> BatchSource:
    pictures = random_pictures(MOODS, 12, 4, 0)
    pictures.labelled.labels[:, 0] = torch.tensor([0] * 11 + [1])
    pictures.labelled.labels[:, 1] = 1 - pictures.labelled.labels[:, 0]
    return BatchSource(pictures, batch_size, 3, balance)


def indices(batches: BatchSource, step: int) -> Tensor:
    batches.prepare(step)
    return batches.indices(torch.tensor(step))


def drawn(batches: BatchSource, step: int, rows: slice = slice(None)) -> Drawn:
    batches.prepare(step)
    return batches.batch(torch.tensor(step), batches.pictures.pixels, rows)


def test_an_epoch_shows_every_picture_once_and_epochs_differ() -> None:
    batches = source(balance=False)
    seen = torch.cat([indices(batches, step) for step in range(12)])  # 60 = five epochs of 12
    epochs = seen.view(5, 12)
    assert all(sorted(epoch.tolist()) == list(range(12)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])
    assert torch.equal(indices(source(balance=False), 7), indices(batches, 7))


def test_a_batch_may_be_larger_than_the_set() -> None:
    seen = torch.cat([indices(source(balance=False, batch_size=30), step) for step in range(4)])
    assert seen.bincount(minlength=12).tolist() == [10] * 12
    assert sorted(seen[24:36].tolist()) == list(range(12)), "the third epoch begins in one batch and ends in the next"


def test_balance_draws_the_rare_combination_more_often() -> None:
    batches = source(balance=True, batch_size=4000)
    share = (indices(batches, 0) == 11).float().mean().item()
    # weights 1/sqrt(11) for each of 11 pictures and 1 for the rare one: 1 / (sqrt(11) + 1) = 0.232
    assert share == pytest.approx(1 / (11**0.5 + 1), abs=0.03)
    assert indices(batches, 1).bincount(minlength=12)[:11].min() > 200, "the common ones are drawn alike"
    assert not torch.equal(indices(batches, 5), indices(batches, 6))
    assert torch.equal(indices(batches, 5), indices(source(balance=True, batch_size=4000), 5))


def test_importance_undoes_the_balance() -> None:
    batches = source(balance=True, batch_size=4000)
    _, importance, labels = drawn(batches, 0)
    rare = labels[:, 0] == 1
    # drawn 1 / (sqrt(11) + 1) of the time, 1 in 12 in the data
    assert importance[rare][0].item() == pytest.approx((11**0.5 + 1) / 12)
    assert (importance * rare).mean().item() == pytest.approx(1 / 12, abs=0.01)
    assert torch.equal(drawn(batches, 0, slice(5, 9))[1], importance[5:9])
    assert drawn(source(balance=False), 0)[1].tolist() == [1.0] * 5


@pytest.mark.parametrize("balance", [True, False])
def test_pictures_on_the_device_and_pictures_that_are_read_are_the_same(balance: bool) -> None:
    batches, rows = source(balance), slice(1, 4)
    # A source each: the thread of the streamed one prepares the next steps of its own meanwhile.
    resident, streamed = Resident(source(balance), 2, rows, CPU), Streamed(source(balance), 2, rows, CPU)
    for iteration in (0, 1, 2, 7, 3):
        for one in (resident, streamed):
            one.load(iteration)
        for turn in range(2):
            there, read = (one.drawn(turn, torch.tensor(iteration)) for one in (resident, streamed))
            assert all(torch.equal(a, b) for a, b in zip(there, read, strict=True))
            assert torch.equal(read.pixels, drawn(batches, 2 * iteration + turn).pixels[rows])
            assert len(read.pixels) == 3 and len(read.labels) == 5


def test_pictures_are_read_into_the_same_memory_each_time() -> None:
    streamed = Streamed(source(balance=False), 1, slice(None), CPU)
    streamed.load(0)
    first = streamed.drawn(0, torch.tensor(0))
    before = first.pixels.clone()
    streamed.load(1)
    assert streamed.drawn(0, torch.tensor(1)).pixels is first.pixels
    assert not torch.equal(first.pixels, before)


@pytest.mark.parametrize(("room", "expected"), [(10**6, Resident), (10, Streamed)])
def test_pictures_lie_on_a_gpu_that_has_room_for_them(
    monkeypatch: pytest.MonkeyPatch, room: int, expected: type
) -> None:
    class Fake:
        type = "cuda"

    monkeypatch.setattr(batches_module, "free_memory", lambda device: room)
    monkeypatch.setattr(Resident, "__init__", lambda *args: None)
    assert type(feed(source(balance=False), 1, slice(None), Fake())) is expected  # type: ignore[arg-type]
    assert type(feed(source(balance=False), 1, slice(None), CPU)) is Streamed


def test_the_next_iteration_is_read_meanwhile_with_no_threads_but_one() -> None:
    """With more threads than cores, OpenMP's wait asleep, and every operation of the step then has to rouse them."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        batches, read, threads = source(balance=True), [], []
        draw = batches.indices

        def indices(step: Tensor) -> Tensor:
            read.append(int(step))
            threads.append(torch.get_num_threads())
            return draw(step)

        batches.indices = indices  # type: ignore[method-assign]
        streamed = Streamed(batches, 2, slice(1, 3), CPU)
        for iteration in (0, 1, 7):
            streamed.load(iteration)
        streamed._pool.shutdown()
        assert sorted(read) == [0, 1, 2, 3, 4, 5, 14, 15, 16, 17]
        assert set(threads) == {1}
    finally:
        torch.set_num_threads(before)


def test_each_set_sees_each_of_its_pictures_once_an_epoch() -> None:
    trainer = tiny_trainer(FACES, MOODS, mix=(2, 1))
    seen: list[list[Tensor]] = [[], []]
    for iteration in range(6):
        trainer._set_clock(iteration)
        for index, turn in ((0, 0), (0, 1), (1, 0)):
            seen[index].append(trainer.turns.feeds[index].drawn(turn, trainer.clock).pixels.clone())
    for index, epochs in ((0, 4), (1, 2)):  # 12 pictures are 3 batches
        pictures = torch.cat(seen[index]).flatten(1).view(epochs, 12, -1)
        whole = {tuple(one) for one in torch.from_numpy(trainer.sources[index].pictures.pixels).flatten(1).tolist()}
        assert all({tuple(one) for one in epoch.tolist()} == whole for epoch in pictures)
