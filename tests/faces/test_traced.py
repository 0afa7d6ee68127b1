"""A traced network: the numbers of the plain one, for pictures of other sizes than it was traced with."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from stargan_cli.data.landmarks import SIZE, Landmarks
from stargan_cli.data.yunet import YuNet
from stargan_cli.traced import traced


@pytest.mark.parametrize(("count", "height", "width"), [(1, 64, 64), (1, 96, 224), (4, 128, 128)])
def test_a_traced_detector_gives_what_the_plain_one_does(count: int, height: int, width: int) -> None:
    network = YuNet().eval().requires_grad_(False)
    pictures = torch.rand(count, 3, height, width) * 255
    for made, plain in zip(traced(network, torch.zeros(1, 3, 64, 64))(pictures), network(pictures), strict=True):
        torch.testing.assert_close(made, plain)


def test_traced_landmarks_are_the_plain_ones() -> None:
    network = Landmarks().eval().requires_grad_(False)
    views = torch.rand(2, 3, SIZE, SIZE) * 255
    torch.testing.assert_close(traced(network, torch.zeros(1, 3, SIZE, SIZE))(views), network(views))


def test_threads_that_trace_at_once_say_nothing() -> None:
    networks = [(YuNet(), torch.zeros(1, 3, 64, 64)), (Landmarks(), torch.zeros(1, 3, SIZE, SIZE))] * 8
    with warnings.catch_warnings(record=True) as said, ThreadPoolExecutor(len(networks)) as pool:
        warnings.simplefilter("always")
        list(pool.map(lambda one: traced(one[0].eval(), one[1]), networks))
    assert not said, [str(one.message) for one in said]
