"""Paths, URLs and numbered rows of them, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.translate.inputs.addresses import expanded, parse_address, parse_addresses
from stargan_cli.translate.inputs.remote import RemotePath


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a{08..11}.tar", ["a08.tar", "a09.tar", "a10.tar", "a11.tar"]),
        ("a{8..11}", ["a8", "a9", "a10", "a11"]),
        ("s3://b/{x,y}/{0..1}.tar", ["s3://b/x/0.tar", "s3://b/x/1.tar", "s3://b/y/0.tar", "s3://b/y/1.tar"]),
        ("a{b}c", ["a{b}c"]),
        ("{}{00..01}", ["{}00", "{}01"]),
    ],
)
def test_braces_stand_for_many(text: str, parts: list[str]) -> None:
    assert list(expanded(text)) == parts


@pytest.mark.parametrize("text", ["{9..1}", "{0..99999999999}"])
def test_ranges_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a range of at most"):
        list(expanded(text))


def test_ranges_that_multiply_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.translate.inputs.addresses.MOST_NUMBERS", 1_000)
    assert len(parse_addresses(["{0..9}{0..9}{0..9}"])) == 1_000
    with pytest.raises(UsageError, match="more than 1,000 inputs"):
        parse_addresses(["{0..999}{0..999}"])


def test_an_empty_input_is_not_the_current_folder() -> None:
    with pytest.raises(UsageError, match="an input is empty"):
        parse_addresses(["a", ""])


def test_a_file_with_braces_in_its_name_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a{1..3}.tar").touch()
    assert parse_addresses(["a{1..3}.tar", "b{1..2}.tar"]) == [Path("a{1..3}.tar"), Path("b1.tar"), Path("b2.tar")]


def test_urls_are_remote_but_for_files() -> None:
    assert parse_address("s3://bucket/a/") == RemotePath("s3://bucket/a")
    assert parse_address("file:///tmp/a%20b") == Path("/tmp/a b")
    assert parse_address("local:///tmp/a") == Path("/tmp/a")
    assert parse_address("a/b") == Path("a/b")
    assert parse_address("S3://Bucket/A") == RemotePath("s3://Bucket/A")


@pytest.mark.parametrize(
    "text",
    ["simplecache::s3://bucket/in", "zip://::file:///a.zip", "zip://s::simplecache::s3://b/a.zip", "dir::file:///a"],
)
def test_chains_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is a chain of URLs"):
        parse_address(text)


@pytest.mark.parametrize("text", ["s3://bucket/a::b.jpg", "s3://bucket/zip::a", "a::b/c"])
def test_two_colons_may_be_part_of_a_name(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize("text", ["file://photos", "file://", "file://host/photos"])
def test_a_file_address_is_absolute(text: str) -> None:
    with pytest.raises(UsageError, match="is no address of a file"):
        parse_address(text)


def test_signs_of_urls_are_letters_of_a_file_address() -> None:
    assert parse_address("file:///a/x#1?2") == Path("/a/x#1?2")
    assert parse_address("file://localhost/a") == Path("/a")


def test_a_protocol_alone_names_nothing() -> None:
    for text in ("s3://", "http:///"):
        with pytest.raises(UsageError, match="names nothing behind"):
            parse_address(text)
    assert parse_address("memory://") == RemotePath("memory://")


def test_a_presigned_address_has_the_name_of_its_file() -> None:
    assert RemotePath("https://host/a/0.jpg?X-Signature=a/b.png").name == "0.jpg"
    assert RemotePath("s3://bucket/what?.jpg").name == "what?.jpg"


def test_a_server_that_cannot_be_reached_is_not_a_missing_file() -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(UsageError, match="cannot reach http://127.0.0.1:9/a.jpg"):
        RemotePath("http://127.0.0.1:9/a.jpg").kind()
