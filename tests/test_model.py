import os
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stargan_cli.model import Discriminator, Generator, parameter_count
from stargan_cli.model_settings import ModelSettings

pytestmark = pytest.mark.numeric

TINY = ModelSettings(image_size=16, width=4, blocks=1, discriminator_width=4, discriminator_layers=2)


def test_the_papers_networks_have_the_papers_sizes():
    with torch.device("meta"):
        assert parameter_count(Generator(ModelSettings())) == 8_430_528
        assert parameter_count(Discriminator(ModelSettings())) == 44_762_048


def test_tensor_names_are_those_of_the_reference():
    with torch.device("meta"):
        generator, discriminator = Generator(ModelSettings()), Discriminator(ModelSettings())
    names = generator.state_dict()
    assert list(names)[:4] == ["main.0.weight", "main.1.weight", "main.1.bias", "main.3.weight"]
    assert "main.9.main.0.weight" in names and "main.14.main.4.bias" in names
    assert list(names)[-1] == "main.21.weight"
    assert not any("running" in name for name in names)
    assert list(discriminator.state_dict())[-2:] == ["conv1.weight", "conv2.weight"]


def test_equals_the_reference_implementation():
    folder = os.environ.get("STARGAN_REFERENCE")
    if not folder:
        pytest.skip("no clone of the reference implementation (STARGAN_REFERENCE)")
    sys.path.insert(0, folder)
    try:
        import model as reference
    finally:
        sys.path.remove(folder)
    settings = ModelSettings(image_size=32, width=8, blocks=2, discriminator_width=8, discriminator_layers=3)
    theirs = reference.Generator(conv_dim=8, c_dim=5, repeat_num=2)
    ours = Generator(settings)
    ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if "running" not in k and "num_b" not in k})
    pictures, labels = torch.rand(3, 3, 32, 32) * 2 - 1, torch.rand(3, 5).round()
    torch.testing.assert_close(ours.eval()(pictures, labels), theirs.train()(pictures, labels), atol=1e-5, rtol=0)

    their_d, our_d = reference.Discriminator(32, 8, 5, 3), Discriminator(settings)
    our_d.load_state_dict(their_d.state_dict())
    realness, classes = their_d(pictures)
    judgement = our_d(pictures)
    torch.testing.assert_close(judgement.realness, realness, atol=1e-5, rtol=0)
    torch.testing.assert_close(judgement.classes, classes, atol=1e-5, rtol=0)


@pytest.mark.parametrize("output", ["tanh", "attention"])
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_pictures_keep_shape_and_range(output, upsampling):
    generator = Generator(ModelSettings(**{**TINY.to_dict(), "output": output, "upsampling": upsampling}))
    pictures = torch.rand(2, 3, 16, 16) * 2 - 1
    translation = generator.translate(pictures, torch.eye(5)[:2])
    assert translation.image.shape == pictures.shape and translation.mask.shape == (2, 1, 16, 16)
    assert translation.image.abs().max() <= 1
    blend = translation.mask * translation.colour + (1 - translation.mask) * pictures
    torch.testing.assert_close(translation.image, blend if output == "attention" else translation.colour)


def test_attention_starts_near_the_identity():
    generator = Generator(ModelSettings(**{**TINY.to_dict(), "output": "attention"}))
    assert generator.main[-1].bias.tolist() == [0, 0, 0, -1]
    translation = generator.translate(torch.zeros(1, 3, 16, 16), torch.zeros(1, 5))
    assert translation.mask.mean() < 0.5


