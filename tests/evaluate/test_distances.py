"""How far sets of pictures are apart."""

from __future__ import annotations

import math

import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from stargan_cli.evaluate import distances
from stargan_cli.evaluate.distances import (
    _Set,
    distance_rows,
    frechet_distance,
    kernel_distance,
    matched,
    names_of,
    share_left,
)
from stargan_cli.evaluate.targets import targets_for
from stargan_cli.labels import LabelSet

pytestmark = pytest.mark.numeric


@pytest.fixture
def gaussian() -> torch.Tensor:
    return torch.randn(4000, 4, generator=torch.Generator().manual_seed(0))


def test_frechet_distance_of_gaussians(gaussian):
    assert frechet_distance(gaussian, gaussian) == pytest.approx(0, abs=1e-4)
    assert frechet_distance(gaussian, gaussian + 3) == pytest.approx(4 * 9, rel=1e-3)
    assert frechet_distance(gaussian, 2 * gaussian) == pytest.approx(4, rel=0.1)  # sum of (2 - 1)^2
    assert frechet_distance(gaussian, gaussian + 1) < frechet_distance(gaussian, gaussian + 2)


@pytest.mark.parametrize("counts", [(12, 9), (12, 90), (200, 90)])
def test_frechet_distance_is_that_of_torch_fidelity(counts):
    random = torch.Generator().manual_seed(1)
    first, second = (
        torch.randn(count, 30, generator=random) * scale + scale for scale, count in zip((1, 2), counts, strict=True)
    )
    statistics = [fid_features_to_statistics(features) for features in (first, second)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-4)


def test_kernel_distance_is_near_nothing_for_the_same_and_grows_with_a_shift(gaussian):
    first, second = gaussian[:200], gaussian[200:400]
    halves = kernel_distance(first, second)
    shifted = [kernel_distance(first, second + by) for by in (0.5, 1.0)]
    assert abs(halves) < 0.05 < shifted[0] < shifted[1]


def test_kernel_distance_takes_few_pictures(gaussian):
    near, far = (kernel_distance(gaussian[:3], gaussian[3:8] + by) for by in (0, 5))
    assert math.isfinite(near) and near < far


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_distances_need_two_pictures(distance, gaussian):
    with pytest.raises(ValueError, match="two pictures"):
        distance(gaussian[:1], gaussian)


def test_kernel_distance_is_torch_fidelitys_of_one_subset(gaussian):
    first, second = gaussian[:50], gaussian[50:100] + 1
    found = kid_features_to_metric(first, second, kid_subsets=1, kid_subset_size=50, rng_seed=0, verbose=False)
    assert kernel_distance(first, second) == pytest.approx(found["kernel_inception_distance_mean"], rel=1e-4)


def test_a_weight_counts_as_often_as_the_picture_would(gaussian):
    few, weights = gaussian[:6], torch.tensor([3.0, 1, 1, 1, 1, 1], dtype=torch.float64)
    many = torch.cat([few[:1], few[:1], few])
    other = gaussian[10:30] + 1
    even = torch.full((20,), 0.05, dtype=torch.float64)
    mean_gap = (many.mean(0) - other.mean(0)).square().sum()
    weighted = frechet_distance(few, other, weights, even)
    assert weighted > float(mean_gap) - 1e-6 and weighted != pytest.approx(frechet_distance(few, other), rel=1e-3)
    heavy = kernel_distance(few, other, torch.tensor([1.0, 1, 0, 0, 0, 0], dtype=torch.float64), even)
    assert heavy == pytest.approx(kernel_distance(few[:2], other), rel=1e-9)


TWO = LabelSet("two", ("A", "B"))


def test_real_pictures_are_weighted_as_the_sources_other_attributes_are():
    labels = torch.tensor([[1, 1], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [0, 0], [0, 0]], dtype=torch.uint8)
    target = targets_for(TWO, labels)[0]
    shown, weight, kept = matched(labels, target)
    assert shown.tolist() == [0, 1, 2, 3] and kept.tolist() == [0, 1, 2, 3]
    assert weight.tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])


def test_sources_that_no_real_picture_is_like_are_left_out():
    labels = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=torch.uint8)
    target = targets_for(TWO, labels)[0]
    shown, weight, kept = matched(labels, target)
    assert (shown.tolist(), weight.tolist(), kept.tolist()) == ([0, 1], [0.5, 0.5], [1])
    assert distance_rows("inception", target, labels, torch.rand(4, 3), torch.rand(2, 3)) is None


def sets_apart(by: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Labels, the features of 300 pictures of which 150 show it and lie one step away, and of 150 translated ones."""
    labels = torch.tensor([[1], [0]] * 150, dtype=torch.uint8)
    random = torch.Generator().manual_seed(1)
    real = torch.randn(300, 4, generator=random) + labels
    return labels, real, real[1::2] + by


@pytest.mark.parametrize(("by", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_share_left_is_one_of_sources_and_near_nothing_of_real_ones(by, expected):
    labels, real, made = sets_apart(by)
    target = targets_for(LabelSet("one", ("A",)), labels)[0]
    rows = distance_rows("efficientnet-lite0", target, labels, real, made)
    left = rows["share_left"]
    assert left["value"] == pytest.approx(expected, abs=0.15) and left["low"] <= left["value"] <= left["high"]
    kernel = names_of("efficientnet-lite0")[1]
    assert left["value"] == pytest.approx(rows["translated"][kernel] / rows["do_nothing"][kernel], abs=1e-3)
    assert rows == distance_rows("efficientnet-lite0", target, labels, real, made)


def test_nothing_is_left_to_share_where_sources_are_as_near_as_real_ones():
    labels, real, made = sets_apart(0.0)
    target = targets_for(LabelSet("one", ("A",)), labels)[0]
    near = distance_rows("inception", target, labels, real - labels, made - 1)
    assert near["share_left"] is None, "sources and real pictures differ by chance alone"
    real[:] = real[0]
    rows = distance_rows("inception", target, labels, real, made)
    assert rows["share_left"] is None and math.isfinite(rows["translated"]["fid"])


def test_the_interval_of_a_few_pictures_is_of_numbers():
    """Some resamples of three pictures are one picture three times, which has no distance."""
    random = torch.Generator().manual_seed(1)
    source, real = torch.randn(3, 4, generator=random), torch.randn(3, 4, generator=random) + 9
    found = share_left(source, source + 8, _Set(real))
    assert all(share is not None and math.isfinite(share) for share in found)


def test_kernels_of_many_pictures_are_computed_in_blocks(monkeypatch):
    labels, real, made = sets_apart(0.5)
    target = targets_for(LabelSet("one", ("A",)), labels)[0]
    whole = distance_rows("inception", target, labels, real, made)
    largest = []
    kernel = distances._kernel
    monkeypatch.setattr(distances, "MOST_AT_ONCE", 1000)
    monkeypatch.setattr(distances, "_kernel", lambda a, b: largest.append(len(a) * len(b)) or kernel(a, b))
    assert distance_rows("inception", target, labels, real, made) == whole and max(largest) <= 1000


def test_names_of_distances():
    assert names_of("inception") == ("fid", "kid")
    assert names_of("efficientnet-lite0") == ("efficientnet_lite0_frechet", "efficientnet_lite0_kernel")
