"""`--labels FILE`: the layouts that are read, and those that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from stargan_cli.errors import DataError, UsageError
from stargan_cli.translate.label_table import LabelTable, read_labels


def read(tmp_path: Path, text: str) -> LabelTable:
    path = tmp_path / "labels"
    path.write_text(text, encoding="utf-8")
    return read_labels(path, lambda column: column in ("Male", "Young"))


@pytest.mark.parametrize(
    "text",
    [
        "2\nBald Male Young\n1.jpg  1 -1  1\n2.jpg -1  1 -1\n",
        "image_id,Bald,Male,Young\n1.jpg,1,-1,1\n2.jpg,-1,1,-1\n",
        "\ufeffMale,Young,path\r\nno,yes,1.jpg\r\ntrue,0,2.jpg\r\n",
        '{"name": "1.jpg", "Male": 0, "Young": 1}\n\n{"name": "2.jpg", "Male": true, "Young": false}\n',
        '{"source": "1.jpg", "source_label": {"Male": 0.0, "Young": 1.0}}\n'
        '{"source": "2.jpg", "source_label": {"Male": 1.0, "Young": 0.0}}\n',
    ],
    ids=["celeba", "csv of celeba", "csv with words", "json lines", "manifest"],
)
def test_layouts(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert sorted(table.columns) == ["Male", "Young"]
    assert table.find(Path("pictures/1.jpg")) == {"Male": 0.0, "Young": 1.0}
    assert table.find(Path("2.jpg")) == {"Male": 1.0, "Young": 0.0}
    assert table.find(Path("3.jpg")) == {}


def test_the_longest_name_that_ends_the_path_counts(tmp_path: Path) -> None:
    table = read(tmp_path, "path,Male\na/1.jpg,1\n./b/1.jpg,0\n1.jpg,0.5\n")
    assert table.find(Path("/photos/a/1.jpg")) == {"Male": 1.0}
    assert table.find(Path("b/1.jpg")) == {"Male": 0.0}
    assert table.find(Path("/c/1.jpg")) == {"Male": 0.5}
    assert table.find(Path("/photos/aa/11.jpg")) == {}


def test_absolute_paths_belong_to_one_picture(tmp_path: Path) -> None:
    table = read(tmp_path, "path,Male\n/photos/1.jpg,1\n")
    assert table.find(Path("/photos/1.jpg")) == {"Male": 1.0}


def test_an_empty_field_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "name,Male,Young\n1.jpg,,1\n").find(Path("1.jpg")) == {"Young": 1.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no rows"),
        ("2\nMale Young\n1.jpg 1\n", "line 3: expected a file name and 2 values"),
        ("name,Male\n1.jpg,2\n", "line 2: Male is '2'"),
        ("name,Male\n1.jpg,nan\n", "line 2: Male is 'nan'"),
        ("name,Male\n1.jpg,1,1\n", "line 2: more values than columns"),
        ("Male,Young\n1,1\n", "line 2: no picture's path or name"),
        ("name,Male\n1.jpg,1\n1.jpg,0\n", "line 3: 1.jpg stands there twice"),
        ('{"name": "1.jpg", "Male": 1}\n{"name"\n', "line 2: not a JSON object"),
        ('{"name": "1.jpg", "Male": 1}\n[1]\n', "line 2: not a JSON object"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_with_the_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, text)


def test_no_known_column_and_no_file_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no column that these weights know"):
        read(tmp_path, "name,Bald\n1.jpg,1\n")
    with pytest.raises(UsageError, match="No such file"):
        read_labels(tmp_path / "missing", bool)


@pytest.mark.parametrize("start", ["", "{", "3\nA B\n", "name,Male\n"])
def test_a_line_without_end_is_refused(start: str, tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_text(start + "0" * 3_000_000)
    with pytest.raises(DataError, match="is longer than 1,048,576 characters"):
        read_labels(path, lambda name: True)


def test_binary_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(DataError, match="holds no labels"):
        read_labels(path, bool)
