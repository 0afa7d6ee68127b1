"""`translate` on photos: which squares are taken, what is left out, what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from portraits import LANDMARKS, PORTRAITS, photograph
from translation_kit import framed
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.compositing.maps import CHANNELS
from stargan_cli.compositing.placement import Place, centred
from stargan_cli.errors import NoFaceError, UsageError
from stargan_cli.faces.asking import answered
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.pictures.reading import Picture
from stargan_cli.translate.face_framing import Faces, expected_landmarks
from stargan_cli.translate.plan import make_plan
from stargan_cli.translate.report import Report, Row
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import FaceSettings, Run, TranslationSettings
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import load, save

pytestmark = pytest.mark.numeric

SIZE = 32
NO_FACE = "no face found that is at least 48 px high (--min-face)"
PLACES = (Place(40 + 60j, 240 + 30j), Place(420 + 180j, 400 - 40j))


def framing(at_source_size: bool = True, **settings: Any) -> Faces:
    return Faces(SIZE, FaceSettings(**settings), LANDMARKS, at_source_size)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    photograph(*PLACES).save(folder / "group.png")
    photograph().save(folder / "empty.png")
    with Image.open(PORTRAITS[2]) as image:
        image.save(folder / "crop.png")
    Image.new("RGB", (2 * SIZE, SIZE), (90, 90, 90)).save(folder / "small.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = LabelLayout((LabelSet("celeba", ("Blond_Hair", "Male")),))
    model = ModelSettings(SIZE, 2, 2, width=4, blocks=1, discriminator_layers=2, output="attention")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "faces.safetensors"
    save(path, Card(model, layout, {"landmarks": LANDMARKS}), Generator(model).state_dict())
    plain = path.with_name("plain.safetensors")
    save(plain, Card(model, layout), Generator(model).state_dict())
    return path


def go(inputs: Path, out: Path, weights: Path, size: str = "source", **settings: Any) -> tuple[Report, dict[str, Row]]:
    rows: list[Row] = []
    wanted = TranslationSettings(
        "blond", weights=str(weights), rest_off=True, size=size, faces=FaceSettings(**settings)
    )
    report = translate([inputs], out, wanted, Run(), on_row=rows.append)
    return report, {Path(row.source).name: row for row in rows}


def test_all_faces_or_the_largest_or_so_many(photos: Path) -> None:
    group = photos / "group.png"
    assert [round(place.side, -2) for place in framed(framing(), group).places] == [400, 200]
    for settings in ({"which": "largest"}, {"most": 1}, {"smallest": 150}):
        (place,) = framed(framing(**settings), group).places
        assert abs(place.side - PLACES[1].side) < 20
    assert framed(framing(at_source_size=False), group).squares.shape == (1, 3, SIZE, SIZE)


def test_where_no_face_is_found_the_least_height_is_named(photos: Path, tmp_path: Path, weights: Path) -> None:
    _, rows = go(photos / "group.png", tmp_path / "out", weights, smallest=9999)
    assert rows["group.png"].reason == "no face found that is at least 9,999 px high (--min-face)"


def test_auto_takes_a_crop_as_it_is_and_always_lays_it_out_anew(photos: Path) -> None:
    assert framed(framing(), photos / "crop.png").places == (centred(256, 256),)
    (place,) = framed(framing(mode="always"), photos / "crop.png").places
    assert place != centred(256, 256)
    assert abs(place.side - 256) < 0.05 * 256


def test_without_a_face_a_photo_is_left_out_but_not_a_picture_of_crop_size(photos: Path) -> None:
    with pytest.raises(NoFaceError, match="no face found"):
        framed(framing(), photos / "empty.png")
    assert framed(framing(), photos / "small.png").places == (centred(2 * SIZE, SIZE),)
    with pytest.raises(NoFaceError):
        framed(framing(mode="always"), photos / "small.png")


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (15, 15), (16, 40), (8, 16)])
def test_what_is_too_small_or_too_long_for_a_face_is_left_out_whatever_its_sides(size: tuple[int, int]) -> None:
    picture = Picture(Image.new("RGB", size, (90, 90, 90)), None, size, "PNG", "RGB", None, None)
    with pytest.raises(NoFaceError, match="no face found"):
        answered(framing().prepare(picture), FaceNetworks(torch.device("cpu")).answer)


def test_a_photo_without_change_comes_back_to_the_bit(photos: Path) -> None:
    prepared = framed(framing(), photos / "group.png")
    nothing = np.zeros((2, CHANNELS, SIZE, SIZE), np.float16)
    made = framing().finish(prepared, nothing)
    image, alpha = made.image, made.alpha
    assert alpha is None
    with Image.open(photos / "group.png") as source:
        assert image.tobytes() == source.tobytes()


def test_a_folder_of_photos(photos: Path, tmp_path: Path, weights: Path) -> None:
    report, rows = go(photos, tmp_path / "out", weights)
    assert (report.done, report.skipped, report.failed, report.exit_code) == (3, 1, 0, 0)
    assert (rows["empty.png"].status, rows["empty.png"].reason, rows["empty.png"].output) == (
        "skipped",
        NO_FACE,
        None,
    )
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["crop.png", "group.png", "small.png"]
    with Image.open(photos / "group.png") as source, Image.open(tmp_path / "out/group.png") as result:
        moved = (np.asarray(source) != np.asarray(result)).any(axis=2)
    assert moved[200:330, 120:240].mean() > 0.5 and moved[300:500, 520:700].mean() > 0.5
    assert not moved[:40].any() and not moved[650:].any() and not moved[450:, :300].any()
    again, _ = go(photos, tmp_path / "out", weights)
    assert (again.done, again.skipped) == (0, 4)


def test_labels_of_a_table_are_those_of_the_largest_face(photos: Path, tmp_path: Path, face_weights: Path) -> None:
    made = []
    for male in ("0", "1"):
        labels, out = tmp_path / "labels.csv", tmp_path / male
        labels.write_text(f"path,Male,Young\ngroup.png,{male},1\n")
        settings = TranslationSettings("blond", weights=str(face_weights), labels=labels)
        translate([photos / "group.png"], out, settings, Run())
        with Image.open(out / "group.png") as result:
            made.append(np.asarray(result.convert("RGB")))
    differs = (made[0] != made[1]).any(axis=2)
    assert differs[300:500, 520:700].any()
    assert not differs[:, :300].any()


def test_others_are_copied_byte_for_byte(photos: Path, tmp_path: Path, weights: Path) -> None:
    report, rows = go(photos / "empty.png", tmp_path / "out", weights, copy_others=True)
    assert (report.done, report.skipped) == (0, 1)
    assert rows["empty.png"].reason == f"{NO_FACE}: copied"
    assert (tmp_path / "out/empty.png").read_bytes() == (photos / "empty.png").read_bytes()


def test_copies_are_known_again(photos: Path, tmp_path: Path, weights: Path) -> None:
    """Byte for byte ones by their bytes, converted ones by a note, which does not say that they are generated."""
    for _ in range(2):
        _, rows = go(photos / "empty.png", tmp_path / "out", weights, copy_others=True)
        assert rows["empty.png"].reason == f"{NO_FACE}: copied"
    source = tmp_path / "empty.ppm"
    with Image.open(photos / "empty.png") as image:
        image.save(source)
    reasons = [go(source, tmp_path / "ppm", weights, copy_others=True)[1]["empty.ppm"].reason for _ in range(2)]
    assert reasons == [f"{NO_FACE}: copied", "done before"]
    data = (tmp_path / "ppm/empty.png").read_bytes()
    assert b"stargan:fingerprint" in data and b"DigitalSourceType" not in data


@pytest.mark.parametrize("keep", [False, True])
def test_copies_in_another_format_keep_what_translated_pictures_keep(
    keep: bool, photos: Path, tmp_path: Path, weights: Path
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    (tmp_path / "in").mkdir()
    for name in ("group", "empty"):
        with Image.open(photos / f"{name}.png") as image:
            image.save(tmp_path / "in" / f"{name}.jpg", exif=exif)
    faces = FaceSettings(copy_others=True)
    settings = TranslationSettings(
        "blond", weights=str(weights), faces=faces, format="webp", keep_metadata=keep, rest_off=True
    )
    report = translate([tmp_path / "in"], tmp_path / "out", settings, Run())
    assert (report.done, report.skipped) == (1, 1)
    for name in ("group", "empty"):
        with Image.open(tmp_path / "out" / f"{name}.webp") as image:
            assert dict(image.getexif()) == ({0x010F: "Maker"} if keep else {})


@pytest.mark.parametrize(("frames", "status"), [("all", "failed"), ("first", "skipped")])
def test_a_copy_has_the_frames_that_its_format_holds_or_fails(
    frames: Any, status: str, photos: Path, tmp_path: Path, weights: Path
) -> None:
    with Image.open(photos / "empty.png") as image:
        image.save(tmp_path / "two.gif", save_all=True, append_images=[Image.new("RGB", image.size)])
    settings = TranslationSettings(
        "blond", weights=str(weights), faces=FaceSettings(copy_others=True), format="jpg", frames=frames, rest_off=True
    )
    rows: list[Row] = []
    translate([tmp_path / "two.gif"], tmp_path / "out", settings, Run(), on_row=rows.append)
    assert [row.status for row in rows] == [status]
    assert (tmp_path / "out" / "two.jpg").exists() == (status == "skipped")


def test_in_place_nothing_is_copied(photos: Path, tmp_path: Path, weights: Path) -> None:
    (tmp_path / "empty.png").write_bytes((photos / "empty.png").read_bytes())
    settings = TranslationSettings("blond", weights=str(weights), rest_off=True, faces=FaceSettings(copy_others=True))
    report = translate([tmp_path], tmp_path, settings, Run(in_place=True))
    assert (report.skipped, report.copied) == (1, 0)


def test_copies_are_named_among_the_outputs(photos: Path, tmp_path: Path, weights: Path) -> None:
    source = tmp_path / "in" / "a.png"
    source.parent.mkdir()
    source.write_bytes((photos / "empty.png").read_bytes())
    args = (
        "translate",
        source,
        "--set",
        "blond",
        "--rest",
        "off",
        "-w",
        weights,
        "-o",
        tmp_path / "out",
        "--copy-others",
    )
    for more in ((), ("--new-only",), ()):
        result = CliRunner().invoke(app, [*map(str, args), "--print", *more])
        assert result.stdout == f"{tmp_path}/out/a.png\n"
    photograph().resize((700, 500)).save(source)  # its old copy cannot be told from a file of another program
    result = CliRunner().invoke(app, [*map(str, args), "--print"])
    assert (result.stdout, "(another program's, or a copy) is in the way" in result.stderr) == ("", True)


def test_outputs_that_are_no_longer_made_are_named(photos: Path, tmp_path: Path, weights: Path) -> None:
    args = ("translate", photos / "group.png", "--set", "blond", "--rest", "off", "-w", weights, "-o", tmp_path / "out")
    args = (*args, "--manifest", tmp_path / "rows", "--print")
    output, statuses = tmp_path / "out" / "group.png", []
    for size in ("48", "9999", "48"):
        result = CliRunner().invoke(app, [*map(str, args), "--min-face", size])
        (row,) = map(Row.from_json, (tmp_path / "rows").read_bytes().splitlines())
        statuses.append((row.output, row.status, "1 output of earlier settings left" in result.stderr, result.stdout))
        assert output.is_file()
    name = str(output)
    assert statuses == [
        (name, "done", False, f"{name}\n"),
        (name, "skipped", True, ""),
        (name, "skipped", False, f"{name}\n"),
    ]


def test_model_size_gives_the_largest_faces_square(photos: Path, tmp_path: Path, weights: Path) -> None:
    go(photos / "group.png", tmp_path / "out", weights, size="model")
    with Image.open(tmp_path / "out/group.png") as image:
        assert image.size == (SIZE, SIZE)


@pytest.mark.parametrize(("size", "sliders"), [("source", 1), ("model", 0)])
def test_a_gallery_lays_only_pictures_of_one_frame_over_each_other(
    size: Any, sliders: int, photos: Path, tmp_path: Path, weights: Path
) -> None:
    settings = TranslationSettings("blond", weights=str(weights), rest_off=True, size=size)
    translate([photos / "group.png"], tmp_path / "out", settings, Run(gallery=tmp_path / "page.html"))
    text = (tmp_path / "page.html").read_text()
    assert (text.count("<input"), text.count("<img")) == (sliders, 2)


def test_weights_that_expect_no_face_take_the_centre(photos: Path, tmp_path: Path, weights: Path) -> None:
    plain = weights.with_name("plain.safetensors")
    report, _ = go(photos / "empty.png", tmp_path / "out", plain)
    assert report.done == 1
    auto, off = (
        make_plan(TranslationSettings("blond", faces=FaceSettings(mode=mode)), load(str(plain)), "float32").notes()
        for mode in ("auto", "off")
    )
    assert (len(auto), off) == (1, []) and "the centred square of each picture is taken" in auto[0]
    with pytest.raises(UsageError, match="where they expect a face"):
        go(photos / "empty.png", tmp_path / "out", plain, mode="always")


@pytest.mark.parametrize(
    "landmarks",
    [
        {"left_eye": [0.4, 0.4]},
        dict.fromkeys(("left_eye", "nose"), [0.4, 0.4]),
        {"left_eye": [1e-300, 0], "right_eye": [0, 0]},
        {"left_eye": [0.4, 0.4], "right_eye": [0.4 + 5e-8, 0.4]},
        {},
    ],
)
def test_landmarks_that_say_nothing_are_none(landmarks: Any) -> None:
    model = ModelSettings(SIZE, 2, 2, discriminator_layers=2)
    card = Card(model, LabelLayout((LabelSet("x", ("a", "b")),)), {"landmarks": landmarks})
    assert expected_landmarks(FaceSettings(), card) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--faces", "sometimes"], "--faces takes auto or always or off"),
        (["--face", "left"], "--face takes all or largest"),
    ],
)
def test_options_that_make_no_sense(photos: Path, options: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["translate", str(photos), "--set", "blond", *options])
    assert result.exit_code == 2 or isinstance(result.exception, UsageError)
    assert words in result.output + str(result.exception)


def test_a_picture_without_a_face_is_named_with_its_reason(photos: Path, tmp_path: Path, weights: Path) -> None:
    arguments = ["translate", str(photos / "empty.png"), "--set", "blond", "--rest", "off", "-w", str(weights)]
    result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    words = " ".join(result.stderr.split())
    assert "skipped: " in words and "empty.png: no face found" in words and "1 skipped" in words
