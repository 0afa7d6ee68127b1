"""Finding pictures, naming outputs, and keeping inside the output folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import unicodedata
from itertools import product
from pathlib import Path, PurePath

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stargan_cli.errors import UsageError
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.translate.inputs import finding
from stargan_cli.translate.inputs.checks import check_inputs, check_output
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.outputs.names import converted, folded, folding_of, names_for


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(*inputs: Path, out: Path | None = None, target: str = "same") -> list[Found]:
    return list(find(inputs, out, target, str))


def places(items: list[Found]) -> list[str]:
    return [str(item.output) for item in items if item.problem is None]


def test_a_tree_is_mirrored_in_a_fixed_order(tmp_path: Path) -> None:
    names = ["b.png", "a.jpg", "sub/z.png", "sub/deep/y.webp", "other/x.JPG", "10.png", "9.png"]
    touch(*(tmp_path / name for name in names), tmp_path / "notes.txt", tmp_path / "sub" / "labels.csv")
    items = found(tmp_path)
    assert places(items) == ["10.png", "9.png", "a.jpg", "b.png", "other/x.JPG", "sub/z.png", "sub/deep/y.webp"]
    assert all(item.source == tmp_path / str(item.output) for item in items)


def test_hidden_and_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / ".a.png", tmp_path / ".a.png.123.tmp", tmp_path / "._b.jpg", tmp_path / ".cache" / "c.png")
    assert found(tmp_path) == []


def test_what_is_passed_over_is_counted_and_named(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "sub" / "._a.png", tmp_path / "sub" / ".DS_Store", tmp_path / "sub" / "b.png")
    touch(*(tmp_path / name / "a.png" for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN")))
    passed_over = PassedOver()
    for _ in range(2):  # as often as a folder is watched
        items = list(find([tmp_path], None, "same", str, passed_over=passed_over))
    assert places(items) == ["a.png", "sub/b.png"]
    assert passed_over.notes == [
        "passed over as hidden or a tool's own: $RECYCLE.BIN, .ipynb_checkpoints, @eaDir, __MACOSX, sub/._a.png"
    ]


def test_files_of_unread_kinds_are_counted(tmp_path: Path) -> None:
    names = ("a.png", "a.CR2", "b/c.cr2", "b/more.tar.gz", "c.new-kind", "IMG_1", "notes.txt", "set.tar")
    touch(*(tmp_path / name for name in names))
    passed_over = PassedOver()
    assert places(list(find([tmp_path], None, "same", str, True, passed_over))) == ["a.png", "set.tar"]
    unread = "passed over as files of a kind that is not read: 1 without a suffix, 2 .cr2, 1 .gz, 1 .new-kind"
    assert passed_over.notes == [unread]
    tars = "passed over since tars are not replaced in place: 1"
    assert places(list(find([tmp_path], None, "same", str, False, passed_over))) == ["a.png"]
    assert passed_over.notes == [unread, tars]


def test_rare_suffixes_of_pictures_are_known(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.jpf", "b.JIF", "c.jfi")))
    assert {Path(place).stem for place in places(found(tmp_path))} == {"a", "b", "c"}


def test_files_named_on_the_command_line_are_taken_as_they_are(tmp_path: Path) -> None:
    touch(tmp_path / "photo", tmp_path / ".hidden.png", tmp_path / "sub" / "a.png")
    items = found(tmp_path / "photo", tmp_path / "sub", tmp_path / ".hidden.png")
    assert places(items) == ["photo.png", "sub/a.png", ".hidden.png"]


def test_several_folders_go_below_their_own_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "one" / "a.png", tmp_path / "two" / "a.png")
    assert places(found(tmp_path / "one", tmp_path / "two")) == ["one/a.png", "two/a.png"]
    monkeypatch.chdir(tmp_path / "one")
    assert places(found(Path("."), Path("../two"))) == ["one/a.png", "two/a.png"]
    assert places(found(Path("."))) == ["a.png"]
    assert places(found(Path(".."))) == ["one/a.png", "two/a.png"]


def test_inputs_of_one_name_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "one" / "a.png", tmp_path / "two" / "a.png", tmp_path / "two" / "one" / "a.png")
    with pytest.raises(UsageError, match="have the same name"):
        check_inputs([tmp_path / "one" / "a.png", tmp_path / "two" / "a.png"])
    with pytest.raises(UsageError, match="have the same name"):
        check_inputs([tmp_path / "one", tmp_path / "two" / "one"])
    check_inputs([tmp_path / "one", tmp_path / "two"])


def test_an_input_that_is_given_twice_is_said_to_be(tmp_path: Path) -> None:
    touch(tmp_path / "one" / "a.png")
    for other in (tmp_path / "one", tmp_path / "one" / ".." / "one"):
        with pytest.raises(UsageError, match="given twice"):
            check_inputs([tmp_path / "one", other])


def test_a_folder_or_tar_is_given_twice_under_two_names(tmp_path: Path) -> None:
    touch(tmp_path / "one" / "a.png", tmp_path / "two.tar")
    for name, link in (("one", "first"), ("two.tar", "latest.tar")):
        (tmp_path / link).symlink_to(name)
        with pytest.raises(UsageError, match=f"/{link} is given twice: it is .*/{name}$"):
            check_inputs([tmp_path / name, tmp_path / link])


def test_an_input_that_lies_in_another_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "in" / "sub" / "a.png", tmp_path / "b.png")
    (tmp_path / "link").symlink_to("in")
    (tmp_path / "in" / "other.png").symlink_to("../b.png")
    monkeypatch.chdir(tmp_path / "in")
    inside = [Path("sub"), Path("sub/a.png"), Path("other.png"), tmp_path / "in" / ".." / "in" / "sub" / "a.png"]
    for folder, path in product([Path("."), tmp_path / "link", Path("/")], inside):
        with pytest.raises(UsageError, match=f"{path} lies in another input: {folder}$"):
            check_inputs([path, folder])
    check_inputs([Path("sub"), Path("../b.png")])
    check_inputs([Path("/")])
    for name in ("a.png", "sub/a.png"):
        fsspec.filesystem("memory").pipe(f"/inputs/{name}", b"")
        with pytest.raises(UsageError, match=f"{name} lies in another input: memory://inputs$"):
            check_inputs([RemotePath("memory://inputs"), RemotePath(f"memory://inputs/{name}")])
    fsspec.filesystem("memory").rm("/inputs", recursive=True)


def test_a_missing_input_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder: .*none") as caught:
        check_inputs([tmp_path / "none"])
    assert caught.value.hint is None
    with pytest.raises(UsageError, match=r"no such file or folder: .*\.jpg") as caught:
        check_inputs([tmp_path / "*.jpg"])
    assert "leave out the quotes" in str(caught.value.hint)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_pipe_among_the_inputs_says_how_pipes_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "63")
    assert "- reads a picture from a pipe" in str(found(tmp_path / "63")[0].problem)


def test_an_output_folder_that_holds_the_inputs_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.png")
    (tmp_path / "link").symlink_to("in")
    for inputs, out in (([tmp_path / "in"], tmp_path / "in"), ([tmp_path / "in"], tmp_path / "link")):
        with pytest.raises(UsageError, match="holds the inputs"):
            check_output(inputs, out)
    with pytest.raises(UsageError, match="holds the inputs"):
        check_output([tmp_path / "in" / "a.png"], tmp_path / "in")
    check_output([tmp_path / "in"], tmp_path / "in" / "out")


def test_an_output_folder_above_an_input_is_refused(tmp_path: Path) -> None:
    """in/in/a.png would be written to in/a.png, which may be an input."""
    touch(tmp_path / "in" / "in" / "a.png", tmp_path / "in" / "a.png")
    with pytest.raises(UsageError, match="holds the inputs"):
        check_output([tmp_path / "in"], tmp_path)
    with pytest.raises(UsageError, match="holds the inputs"):
        check_output([tmp_path / "in" / "in", tmp_path / "in"], tmp_path)
    check_output([tmp_path / "in" / "a.png"], tmp_path)


def test_an_output_folder_inside_the_input_is_not_read(tmp_path: Path) -> None:
    touch(tmp_path / "a.png", tmp_path / "out" / "a.png", tmp_path / "outer" / "b.png")
    assert places(found(tmp_path, out=tmp_path / "out")) == ["a.png", "outer/b.png"]


def test_symlinks_are_followed_and_loops_are_cut(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.png", tmp_path / "in" / "sub" / "b.png", tmp_path / "elsewhere" / "c.png")
    inside = tmp_path / "in"
    (inside / "outside").symlink_to(tmp_path / "elsewhere")
    (inside / "link.png").symlink_to("a.png")
    (inside / "sub" / "up").symlink_to("..")
    (inside / "self").symlink_to("self")
    (inside / "gone.png").symlink_to("nowhere.png")
    (inside / "gone").symlink_to("nowhere")
    (inside / "gone.txt").symlink_to("nowhere.txt")
    items = found(inside)
    assert places(items) == ["a.png", "link.png", "outside/c.png", "sub/b.png"]
    problems = {str(item.source.relative_to(inside)): item.problem for item in items if item.problem}
    assert problems == {
        "gone": "a symlink to nothing",
        "gone.png": "a symlink to nothing",
        "self": "a symlink loop",
        "sub/up": "a symlink loop: it leads back to a folder that it lies in",
    }


def test_two_folders_that_link_to_each_other_end(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "1.png", tmp_path / "b" / "2.png")
    (tmp_path / "a" / "to-b").symlink_to("../b")
    (tmp_path / "b" / "to-a").symlink_to("../a")
    items = found(tmp_path)
    assert places(items) == ["a/1.png", "a/to-b/2.png", "b/2.png", "b/to-a/1.png"]
    assert sum("leads back" in str(item.problem) for item in items) == 2


def test_what_is_no_regular_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
    assert [(item.source.name, item.problem) for item in found(tmp_path)] == [
        ("pipe.png", "not a regular file but a FIFO"),
        ("socket.png", "not a regular file but a socket"),
        ("zero.png", "not a regular file but a device"),
    ]


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "a" / "1.png", tmp_path / "closed" / "2.png", tmp_path / "z" / "3.png")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(finding.os, "scandir", guarded)
    items = found(tmp_path)
    assert places(items) == ["a/1.png", "z/3.png"]
    assert [item.problem for item in items if item.problem] == ["cannot read the folder: Permission denied"]


def test_names_of_every_kind(tmp_path: Path) -> None:
    names = [
        "with space.png",
        "new\nline.png",
        "[red]'\"$(x).png",
        "\x1b[31m.png",
        "-rf.png",
        "é.png",
        "x" * 251 + ".png",
    ]
    names.append(os.fsdecode(b"\xff\xfe.png"))
    touch(*(tmp_path / name for name in names))
    assert sorted(places(found(tmp_path))) == sorted(names)


def test_a_deep_tree_is_read_to_where_the_system_ends(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
    touch(deep / "a.png")
    items = found(tmp_path)
    assert [str(item.source) for item in items] == [str(deep / "a.png")]


def test_a_tree_deeper_than_a_path_may_be_is_named(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):  # 25 x 200 bytes are more than a path of 4,096
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    items = found(tmp_path)
    assert len(items) == 1
    assert "File name too long" in str(items[0].problem)


def test_finding_starts_before_the_tree_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a" / "1.png", tmp_path / "b" / "2.png")
    read: list[str] = []
    scandir = os.scandir

    def noted(path: Path) -> object:
        read.append(Path(path).name)
        return scandir(path)

    monkeypatch.setattr(finding.os, "scandir", noted)
    first = next(find([tmp_path], None, "same", str))
    assert first.source.name == "1.png"
    assert read == [tmp_path.name, "a"]


@pytest.mark.parametrize(
    ("name", "target", "wanted"),
    [
        ("a.jpg", "same", "a.jpg"),
        ("a.JPEG", "same", "a.JPEG"),
        ("a.gif", "same", "a.gif"),
        ("a.ppm", "same", "a.png"),
        ("a.dib", "same", "a.dib"),
        ("a.mpo", "jpg", "a.mpo"),
        ("a.avif", "same", "a.png"),
        ("a", "same", "a.png"),
        ("a.jpg", "png", "a.png"),
        ("a.jpeg", "jpg", "a.jpeg"),
        ("a.tif", "tiff", "a.tif"),
        ("a.b.webp", "jpg", "a.b.jpg"),
        ("a.jpg", "as is", "a.jpg"),
    ],
)
def test_extensions(name: str, target: str, wanted: str) -> None:
    assert converted(name, target) == wanted


def test_names_that_would_meet_are_kept_apart() -> None:
    names = names_for(["a.jpg", "a.png", "a.jpg.png", "b.jpg"], [], "png", str)
    assert names["a.png"] == "a.png"
    assert names["a.jpg.png"] == "a.jpg.png"
    assert names["b.jpg"] == "b.png"
    assert names["a.jpg"].startswith("a~") and names["a.jpg"].endswith(".png")
    assert names_for(["a.jpg", "a.png"], [], "png", str) == {"a.png": "a.png", "a.jpg": "a.jpg.png"}


def test_names_do_not_depend_on_the_order() -> None:
    sources = ["a.jpg", "a.png", "A.PNG", "a.webp", "a.jpg.png"]
    assert names_for(sources, [], "png", folded) == names_for(sources[::-1], [], "png", folded)


def test_a_subfolder_keeps_its_name_from_a_file() -> None:
    assert names_for(["a.jpg"], ["a.png"], "png", str) == {"a.jpg": "a.jpg.png"}


def test_case_and_unicode_forms_are_kept_apart_where_the_file_system_takes_them_for_one() -> None:
    composed, decomposed = "\u00e9.png", "e\u0301.png"
    sources = ["A.png", "a.png", composed, decomposed, "stra\u00dfe.png", "STRASSE.png"]
    assert names_for(sources, [], "same", str) == {name: name for name in sources}
    names = names_for(sources, [], "same", folded)
    assert names["A.png"] == "A.png"
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names.values()}) == len(sources)


def test_folders_that_a_file_system_takes_for_one_are_kept_apart(tmp_path: Path) -> None:
    touch(tmp_path / "Sub" / "a.png", tmp_path / "sub" / "a.png")
    items = list(find([tmp_path], None, "same", folded))
    assert len({folded(str(item.output)) for item in items}) == 2
    assert "Sub/a.png" in places(items)


@settings(max_examples=80, deadline=None)
@given(
    st.sets(st.text("aAé\u0301e~.ßſ", min_size=1, max_size=5).map(lambda stem: stem + ".jpg"), max_size=8),
    st.sets(st.text("aAé\u0301e~.ßſ", min_size=1, max_size=5).map(lambda stem: stem + ".png"), max_size=8),
    st.sampled_from(["same", "png", "jpg", "webp"]),
)
def test_no_two_outputs_ever_meet(first: set[str], second: set[str], target: str) -> None:
    sources = first | second
    names = names_for(sources, [], target, folded)
    assert set(names) == sources
    assert len({folded(name) for name in names.values()}) == len(sources)
    assert all(
        os.path.splitext(converted(source, target))[1] == os.path.splitext(names[source])[1] for source in sources
    )


def test_names_that_were_made_to_meet_are_kept_apart_still() -> None:
    sources = ["a.jpg", "a.png", "a.jpg.png"]
    for _ in range(5):
        sources.append(names_for(sources, [], "png", str)["a.jpg"])
    names = names_for(sources, [], "png", str)
    assert len(set(names.values())) == len(sources) == len(set(sources))


def test_long_folder_names_are_kept_apart() -> None:
    names = names_for(["d." + "x" * 253, "D." + "x" * 253], [], "as is", folded)
    assert len({folded(name) for name in names.values()}) == 2


def test_long_names_still_fit() -> None:
    long = "x" * 251
    names = names_for([f"{long}.jpg", f"{long}.bmp", f"{long}.png", "é" * 125 + ".tif"], [], "webp", str)
    assert len(set(names.values())) == 4
    assert all(len(os.fsencode(name)) <= 255 for name in names.values())


@pytest.mark.parametrize("dry", [False, True])
def test_this_file_system_is_asked(dry: bool, tmp_path: Path) -> None:
    touch(tmp_path / "case")
    alike = (tmp_path / "CASE").exists()
    assert folding_of(tmp_path / "not" / "yet", dry) is (folded if alike else str)
    assert [entry.name for entry in tmp_path.iterdir()] == ["case"]


def test_an_empty_folder_is_asked_by_its_own_name_in_a_dry_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert folding_of(tmp_path / "empty", dry=True) is (folded if (tmp_path / "EMPTY").exists() else str)


def test_two_names_for_one_entry_are_noticed_in_a_dry_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letters").touch()
    any_case = lambda path: os.lstat(path.with_name(path.name.lower()))  # noqa: E731
    monkeypatch.setattr(Path, "lstat", any_case)
    assert folding_of(tmp_path, dry=True) is folded


def test_a_file_system_that_cannot_be_asked_is_taken_for_a_folding_one() -> None:
    assert folding_of(Path("/proc")) is folded


def test_a_locale_that_lacks_letters_is_no_obstacle(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from stargan_cli.translate.outputs.names import folding_of; "
    program += "print(sys.getfilesystemencoding(), folding_of(Path()).__name__)"
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", program]
    encoding, name = subprocess.check_output(command, env=os.environ | locale, cwd=tmp_path, text=True).split()
    assert name == folding_of(tmp_path).__name__, encoding
    assert os.listdir(tmp_path) == []


def test_a_search_that_finds_nothing_can_be_stopped(tmp_path: Path) -> None:
    for number in range(30):
        touch(tmp_path / str(number) / "notes.txt")
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(len(asked) >= 10)
        return asked[-1]

    assert list(find([tmp_path], None, "same", str, stop=stop)) == []
    assert len(asked) < 15, "it asks for each folder and each entry"


def test_of_a_folder_that_was_read_in_part_nothing_is_found(tmp_path: Path) -> None:
    touch(*(tmp_path / f"{number}.png" for number in range(30)))
    asked = iter([False] * 10 + [True] * 50)
    assert list(find([tmp_path], None, "same", str, stop=lambda: next(asked))) == []


def test_output_places_are_relative(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    for item in (*found(tmp_path), *found(tmp_path / "a.png")):
        assert item.output == PurePath("a.png")
