"""Face descriptors, vectors that are close for one person's photos: by dlib's network or an ONNX face embedding."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.placement import fitted, places_of
from stargan_cli.errors import UsageError, WeightsError, first_line, reason_of
from stargan_cli.evaluate.distances import Features
from stargan_cli.files.opening import open_regular
from stargan_cli.packages import import_package
from stargan_cli.weights.foreign_files import START, stand_in

Landmarks = Mapping[str, Sequence[float]]
"""Where the eyes are in pictures, as in a weights card."""
DLIB_SIZE = 150
DLIB_EYES = {"left_eye": 0.3155 + 0.3134j, "right_eye": 0.6685 + 0.3142j}
ARCFACE_EYES = {"left_eye": 0.3419 + 0.4616j, "right_eye": 0.6565 + 0.4598j}
"""Where the networks expect the eyes, as fractions of their picture's side (left and right in the picture)."""
DLIB_FILE = "models/dlib_face_recognition_resnet_model_v1.dat"


def dlib_is_there() -> bool:
    """Whether dlib and the package with its face network are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("dlib", "face_recognition_models"))


def dlib_descriptors(landmarks: Landmarks | None) -> Features:
    """A function from uint8 pictures (n, 3, S, S) to unit-length vectors (n, 128) of dlib's ResNet (King, 2017; CC0),
    on the CPU.

    Without `landmarks` the whole picture is used. Raises UsageError where the packages are missing.
    """
    if not dlib_is_there():
        raise UsageError("dlib's face network is not installed", "pip install 'stargan-cli[identity]'")
    dlib = import_package("dlib", "measuring how alike faces are", "stargan-cli[identity]")
    spec = importlib.util.find_spec("face_recognition_models")  # importing it would need pkg_resources
    folders = (spec.submodule_search_locations if spec else None) or []
    network = dlib.face_recognition_model_v1(str(Path(folders[0]) / DLIB_FILE))
    theta = chip_transform(landmarks or {}, DLIB_EYES)

    def describe(pictures: Tensor) -> Tensor:
        chips = chips_of(pictures, theta, (DLIB_SIZE, DLIB_SIZE)).round().to(torch.uint8)
        rows = [np.ascontiguousarray(chip) for chip in chips.permute(0, 2, 3, 1).numpy()]
        found = torch.tensor(np.array([network.compute_face_descriptor(row) for row in rows]), dtype=torch.float32)
        return F.normalize(found)

    return describe


def chip_transform(landmarks: Landmarks, expected: Mapping[str, complex]) -> Tensor:
    """The part that a network gets of a picture with these eyes, as a matrix (2, 3) for `affine_grid`; the whole
    picture if the eyes are not known. `expected`: where the network expects them."""
    eyes = places_of(landmarks, list(expected))
    if len(eyes) < 2:
        return torch.eye(2, 3)
    place = fitted(list(eyes.values()), [expected[name] for name in eyes])
    a, b = place.span.real, place.span.imag
    middle = 2 * (place.origin + place.span * (0.5 + 0.5j)) - (1 + 1j)
    return torch.tensor([[a, -b, middle.real], [b, a, middle.imag]])


def chips_of(pictures: Tensor, theta: Tensor, size: tuple[int, int]) -> Tensor:
    """The part `theta` (2, 3) of uint8 pictures (n, 3, S, S): float (n, 3, *size) in 0..255, on the CPU. Pictures with
    more pixels than that are shrunk first: sampling them would skip some."""
    pictures, side = pictures.cpu().float(), max(1, round(max(size) / float(theta[:, 0].norm())))
    if side < pictures.shape[-1]:
        pictures = F.interpolate(pictures, side, mode="bilinear", antialias=True, align_corners=False)
    grid = F.affine_grid(theta.expand(len(pictures), 2, 3), [len(pictures), 3, *size], align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def onnx_descriptors(path: Path) -> Callable[[Landmarks | None], Features]:
    """From where the eyes are to a function from uint8 pictures (n, 3, S, S) to unit-length vectors (n, d) of a face
    embedding (ArcFace; Deng et al., CVPR 2019), on the CPU. Without landmarks the whole picture is used.

    `path`: an ONNX model that takes RGB faces (N, 3, H, W) in [-1, 1], with the eyes where ArcFace has them, and gives
    one vector each. Raises UsageError without onnxruntime, WeightsError where the file is no such model.
    """
    onnxruntime = import_package("onnxruntime", "--identity", "stargan-cli[eval]")
    try:
        with open_regular(path) as file:  # onnxruntime would wait for a FIFO
            found = stand_in(file.read(START))
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {reason_of(error)}", "give the file of a face embedding") from error
    if found:
        raise WeightsError(f"{path} is no face embedding but {found[0]}", found[1])
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (entry,) = session.get_inputs()
        _, channels, height, width = entry.shape
        if channels != 3 or not isinstance(height, int) or not isinstance(width, int):
            raise ValueError(f"its input {entry.shape} is not [N, 3, H, W] with a fixed size")
        describe = partial(_described, session, entry.name, (height, width))
        if not describe(None)(torch.zeros(1, 3, height, width)).isfinite().all():
            raise ValueError("of a black picture it gives NaN or infinite numbers")
    except Exception as error:  # onnxruntime raises a dozen types of its own, none documented
        raise WeightsError(f"{path} is no face embedding: {first_line(error)}") from error
    return describe


def _described(session: Any, entry: str, size: tuple[int, int], landmarks: Landmarks | None) -> Features:
    theta = chip_transform(landmarks or {}, ARCFACE_EYES)

    def describe(pictures: Tensor) -> Tensor:
        # One at a time: many of these models have a fixed batch of 1.
        rows = [session.run(None, {entry: one[None].numpy()})[0] for one in chips_of(pictures, theta, size) / 127.5 - 1]
        return F.normalize(torch.cat([torch.from_numpy(row).flatten()[None] for row in rows]))

    return describe
