from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from eval_kit import CELEBA, LABELS, painted, write_judge
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet18

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import TrainingError, WeightsError
from stargan_cli.evaluate.classifier import CARD_KEY, ClassifierNetwork, load_classifier
from stargan_cli.evaluate.fit_classifier import FitSettings, fit, save_classifier
from stargan_cli.labels import LabelSet
from stargan_cli.labels.probabilities import decisions, probabilities


def parts_of(tmp_path, labels, label_set=CELEBA):
    files = tuple(f"{i}.png" for i in range(len(labels)))
    pixels = np.ascontiguousarray(painted(LABELS.repeat(20, 1)[: len(labels)]).numpy())
    whole = CachedPictures(Labelled(label_set, tmp_path, files, labels), pixels, {})
    return dict.fromkeys(("train", "validation", "test"), whole)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    parts = parts_of(tmp_path_factory.mktemp("fit"), LABELS.repeat(8, 1))
    settings = FitSettings(image_size=32, epochs=8, batch_size=8, jitter=0.0, device="cpu", precision="fp32")
    return fit(parts, settings), parts


def test_it_learns_what_can_be_seen(fitted):
    classifier, _ = fitted
    assert set(classifier.accuracy) == set(CELEBA.attributes)
    assert classifier.accuracy["Male"]["recall"] >= 0.9 and classifier.accuracy["Male"]["specificity"] >= 0.9
    assert classifier.training["pictures"] == 48 and classifier.training["best_epoch"] >= 1


def test_its_file_gives_the_same_answers(fitted, tmp_path):
    classifier, parts = fitted
    save_classifier(tmp_path / "judge.safetensors", classifier)
    again = load_classifier(tmp_path / "judge.safetensors")
    pictures = torch.rand(3, 3, 16, 16) * 2 - 1
    assert torch.allclose(again.probabilities(pictures), classifier.probabilities(pictures), atol=1e-5)
    assert (again.label_set, again.accuracy) == (CELEBA, classifier.accuracy)
    assert again.columns(("Young", "Male")) == [4, 3]


def test_probabilities_of_classes_share_one():
    faces = LabelSet("faces", ("a", "b"), kind="classes")
    chances = probabilities(torch.tensor([[2.0, 2.0], [0.0, 3.0]]), faces)
    assert chances.sum(1).tolist() == pytest.approx([1, 1])
    assert decisions(chances, faces)[1].tolist() == [0, 1]
    both = probabilities(torch.tensor([[2.0, 2.0]]), LabelSet("attributes", ("a", "b")))
    assert decisions(both, LabelSet("attributes", ("a", "b"))).tolist() == [[1, 1]]


def test_it_starts_from_torchvisions_weights(tmp_path):
    network = resnet18(weights=None)
    nn.init.constant_(network.conv1.weight, 0.125)
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    settings = FitSettings(32, epochs=1, batch_size=6, learning_rate=1e-9, init=tmp_path / "resnet18.pth", device="cpu")
    classifier = fit(parts_of(tmp_path, LABELS), settings)
    assert classifier.network.body.conv1.weight.mean().item() == pytest.approx(0.125, abs=1e-3)
    torch.save({"layers": 1}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth is refused: 'layers' is no tensor"):
        fit(parts_of(tmp_path, LABELS), FitSettings(32, init=tmp_path / "other.pth", device="cpu"))


def test_rare_attributes_are_read_as_if_they_were_common():
    from stargan_cli.evaluate.fit_classifier import _as_if_equally_common

    network = ClassifierNetwork(2, 32)
    nn.init.zeros_(network.head.bias)
    labels = torch.tensor([[1, 1]] + [[0, 1]] * 7, dtype=torch.uint8)
    _as_if_equally_common(network, labels)
    assert network.head.bias.tolist() == pytest.approx([math.log(8 / 2), math.log(1 / 9)])


def test_a_wrong_start_is_refused_before_the_pictures_are_read(tmp_path):
    from stargan_cli.evaluate.fit_classifier import fit_and_save

    settings = FitSettings(32, init=tmp_path / "none.pth", device="cpu")
    with pytest.raises(WeightsError, match=r"none\.pth is refused: No such file") as told:
        fit_and_save(tmp_path / "judge.safetensors", str(tmp_path / "no data"), settings)
    assert "resnet18-f37072fd.pth" in told.value.hint


def test_a_loss_that_is_no_number_stops_it(tmp_path):
    settings = FitSettings(32, epochs=1, batch_size=6, learning_rate=1e30, device="cpu", precision="fp32")
    with pytest.raises(TrainingError, match="no number"):
        fit(parts_of(tmp_path, LABELS), settings)


def rewritten(path, **changes):
    card = {"format_version": 1, "image_size": 32, "accuracy": dict.fromkeys(CELEBA.attributes, {}), "training": {}}
    card["layout"] = {"sets": [{"name": "celeba", "attributes": CELEBA.attributes, "groups": [], "kind": "attributes"}]}
    tensors = load_file(path)
    save_file(tensors, path, metadata={CARD_KEY: json.dumps(card | changes)})
    return path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format_version": 9}, "format version is 9"),
        ({"accuracy": {}}, "how well it reads"),
        ({"layout": {}}, "not a label layout"),
        ({"image_size": None}, "is refused"),
    ],
)
def test_a_classifier_file_that_lies_is_refused(tmp_path, changes, told):
    with pytest.raises(WeightsError, match=told):
        load_classifier(rewritten(write_judge(tmp_path / "judge.safetensors"), **changes))


def test_a_truncated_classifier_file_is_refused(tmp_path):
    path = write_judge(tmp_path / "judge.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="cannot read the classifier"):
        load_classifier(path)


def test_features_are_what_the_last_layer_sees():
    network = ClassifierNetwork(3, 32).eval()
    pictures = torch.rand(2, 3, 32, 32)
    assert torch.allclose(network.head(network.features(pictures)), network(pictures))
    assert network.features(pictures).shape == (2, 512)
