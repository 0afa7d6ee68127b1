"""CelebA as people have it: every usual layout gives the same pictures, parts and labels, or says what was found."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from torchvision import datasets
from training_kit import celeba, class_folders, picture

from stargan_cli.datasets.celeba import load_celeba
from stargan_cli.datasets.celeba_download import fetch_celeba
from stargan_cli.datasets.loading import load_set
from stargan_cli.errors import DataError, UsageError

NAMES = ("Black_Hair", "Male")


def as_csv(folder: Path) -> None:
    """Kaggle's tables."""
    rows = [line.split() for line in (folder / "list_attr_celeba.txt").read_text().splitlines()[1:]]
    rows[0] = ["image_id", *rows[0]]
    (folder / "list_attr_celeba.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    parts = (folder / "list_eval_partition.txt").read_text().replace(" ", ",")
    (folder / "list_eval_partition.csv").write_text(f"image_id,partition\n{parts}")
    (folder / "list_attr_celeba.txt").unlink()
    (folder / "list_eval_partition.txt").unlink()


def kaggle(folder: Path) -> None:
    as_csv(folder)
    (folder / "img_align_celeba").rename(folder / "pictures")
    (folder / "img_align_celeba").mkdir()
    (folder / "pictures").rename(folder / "img_align_celeba" / "img_align_celeba")


def reference(folder: Path) -> None:
    (folder / "img_align_celeba").rename(folder / "images")


def own_download(folder: Path) -> None:
    for name, content in (("Anno", "list_attr"), ("Eval", "list_eval"), ("Img", "img_align")):
        (folder / name).mkdir()
        (path,) = folder.glob(f"{content}*")
        path.rename(folder / name / path.name)


def other_endings(folder: Path) -> None:
    """As copies in PNG are: the tables say .jpg."""
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        (folder / name).write_text((folder / name).read_text().replace(".png", ".jpg"))
    (folder / "img_align_celeba").rename(folder / "img_align_celeba_png")


def celeba_hq(folder: Path) -> None:
    (folder / "list_attr_celeba.txt").rename(folder / "CelebAMask-HQ-attribute-anno.txt")
    (folder / "img_align_celeba").rename(folder / "CelebA-HQ-img")


def of_pandas(folder: Path) -> None:
    """With an index, booleans, and paths in place of names; the parts in words."""
    as_csv(folder)
    header, *rows = (folder / "list_attr_celeba.csv").read_text().splitlines()
    said = (row.replace(",-1", ",False").replace(",1", ",True") for row in rows)
    lines = [f",{header}", *(f"{number},img_align_celeba/{row}" for number, row in enumerate(said))]
    (folder / "list_attr_celeba.csv").write_text("\n".join(lines))
    header, *rows = (folder / "list_eval_partition.csv").read_text().splitlines()
    words = {"0": "train", "1": "val", "2": "test"}
    parts = (row.split(",") for row in rows)
    lines = [f",{header}", *(f"{n},img_align_celeba/{name},{words[part]}" for n, (name, part) in enumerate(parts))]
    (folder / "list_eval_partition.csv").write_text("\n".join(lines))


def of_pandas_twice(folder: Path) -> None:
    """With the index of each writing, and the parts merged into both tables, as floats."""
    as_csv(folder)
    names, *attributes = (folder / "list_attr_celeba.csv").read_text().splitlines()
    parts = [row.split(",")[1] for row in (folder / "list_eval_partition.csv").read_text().splitlines()[1:]]
    rows = [f"{n},{n},{row},{part}.0," for n, (row, part) in enumerate(zip(attributes, parts, strict=True))]
    for name in ("list_attr_celeba.csv", "list_eval_partition.csv"):
        (folder / name).write_text("\n".join([f",Unnamed: 0,{names},Partition,notes", *rows]))


def with_usual_words(folder: Path) -> None:
    """The parts in words, and names in quotes."""
    path = folder / "list_eval_partition.txt"
    words = {"0": "Training", "1": "dev", "2": "Test"}
    rows = (line.split() for line in path.read_text().splitlines())
    path.write_text("".join(f'"{name}" "{words[part]}"\n' for name, part in rows))


def with_a_preview(folder: Path) -> None:
    kaggle(folder)
    picture(folder / "img_align_celeba" / "preview.png", 9, 9)


def by_hand(folder: Path) -> None:
    """Zeros for -1, blank lines, and a header and commas in the list of parts."""
    table, parts = folder / "list_attr_celeba.txt", folder / "list_eval_partition.txt"
    table.write_text(table.read_text().replace(" -1", " 0").replace("\n", "\n\n"))
    parts.write_text("12\nimage_id,partition\n" + parts.read_text().replace(" ", ","))


LAYOUTS = [kaggle, reference, own_download, other_endings, celeba_hq, of_pandas, of_pandas_twice, with_usual_words]
LAYOUTS += [with_a_preview, by_hand]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("above", [True, False])
def test_every_layout_gives_the_same(tmp_path: Path, layout: Callable[[Path], None], above: bool) -> None:
    expected = load_celeba(celeba(tmp_path / "plain"), NAMES)
    folder = celeba(tmp_path / "data") / "celeba"
    layout(folder)
    parts = load_celeba(folder.rename(folder.with_name("CelebA-all")).parent if above else folder, NAMES)
    for part, labelled in expected.items():
        assert parts[part].files == labelled.files
        assert parts[part].labels.tolist() == labelled.labels.tolist()
        assert all(path.is_file() for path in parts[part].paths())
    said = ("pictures such as 000001.png match rows of list_attr_celeba.txt whose names have another suffix",)
    assert parts["train"].notes == (said if layout is other_endings else ())


def test_partitions_without_a_column_that_says_so_show_their_columns(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    as_csv(folder)
    (folder / "list_eval_partition.csv").write_text("image_id,a,b\n000001.png,0,0\n")
    with pytest.raises(DataError, match="one column should be called partition or split") as caught:
        load_celeba(tmp_path, NAMES)
    assert caught.value.hint == "its columns: 'a', 'b'"


def test_names_without_suffix_in_the_first_lines_are_no_header(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    for table in (folder / "list_attr_celeba.txt", folder / "list_eval_partition.txt"):
        table.write_text(table.read_text().replace(".png", ""))
    assert len(load_celeba(tmp_path, NAMES)["train"]) == 12


def test_of_several_copies_celeba_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    for name, copy in (("CelebAMask-HQ", celeba_hq), ("celeba_twin", kaggle), ("CelebA", reference)):
        folder = celeba(tmp_path) / "celeba"
        copy(folder)
        folder.rename(tmp_path / name)
    (tmp_path / "celeba-notes").mkdir()
    train = load_celeba(tmp_path, NAMES)["train"]
    assert train.folder == tmp_path / "CelebA" / "images"
    left = "CelebAMask-HQ/, celeba-notes/, celeba_twin/"
    assert train.notes == (f"CelebA is read from {tmp_path / 'CelebA'}, not from {left}",)


def test_a_copy_with_a_list_of_parts_is_taken_before_one_without(tmp_path: Path) -> None:
    (celeba(tmp_path) / "celeba").rename(tmp_path / "CelebAMask-HQ")
    (tmp_path / "CelebAMask-HQ" / "list_eval_partition.txt").unlink()
    (celeba(tmp_path) / "celeba").rename(tmp_path / "my-celeba")
    assert load_celeba(tmp_path, NAMES)["train"].folder.parent == tmp_path / "my-celeba"


def test_copies_that_are_as_good_as_one_another_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "CelebA", None)
    for name in ("celeba_a", "celeba_b"):
        (celeba(tmp_path) / "celeba").rename(tmp_path / name)
    for use in (lambda: load_celeba(tmp_path, NAMES), lambda: fetch_celeba(tmp_path)):
        with pytest.raises(UsageError, match="has CelebA several times: celeba_a/, celeba_b/") as caught:
            use()
        assert caught.value.hint == f"give one of them: --data celeba --root {tmp_path / 'celeba_a'}"


def test_names_of_spreadsheets_and_accents(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    as_csv(folder)
    for name in ("list_attr_celeba.csv", "list_eval_partition.csv"):
        text = (folder / name).read_text().replace("000001.png", unicodedata.normalize("NFC", "é.png"))
        (folder / name).write_bytes(text.replace(",", ";").encode("utf-16"))
    decomposed = unicodedata.normalize("NFD", "é.png")
    (folder / "img_align_celeba" / "000001.png").rename(folder / "img_align_celeba" / decomposed)
    train = load_celeba(tmp_path, NAMES)["train"]
    assert len(train) == 12 and train.paths()[0].is_file()


def test_hidden_pictures_are_said_and_no_rows(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    picture(folder / "img_align_celeba" / "._000001.png", 9, 9)
    (folder / "img_align_celeba" / ".DS_Store").touch()
    notes = load_celeba(tmp_path, NAMES)["train"].notes
    assert notes == ("passed over as hidden or a tool's own: img_align_celeba/._000001.png",)


@pytest.mark.parametrize(
    ("remove", "message", "hint"),
    [
        (
            "list_attr_celeba.txt",
            "list_attr_celeba.txt (or .csv) missing; there are: img_",
            "--download",
        ),
        (
            "img_align_celeba",
            "a folder img_align_celeba/ or images/ with pictures missing; there are: img_",
            "unpack img_",
        ),
    ],
)
def test_what_is_missing_is_said_with_what_is_there(tmp_path: Path, remove: str, message: str, hint: str) -> None:
    folder = celeba(tmp_path) / "celeba"
    if remove.endswith(".txt"):
        (folder / remove).unlink()
    else:
        shutil.rmtree(folder / remove)
        (folder / "img_align_celeba.zip").touch()
    with pytest.raises(DataError) as caught:
        load_celeba(tmp_path, NAMES)
    assert str(caught.value).startswith(f"no CelebA in {folder}: {message}")
    assert hint in str(caught.value.hint)


def test_pictures_that_no_row_names_are_shown_beside_a_row(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    for path in (folder / "img_align_celeba").iterdir():
        path.rename(path.with_name(f"x{path.name}"))
    with pytest.raises(DataError, match="the table names 000001.png, and the folder has x000001.png"):
        load_celeba(tmp_path, NAMES)


def test_pictures_in_folders_of_the_parts_beside_celebas_table(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "faces", {"train": 3, "val": 3, "test": 3}, parts=())
    (folder / "list_attr_celeba.csv").touch()
    with pytest.raises(DataError, match="holds CelebA, but no pictures in .*img_align_celeba") as caught:
        load_set(str(folder))
    assert caught.value.hint == f"move them there, and give --data celeba --root {folder}"
    with pytest.raises(DataError, match="with pictures missing") as caught:
        load_set("celeba", folder)
    assert f"put its pictures into {folder / 'img_align_celeba'}" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("packed", "todo"),
    [
        ("data/train-00000-of-00001.parquet", "data/train-00000-of-00001.parquet may hold pictures: save each of them"),
        ("train/faces.zip", "unpack train/faces.zip"),
    ],
)
def test_pictures_that_are_still_packed_are_named(tmp_path: Path, packed: str, todo: str) -> None:
    (tmp_path / packed).parent.mkdir()
    (tmp_path / packed).touch()
    for source in ("celeba", str(tmp_path)):
        with pytest.raises(DataError, match="missing; there are|holds no pictures") as caught:
            load_set(source, tmp_path)
        assert str(caught.value.hint).startswith(todo)


def test_celeba_given_as_class_folders_is_named(tmp_path: Path) -> None:
    folder = celeba(tmp_path) / "celeba"
    kaggle(folder)
    with pytest.raises(DataError, match="holds CelebA, not class folders") as caught:
        load_set(str(folder))
    assert caught.value.hint == f"give --data celeba --root {folder}"
    assert load_set(str(class_folders(tmp_path / "moods", {"a": 2, "b": 2})))["train"].label_set.name == "moods"
