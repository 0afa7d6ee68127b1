"""`translate` on animations and on files with pages: every picture is changed, and none is lost."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import pytest
from animations_kit import DURATIONS, KINDS, by_hand, pages, pixels, read
from PIL import Image
from portraits import LANDMARKS
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.cli.translation import file_options
from stargan_cli.compositing.placement import Place, centred
from stargan_cli.errors import NoFaceError
from stargan_cli.faces.asking import FaceQuestion, Search, answered
from stargan_cli.labels import Variant
from stargan_cli.pictures.formats import WRITABLE
from stargan_cli.pictures.frames import Frame, FrameSequence
from stargan_cli.pictures.reading import Picture
from stargan_cli.translate import animation, networks
from stargan_cli.translate.animation import translated_frames
from stargan_cli.translate.face_framing import Faces
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.questions import ChangeAnswer, ChangeQuestion
from stargan_cli.translate.settings import FaceSettings, TranslationSettings

pytestmark = pytest.mark.numeric


def go(weights: Path, *args: object, stdin: bytes | None = None) -> Any:
    result = CliRunner().invoke(app, ["translate", "--set", "blond", "-w", str(weights), *map(str, args)], input=stdin)
    assert result.exit_code in (0, 1), result.stderr
    return result


def test_the_options_name_every_format_that_can_be_written() -> None:
    assert set(file_options.Format.__metadata__[0].metavar.split("|")) == {"same", *WRITABLE}


@pytest.mark.parametrize("where", ["out", "in place", "tar", "pipe"])
@pytest.mark.parametrize("name", KINDS)
def test_every_frame_is_changed_and_the_rest_kept(name: str, where: str, tmp_path: Path, weights: Path) -> None:
    data, path = by_hand(name, plays=3), tmp_path / "in" / f"a.{name}"
    path.parent.mkdir()
    path.write_bytes(data)
    if where == "pipe":
        written = go(weights, "-", stdin=data).stdout_bytes
    elif where == "in place":
        go(weights, path.parent, "-o", path.parent, "--in-place")
        written = path.read_bytes()
    elif where == "tar":
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.add(path, f"a.{name}")
        go(weights, tmp_path / "a.tar", "-o", tmp_path / "out")
        with tarfile.open(tmp_path / "out/a.tar") as tar:
            written = tar.extractfile(f"a.{name}").read()  # type: ignore[union-attr]
    else:
        go(weights, path, "-o", tmp_path / "out")
        written = (tmp_path / "out" / f"a.{name}").read_bytes()
        assert "0 translated, 1 skipped" in go(weights, path, "-o", tmp_path / "out").stderr
    (before, old), (after, new) = read(data), read(written)
    assert (after.number, after.plays) == (before.number, 3)
    assert [frame.duration for frame in new] == DURATIONS
    for one, two in zip(old, new, strict=True):
        first, second = pixels(one.picture), pixels(two.picture)
        assert np.array_equal(first[..., 3], second[..., 3])
        assert not np.array_equal(first, second)


def test_each_page_of_a_tiff_is_changed(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "a.tif").write_bytes(pages(3))
    go(weights, tmp_path / "a.tif", "-o", tmp_path / "out")
    _, made = read((tmp_path / "out/a.tif").read_bytes())
    assert len(made) == 3
    for frame in made:
        assert not np.array_equal(np.asarray(frame.picture.image), np.asarray(corpus.scene()))


@pytest.mark.parametrize(
    ("name", "options"), [("a.gif", ("--format", "jpg")), ("a.jpg", ()), ("a.tif", ("--format", "png"))]
)
def test_what_would_lose_pictures_is_left_alone_with_the_reason(
    name: str, options: tuple[str, ...], tmp_path: Path, weights: Path
) -> None:
    stereo = corpus.encoded(corpus.scene(), "MPO", save_all=True, append_images=[corpus.scene()])
    data = {"a.gif": by_hand("gif"), "a.jpg": stereo, "a.tif": pages(3)}[name]
    path = tmp_path / "in" / name
    path.parent.mkdir()
    path.write_bytes(data)
    result = go(weights, path.parent, "-o", tmp_path / "out", *options)
    assert "which a" in result.stderr and "--frames first" in result.stderr
    assert not list((tmp_path / "out").glob("a.*"))
    if not options:
        go(weights, path.parent, "-o", path.parent, "--in-place")
        assert path.read_bytes() == data
    go(weights, path.parent, "-o", tmp_path / "out", "--frames", "first", *options)
    (made,) = (tmp_path / "out").glob("a.*")
    with Image.open(made) as image:
        assert getattr(image, "n_frames", 1) == 1


def test_in_place_a_photo_keeps_the_video_behind_it(tmp_path: Path, weights: Path) -> None:
    path = tmp_path / "in" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(data := corpus.jpeg() + b"\0\0\0\x18ftypmp42")
    result = go(weights, path.parent, "-o", path.parent, "--in-place")
    assert "--in-place would lose" in " ".join(result.stderr.split()) and path.read_bytes() == data
    assert "1 translated" in go(weights, path.parent, "-o", tmp_path / "out").stderr
    go(weights, path.parent, "-o", path.parent, "--in-place", "--frames", "first")
    assert path.read_bytes() != data


def test_a_pipe_says_why_it_writes_nothing(weights: Path) -> None:
    result = CliRunner().invoke(
        app, ["translate", "-", "--set", "blond", "-w", str(weights), "--format", "jpg"], input=by_hand("gif")
    )
    assert result.exit_code == 1 and not result.stdout_bytes
    assert "it holds 4 frames, which a JPEG file cannot" in result.stderr


def test_frames_takes_all_or_first(weights: Path) -> None:
    result = CliRunner().invoke(app, ["translate", "x", "--set", "blond", "-w", str(weights), "--frames", "last"])
    assert result.exit_code == 2 and "--frames takes all or first, not 'last'" in result.stderr


def scene(shift: int = 0, other: bool = False) -> Picture:
    image = drawn(shift, other)
    return Picture(image, None, image.size, "GIF", "RGB", None, None)


def drawn(shift: int, other: bool) -> Image.Image:
    x, y = np.meshgrid(np.arange(400), np.arange(320))
    values = 128 + 100 * np.sin((x - shift) / 15) * np.cos(y / 11)
    if other:
        values[:, 300:] = 0
    return Image.fromarray(np.repeat(values[..., None], 3, axis=2).astype(np.uint8))


class Counted(Faces):
    """Faces in given places; `searches` counts how often they were looked for."""

    searches: list[tuple[Place, ...]] = []

    def _places(self, image: Image.Image) -> Search[tuple[Place, ...]]:
        yield from ()
        if not self.searches:
            raise NoFaceError("no face found")
        return self.searches.pop(0)


FACE, FAR = Place(40 + 60j, 100 + 0j), Place(250 + 60j, 100 + 0j)


def framing(*searches: tuple[Place, ...]) -> Counted:
    made = Counted(16, FaceSettings(), LANDMARKS, True)
    Counted.searches = list(searches)
    return made


def followed(framing: Faces, *pictures: Picture, kind: Any = "animation") -> list[animation.Followed]:
    frames = iter([Frame(picture, 40) for picture in pictures])
    following = animation._Following(framing, kind == "pages")
    return [answered(following.followed(frame), no_answer) for frame in frames]


def no_answer(question: FaceQuestion) -> Any:
    raise AssertionError("these frames ask no network")


def test_a_face_that_stays_is_looked_for_once() -> None:
    found = followed(framing((FACE,)), scene(), scene(), scene())
    assert [one.framed.places for one in found] == 3 * [(FACE,)]
    assert [one.people for one in found] == 3 * [(0,)]


def test_faces_that_move_or_come_are_looked_for_again_and_known_again() -> None:
    moved = Place(55 + 60j, 100 + 0j)
    found = followed(framing((FACE,), (moved,), (FAR, moved)), scene(), scene(15), scene(15, other=True))
    assert [one.framed.places for one in found] == [(FACE,), (moved,), (FAR, moved)]
    assert [one.people for one in found] == [(0,), (0,), (1, 0)]


def test_a_frame_in_which_the_face_is_blurred_keeps_its_place_and_another_scene_does_not() -> None:
    still, blurred, black = (
        scene(),
        scene(2),
        Picture(Image.new("RGB", (400, 320)), None, (400, 320), "", "", None, None),
    )
    found = followed(framing((FACE,)), still, blurred, black, still)
    assert [one.people for one in found] == [(0,), (0,), (), (0,)]


def test_a_crop_stays_a_crop_and_pages_are_looked_at_one_by_one() -> None:
    whole = centred(400, 320)
    found = followed(framing((whole,)), scene(), scene(40))
    assert [one.framed.places for one in found] == 2 * [(whole,)]
    found = followed(framing((FACE,), (FACE,)), scene(), scene(), kind="pages")
    assert [one.people for one in found] == [(0,), (1,)]


def test_a_file_without_any_face_is_left_out() -> None:
    frames = FrameSequence("animation", 2, 0, False, False, None, iter([Frame(scene(), 40), Frame(scene(), 40)]))
    with pytest.raises(NoFaceError, match="no face found in any of its 2 frames"):
        next(translated_frames(frames, framing(), [], (), lambda framed, jobs: 0))


def test_frames_go_in_small_groups_and_labels_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "GROUP_FRAMES", 2)
    frames = FrameSequence("animation", 3, 0, False, False, None, iter([Frame(scene(), 40) for _ in range(3)]))
    way = translated_frames(frames, framing((FACE,)), [], (Variant("", ()),), lambda framed, jobs: 7)
    question = next(way)
    assert (len(question.squares), question.people, question.known, question.weight) == (2, (0, 0), (None, None), 14)
    assert question.firsts == (0, 1)
    label = {(0, "Male"): 1.0}
    question = way.send(ChangeAnswer(np.empty((1, 2, 3, 16, 16), np.uint8), (({}, {}),), (label, label)))  # type: ignore[arg-type]
    assert (len(question.squares), question.known) == (1, (label,))


def test_the_first_person_of_the_first_group_decides_which_opposite_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "GROUP_FRAMES", 2)
    frames = FrameSequence("animation", 3, 0, False, False, None, iter([Frame(scene(), 40) for _ in range(3)]))
    male, female = Variant("male", (), opposite="female"), Variant("female", (), opposite="male")
    way = translated_frames(frames, framing((FACE,)), [], (male, female), lambda framed, jobs: 7)
    assert next(way).variants == (male, female)
    label = {(0, "Male"): 1.0}
    question = way.send(ChangeAnswer(((), ()), (({}, None), ({}, {})), (label, label)))  # type: ignore[arg-type]
    assert question.variants == (Variant("female", ()),)


def test_what_is_read_of_one_person_is_averaged(weights: Path) -> None:
    settings = TranslationSettings("blond", weights=str(weights))
    made = networks.Networks(settings)
    squares = np.zeros((3, 3, 16, 16), np.uint8)
    logits = [[4.0] * 5, [-6.0] * 5, [-1.0] * 5]
    question = ChangeQuestion(squares, made.plan.variants, None, 0, (0, 0, 1), (None, None, None))
    labels = made._labels_of(Found(Path("a.gif"), None), question, logits)
    assert labels[0] == labels[1] == made.labels.completed({}, [-1.0] * 5) == labels[2]


def test_a_table_labels_the_largest_face_of_each_frame(weights: Path) -> None:
    """As it was when first met: the second person's is read, though larger in the second frame."""
    made = networks.Networks(TranslationSettings("blond", weights=str(weights)))
    squares, given, people = np.zeros((5, 3, 16, 16), np.uint8), {(0, "Male"): 1.0}, (0, 1, 1, 0, 2)
    question = ChangeQuestion(squares, made.plan.variants, None, 0, people, (None,) * 5, (0, 2, 4))
    labels = made._labels_of(Found(Path("a.gif"), None, known=given), question, [[-1.0] * 5] * 5)
    read = made.labels.completed({}, [-1.0] * 5)
    assert labels == [read | given, read, read, read | given, read | given]


def test_only_a_group_of_frames_is_held(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    encode = animation._encode

    def watched(group: Any, *others: Any) -> None:
        held.append(len(group))
        encode(group, *others)

    monkeypatch.setattr(animation, "_encode", watched)
    monkeypatch.setattr(animation, "GROUP_PIXELS", 2 * 48 * 32)
    (tmp_path / "a.gif").write_bytes(by_hand("gif"))
    go(weights, tmp_path / "a.gif", "-o", tmp_path / "out")
    assert held == [2, 2]
