"""`--labels FILE`: the layouts that are read, and those that are refused."""

from __future__ import annotations

import os
import tracemalloc
import unicodedata
from itertools import permutations
from pathlib import Path, PurePosixPath

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
    assert table.find(Path("3.jpg")) is None


BLANKS = "file name,Male,Young,5 o Clock Shadow,wears a hat\na b.jpg,1,0,1,1\n2.jpg,,1,0,0\n"
QUOTED = '"","path","Male","Young"\r\n"1","a b.jpg",TRUE,FALSE\r\n"2","2.jpg",NA,TRUE\r\n'
WRITTEN = {
    "pandas": ",path,Male,Young\n0,a b.jpg,1,0\n1,2.jpg,,1\n",
    "pandas, booleans and floats": ",path,Male,Young\n0,a b.jpg,True,0.0\n1,2.jpg,,1.0\n",
    "pandas, names as index": ",Male,Young\na b.jpg,1.0,0.0\n2.jpg,,1.0\n",
    "pandas, read and written again": ",Unnamed: 0,path,Male,Young\n0,0,a b.jpg,1,-1\n1,1,2.jpg,nan,1\n",
    "pandas, several indices": "person,,path,Male,Young\nA,0,a b.jpg,1,0\nB,0,2.jpg,,1\n",
    "pandas, tabs": "\tpath\tMale\tYoung\n0\ta b.jpg\t1\t0\n1\t2.jpg\t\t1\n",
    "R, write.csv": QUOTED,
    "R, write.csv2": QUOTED.replace(",", ";").replace("TRUE", "1,0"),
    "R, write.table": '"path" "Male" "Young"\n"1" "a b.jpg" TRUE FALSE\n"2" "2.jpg" NA TRUE\n',
    "R, write.table, names as row names": '"Male" "Young"\n"a b.jpg" 1 -1\n"2.jpg" NA 1\n',
    "R, write.table, tabs": '"path"\t"Male"\t"Young"\n"1"\t"a b.jpg"\tTRUE\tFALSE\n"2"\t"2.jpg"\tNA\tTRUE\n',
    "Excel": "path,Male,Young\r\na b.jpg,TRUE,FALSE\r\n2.jpg,,TRUE\r\n",
    "Excel, semicolons": "path;Male;Young\r\na b.jpg;1,0;0,00\r\n2.jpg;;1\r\n",
    "Excel, German booleans": "Datei;Male;Young\r\na b.jpg;WAHR;FALSCH\r\n2.jpg;;WAHR\r\n",
    "Excel, percentages": "path,Male,Young\r\na b.jpg,100%,0%\r\n2.jpg,,100.00%\r\n",
    "Excel, its own hint": "sep=;\r\npath;Male;Young\r\na b.jpg;1;0\r\n2.jpg;;1\r\n",
    "Excel, empty columns": "path,Male,Young,,\r\na b.jpg,1,0,,\r\n2.jpg,,1\r\n",
    "LibreOffice": 'path,Male,Young\n"a b.jpg",1,0\n"2.jpg",,1\n',
    "old Macs": "path,Male,Young\ra b.jpg,yes,no\r2.jpg,,yes\r",
    "blank lines and bars": "\n\npath|Male|Young\n\na b.jpg|1|0\n2.jpg||1\n\n",
    "a person's name and a file": "name,file,Male,Young\nAnna,a b.jpg,1,0\nBea,2.jpg,,1\n",
    "headers with blanks": BLANKS,
    "headers with blanks, semicolons": BLANKS.replace(",", ";"),
    "headers with blanks, tabs": BLANKS.replace(",", "\t"),
    "headers with blanks, as many in a name": BLANKS + "c d e f g h.jpg,1,0,1,1\n",
    "headers with blanks, a separator at their end": "path,Male,Young,wears hat,\na b.jpg,1,0,1\n2.jpg,,1,0\n",
    "headers with blanks, all rows short": "path,Male,Young,wears hat\na b.jpg,1,0\n2.jpg,,1\n",
    "CelebA, names with spaces": "2\nMale Young\na b.jpg 1 -1\n2.jpg NA 1\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("text", WRITTEN.values(), ids=list(WRITTEN))
def test_what_programs_write_by_default(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.replace("a b", "ä b").encode(encoding))
    table = read_labels(path, lambda column: column in ("Male", "Young"))
    assert table.find(Path("in/ä b.jpg")) == {"Male": 1.0, "Young": 0.0}
    assert table.find(Path("in/2.jpg")) == {"Young": 1.0}
    assert len(table) == text.count(".jpg")


@pytest.mark.parametrize(
    ("text", "encoding", "reading"),
    [
        (
            WRITTEN["Excel, semicolons"],
            "utf-16",
            "fields separated by semicolons, pictures named in the column 'path', UTF-16, decimal commas",
        ),
        (
            WRITTEN["R, write.table, names as row names"].replace("a b", "ä b"),
            "cp1252",
            "fields separated by spaces, pictures named in the column without a name, Windows-1252, as it is not UTF-8",
        ),
        (
            WRITTEN["Excel, German booleans"],
            "utf-8-sig",
            "fields separated by semicolons, pictures named in the column 'Datei', UTF-8",
        ),
        ('{"name": "1.jpg", "Male": 1}\n', "utf-8", "JSON lines, UTF-8"),
        ("1\nMale\n1.jpg -1\n", "utf-8", "CelebA's layout, UTF-8"),
    ],
)
def test_a_table_says_how_it_was_read(tmp_path: Path, text: str, encoding: str, reading: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode(encoding))
    assert read_labels(path, lambda column: column in ("Male", "Young")).reading == reading


@pytest.mark.parametrize(("written", "kept"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_match_in_either_unicode_form(tmp_path: Path, written: str, kept: str) -> None:
    folder, name = (unicodedata.normalize(written, text) for text in ("Bücher", "é.jpg"))
    table = read(tmp_path, f"path,Male\n{folder}/{name},1\n")
    assert table.find(Path(unicodedata.normalize(kept, f"in/{folder}/{name}"))) == {"Male": 1.0}


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"PK\x03\x04", "a workbook of Excel or LibreOffice"),
        (b"\xd0\xcf\x11\xe0", "a workbook of an old Excel"),
        (b"\x1f\x8b\x08", "compressed with gzip: unpack it"),
        (b"PAR1", "a Parquet file"),
        (b"<!doctype html>", "an HTML or XML document"),
        (b"path,Male\n\xff\x81,1\n", "not text in UTF-8, UTF-16 or Windows-1252: save it as CSV"),
        (b'path,Male\n1.jpg,1\n"2.jpg,1\n3.jpg,0\n4.jpg,1\n', "line 3: a quote is left open"),
        (b'\npath,Male\n"2.jpg,1\n3.jpg,0\n4.jpg,1\n', "line 3: a quote is left open"),
        (b'path,Male\n1.jpg,1\n"2.jpg,1\n3.jpg,0\n"4.jpg",1\n', "line 3: a quote is left open"),
        (b'path,Note,Male\n1.jpg,a,1\n2.jpg,"b,1\n3.jpg,c,0\n4.jpg,"d",1\n', "line 3: a quote is left open"),
        (b'path,Male\n"1.jpg,1\n' + 3000 * b"2.jpg,1" * 20 + b"\n", "is a quote left open"),
        (b'[{"path": "1.jpg", "Male": 1}]', "not a JSON object but a list"),
        (b'{"path": {"0": "1.jpg"}, "Male": {"0": 1}}', "JSON columns, not rows with a picture's path or name"),
        (b"1.jpg,1,0\n2.jpg,0,1\n", "its first line is a row"),
        (b"Male,Young\n1,0\n", "no column holds pictures' names; its columns: 'Male', 'Young'"),
        (b"path,Male\n,1\n", "line 2: no picture's path or name"),
        (b"\r\npath,Male\r\n1.jpg,-2\r\n", "line 3: Male is '-2'; 1, 0, -1, TRUE, FALSE or a number from 0 to 1"),
        (b"path,Male\n1.jpg,0.5,1\n", "line 2: more values than columns: 3 values, 2 columns"),
    ],
)
def test_why_a_table_cannot_be_read(tmp_path: Path, start: bytes, reason: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(start)
    with pytest.raises(DataError) as caught:
        read_labels(path, lambda column: column in ("Male", "Young"))
    assert reason in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two columns called Male"):
        read(tmp_path, "path,Male,Male\n1.jpg,1,0\n")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path / "pipe", "FIFO"), (tmp_path, "a folder"), (Path("/dev/zero"), "a device")):
        with pytest.raises(UsageError, match=f"cannot read the labels .*{reason}"):
            read_labels(path, bool)


