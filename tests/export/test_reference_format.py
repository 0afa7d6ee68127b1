"""Checkpoints of the reference implementation, both ways, and those that must be refused."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from stargan_cli.errors import StarganError, UsageError, WeightsError
from stargan_cli.export.check import random_labels
from stargan_cli.export.reference_format import (
    RUNNING_STATISTICS,
    is_checkpoint,
    read_reference,
    reference_discriminator,
    reference_generator,
)
from stargan_cli.export.sources import layout_of
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings

SETTINGS = ModelSettings(
    image_size=32, label_dim=3, class_dim=3, width=6, blocks=2, discriminator_width=4, discriminator_layers=3
)
LAYOUT = LabelLayout((LabelSet("attributes", ("Black_Hair", "Male", "Young")),))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """200000-G.ckpt and 200000-D.ckpt with random weights, as the reference writes them."""
    torch.manual_seed(3)
    generator, discriminator = tmp_path / "200000-G.ckpt", tmp_path / "200000-D.ckpt"
    torch.save(reference_generator(Generator(SETTINGS)), generator)
    torch.save(reference_discriminator(Discriminator(SETTINGS)), discriminator)
    return generator, discriminator


def rewrite(path: Path, tensors: dict[str, Tensor]) -> Path:
    torch.save(tensors, path)
    return path


def refusal(generator: Path, discriminator: Path | None = None, layout: LabelLayout | None = LAYOUT) -> StarganError:
    with pytest.raises((WeightsError, UsageError)) as caught:
        read_reference(generator, discriminator, layout, None)
    return caught.value


def test_settings_come_from_the_tensors(pair: tuple[Path, Path]) -> None:
    model = read_reference(*pair, LAYOUT, None)
    assert model.settings == SETTINGS
    assert not any(name.endswith(RUNNING_STATISTICS) for name in model.generator)


def test_tensors_survive_the_round_trip(pair: tuple[Path, Path]) -> None:
    generator, discriminator = read_reference(*pair, LAYOUT, None).networks()
    again = reference_generator(generator)
    for name, tensor in torch.load(pair[0], weights_only=True).items():
        assert torch.equal(again[name], tensor), name
    assert discriminator is not None and not generator.training and not discriminator.training


def test_without_a_discriminator_the_size_is_128_or_what_is_said(pair: tuple[Path, Path]) -> None:
    assert read_reference(pair[0], None, LAYOUT, None).settings.image_size == 128
    small = read_reference(pair[0], None, LAYOUT, 16)
    assert small.settings.image_size == 16 and small.discriminator is None


def test_a_size_that_contradicts_the_discriminator_is_refused(pair: tuple[Path, Path]) -> None:
    for size in (28, 40, 128):
        with pytest.raises(UsageError, match=f"trained at 32 to 39 px, not {size}"):
            read_reference(*pair, LAYOUT, size)


def test_a_size_that_the_discriminator_does_not_tell_is_taken(pair: tuple[Path, Path]) -> None:
    assert read_reference(*pair, LAYOUT, 36).settings.image_size == 36


@pytest.mark.parametrize("drop", [("num_batches_tracked",), RUNNING_STATISTICS])
def test_old_and_parallel_checkpoints_load(pair: tuple[Path, Path], drop: tuple[str, ...]) -> None:
    """PyTorch 0.4 knows no num_batches_tracked, DataParallel writes `module.` before every name, and files before
    PyTorch 1.6 are pickles."""
    wanted = read_reference(*pair, LAYOUT, None)
    for path in pair:
        tensors = torch.load(path, weights_only=True)
        old = {f"module.{name}": tensor for name, tensor in tensors.items() if not name.endswith(drop)}
        torch.save(old, path, _use_new_zipfile_serialization=False)
    given = read_reference(*pair, LAYOUT, None)
    assert given.settings == wanted.settings
    assert all(torch.equal(given.generator[name], tensor) for name, tensor in wanted.generator.items())


def test_two_joined_data_sets_need_both_lists(tmp_path: Path) -> None:
    layout = layout_of(("Male", "Young"), ("angry", "happy", "sad"))
    assert layout is not None and (layout.label_dim, layout.class_dim) == (7, 5)
    settings = ModelSettings(32, 7, 5, 4, 1, 4, 3)
    generator = rewrite(tmp_path / "G.ckpt", reference_generator(Generator(settings)))
    discriminator = rewrite(tmp_path / "D.ckpt", reference_discriminator(Discriminator(settings)))
    assert read_reference(generator, discriminator, layout, None).settings == settings
    error = refusal(generator, discriminator, LAYOUT)
    assert "takes 7 labels, but 3 are named" in str(error)


class Exploit:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_with_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    trace, path = tmp_path / "trace", tmp_path / "200000-G.ckpt"
    torch.save(
        {"main.0.weight": torch.zeros(4, 6, 7, 7), "x": Exploit(trace)}, path, _use_new_zipfile_serialization=zipped
    )
    error = refusal(path)
    assert "posix.system" in str(error) and "nothing in this file was run" in error.hint
    assert not trace.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_checkpoint_is_refused(pair: tuple[Path, Path], zipped: bool) -> None:
    torch.save(torch.load(pair[0], weights_only=True), pair[0], _use_new_zipfile_serialization=zipped)
    whole = pair[0].read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        pair[0].write_bytes(whole[:length])
        said = str(refusal(pair[0]))
        assert "200000-G.ckpt is refused" in said and "Invalid argument" not in said, length


def test_other_kinds_of_files_are_refused(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    path = tmp_path / "other-G.ckpt"
    path.write_text("hello world " * 100)
    assert "is refused" in str(refusal(path))
    torch.save(nn.Linear(2, 2), path)
    assert "more than tensors" in str(refusal(path))
    assert "holds no state dict" in str(refusal(rewrite(path, [torch.zeros(1)])))  # type: ignore[arg-type]
    assert "'epoch' is no tensor" in str(refusal(rewrite(path, {"epoch": 3})))  # type: ignore[dict-item]
    error = refusal(rewrite(path, {"G": {"weight": torch.zeros(1)}}))  # type: ignore[dict-item]
    assert "'G' is a dict of its own" in str(error) and "torch.load('other-G.ckpt')['G']" in str(error.hint)
    assert "no StarGAN generator" in str(refusal(rewrite(path, {"weight": torch.zeros(2)})))
    assert "no StarGAN discriminator" in str(refusal(pair[0], pair[0]))
    error = refusal(pair[1])
    assert "it is a discriminator" in str(error) and "--discriminator" in str(error.hint)


def test_what_is_wrong_with_a_discriminator_is_said_of_it(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    tensors = torch.load(pair[1], weights_only=True)
    last = tensors["conv2.weight"]
    layers = {f"main.{number}.weight": torch.zeros(1) for number in range(2, 4000)}
    wrong = [
        (
            tensors | {"conv2.weight": torch.zeros(*last.shape[:2], 0, 0)},
            "conv2.weight is missing or has an unexpected",
        ),
        (tensors | {"conv2.weight": torch.zeros(*last.shape[:2], 999, 999)}, "image_size must be between"),
        (tensors | {"main.0.weight": torch.zeros(999, 3, 4, 4)}, "discriminator_width must be between"),
        (tensors | layers, "layers, and 9 are the most"),
    ]
    for content, reason in wrong:
        said = str(refusal(pair[0], rewrite(tmp_path / "wrong-D.ckpt", content)))
        assert "wrong-D.ckpt is refused" in said and reason in said


def test_tensors_without_numbers_are_refused(pair: tuple[Path, Path]) -> None:
    tensors = torch.load(pair[0], weights_only=True)
    error = refusal(rewrite(pair[0], tensors | {"main.0.weight": tensors["main.0.weight"].to("meta")}))
    assert "main.0.weight holds no plain floating-point numbers" in str(error)


def test_the_entry_state_dict_of_a_checkpoint_is_read(pair: tuple[Path, Path]) -> None:
    plain = read_reference(pair[0], None, LAYOUT, 32)
    rewrite(pair[0], {"state_dict": torch.load(pair[0], weights_only=True), "epoch": 3})  # type: ignore[dict-item]
    found = read_reference(pair[0], None, LAYOUT, 32)
    assert all(torch.equal(found.generator[name], tensor) for name, tensor in plain.generator.items())


def test_mislabelled_checkpoints_are_refused(pair: tuple[Path, Path]) -> None:
    error = refusal(pair[0], layout=None)
    assert "takes 3 labels but does not name them" in str(error) and "--attrs" in str(error.hint)
    two = layout_of(("Male", "Young"), ())
    assert "takes 3 labels, but 2 are named: Male, Young" in str(refusal(pair[0], layout=two))
    tensors = torch.load(pair[1], weights_only=True)
    rewrite(pair[1], {**tensors, "conv2.weight": torch.zeros(4, 16, 4, 4)})
    assert "classifies 4 labels, but 3 are named" in str(refusal(*pair))


def test_tensors_that_do_not_fit_each_other_are_refused(pair: tuple[Path, Path]) -> None:
    tensors = torch.load(pair[0], weights_only=True)
    first = tensors["main.3.weight"]
    cases = {
        "lacks the tensor main.3.weight": {name: value for name, value in tensors.items() if name != "main.3.weight"},
        "has an unexpected tensor main.99.bias": {**tensors, "main.99.bias": torch.zeros(1)},
        "main.3.weight is": {**tensors, "main.3.weight": torch.zeros(2, 2)},
        "holds NaN": {**tensors, "main.3.weight": first * float("nan")},
        "no plain floating-point": {**tensors, "main.3.weight": first.to_sparse()},
    }
    for text, content in cases.items():
        assert text in str(refusal(rewrite(pair[0], content)))


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"output": "attention"}, "no attention output"), ({"upsampling": "resize"}, "no resize upsampling")],
)
def test_what_the_reference_cannot_run_is_refused(changes: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        reference_generator(Generator(ModelSettings.from_dict({**SETTINGS.to_dict(), **changes})))


def test_a_projection_head_is_refused() -> None:
    with pytest.raises(UsageError, match="no projection head"):
        reference_discriminator(Discriminator(ModelSettings.from_dict({**SETTINGS.to_dict(), "projection": True})))


def test_a_discriminator_of_smaller_pictures_is_refused() -> None:
    changes = {"output": "attention", "image_size": 2 * SETTINGS.image_size, "downscale": 2}
    with pytest.raises(UsageError, match="reads them downscaled"):
        reference_discriminator(Discriminator(ModelSettings.from_dict({**SETTINGS.to_dict(), **changes})))


def test_labels_named_wrongly() -> None:
    hair = layout_of(("Black_Hair", "Blond_Hair", "Male"), ())
    assert hair is not None and hair.sets[0].groups == (("Black_Hair", "Blond_Hair"),)
    own = layout_of(("Black_Hair", "Blond_Hair", "Male"), (), [("Black_Hair", "Male")])
    assert own is not None and own.sets[0].groups == (("Black_Hair", "Male", "Blond_Hair"),)
    assert layout_of((), ()) is None
    for attributes, groups in ((("Male", ""), []), (("Male", "Male"), []), (("Male",), [("Young",)])):
        with pytest.raises(UsageError):
            layout_of(attributes, (), groups)
    with pytest.raises(UsageError, match="--group is given without --attrs"):
        layout_of((), (), [("Male", "Young")])


def test_a_header_length_is_not_taken_for_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    for length in (0x280, 0x4B50):
        path.write_bytes(length.to_bytes(8, "little") + b"{")
        assert not is_checkpoint(path)
    for start in (b"PK\x03\x04\x00\x00\x08\x08\x00", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9"):
        path.write_bytes(start)
        assert is_checkpoint(path)


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    folder = os.environ.get("STARGAN_REFERENCE")
    if not folder:
        pytest.skip("no clone of the reference implementation (STARGAN_REFERENCE)")
    spec = importlib.util.spec_from_file_location("reference_model", Path(folder) / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("steps", [0, 1])
def test_its_checkpoints_give_its_pictures(reference: ModuleType, tmp_path: Path, steps: int) -> None:
    torch.manual_seed(0)
    theirs = reference.Generator(conv_dim=8, c_dim=3, repeat_num=2), reference.Discriminator(32, 8, 3, 3)
    image, label = torch.rand(5, 3, 32, 32) * 2 - 1, random_labels(5, 3)
    for _ in range(steps):
        theirs[0](image * 0.5, label)  # moves the running statistics
    paths = tmp_path / "1-G.ckpt", tmp_path / "1-D.ckpt"
    for path, module in zip(paths, theirs, strict=True):
        torch.save(module.state_dict(), path)
    generator, discriminator = read_reference(*paths, LAYOUT, None).networks()
    assert discriminator is not None
    with torch.no_grad():
        assert (generator(image, label) - theirs[0](image, label)).abs().max() <= 1e-5
        realness, classes = theirs[1](image)
        output = discriminator(image)
    assert (output.realness - realness).abs().max() <= 1e-5
    assert (output.classes - classes).abs().max() <= 1e-5


def test_it_loads_our_checkpoints_strictly(reference: ModuleType, pair: tuple[Path, Path]) -> None:
    theirs = reference.Generator(6, 3, 2), reference.Discriminator(32, 4, 3, 3)
    for path, module in zip(pair, theirs, strict=True):
        module.load_state_dict(torch.load(path, map_location="cpu"), strict=True)
    generator, discriminator = read_reference(*pair, LAYOUT, None).networks()
    image, label = torch.rand(5, 3, 32, 32) * 2 - 1, random_labels(5, 3)
    assert discriminator is not None
    with torch.no_grad():
        assert (generator(image, label) - theirs[0](image, label)).abs().max() <= 1e-5
        assert (discriminator(image).classes - theirs[1](image)[1]).abs().max() <= 1e-5
