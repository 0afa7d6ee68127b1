"""Data sets for training: what is loaded, what is refused in clear words, and the cache of decoded pictures."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from training_kit import CELEBA_NAMES, celeba, class_folders, picture, settings

from stargan_cli.datasets import decoded_cache as cache_module
from stargan_cli.datasets.celeba import load_celeba
from stargan_cli.datasets.class_folders import load_class_folders
from stargan_cli.datasets.decoded_cache import cached
from stargan_cli.datasets.labelled import DataSet, Labelled
from stargan_cli.datasets.loading import load_set, without_shared_pictures
from stargan_cli.errors import DataError, PictureError, UsageError
from stargan_cli.pictures.tensors import load_square
from stargan_cli.train.data import TrainingData, _spread, load_data, prepare
from stargan_cli.train.recipe.settings import TrainSettings

ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Male")


def test_celeba_follows_its_own_partition(tmp_path: Path) -> None:
    parts = load_celeba(celeba(tmp_path), ATTRIBUTES)
    assert {part: len(labelled) for part, labelled in parts.items()} == {"train": 12, "validation": 3, "test": 3}
    train = parts["train"]
    assert train.files[:2] == ("000001.png", "000002.png")
    assert train.labels[:3].tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert train.counts() == {"Black_Hair": 4, "Blond_Hair": 4, "Male": 6}
    assert train.label_set.groups == (("Black_Hair", "Blond_Hair"),)  # hair colours exclude each other by themselves
    assert train.notes == ()


def test_celeba_may_lie_at_the_root_itself(tmp_path: Path) -> None:
    assert len(load_celeba(celeba(tmp_path) / "celeba", ATTRIBUTES)["train"]) == 12


def test_the_reference_split_is_the_references_shuffle(tmp_path: Path) -> None:
    parts = load_celeba(celeba(tmp_path, train_count=24), ("Male",), split="reference")
    lines = [f"{i + 1:06d}.png" for i in range(30)]
    random.seed(1234)
    random.shuffle(lines)  # as the reference does with the lines of the file
    assert parts["test"].files == tuple(lines[:3])
    assert parts["train"].files == tuple(lines[3:])
    assert parts["train"].parted == (
        "3 rows drawn at random are held out: the first of those that StarGAN's published code holds out"
    )


def test_the_reference_split_stays_as_it_is_if_pictures_are_missing(tmp_path: Path) -> None:
    root = celeba(tmp_path, train_count=24)
    whole = load_celeba(root, ("Male",), split="reference")
    gone = ("000001.png", whole["test"].files[0])
    for name in gone:
        (root / "celeba" / "img_align_celeba" / name).unlink()
    parts = load_celeba(root, ("Male",), split="reference")
    for part, labelled in whole.items():
        assert parts[part].files == tuple(name for name in labelled.files if name not in gone)
    assert parts["train"].notes == ("rows of list_attr_celeba.txt without a picture: 2, left out",)


def test_declared_groups_join_the_hair_colours(tmp_path: Path) -> None:
    label_set = load_celeba(celeba(tmp_path), (*ATTRIBUTES, "Smiling"), (("Male", "Smiling"),))["train"].label_set
    assert set(label_set.groups) == {("Black_Hair", "Blond_Hair"), ("Male", "Smiling")}
    with pytest.raises(UsageError, match="not one of its attributes"):
        load_celeba(tmp_path, ATTRIBUTES, (("Male", "Smiling"),))


def test_groups_that_share_hair_colours_are_joined_with_all_of_them(tmp_path: Path) -> None:
    groups = (("Black_Hair", "Male"), ("Young", "Smiling"))
    label_set = load_celeba(celeba(tmp_path), (*ATTRIBUTES, "Smiling", "Young"), groups)["train"].label_set
    assert label_set.groups == (("Black_Hair", "Male", "Blond_Hair"), ("Young", "Smiling"))


def test_pictures_that_show_several_members_of_a_group_are_counted(tmp_path: Path) -> None:
    train = load_celeba(celeba(tmp_path), ("Male", "Young"), (("Male", "Young"),))["train"]
    assert train.notes == ("pictures that show several of Male, Young, which exclude each other: 9",)


def test_missing_celeba_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="list_attr_celeba.txt .* and a folder img_align_celeba/ .* missing") as caught:
        load_celeba(tmp_path, ATTRIBUTES)
    assert "--download" in str(caught.value.hint) and "--root" in str(caught.value.hint)


def test_an_unknown_celeba_attribute_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no attribute Blonde_Hair; did you mean Blond_Hair") as caught:
        load_celeba(celeba(tmp_path), ("Blonde_Hair",))
    assert all(name in str(caught.value.hint) for name in CELEBA_NAMES)


def test_rows_and_pictures_that_lack_each_other_are_noted(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    (folder / "img_align_celeba" / "000003.png").unlink()
    picture(folder / "img_align_celeba" / "stray.png", 9, 9)
    with (folder / "list_eval_partition.txt").open() as file:
        lines = file.readlines()
    (folder / "list_eval_partition.txt").write_text("".join(lines[1:]))
    train = load_celeba(tmp_path, ATTRIBUTES)["train"]
    assert "000003.png" not in train.files and "stray.png" not in train.files and "000001.png" not in train.files
    assert train.notes == (
        "rows of list_attr_celeba.txt without a picture: 1, left out",
        "files in img_align_celeba/ without a row: 1, left out",
        "pictures without a row in list_eval_partition.txt: 1, left out",
    )


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("list_attr_celeba.txt", "1\nMale B\n", "has no rows"),
        ("list_attr_celeba.txt", "1\nMale Young\na.png 1\n", "line 3: expected a file name and 2 values"),
        ("list_attr_celeba.txt", "1\nMale Young\na.png 0.5 1\n", "line 3: Male is '0.5'; 1 or -1 is expected"),
        ("list_attr_celeba.txt", "1\nYoung Male\na.png 1 2\n", "line 3: Male is '2'; 1 or -1 is expected"),
        ("list_attr_celeba.txt", "1\nYoung Male\na.png 1 NA\n", "line 3: Male is 'NA'; 1 or -1 is expected"),
        ("list_attr_celeba.txt", "1\nMale Male\na.png 1 -1\n", "has two columns called Male"),
        ("list_attr_celeba.txt", "1\nMale Young\nelsewhere.png 1 1\n", "no picture named in"),
        ("list_attr_celeba.txt", "\xff\xfe", "has no rows"),
        ("list_attr_celeba.txt", "PK\x03\x04", "cannot read .* a workbook"),
        ("list_attr_celeba.txt", "3\nMale\na.png 1\nb.png 1\na.png -1\n", "line 5: a.png is named twice"),
        ("list_eval_partition.txt", "000001.png 0\n000001.png 2\n", "line 2: 000001.png is named twice"),
        ("list_eval_partition.txt", "000001.png 3\n", "line 1: the part of 000001.png is '3'; 0, 1 or 2 is expected"),
        ("list_eval_partition.txt", "000001.png 1\n", "names no picture for training"),
        ("list_eval_partition.txt", None, "is missing"),
    ],
)
def test_tables_that_cannot_be_read_are_named_with_the_line(
    tmp_path: Path, file: str, text: str | None, message: str
) -> None:
    path = celeba(tmp_path) / "celeba" / file
    path.unlink() if text is None else path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        load_celeba(tmp_path, ("Male",))


def test_a_byte_order_mark_windows_line_ends_and_equal_doubles_do_not_matter(tmp_path: Path) -> None:
    plain = load_celeba(celeba(tmp_path / "plain"), ATTRIBUTES)["train"]
    folder = celeba(tmp_path / "odd") / "celeba"
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        lines = (folder / name).read_text().splitlines()
        doubled = [*lines, lines[-1], "", ""]
        (folder / name).write_bytes(b"\xef\xbb\xbf" + "\r\n".join(doubled).encode())
    odd = load_celeba(tmp_path / "odd", ATTRIBUTES)["train"]
    assert (odd.files, odd.labels.tolist()) == (plain.files, plain.labels.tolist())


def test_class_folders_in_parts(tmp_path: Path) -> None:
    parts = load_class_folders(class_folders(tmp_path / "moods", {"sad": 3, "happy": 5}))
    assert {part: len(labelled) for part, labelled in parts.items()} == {"train": 8, "validation": 8, "test": 8}
    train = parts["train"]
    assert (train.label_set.name, train.label_set.kind) == ("moods", "classes")
    assert train.label_set.attributes == ("happy", "sad")
    assert train.counts() == {"happy": 5, "sad": 3}
    assert all(bool(row[0]) == file.startswith("happy/") for file, row in zip(train.files, train.labels, strict=True))


def test_class_folders_without_parts_hold_out_a_tenth_for_good(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 20, "b": 3}, parts=())
    parts = load_class_folders(folder)
    assert (parts["train"].counts(), parts["test"].counts()) == ({"a": 18, "b": 2}, {"a": 2, "b": 1})
    assert not set(parts["train"].files) & set(parts["test"].files)
    assert load_class_folders(folder)["test"].files == load_class_folders(folder)["test"].files


def test_a_class_set_can_be_given_another_name(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "x", {"a": 2, "b": 2})
    assert load_set(str(folder), name="expression")["train"].label_set.name == "expression"


def test_one_class_only(tmp_path: Path) -> None:
    class_folders(tmp_path / "above" / "moods", {"a": 2, "b": 2}, parts=())
    with pytest.raises(DataError, match="only the class moods") as caught:
        load_class_folders(tmp_path / "above")
    assert "give that" in str(caught.value.hint) and "moods" in str(caught.value.hint)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no class folders"):
        load_class_folders(tmp_path / "empty")
    with pytest.raises(DataError, match="no data set at"):
        load_class_folders(tmp_path / "nowhere")


def test_an_empty_class_and_a_class_of_one_picture(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 3, "b": 1}, parts=())
    with pytest.raises(DataError, match="class b of .* has one picture only"):
        load_class_folders(folder)
    next((folder / "b").iterdir()).rename(folder / "b" / "notes.txt")
    with pytest.raises(DataError, match="b has no pictures, only 1 file without a picture's ending"):
        load_class_folders(folder)
    (folder / "b" / "notes.txt").rename(folder / "b" / ".notes.txt")
    with pytest.raises(DataError, match="b has no pictures$"):
        load_class_folders(folder)


def test_classes_that_are_alike_but_for_case_are_named(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"Smile-open": 2, "sad": 2, "smile_open": 2})
    alike = "Smile-open and smile_open differ in case or punctuation alone, and are different classes"
    assert alike in load_class_folders(folder)["train"].notes


def test_sub_folders_extra_classes_and_hidden_files_of_class_folders(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 2, "b": 2})
    picture(folder / "train" / "a" / "deeper" / "x.png", 9, 9)
    picture(folder / "train" / "a" / "._x.png", 9, 9)
    picture(folder / "test" / "c" / "x.png", 9, 9)
    parts = load_class_folders(folder)
    assert parts["train"].counts() == {"a": 3, "b": 2}
    assert any("has sub-folders; all pictures in them count as a" in note for note in parts["train"].notes)
    assert any("c is no class of the training part: left out" in note for note in parts["test"].notes)


def test_pictures_of_a_class_set_leave_the_set_that_it_was_made_from(tmp_path: Path) -> None:
    root = celeba(tmp_path)
    for i, name in enumerate(("happy", "happy", "sad", "sad")):
        target = tmp_path / "moods" / name / f"{i + 1:06d}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(root / "celeba" / "img_align_celeba" / target.name, target)
    faces, moods = without_shared_pictures([load_set("celeba", root, ATTRIBUTES), load_set(str(tmp_path / "moods"))])
    assert len(faces["train"]) == 8 and len(moods["train"]) == 2
    assert not {f"{i:06d}.png" for i in (1, 2, 3, 4)} & set(faces["train"].files)
    assert faces["train"].notes == ("train pictures that are in a set of class folders too: 4, left out here",)


def test_class_folders_that_hold_all_pictures_of_another_set_are_refused_as_such(tmp_path: Path) -> None:
    root = celeba(tmp_path)
    for i, path in enumerate(sorted((root / "celeba" / "img_align_celeba").iterdir())):
        target = tmp_path / "moods" / ("happy", "sad")[i % 2] / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, target)
    with pytest.raises(DataError, match="all 12 training pictures of celeba are in the class folders too"):
        load_data(settings(root=str(root), attributes=ATTRIBUTES, data=("celeba", str(tmp_path / "moods"))))


# The data check of a run


def test_an_attribute_that_no_picture_shows_is_refused(tmp_path: Path) -> None:
    root = celeba(tmp_path)
    table = root / "celeba" / "list_attr_celeba.txt"
    rows = table.read_text().splitlines()
    table.write_text("\n".join(rows[:2] + [" ".join([*row.split()[:4], "-1", *row.split()[5:]]) for row in rows[2:]]))
    with pytest.raises(DataError, match="celeba: no training picture shows Male"):
        load_data(settings(root=str(root), attributes=ATTRIBUTES))


def test_an_attribute_that_all_pictures_show_is_refused(tmp_path: Path) -> None:
    root = celeba(tmp_path)
    table = root / "celeba" / "list_attr_celeba.txt"
    rows = table.read_text().splitlines()
    table.write_text("\n".join(rows[:2] + [" ".join([*row.split()[:4], "1", *row.split()[5:]]) for row in rows[2:]]))
    with pytest.raises(DataError, match="celeba: all training pictures show Male: nothing can be learnt about it"):
        load_data(settings(root=str(root), attributes=ATTRIBUTES))


def test_options_that_do_not_fit_the_data_are_refused(tmp_path: Path) -> None:
    one = str(class_folders(tmp_path / "one", {"a": 2, "b": 2}))
    with pytest.raises(UsageError, match="--attrs chooses among the attributes of celeba"):
        load_data(settings(data=(one,), attributes=("Male",)))
    with pytest.raises(UsageError, match="the classes of class folders exclude each other anyway"):
        load_data(settings(data=(one,), groups=(("a", "b"),)))
    with pytest.raises(UsageError, match="--group Male: a group has two attributes at least"):
        load_data(settings(data=("celeba",), groups=(("Male",),)))


def test_two_sets_of_one_name_are_refused_and_can_be_renamed(tmp_path: Path) -> None:
    one = str(class_folders(tmp_path / "x" / "moods", {"a": 2, "b": 2}))
    other = str(class_folders(tmp_path / "y" / "moods", {"b": 2, "c": 2}))
    with pytest.raises(UsageError, match="two data sets are called moods"):
        load_data(settings(data=(one, other)))
    _, layout = load_data(settings(data=(one, other), groups=(("first",), ("second",))))
    assert [label_set.name for label_set in layout.sets] == ["first", "second"]
    assert layout.sets[0].attributes == ("a", "b") and layout.sets[1].attributes == ("b", "c")  # b: first:b, second:b
    with pytest.raises(UsageError, match="two data sets are called celeba"):
        load_data(settings(data=("celeba", "celeba"), root=str(celeba(tmp_path / "c")), attributes=("Male",)))


def test_progress_counts_over_all_sets(tmp_path: Path) -> None:
    chosen = settings(data=tuple(str(class_folders(tmp_path / name, {"a": 4, "b": 4})) for name in ("x", "y")))
    sets, layout = load_data(chosen)
    seen: list[tuple[int, int | None]] = []
    for _ in range(2):
        prepare(chosen, sets, layout, cache=tmp_path / "cache", workers=1,
                progress=lambda done, total, note="": seen.append((done, total)))  # fmt: skip
    assert seen == sorted(seen) and set(seen) >= {(done, 32) for done in range(1, 33)}  # 8 to train with, 8 samples
    assert seen.count((32, 32)) == 1


def prepared_with_a_broken(file: str, tmp_path: Path) -> tuple[TrainSettings, DataSet, TrainingData, list[str]]:
    """The settings of a run, its data set, whose `file` is no picture, what it is trained with, and what was said."""
    folder = class_folders(tmp_path / "moods", {"a": 12, "b": 12})
    (folder / file).write_bytes(b"not a picture")
    chosen, said = settings(data=(str(folder),)), list[str]()
    (found,), layout = load_data(chosen)
    return chosen, found, prepare(chosen, [found], layout, cache=tmp_path / "cache", workers=1, say=said.append), said


def test_unreadable_pictures_are_named_and_left_out(tmp_path: Path) -> None:
    _, found, data, said = prepared_with_a_broken("train/a/a-tr-3.png", tmp_path)
    assert data.train[0].labelled.counts() == {"a": 11, "b": 12}
    assert len(said) == 1 and "moods: a/a-tr-3.png cannot be read and is left out: " in said[0]
    assert data.identity()["data"] != [found["train"].fingerprint()]


def test_one_broken_picture_among_the_few_samples_stops_nothing(tmp_path: Path) -> None:
    chosen, found, data, said = prepared_with_a_broken("test/a/a-te-0.png", tmp_path)
    assert len(data.held_out[0]) == 7 and "a/a-te-0.png cannot be read" in said[0]
    with pytest.raises(DataError, match="1 of 8 pictures in .* cannot be read"):  # who wants all of them is not served
        cached(_spread(found), chosen.image_size, tmp_path / "cache", 1)


def test_a_class_whose_pictures_are_all_unreadable_is_refused(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "moods", {"a": 20})
    (folder / "train" / "b").mkdir()
    (folder / "train" / "b" / "torn.png").write_bytes(b"")
    picture(folder / "test" / "b" / "fine.png", 1, 1)
    chosen = settings(data=(str(folder),))
    sets, layout = load_data(chosen)
    with pytest.raises(DataError, match="moods: no training picture shows b"):
        prepare(chosen, sets, layout, cache=tmp_path / "cache", workers=1)


def test_samples_come_from_training_pictures_where_nothing_is_held_out(tmp_path: Path) -> None:
    chosen = settings(root=str(celeba(tmp_path, held_out=0)), attributes=("Male",))
    sets, layout = load_data(chosen)
    data = prepare(chosen, sets, layout, cache=tmp_path / "cache", workers=1)
    assert len(data.held_out[0]) == 8


def test_samples_come_from_all_over_a_small_set(tmp_path: Path) -> None:
    found = load_class_folders(class_folders(tmp_path / "moods", {"a": 8, "b": 7}))
    assert _spread(found).counts() == {"a": 5, "b": 3}


# The cache


def labelled(folder: Path, count: int = 4) -> Labelled:
    return load_class_folders(class_folders(folder, {"a": count, "b": count}))["train"]


def test_the_cache_holds_the_decoded_pictures_in_order(tmp_path: Path) -> None:
    pictures = labelled(tmp_path / "moods")
    seen: list[tuple[int, int | None]] = []
    found = cached(pictures, 16, tmp_path / "cache", 2, lambda done, total, note="": seen.append((done, total)))
    assert seen[-1] == (8, 8) and len(found) == 8 and found.unreadable == {}
    pixels, labels = found.batch(torch.tensor([5, 0]))
    assert torch.equal(pixels[0], load_square(pictures.paths()[5], 16))
    assert torch.equal(pixels[1], load_square(pictures.paths()[0], 16))
    assert torch.equal(labels, pictures.labels[[5, 0]])


def test_the_second_time_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = labelled(tmp_path / "moods")
    first = cached(pictures, 16, tmp_path / "cache", 1)
    monkeypatch.setattr(cache_module, "load_square", None)
    assert np.array_equal(cached(pictures, 16, tmp_path / "cache", 1).pixels, first.pixels)


def test_the_cache_is_built_again_where_size_or_pictures_change(tmp_path: Path) -> None:
    pictures = labelled(tmp_path / "moods")
    cached(pictures, 16, tmp_path / "cache", 1)
    assert cached(pictures, 8, tmp_path / "cache", 1).pixels.shape == (8, 3, 8, 8)
    changed = pictures.paths()[2]
    picture(changed, 250, 77)
    os.utime(changed, (1, 1))
    found = cached(pictures, 16, tmp_path / "cache", 1)
    assert torch.equal(torch.from_numpy(found.pixels[2].copy()), load_square(changed, 16))


@pytest.mark.parametrize("damage", ["short", "notes", "no notes"])
def test_a_torn_cache_is_built_again(tmp_path: Path, damage: str) -> None:
    pictures = labelled(tmp_path / "moods")
    whole = np.array(cached(pictures, 16, tmp_path / "cache", 1).pixels)
    (data,) = (tmp_path / "cache").glob("*.bin")
    if damage == "short":
        data.write_bytes(data.read_bytes()[:-100])
    elif damage == "notes":
        data.with_suffix(".json").write_text('{"unread')
    else:
        data.with_suffix(".json").unlink()
    assert np.array_equal(cached(pictures, 16, tmp_path / "cache", 1).pixels, whole)


def test_a_picture_that_can_be_read_by_now_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = labelled(tmp_path / "moods", 12)

    def refuse(path: Path, size: int) -> torch.Tensor:
        if path == pictures.paths()[3]:
            raise PictureError("HEIC needs another package")
        return load_square(path, size)

    with monkeypatch.context() as patched:
        patched.setattr(cache_module, "load_square", refuse)
        for _ in range(2):
            assert list(cached(pictures, 16, tmp_path / "cache", 1).unreadable) == [pictures.files[3]]
    assert cached(pictures, 16, tmp_path / "cache", 1).unreadable == {}


def test_too_many_unreadable_pictures_stop_the_run(tmp_path: Path) -> None:
    pictures = labelled(tmp_path / "moods")
    pictures.paths()[0].write_bytes(b"torn")
    with pytest.raises(DataError, match="1 of 8 pictures in .* cannot be read") as caught:
        cached(pictures, 16, tmp_path / "cache", 1)
    assert str(caught.value.hint).startswith("more than 10%: remove or replace them\nthe first: a/a-tr-0.png: ")
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_killed_and_interrupted_runs_left_half_built_is_removed(tmp_path: Path) -> None:
    old, fresh = (tmp_path / "cache" / f".moods-16-0.bin.{number}.tmp" for number in (1, 2))
    old.parent.mkdir()
    old.touch()
    fresh.touch()
    os.utime(old, (1, 1))

    def interrupt(done: int, total: int | None, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(labelled(tmp_path / "moods"), 16, tmp_path / "cache", 1, interrupt)
    assert list((tmp_path / "cache").iterdir()) == [fresh]


def test_an_interruption_waits_for_no_picture_and_leaves_no_unfinished_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = threading.Event()

    def decode(path: Path, size: int) -> torch.Tensor:
        assert decoded.wait(timeout=30)
        return load_square(path, size)

    def interrupt(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        assert done == 0 and list((tmp_path / "cache").iterdir())
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module, "load_square", decode)
    with pytest.raises(KeyboardInterrupt):
        cached(labelled(tmp_path / "moods"), 16, tmp_path / "cache", 2, interrupt)
    assert list((tmp_path / "cache").iterdir()) == []
    decoded.set()


def test_a_link_that_leads_nowhere_is_an_unreadable_picture(tmp_path: Path) -> None:
    root = celeba(tmp_path, train_count=20)
    broken = root / "celeba" / "img_align_celeba" / "000002.png"
    broken.unlink()
    broken.symlink_to(tmp_path / "gone.png")
    found = cached(load_celeba(root, ("Male",))["train"], 16, tmp_path / "cache", 1)
    assert list(found.unreadable) == ["000002.png"] and len(found) == 19


def test_a_cache_that_cannot_be_mapped_is_a_data_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(np, "memmap", refused)
    with pytest.raises(DataError, match=r"cannot use the cache of decoded pictures .*\.bin: No such device") as caught:
        cached(labelled(tmp_path / "moods"), 16, tmp_path / "c", 1)
    assert "--cache" in str(caught.value.hint)


def test_a_cache_that_cannot_be_written_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot use the cache") as caught:
        cached(labelled(tmp_path / "moods"), 16, tmp_path / "file", 1)
    assert "--cache" in str(caught.value.hint)


def test_celeba_as_it_is(shared: Path) -> None:
    parts = load_set("celeba", shared / "data")
    assert {part: len(labelled) for part, labelled in parts.items()} == {
        "train": 14653,
        "validation": 530,
        "test": 1224,
    }
    assert parts["train"].label_set.groups == (("Black_Hair", "Blond_Hair", "Brown_Hair"),)
