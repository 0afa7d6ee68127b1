from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.evaluate.bootstrap import estimate, rounded
from stargan_cli.evaluate.distances import frechet_distance
from stargan_cli.evaluate.feature_networks.inception import FILE_NAME, find_inception, inception_features
from stargan_cli.evaluate.pixel_metrics import (
    MOST_DECIBELS,
    change_by_mask,
    corner_change,
    kept_region,
    psnr,
    psnr_within,
    ssim,
)
from stargan_cli.evaluate.targets import confidence, successes

pytestmark = pytest.mark.numeric


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    first = torch.randint(0, 256, (2, 3, 24, 24), generator=random, dtype=torch.uint8)
    noise = torch.randint(-20, 21, first.shape, generator=random)
    return first, (first.int() + noise).clamp(0, 255).to(torch.uint8)


def as_pictures(pictures: torch.Tensor) -> list[np.ndarray]:
    return list(pictures.permute(0, 2, 3, 1).numpy())


def test_psnr_is_that_of_scikit_image(pair):
    expected = [peak_signal_noise_ratio(a, b) for a, b in zip(*map(as_pictures, pair), strict=True)]
    assert psnr(*pair).tolist() == pytest.approx(expected, abs=1e-9)


def test_psnr_of_a_known_difference_and_of_none():
    black = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    assert psnr(black, black + 1).item() == pytest.approx(20 * math.log10(255))
    assert psnr(black, black).item() == MOST_DECIBELS


def test_ssim_is_that_of_scikit_image(pair):
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
    expected = [structural_similarity(a, b, **settings) for a, b in zip(*map(as_pictures, pair), strict=True)]
    assert ssim(*pair).tolist() == pytest.approx(expected, abs=1e-9)


def test_ssim_of_equal_pictures_is_one_and_small_ones_are_refused(pair):
    assert ssim(pair[0], pair[0]).tolist() == pytest.approx([1, 1])
    with pytest.raises(ValueError, match="11 px"):
        ssim(pair[0][..., :8, :8], pair[1][..., :8, :8])


def test_corners_are_the_upper_two():
    before = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    after = before.clone()
    after[0, :, :2, :2] = 10
    after[1, :, 2:, 2:] = 99
    assert corner_change(before, after).tolist() == [5.0, 0.0]


def test_change_by_mask_tells_inside_from_outside():
    before = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    after, mask = before.clone(), torch.zeros(2, 1, 4, 4)
    after[:, :, :2] = 8
    mask[0, :, :2] = 0.9
    inside, outside = change_by_mask(before, after, mask)
    assert (inside[0].item(), outside[0].item()) == (8.0, 0.0)
    assert math.isnan(inside[1].item()) and outside[1].item() == 4.0


def test_only_named_attributes_count():
    read, wanted = torch.tensor([[[1, 0]], [[1, 0]], [[0, 0]]]), torch.tensor([[1, 1], [1, 1], [1, 0]])
    named = torch.tensor([[True, False], [True, True], [True, True]])
    assert successes(read, wanted, named).tolist() == [[True], [False], [False]]
    found = torch.tensor([[[0.9, 0.1], [0.8, 0.1]], [[0.9, 0.1]] * 2, [[0.3, 0.2]] * 2])
    assert confidence(found, wanted, named).tolist() == pytest.approx([0.8, 0.1, 0.3])


def test_psnr_within_a_region_sees_nothing_else():
    before = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    after, region = before.clone(), torch.zeros(4, 4, dtype=torch.bool)
    region[:2] = True
    after[0, :, 2:], after[1, :, :2] = 99, 1
    assert psnr_within(before, after, region).tolist() == pytest.approx([60, 20 * math.log10(255)])


def test_new_hair_leaves_the_face_and_all_else_the_background():
    landmarks = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
    face = kept_region(64, ["Blond_Hair", "Black_Hair"], landmarks)
    assert face[32, 31] and face[40, 31] and not face[10, 31] and not face[32, 5] and not face[60, 31]
    for moved, known in ((["Male"], landmarks), (["Blond_Hair"], None)):
        corners = kept_region(64, moved, known)
        assert corners.sum() == 2 * 8 * 8 and corners[0, 0] and corners[7, 63] and not corners[8, 0]


