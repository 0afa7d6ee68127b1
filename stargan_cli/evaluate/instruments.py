"""The networks that measure pictures, looked up before the work begins: a missing one is reported at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stargan_cli.backbones import DEFAULT_NETWORK, packaged_weights
from stargan_cli.evaluate.classifiers.classifier import Classifier
from stargan_cli.evaluate.distances import Features
from stargan_cli.evaluate.feature_networks.face_descriptor import (
    Landmarks,
    dlib_descriptors,
    dlib_is_there,
    onnx_descriptors,
)
from stargan_cli.evaluate.feature_networks.inception import find_inception, inception_features
from stargan_cli.evaluate.feature_networks.lpips import lpips
from stargan_cli.evaluate.feature_networks.perceptual import perceptual_distance
from stargan_cli.evaluate.feature_networks.pooled import pooled_features
from stargan_cli.evaluate.measure import Comparison
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.packages import import_package
from stargan_cli.pictures.tensors import to_model
from stargan_cli.progress import Say, unheard

Describer = Callable[[Classifier, Landmarks | None], Features]


@dataclass(frozen=True)
class Instruments:
    """`features`: a data set's first classifier -> the function that gives the features for distances; None without
    distances. `describe`: that classifier, and where the eyes are in the pictures -> the function that gives face
    descriptors. `face_network`: the name of its network. `comparisons`: further metrics of a picture and its
    translation."""

    features: Callable[[Classifier], Features] | None
    describe: Describer
    face_network: str
    comparisons: dict[str, Comparison]


def find_instruments(settings: EvalSettings, device: torch.device, note: Say = unheard) -> Instruments:
    """Find the networks. `note` is told if dlib is missing. Raises UsageError if another one is, WeightsError if a file
    does not fit its network."""
    comparisons: dict[str, Comparison] = {}
    if packaged_weights(DEFAULT_NETWORK) is not None:
        comparisons["perceptual"] = perceptual_distance(device)
    if settings.lpips:
        import_package("torch_fidelity", "--lpips", "stargan-cli[eval]")
        distance = lpips(device)
        comparisons["lpips"] = lambda before, after, kept: distance(before, after)
    return Instruments(_features(settings, device), *_face_network(settings, note), comparisons)


def _features(settings: EvalSettings, device: torch.device) -> Callable[[Classifier], Features] | None:
    if settings.features == "none":
        return None
    if settings.features == "classifier":
        return lambda classifier: partial(_classifier_features, classifier)
    if settings.features == "inception":
        import_package("torch_fidelity", "--features inception", "stargan-cli[eval]")
        features = inception_features(find_inception(settings.inception), device)
    else:
        features = pooled_features(settings.features, device)
    return lambda classifier: features


def _face_network(settings: EvalSettings, note: Say) -> tuple[Describer, str]:
    if settings.identity is not None:
        embedding = onnx_descriptors(settings.identity)
        return lambda classifier, landmarks: embedding(landmarks), settings.identity.name
    if dlib_is_there():
        return lambda classifier, landmarks: dlib_descriptors(landmarks), "dlib"
    note(
        "dlib is missing: whether the person stays is measured by the first classifier, whose features change with the "
        "attribute; pip install 'stargan-cli[identity]'"
    )
    return lambda classifier, landmarks: partial(_classifier_descriptors, classifier), "classifier"


def _classifier_features(classifier: Classifier, pictures: Tensor) -> Tensor:
    return classifier.network.features(to_model(pictures)).cpu()


def _classifier_descriptors(classifier: Classifier, pictures: Tensor) -> Tensor:
    return torch.nn.functional.normalize(_classifier_features(classifier, pictures))
