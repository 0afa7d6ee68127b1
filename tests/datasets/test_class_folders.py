"""Class folders as people have them: parts under many names, tools' folders, names in two Unicode forms."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
from training_kit import class_folders, picture

from stargan_cli.datasets.class_folders import load_class_folders, refuse_inside
from stargan_cli.errors import DataError, UsageError

MOODS = {"happy": 4, "sad": 4}
TOOLS = (".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")


def copies(folder: Path, source: Path) -> None:
    """Ten copies of pictures, as tools keep them."""
    folder.mkdir(parents=True)
    for number in range(10):
        shutil.copy(source, folder / f"copy-{number}.png")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tools_folder_in_a_class_is_passed_over_and_said(tmp_path: Path, tool: str) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=())
    copies(folder / "happy" / tool, folder / "happy" / "happy-.-0.png")
    parts = load_class_folders(folder)
    assert sum(part.counts()["happy"] for part in (parts["train"], parts["test"])) == 4
    assert not any("copy" in file for part in parts.values() for file in part.files)
    assert parts["train"].notes == (f"passed over as hidden or a tool's own: happy/{tool}",)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tools_folder_beside_the_classes_is_no_class(tmp_path: Path, tool: str) -> None:
    folder = class_folders(tmp_path / "moods", MOODS)
    copies(folder / "train" / tool, folder / "train" / "happy" / "happy-tr-0.png")
    parts = load_class_folders(folder)
    assert parts["train"].label_set.attributes == ("happy", "sad")
    assert f"passed over as hidden or a tool's own: {tool}" in parts["train"].notes


def test_hidden_pictures_are_said(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=())
    picture(folder / "sad" / "._sad-.-0.png", 9, 9)
    (folder / "sad" / ".DS_Store").touch()
    parts = load_class_folders(folder)
    assert parts["train"].notes == ("passed over as hidden or a tool's own: sad/._sad-.-0.png",)


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING", "train_set", "Train Data"])
@pytest.mark.parametrize("held_out", ["val", "Valid", "validation", "dev", "Test", "testing", "EVAL", "test-set"])
def test_parts_are_known_under_their_usual_names(tmp_path: Path, train: str, held_out: str) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=(train, held_out))
    parts = load_class_folders(folder)
    assert parts["train"].folder == folder / train and len(parts["train"]) == 8
    assert parts["test"].folder == parts["validation"].folder == folder / held_out
    place = f"{held_out}/"
    assert parts["train"].parted == f"train from {train}/, validation from {place}, test from {place}"


def test_all_three_parts(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=("training", "valid", "Test"))
    parts = load_class_folders(folder)
    assert [part.folder.name for part in parts.values()] == ["training", "valid", "Test"]


def test_a_part_to_train_with_alone_is_divided_and_said(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=("Train",))
    picture(folder / "extra" / "x.png", 1, 1)
    parts = load_class_folders(folder)
    assert (len(parts["train"]), len(parts["test"])) == (6, 2)
    assert parts["train"].parted == "a tenth of each class is held out, by a hash of the names"
    assert parts["train"].notes == (f"extra/ in {folder}: not part of the data set, left out",)


def test_parts_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    twice = class_folders(tmp_path / "twice", MOODS, parts=("train", "Training"))
    with pytest.raises(DataError, match="Training/ and train/ both mean the train part"):
        load_class_folders(twice)
    without = class_folders(tmp_path / "without", MOODS, parts=("val", "Test"))
    with pytest.raises(DataError, match="has Test/, val/ but no part to train with"):
        load_class_folders(without)
    flat = class_folders(tmp_path / "flat", {"train": 3, "test": 3}, parts=())
    with pytest.raises(DataError, match="test/ and train/ hold no class folders"):
        load_class_folders(flat)


def test_a_class_may_be_called_as_a_part(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "vehicles", {"bus": 3, "train": 3}, parts=())
    assert load_class_folders(folder)["train"].label_set.attributes == ("bus", "train")


def test_a_class_that_a_part_lacks_is_named(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS)
    shutil.rmtree(folder / "test" / "sad")
    with pytest.raises(DataError, match="test has no folder sad"):
        load_class_folders(folder)
    (folder / "test" / "Sad").mkdir()
    with pytest.raises(DataError, match="test has no folder sad") as caught:
        load_class_folders(folder)
    assert caught.value.hint == "is it Sad?"


def test_folders_that_name_a_part_and_a_class_at_once_are_refused(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "horses", {"trainA": 3, "trainB": 3, "testA": 3, "testB": 3}, parts=())
    with pytest.raises(DataError, match="testA, testB, trainA, trainB seem to name parts and classes") as caught:
        load_class_folders(folder)
    assert caught.value.hint == "make folders for the parts with the classes in them: test/A for testA"
    people = class_folders(tmp_path / "people", {"testers": 3, "trainers": 3}, parts=())
    assert load_class_folders(people)["train"].label_set.attributes == ("testers", "trainers")


def test_links_that_lead_nowhere_and_loose_pictures_are_said(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=())
    (folder / "happy" / "gone.png").symlink_to(tmp_path / "unmounted" / "gone.png")
    (folder / "angry").symlink_to(tmp_path / "unmounted" / "angry")
    (folder / "round").symlink_to(folder / "round")
    picture(folder / "loose.png", 9, 9)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    parts = load_class_folders(folder)
    assert "happy/gone.png" in {file for part in ("train", "test") for file in parts[part].files}  # type: ignore[index]
    assert parts["train"].notes == (
        f"pictures in {folder} itself, in no class folder: 2, left out",
        f"links in {folder} that lead nowhere: angry, round, left out",
    )


def test_a_file_in_several_classes_is_said(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=())
    files = sorted((folder / "happy").iterdir())
    (folder / "happy" / "again.png").symlink_to(files[0])  # twice in one class
    assert load_class_folders(folder)["train"].notes == ()
    (folder / "glad").symlink_to(folder / "happy")
    parts = load_class_folders(folder)
    count = len(files) + 1
    example = "glad/again.png and happy/again.png"
    assert parts["train"].notes == (f"files in {folder} that are in several classes: {count}, such as {example}",)


def test_class_names_match_in_either_unicode_form(tmp_path: Path) -> None:
    names = {form: unicodedata.normalize(form, "fröhlich") for form in ("NFC", "NFD")}
    class_folders(tmp_path / "moods", {names["NFD"]: 3, "sad": 3}, parts=("train",))
    class_folders(tmp_path / "moods", {names["NFC"]: 3, "sad": 3}, parts=("val",))
    parts = load_class_folders(tmp_path / "moods")
    assert parts["train"].label_set.attributes == (names["NFC"], "sad")
    assert parts["validation"].counts() == {names["NFC"]: 3, "sad": 3}
    class_folders(tmp_path / "moods", {names["NFC"]: 3}, parts=("train",))
    if len(list((tmp_path / "moods" / "train").iterdir())) == 3:  # a file system that keeps both
        with pytest.raises(DataError, match="in two Unicode forms"):
            load_class_folders(tmp_path / "moods")


def test_a_place_to_write_to_that_would_become_a_class_is_refused(tmp_path: Path) -> None:
    plain = class_folders(tmp_path / "plain", MOODS, parts=())
    parted = class_folders(tmp_path / "parted", MOODS)
    (tmp_path / "link").symlink_to(plain)
    for place in (plain / "runs" / "new", plain, plain / "happy" / "x", parted / "test" / "x", tmp_path / "link" / "x"):
        with pytest.raises(UsageError, match="--run .* lies among the classes of"):
            refuse_inside(place, "--run", ["celeba", str(parted), str(plain)])
    for place in (tmp_path / "runs", parted / "runs", plain / ".runs" / "x", tmp_path / "plain-runs"):
        refuse_inside(place, "--run", [str(plain), str(parted), str(tmp_path / "gone")])


def test_symlinks_to_folders_below_a_class_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", MOODS, parts=())
    other = class_folders(tmp_path / "more", {"shots": 3}, parts=())
    (folder / "happy" / "more").symlink_to(other)
    (other / "back").symlink_to(folder / "happy")
    (other / "here").symlink_to(other)
    parts = load_class_folders(folder)
    found = [file for part in ("train", "test") for file in parts[part].files if file.startswith("happy/")]  # type: ignore[index]
    assert sum(file.startswith("happy/more/shots/") for file in found) == 3 and len(found) == 7
