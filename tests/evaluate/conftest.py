"""What the tests of `stargan eval` run on."""

from __future__ import annotations

import pytest
from eval_kit import CELEBA, FACES, write_celeba, write_classifier, write_weights
from PIL import Image
from typer.testing import CliRunner

from stargan_cli.cli.app import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """CelebA, a class folder set, weights and classifiers; nothing in it is changed by a test."""
    root = tmp_path_factory.mktemp("eval")
    write_celeba(root / "celeba", copies=2)
    for label, shade in (("happy", 250), ("sad", 5)):
        (root / "faces" / label).mkdir(parents=True)
        for number in range(20):
            Image.new("RGB", (16, 16), (shade, number, 0)).save(root / "faces" / label / f"{number}.png")
    write_weights(root / "a.safetensors", seed=1)
    write_weights(root / "b.safetensors", seed=2)
    write_weights(root / "tanh.safetensors", output="tanh")
    write_weights(root / "keeps.safetensors", seed=3, unset_stays=True)
    write_weights(root / "joint.safetensors", CELEBA, FACES)
    write_classifier(root / "classifier.safetensors")
    write_classifier(root / "faces.safetensors", FACES)
    return root


@pytest.fixture
def stargan(folder, monkeypatch):
    monkeypatch.chdir(folder)

    monkeypatch.setattr("stargan_cli.evaluate.instruments.dlib_is_there", lambda: False)

    def call(*options: str):
        given = ["eval", "--cache", "cache", "--device", "cpu", *options]
        if "--root" not in options and ("--data" not in options or "celeba" in options):
            given += ["--root", "celeba"]
        if "--features" not in options and "--fit-classifier" not in options:
            given += ["--features", "none"]
        if not any(option.endswith("--classifier") for option in options):
            given += ["--classifier", "classifier.safetensors"]
        return CliRunner().invoke(app, given)

    return call