def test_a_downscaled_model_is_the_small_one_with_its_change_laid_over_the_pictures_own_detail():
    settings = {**TINY.to_dict(), "output": "attention"}
    small, large = ModelSettings(**settings), ModelSettings(**{**settings, "image_size": 32, "downscale": 2})
    torch.manual_seed(0)
    generator, judge = Generator(large), Discriminator(large)
    inner, inner_judge = Generator(small), Discriminator(small)
    inner.load_state_dict(generator.state_dict())
    inner_judge.load_state_dict(judge.state_dict())
    pictures, label = torch.rand(2, 3, 32, 32) - 0.5, torch.eye(5)[:2]
    seen = F.avg_pool2d(pictures, 2)
    translation, expected = generator.translate(pictures, label), inner.translate(seen, label)

    def enlarged(x):
        return F.interpolate(x, size=(32, 32), mode="bilinear", align_corners=False)

    torch.testing.assert_close(translation.mask, enlarged(expected.mask))
    change = (enlarged(expected.colour - seen) + pictures).clamp(-1, 1) - pictures
    torch.testing.assert_close(translation.image, pictures + enlarged(expected.mask) * change)
    torch.testing.assert_close(judge(pictures).classes, inner_judge(seen).classes)
    assert judge(pictures).realness.shape == inner_judge(seen).realness.shape


def test_the_label_changes_the_picture_and_eval_mode_does_not():
    torch.manual_seed(0)
    generator = Generator(TINY)
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    black, blond = torch.eye(5)[:1], torch.eye(5)[1:2]
    training = generator.train()(picture, black)
    assert (training - generator(picture, blond)).abs().max() > 1e-3
    torch.testing.assert_close(generator.eval()(picture, black), training)


def test_a_picture_does_not_depend_on_its_neighbours():
    generator = Generator(TINY)
    pictures, labels = torch.rand(5, 3, 16, 16) * 2 - 1, torch.rand(5, 5).round()
    alone = torch.cat([generator(p[None], c[None]) for p, c in zip(pictures, labels, strict=True)])
    torch.testing.assert_close(generator(pictures, labels), alone, atol=1e-5, rtol=0)


def test_discriminator_shapes_and_projection():
    settings = ModelSettings(**{**TINY.to_dict(), "class_dim": 3, "projection": True})
    judgement = Discriminator(settings)(torch.zeros(2, 3, 16, 16))
    assert judgement.realness.shape == (2, 1, 4, 4)
    assert judgement.classes.shape == (2, 3)
    assert judgement.agreement.shape == (2, 3, 4, 4)
    signs = torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    expected = judgement.realness[0] + judgement.agreement[0, 0] - judgement.agreement[0, 1]
    torch.testing.assert_close(judgement.realness_as(signs)[0], expected)
    torch.testing.assert_close(judgement.realness_as(signs)[1], judgement.realness[1])
    assert Discriminator(TINY)(torch.zeros(1, 3, 16, 16)).agreement is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 0}, "width"),
        ({"width": 10**9}, "width"),
        ({"blocks": -1}, "blocks"),
        ({"image_size": 18}, "multiple of 4"),
        ({"image_size": 8, "discriminator_layers": 6}, "too small"),
        ({"output": "sigmoid"}, "output"),
        ({"upsampling": "nearest"}, "upsampling"),
        ({"downscale": 2}, "needs the attention output"),
        ({"downscale": 2, "output": "attention", "image_size": 68}, "multiple of 8"),
        ({"downscale": 4, "output": "attention"}, "too small"),
        ({"downscale": 2, "output": "attention", "image_size": 8, "discriminator_layers": 1}, "at least 16"),
        ({"width": "64"}, "must be int"),
        ({"depth": 3}, "unknown model setting 'depth'"),
    ],
)
def test_settings_refuse_nonsense(change, words):
    with pytest.raises(ValueError, match=words):
        ModelSettings.from_dict({**ModelSettings().to_dict(), **change})


def test_settings_survive_a_round_trip():
    assert ModelSettings.from_dict(TINY.to_dict()) == TINY


def imported(module: str) -> set[str]:
    text = Path(sys.modules[module].__file__).read_text()
    return {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}


def test_the_core_imports_torch_and_its_settings_only_and_these_nothing():
    standard = {"__future__", "typing", "dataclasses"}
    assert imported("stargan_cli.model") - standard == {"torch", "torch.nn.functional", "stargan_cli.model_settings"}
    assert imported("stargan_cli.model_settings") <= standard