def test_memory_does_not_grow_with_the_columns_of_a_large_table(tmp_path: Path) -> None:
    names = ["Male", "Young", *(f"x{number}" for number in range(50))]
    with (tmp_path / "labels").open("w") as file:
        file.write(f"path,{','.join(names)}\n")
        file.writelines(f"{i:07d}.jpg,{','.join(str((i >> n) % 2) for n in range(52))}\n" for i in range(20_000))
    tracemalloc.start()
    table = read_labels(tmp_path / "labels", lambda column: column in ("Male", "Young"))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(table) == 20_000
    assert held < 250 * len(table)


def test_the_longest_name_that_ends_the_path_counts(tmp_path: Path) -> None:
    table = read(tmp_path, "path,Male\na/1.jpg,1\n./b/1.jpg,0\n1.jpg,0.5\n")
    assert table.find(Path("/photos/a/1.jpg")) == {"Male": 1.0}
    assert table.find(Path("b/1.jpg")) == {"Male": 0.0}
    assert table.find(Path("/c/1.jpg")) == {"Male": 0.5}
    assert table.find(Path("/photos/aa/11.jpg")) is None


def test_names_may_lack_their_suffix(tmp_path: Path) -> None:
    table = read(tmp_path, "image_id,Male\n000001,1\n000001.png,0\nb/2,0.5\n")
    assert table.find(Path("in/000001.jpg")) == {"Male": 1.0}
    assert table.find(Path("in/000001.png")) == {"Male": 0.0}
    assert table.find(Path("a/b/2.webp")) == {"Male": 0.5}
    assert table.find(Path("a/c/2.webp")) is table.find(Path("000001/x.jpg")) is None


