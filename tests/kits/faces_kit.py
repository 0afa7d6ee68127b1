"""Face searches that run their networks directly, on the CPU."""

from __future__ import annotations

import torch
from PIL import Image

from stargan_cli.faces import finding
from stargan_cli.faces.asking import answered
from stargan_cli.faces.candidates import Face
from stargan_cli.faces.networks import FaceNetworks

NETWORKS = FaceNetworks(torch.device("cpu"))


def find_faces(image: Image.Image, min_face: int = finding.DEFAULT_MIN_FACE) -> list[Face]:
    return answered(finding.find_faces(image, min_face), NETWORKS.answer)


def exact(image: Image.Image, face: Face) -> Face:
    return answered(finding.exact(image, [face]), NETWORKS.answer)[0]
