"""A traced network: the numbers of the plain one, for pictures of other sizes than it was traced with."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from stargan_cli.faces.landmarks import SIZE, Landmarks
from stargan_cli.faces.traced_network import FIRST_PLAIN, TRACES, Traced, layout_for_faces
from stargan_cli.faces.yunet import YuNet


def after_the_first(network: nn.Module, example: Tensor) -> Traced:
    made = Traced(network.eval().requires_grad_(False), example)
    for _ in range(FIRST_PLAIN):
        made(example)
    return made


@pytest.mark.parametrize(("count", "height", "width"), [(1, 64, 64), (1, 96, 224), (4, 128, 128)])
def test_a_traced_detector_gives_what_the_plain_one_does(count: int, height: int, width: int) -> None:
    network, pictures = YuNet(), torch.rand(count, 3, height, width) * 255
    made = after_the_first(network, torch.zeros(1, 3, 64, 64))(pictures)
    for one, plain in zip(made, network(pictures), strict=True):
        torch.testing.assert_close(one, plain)


def test_traced_landmarks_are_the_plain_ones() -> None:
    network, views = Landmarks(), torch.rand(2, 3, SIZE, SIZE) * 255
    torch.testing.assert_close(after_the_first(network, torch.zeros(1, 3, SIZE, SIZE))(views), network(views))


@pytest.mark.skipif(not TRACES, reason="this Python has no traces")
def test_after_the_first_calls_the_network_itself_is_asked_for_its_trace_alone() -> None:
    class Counting(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            Counting.calls += 1
            return x + 1

    made = after_the_first(Counting(), torch.zeros(1))
    assert [made(torch.full((1,), float(i))).item() for i in range(5)] == [1, 2, 3, 4, 5]
    assert Counting.calls == FIRST_PLAIN + 1


def test_pictures_lie_as_each_device_is_right_and_fast_with_them() -> None:
    layouts = [layout_for_faces(torch.device(name)) for name in ("cpu", "cuda", "mps")]
    assert layouts == [torch.channels_last, torch.channels_last, torch.contiguous_format]


def test_threads_that_trace_at_once_say_nothing() -> None:
    networks = [after_the_first(YuNet(), torch.zeros(1, 3, 64, 64)) for _ in range(16)]
    with warnings.catch_warnings(record=True) as said, ThreadPoolExecutor(len(networks)) as pool:
        warnings.simplefilter("always")
        list(pool.map(lambda network: network(torch.zeros(1, 3, 64, 64)), networks))
    assert not said, [str(one.message) for one in said]