def test_absolute_paths_belong_to_one_picture(tmp_path: Path) -> None:
    table = read(tmp_path, "path,Male\n/photos/1.jpg,1\n")
    assert table.find(Path("/photos/1.jpg")) == {"Male": 1.0}


def test_a_picture_is_known_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    table = read(tmp_path, f"path,Male\n{tmp_path / 'photos' / '1.jpg'},1\nphotos/2.jpg,1\n")
    monkeypatch.chdir(tmp_path / "photos")
    for name in ("1.jpg", "2.jpg", "../photos/1.jpg"):
        assert table.find(Path(name)) == {"Male": 1.0}
    assert table.find(PurePosixPath("1.jpg")) is None


def test_an_absolute_path_leads_to_its_picture_through_symlinked_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link, other = tmp_path / "real", tmp_path / "link", tmp_path / "other"
    real.mkdir()
    link.symlink_to(real)
    other.symlink_to(real)
    for row in (real / "1.jpg", link / "1.jpg", link / "1", tmp_path / "x" / ".." / "link" / "1.jpg"):
        table = read(tmp_path, f"path,Male\n{row},1\n")
        for picture in (real / "1.jpg", link / "1.jpg", other / "1.jpg"):
            assert table.find(picture) == {"Male": 1.0}
        assert table.find(real / "2.jpg") is table.find(tmp_path / "1.jpg") is None
    monkeypatch.chdir(link)
    assert read(tmp_path, f"path,Male\n{link / '1.jpg'},1\n").find(Path("1.jpg")) == {"Male": 1.0}
    assert read(tmp_path, "path,Male\nlink/1.jpg,1\n").find(link / "1.jpg") == {"Male": 1.0}


def test_rows_that_lead_to_one_picture_through_different_folders_must_agree(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for link in ("link", "other"):
        (tmp_path / link).symlink_to(tmp_path / "real")
    for first, second in permutations([tmp_path / name / "1.jpg" for name in ("real", "link", "other")], 2):
        table = read(tmp_path, f"path,Male\n{first},1\n{second},1\n")
        assert table.find(tmp_path / "real" / "1.jpg") == {"Male": 1.0}
        with pytest.raises(DataError, match=f"line 3: {second} is named twice .also as {str(first)[1:]}., with diff"):
            read(tmp_path, f"path,Male\n{first},1\n{second},0\n")


def test_an_empty_field_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "name,Male,Young\n1.jpg,,1\n").find(Path("1.jpg")) == {"Young": 1.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no rows"),
        ("2\nMale Young\n1.jpg 1\n", "line 3: expected a file name and 2 values"),
        ("name,Male\n1.jpg,2\n", "line 2: Male is '2'"),
        ("name,Male\n1.jpg,inf\n", "line 2: Male is 'inf'"),
        ("name,Male\n1.jpg,1,1\n", "line 2: more values than columns"),
        ("name,Male\n1.jpg,1\n1.jpg,0\n", "line 3: 1.jpg is named twice"),
        ('{"name": "1.jpg", "Male": 1}\n{"name"\n', "line 2: not a JSON object"),
        ('{"name": "1.jpg", "Male": 1}\n[1]\n', "line 2: not a JSON object"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_with_the_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read(tmp_path, text)


def test_no_known_column_and_no_file_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no column that these weights know") as caught:
        read(tmp_path, ",name,Bald\n0,1.jpg,1\n")
    assert caught.value.hint == "its columns: '', 'Bald'"
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


def test_json_rows_may_lack_labels_that_others_have(tmp_path: Path) -> None:
    rows = (
        '{"source": "0.jpg", "source_label": null, "status": "failed"}',
        '{"source": "1.jpg", "source_label": {"Male": 1}}',
        '{"source": "2.jpg", "source_label": {"Young": 0}}',
        '{"source": "3.jpg", "source_label": {}}',
    )
    table = read(tmp_path, "\n".join(rows))
    assert [table.find(Path(f"{number}.jpg")) for number in range(4)] == [None, {"Male": 1.0}, {"Young": 0.0}, {}]


def test_names_may_begin_above_the_current_folder(tmp_path: Path) -> None:
    table = read(tmp_path, "path,Male\n../photos/1.jpg,1\n..\\..\\2.jpg,0\n")
    assert table.find(Path("photos/1.jpg")) == {"Male": 1.0}
    assert table.find(Path("2.jpg")) == {"Male": 0.0}
