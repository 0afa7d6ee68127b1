"""What no search takes."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from stargan_cli.files.passed_over import PassedOver, is_passed_over, passed_over_part


@pytest.mark.parametrize(
    "name",
    [
        *(".ipynb_checkpoints", "__MACOSX", "@eaDir", ".thumbnails", "Thumbs.db", "._a.jpg", "$RECYCLE.BIN"),
        *("System Volume Information", "lost+found", "#recycle", ".DS_Store", "$Recycle.Bin", "RECYCLER", ".git"),
        *("__pycache__", "@Recycle", ".Trash-1000", "Network Trash Folder", ".@__thumb", "..data"),
    ],
)
def test_hidden_names_and_those_of_tools(name: str) -> None:
    assert is_passed_over(name)


@pytest.mark.parametrize("name", ["a.jpg", "happy", "_", "recycle", "thumbs", "lost", "@home", "#1", ".", ".."])
def test_names_of_people(name: str) -> None:
    assert not is_passed_over(name)


def test_a_path_is_passed_over_from_its_first_such_part() -> None:
    assert passed_over_part(PurePath("a/__MACOSX/b/._c.jpg")) == PurePath("a/__MACOSX")
    assert passed_over_part(PurePath("../a/b.jpg")) is None


def test_the_note_counts_and_names_the_first() -> None:
    passed_over = PassedOver()
    assert passed_over.notes == []
    for number in (1, 1, 2, 3, 4, 5, 6, 7):
        passed_over.add(PurePath(f"{number}/.cache"))
    names = ", ".join(f"{number}/.cache" for number in range(1, 6))
    assert passed_over.notes == [f"passed over as hidden or a tool's own: {names} and 2 more"]


def test_of_files_with_numbers_for_suffixes_few_are_named() -> None:
    passed_over = PassedOver()
    for number in (*range(10, 40), 10):
        passed_over.add_unread(f"scan.{number}")
    kinds = ", ".join(f"{1 + (number == 10)} .{number}" for number in range(10, 30))
    assert passed_over.notes == [f"passed over as files of a kind that is not read: {kinds}, 10 of more kinds"]
