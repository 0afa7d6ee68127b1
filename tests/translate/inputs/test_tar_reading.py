"""Archives read past what is broken in them, and written so that other programs read them."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable
from contextlib import suppress

import pytest

from stargan_cli.errors import PictureError
from stargan_cli.translate.inputs import tar_reading
from stargan_cli.translate.inputs.tar_reading import Member, members
from stargan_cli.translate.outputs import tar_writing
from stargan_cli.translate.outputs.tar_writing import TarWriter

NAMES = ["0.jpg", "1.jpg", "x" * 150 + ".jpg", "sub/3.jpg", "4.json"]


def archive(names: list[str] = NAMES, end: bool = True, layout: int = tarfile.PAX_FORMAT, size: int = 1000) -> bytes:
    file = io.BytesIO()
    tar = tarfile.TarFile(fileobj=file, mode="w", format=layout)
    for number, name in enumerate(names):
        info = tarfile.TarInfo(name)
        info.size = size
        tar.addfile(info, io.BytesIO(bytes([number]) * size))
    if end:
        tar.close()
    return file.getvalue()


def read(data: bytes) -> tuple[list[tuple[str, str | None]], str | None]:
    """Names with their problems, and the archive's own."""
    found = []
    try:
        for member in members(io.BytesIO(data), "a.tar"):
            found.append((member.name, member.problem))
            assert member.problem or set(member.data) == {NAMES.index(member.name)}
    except PictureError as error:
        return found, str(error)
    return found, None


@pytest.mark.parametrize("layout", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_members_come_in_their_order_with_what_is_in_them(layout: int) -> None:
    assert read(archive(layout=layout)) == ([(name, None) for name in NAMES], None)
    assert read(archive(layout=layout) + archive(["0.jpg"])) == ([(name, None) for name in [*NAMES, "0.jpg"]], None)


def test_folders_are_passed_over() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        folder = tarfile.TarInfo("sub")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        tar.addfile(tarfile.TarInfo("sub/a.jpg"))
    assert [member.name for member in members(io.BytesIO(file.getvalue()), "a.tar")] == ["sub/a.jpg"]


def test_an_archive_that_is_cut_off_gives_what_is_there() -> None:
    whole = archive()
    assert read(whole[: 512 + 600]) == (
        [("0.jpg", "cut off: the archive ends in the middle of it")],
        "cut off: it has no end mark, so members may be missing",
    )
    assert read(whole[:1536])[0] == [("0.jpg", None)]
    assert "no end mark" in str(read(whole[:1536])[1])
    assert read(archive(end=False))[0] == [(name, None) for name in NAMES]
    assert "no end mark" in str(read(archive(end=False))[1])


def test_what_comes_behind_a_damaged_header_is_found() -> None:
    data = bytearray(archive())
    data[1536:1556] = b"\xff" * 20
    assert read(bytes(data)) == (
        [(name, None) for name in NAMES if name != "1.jpg"],
        "damaged from byte 1,536 on (no valid header): members are missing",
    )
    data[:20] = b"\xff" * 20
    assert [name for name, _ in read(bytes(data))[0]] == NAMES[2:]
    assert "damaged from byte 10,240 on" in str(read(archive(["0.jpg"]) + b"rubbish")[1])


def test_what_is_no_archive_is_said_to_be_none() -> None:
    assert read(b"") == ([], "the file is empty")
    assert read(b"hello" * 1000) == ([], "not a tar archive")


def test_an_archive_without_members_is_one() -> None:
    assert read(archive([])) == ([], None)


@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "x/../a.jpg"])
def test_names_that_could_lead_out_of_it_are_refused(name: str) -> None:
    assert read(archive([name]))[0] == [(name, "its name is absolute or holds .., and could lead out of the archive")]