def test_interval_of_a_rate_is_that_of_the_binomial():
    found = estimate([1.0] * 60 + [0.0] * 40)
    assert (found["value"], found["n"]) == (0.6, 100)
    assert (found["low"], found["high"]) == pytest.approx((0.6 - 1.96 * 0.049, 0.6 + 1.96 * 0.049), abs=0.015)
    assert estimate([1.0] * 60 + [0.0] * 40) == found


def test_interval_leaves_out_what_is_no_number_and_shrinks_with_n():
    assert estimate([math.nan, 2.0, 2.0]) == {"value": 2.0, "low": 2.0, "high": 2.0, "n": 2}
    assert estimate([]) is None and estimate([math.inf]) is None
    few, many = estimate([0.0, 1.0] * 10), estimate([0.0, 1.0] * 1000)
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 5


def test_nothing_has_no_sign():
    """A table said "-0" of a difference that rounds to nothing."""
    found = estimate([-1e-9, -1e-9])
    assert found is not None and [str(found[name]) for name in ("value", "low", "high")] == ["0.0"] * 3
    assert str(rounded(-1e-9, 6)) == "0.0" and rounded(-0.26, 1) == -0.3


def test_several_numbers_of_one_picture_are_drawn_together():
    """They used to count as many pictures, and the interval was far too narrow."""
    numbers = [1.0] * 30 + [0.0] * 20
    once = estimate(numbers)
    often = estimate([*numbers * 8, math.nan], pictures=[*[*range(50)] * 8, 50])
    assert (often["value"], often["n"]) == (once["value"], 400)
    assert (often["low"], often["high"]) == (once["low"], once["high"])


def test_missing_inception_file_is_named_with_its_address(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UsageError) as found:
        find_inception(None)
    assert str(tmp_path / "hub" / "checkpoints" / FILE_NAME) in str(found.value)
    assert f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE_NAME}" in found.value.hint
    with pytest.raises(UsageError, match="other.pth"):
        find_inception(tmp_path / "other.pth")


class RunsCode:
    def __reduce__(self):
        return (Path.touch, (Path("was-here"),))


def test_inception_file_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(pickle.dumps(RunsCode()))
    with pytest.raises(WeightsError, match=r"bad\.pth is refused: it is not a state dict"):
        inception_features(tmp_path / "bad.pth", torch.device("cpu"))
    assert not (tmp_path / "was-here").exists()


def test_other_weights_are_not_inception(tmp_path):
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "resnet.pth")
    with pytest.raises(
        WeightsError, match=r"resnet\.pth does not hold the Inception weights of FID: Missing key"
    ) as found:
        inception_features(tmp_path / "resnet.pth", torch.device("cpu"))
    assert "put it at" in found.value.hint and FILE_NAME in found.value.hint


def test_a_truncated_inception_file_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(1000)}, tmp_path / "half.pth")
    (tmp_path / "half.pth").write_bytes((tmp_path / "half.pth").read_bytes()[:2000])
    with pytest.raises(WeightsError, match=r"half\.pth is refused: it is damaged"):
        inception_features(tmp_path / "half.pth", torch.device("cpu"))


@pytest.mark.parametrize("text", ["hello", "hi there\n", "abc" * 20])
def test_a_text_is_no_state_dict(tmp_path, text):
    """The reason was a number: the first byte that the unpickler did not know."""
    (tmp_path / "text.pth").write_text(text)
    with pytest.raises(WeightsError, match=r"text\.pth is refused: it is not a state dict, or is damaged$"):
        inception_features(tmp_path / "text.pth", torch.device("cpu"))


class FewFeatures(torch.nn.Module):
    """Stands for the Inception network: 5 numbers a picture, from a local file too."""

    def __init__(self, name, features_list, feature_extractor_weights_path=None, **_):
        super().__init__()
        self.register_buffer("scale", torch.ones(5))
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=True))

    def forward(self, pictures):
        return (torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 2).flatten(1)[:, :5] * self.scale,)


def test_fid_and_kid_are_those_of_torch_fidelitys_own_functions(tmp_path, monkeypatch):
    monkeypatch.setattr("torch_fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3", FewFeatures)
    torch.save({"scale": torch.arange(1.0, 6.0)}, tmp_path / "inception.pth")
    features = inception_features(tmp_path / "inception.pth", torch.device("cpu"))
    random = torch.Generator().manual_seed(3)
    first, second = (
        features(torch.randint(0, top, (20, 3, 8, 8), generator=random, dtype=torch.uint8)) for top in (100, 256)
    )
    statistics = [fid_features_to_statistics(part) for part in (first, second)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
