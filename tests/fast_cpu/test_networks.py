"""The networks rebuilt for CPUs give what the plain ones give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.evaluate.pixel_metrics import psnr
from stargan_cli.fast_cpu.networks import FastDiscriminator, FastGenerator
from stargan_cli.fast_cpu.outer_convolutions import FewOutputsConv2d, LabelledConv2d
from stargan_cli.fast_cpu.winograd import WinogradConv2d
from stargan_cli.model import Discriminator, Generator, PatchConv2d
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.tensors import to_model, to_pixels

pytestmark = pytest.mark.numeric

SMALL = {"image_size": 16, "width": 4, "blocks": 1, "discriminator_width": 4, "discriminator_layers": 2}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def pictures(count: int, size: int) -> Tensor:
    return to_model(torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8))


@pytest.mark.parametrize("size", [(8, 8), (1, 3), (5, 14)])
def test_winograds_convolution_is_the_convolution(size: tuple[int, int]) -> None:
    weight, x = torch.randn(6, 5, 3, 3), torch.randn(2, 5, *size)
    plain = F.conv2d(x, weight, padding=1)
    assert torch.allclose(WinogradConv2d(weight, torch.float32)(x), plain, atol=2e-5)
    half = WinogradConv2d(weight, torch.bfloat16)(x)
    assert half.dtype == torch.bfloat16
    assert (half.float() - plain).norm() < 0.03 * plain.norm()


@pytest.mark.parametrize("size", [(8, 8), (1, 3), (5, 14)])
@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-10), (torch.bfloat16, 0.03)])
def test_winograds_gradients_are_the_convolutions(size: tuple[int, int], dtype: torch.dtype, error: float) -> None:
    weight = torch.randn(6, 5, 3, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
    slope = torch.randn(2, 6, *size, dtype=torch.float64)
    expected = torch.autograd.grad(F.conv2d(x, weight, padding=1), (x, weight), slope)
    found = torch.autograd.grad(WinogradConv2d(weight, dtype)(x), (x, weight), slope.to(dtype))
    for ours, plain in zip(found, expected, strict=True):
        assert (ours - plain).norm() < error * plain.norm()


def test_what_is_kept_of_a_weight_follows_its_changes() -> None:
    layer, x = WinogradConv2d(torch.randn(4, 4, 3, 3), torch.float32), torch.randn(1, 4, 6, 6)
    with torch.inference_mode():
        layer(x)
    with torch.no_grad():
        assert layer.arranged() is layer.arranged()
        layer.weight.mul_(2)
        assert torch.allclose(layer(x), F.conv2d(x, layer.weight, padding=1), atol=2e-5)


@pytest.mark.parametrize("size", [(7, 7), (8, 13)])
def test_the_first_convolution_keeps_the_label_at_the_border(size: tuple[int, int]) -> None:
    weight, x = torch.randn(6, 3 + 5, 7, 7), torch.randn(2, 3, *size)
    planes = torch.tensor([[1, 0, 0.5, 0, 1], [0.0, 1, 0, 0, 0]])[:, :, None, None].expand(-1, -1, *size)
    whole = torch.cat([x, planes], dim=1)
    difference = F.conv2d(whole, weight, padding=3) - LabelledConv2d(weight, torch.float32)(whole)
    assert torch.allclose(difference, difference[:, :, :1, :1].expand_as(difference), atol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_the_last_convolution_is_the_convolution(bias: bool) -> None:
    layer, x = nn.Conv2d(5, 3, kernel_size=7, padding=3, bias=bias), torch.randn(2, 5, 6, 9)
    with torch.no_grad():
        assert torch.allclose(FewOutputsConv2d(layer, torch.float32)(x), layer(x), atol=1e-5)


KINDS: list[dict[str, Any]] = [
    {},
    {"output": "attention", "upsampling": "resize"},
    {"output": "attention", "downscale": 2},
    {"label_dim": 9, "class_dim": 7},
    {"image_size": 128},  # where group normalisation is taken
]


@pytest.mark.parametrize("changes", KINDS)
def test_the_fast_generator_says_the_same(changes: dict[str, Any]) -> None:
    settings = ModelSettings(**{**SMALL, **changes})
    generator = Generator(settings)
    x, labels = pictures(2, settings.image_size), torch.rand(2, settings.label_dim)
    with torch.no_grad():
        plain, fast = generator.translate(x, labels), FastGenerator(generator, torch.float32).translate(x, labels)
    for expected, part in zip(plain, fast, strict=True):
        assert part.dtype == torch.float32
        assert torch.allclose(part, expected, atol=1e-4)


@pytest.mark.parametrize("changes", KINDS[:4])
def test_the_fast_generator_learns_the_same(changes: dict[str, Any]) -> None:
    settings = ModelSettings(**{**SMALL, **changes})
    generator = Generator(settings).double()
    x = pictures(2, settings.image_size).double().requires_grad_(True)
    labels, slope = torch.rand(2, settings.label_dim).double(), torch.randn_like(x)

    def gradients(network: Generator) -> list[Tensor]:
        sought = (x, *generator.parameters())
        return list(torch.autograd.grad(network(x, labels), sought, slope))

    # in fp64, but for the last sum and the table at the border
    for ours, plain in zip(gradients(FastGenerator(generator, torch.float64)), gradients(generator), strict=True):
        assert (ours - plain).norm() <= 1e-5 * plain.norm()


def test_autocast_changes_nothing_in_the_fast_generator() -> None:
    generator = Generator(ModelSettings(**SMALL)).requires_grad_(False)
    fast, x, labels = FastGenerator(generator, torch.float32), pictures(2, 16), torch.rand(2, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = fast(x, labels)
    assert torch.equal(within, fast(x, labels))


def test_the_smallest_network_is_not_smaller_than_its_kernels() -> None:
    generator = Generator(ModelSettings(image_size=8, width=4, discriminator_layers=1)).requires_grad_(False)
    x, labels = pictures(2, 8), torch.rand(2, 5)
    torch.testing.assert_close(FastGenerator(generator, torch.float32)(x, labels), generator(x, labels))


@pytest.mark.parametrize("output", ["tanh", "attention"])
def test_bf16_stays_within_forty_decibels(output: str) -> None:
    settings = ModelSettings(image_size=32, width=16, blocks=6, discriminator_layers=2, output=output)  # type: ignore[arg-type]
    generator = Generator(settings).requires_grad_(False)
    x, labels = pictures(2, 32), torch.rand(2, 5).round()
    plain, fast = generator(x, labels), FastGenerator(generator, torch.bfloat16)(x, labels)
    assert float(psnr(to_pixels(fast), to_pixels(plain)).min()) > 40


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fast_discriminator_reads_the_same(dtype: torch.dtype) -> None:
    settings = ModelSettings(**{**SMALL, "projection": True})
    discriminator, x = Discriminator(settings).requires_grad_(False), pictures(2, 16)
    plain, fast = discriminator(x), FastDiscriminator(discriminator, dtype)(x)
    assert fast.classes.dtype == dtype
    for expected, part in zip(plain[:3], fast[:3], strict=True):
        assert torch.allclose(part.float(), expected, atol=1e-6 if dtype == torch.float32 else 0.01)


def test_small_maps_as_one_matrix_are_convolved_the_same_with_all_gradients() -> None:
    layer, x = PatchConv2d(5, 6).double(), torch.randn(2, 5, 4, 8, dtype=torch.float64, requires_grad=True)

    def values(convolution: Any) -> list[Tensor]:
        out = convolution(x).pow(3)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        return [out, slope, *torch.autograd.grad(slope.square().sum(), (x, layer.weight, layer.bias))]

    for ours, plain in zip(values(layer), values(lambda pictures: nn.Conv2d.forward(layer, pictures)), strict=True):
        assert torch.allclose(ours, plain)


def test_a_compiler_finds_one_graph_in_the_fast_generator() -> None:
    generator = Generator(ModelSettings(**SMALL)).requires_grad_(False)
    fast, x, labels = FastGenerator(generator, torch.bfloat16), pictures(2, 16), torch.rand(2, 5)
    with torch.inference_mode():
        compiled = torch.compile(fast.translate, backend="eager", fullgraph=True)
        assert torch.equal(compiled(x, labels).image, fast(x, labels))