def test_links_and_huge_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        link = tarfile.TarInfo("a.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    assert read(file.getvalue())[0] == [("a.jpg", "not a regular file but a link or a device")]
    monkeypatch.setattr(tar_reading, "MOST_MEMBER_BYTES", 999)
    assert "too large: 1,000 bytes" in str(read(archive(["0.jpg"]))[0][0][1])


def test_nothing_but_picture_errors_come_out_of_broken_archives() -> None:
    chance = random.Random(1)
    for layout in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        for _ in range(100):
            data = bytearray(archive(layout=layout, size=100))
            for _ in range(chance.choice([1, 3, 50])):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with suppress(PictureError):
                list(members(io.BytesIO(bytes(data[: chance.randrange(len(data))])), "a.tar"))


@pytest.mark.parametrize(
    ("name", "key"), [("a.jpg", "a"), ("s/a.b.jpg", "s/a"), ("./a.jpg", "./a"), ("a", "a"), (".hidden", ".hidden")]
)
def test_keys_are_those_of_webdataset(name: str, key: str) -> None:
    assert Member("a.tar", name, 0, b"").key == key


def write(add: Callable[[TarWriter], None], note: str | None = None) -> tarfile.TarFile:
    file = io.BytesIO()
    writer = TarWriter(file, note)
    add(writer)
    writer.close()
    return tarfile.open(fileobj=io.BytesIO(file.getvalue()))


def test_a_sample_of_which_something_is_missing_is_left_out_whole() -> None:
    def add(writer: TarWriter) -> None:
        for name, data in (("a.cls", b"1"), ("a.jpg", None), ("a.json", b"{}"), ("b.cls", b"2"), ("b.jpg", b"pixels")):
            writer.add(Member("a.tar", name, 7.9, b""), name, data)

    tar = write(add, "a note")
    assert tar.getnames() == ["b.cls", "b.jpg"]
    assert tar.pax_headers == {"comment": "a note"}
    assert tar.getmember("b.jpg").mtime == 7
    assert tar.extractfile("b.jpg").read() == b"pixels"  # type: ignore[union-attr]


def copy_of(data: bytes) -> tuple[list[str], set[str]]:
    """Names in an archive that is written from what can be read of another one, and those left out."""
    file, damaged, names = io.BytesIO(), False, []
    writer = TarWriter(file, None)
    try:
        for member in members(io.BytesIO(data), "a.tar"):
            names.append(member.name)
            writer.add(member, member.name, None if member.problem else member.data)
    except PictureError:
        damaged = True
    writer.close(doubtful=damaged)
    return tarfile.open(fileobj=io.BytesIO(file.getvalue())).getnames(), {names[n] for n in writer.left_out}


def test_no_half_sample_is_written_beside_a_damaged_stretch() -> None:
    names = [f"{sample}.{suffix}" for sample in "abcd" for suffix in ("cls", "jpg")]
    whole = archive(names, size=100)
    damaged = bytearray(whole)
    damaged[5 * 1024 : 5 * 1024 + 20] = b"\xff" * 20  # the header of c.jpg
    assert copy_of(bytes(damaged)) == ([name for name in names if name[0] != "c"], {"c.cls"})
    damaged = bytearray(whole)
    damaged[4 * 1024 : 4 * 1024 + 20] = b"\xff" * 20  # of c.cls
    assert copy_of(bytes(damaged)) == ([name for name in names if name[0] != "c"], {"c.jpg"})
    assert copy_of(whole[: 7 * 1024]) == (names[:6], {"d.cls"})  # cut off before d.jpg
    assert copy_of(whole[: 8 * 1024]) == (names, set())  # no end mark, but whole as the others are
    assert copy_of(whole[: 2 * 1024]) == ([], {"a.cls", "a.jpg"})  # nothing tells whether there was more


def test_names_that_happen_to_have_one_key_are_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds few of them, and one that is broken takes few of them with it."""
    monkeypatch.setattr(tar_writing, "MOST_MEMBERS", 8)
    names = [f"2024.{number}.jpg" for number in range(40)]
    file, most = io.BytesIO(), 0
    writer = TarWriter(file, None)
    for number, name in enumerate(names):
        writer.add(Member("a.tar", name, 0, b""), name, None if number == 20 else b"pixels")
        most = max(most, len(writer._sample))
    writer.close()
    with tarfile.open(fileobj=io.BytesIO(file.getvalue())) as tar:
        written = tar.getnames()
    assert most == 8 and len(written) >= 31 and names[20] not in written
    assert set(written) | {names[n] for n in writer.left_out} == set(names) - {names[20]}


@pytest.mark.parametrize("packer", ["gz", "bz2", "xz"])
def test_a_compressed_archive_is_named_as_one(packer: str) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{packer}") as tar:  # type: ignore[call-overload]
        tar.addfile(tarfile.TarInfo("a.jpg"))
    assert "compressed with " in str(read(file.getvalue())[1])
    assert "only plain tars are read" in str(read(file.getvalue())[1])
