"""What crafted archives say of themselves costs neither time nor memory, and is named in words."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Callable

import pytest
from crafted_tars import END, base256, header, member, octal, padded, pax

from stargan_cli.errors import PictureError
from stargan_cli.translate.inputs import tar_reading
from stargan_cli.translate.inputs.tar_headers import MOST_HEADER_BYTES
from stargan_cli.translate.inputs.tar_reading import Member, members
from stargan_cli.translate.outputs.tar_writing import TarWriter


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def read(data: bytes) -> tuple[list[tuple[str, str | None]], str | None]:
    """Names with their problems, and the archive's own. Nothing is read more than a few times over."""
    file = Counted(data)
    found, problem = [], None
    try:
        for one in members(file, "a.tar"):
            found.append((one.name, one.problem))
    except PictureError as error:
        problem = str(error)
    assert file.count <= 4 * len(data) + 4096
    return found, problem


GOOD = ("good.jpg", None)


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_are_read_as_tarfile_reads_them(layout: int) -> None:
    file = io.BytesIO()
    names = ["a.jpg", "sub/b.jpg", "x" * 90 + "/" + "y" * 90 + ".jpg", "./c.jpg", "\u00e9.jpg", "\udcff.jpg", "d e.jpg"]
    names += ["z" * 200 + ".jpg", "\u00e9" * 100 + "/" + "\u00e9" * 90] if layout != tarfile.USTAR_FORMAT else []
    times = [0, 1_700_000_000, 2**33 - 1, 1.5 if layout == tarfile.PAX_FORMAT else 1]
    with tarfile.open(fileobj=file, mode="w", format=layout, encoding="utf-8") as tar:
        for number, name in enumerate(names):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = number, times[number % 4]
            tar.addfile(info, io.BytesIO(b"x" * number))
        for number, kind in enumerate((tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(f"other{number}")
            info.type, info.linkname = kind, "k" * 150 if layout == tarfile.PAX_FORMAT else "k"
            tar.addfile(info)
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        wanted = [(info.name, info.mtime, info.size, info.isreg()) for info in tar if not info.isdir()]
    file.seek(0)
    found = [(one.name, one.modified, len(one.data), one.problem is None) for one in members(file, "a.tar")]
    assert found == wanted


def test_headers_of_the_oldest_kind_and_in_base_256_are_read() -> None:
    old = header(size=octal(4), kind=b"\0", magic=b"") + padded(b"data") + header(b"sub/", kind=b"\0", magic=b"")
    large = header(b"b.jpg", base256(4), base256(2**34)) + padded(b"data")
    gnu = header(b"c.jpg", octal(0), magic=b"ustar  \0", rest=b"14000000000\0")  # where GNU keeps the time of access
    found = list(members(io.BytesIO(old + large + gnu + END), "a.tar"))
    assert [(one.name, len(one.data), one.modified) for one in found] == [
        ("a.jpg", 4, 0),
        ("b.jpg", 4, 2**34),
        ("c.jpg", 0, 0),
    ]


@pytest.mark.parametrize(
    ("crafted", "reason"),
    [
        (header(size=base256(-1)), "a negative size"),
        (header(size=base256(-(2**80))), "a negative size"),
        (header(size=b"99999999999\0"), "a size that is not a number"),
        (header(size=b"-0000000001\0"), "a size that is not a number"),
        (header(size=b"\xb2\xb3\0"), "a size that is not a number"),
        (pax({"size": b"-5"}) + header(), "a size that is not a number"),
        (pax({"size": b"1e9"}) + header(), "a size that is not a number"),
        (pax({"size": "\u0663".encode()}) + header(), "a size that is not a number"),
        (header(size=base256(2**70)), f"a size of {2**70:,} bytes"),
        (pax({"size": b"9" * 18}) + header(), f"a size of {10**18 - 1:,} bytes"),
        (header(kind=b"x", size=base256(2**62)), f"an extended header of {2**62:,} bytes; 1,048,576 is the limit"),
        (header(kind=b"L", size=base256(2**62)), f"an extended header of {2**62:,} bytes; 1,048,576 is the limit"),
        (header(kind=b"g", size=octal(2**21)), "an extended header of 2,097,152 bytes; 1,048,576 is the limit"),
        (header(kind=b"K", size=octal(2**20)), "cut off in an extended header"),
        (header(kind=b"x", size=octal(9)) + padded(b"999999 a="), "a malformed extended header"),
        (header(kind=b"x", size=octal(9)) + padded(b"0 a=b\n..."), "a malformed extended header"),
        (header(kind=b"x", size=octal(9)) + padded(b"-9 a=bcde"), "a malformed extended header"),
        (header(kind=b"x", size=octal(9)) + padded(b"9999999999999 "), "a malformed extended header"),
        (9 * pax({"path": b"a.jpg"}), "more than 8 extended headers for one member"),
        (900 * header(kind=b"L", size=octal(0)), "more than 8 extended headers for one member"),
        (b"\xff" * 512, "no valid header"),
    ],
)
def test_a_header_that_lies_is_named_and_the_members_around_it_are_read(crafted: bytes, reason: str) -> None:
    found, problem = read(member(b"first.jpg") + crafted + member() + END)
    assert (found[0], found[-1]) == (("first.jpg", None), GOOD)
    assert all(text is None or text.startswith("too large") for _, text in found)
    assert problem == f"damaged from byte 1,024 on ({reason}): members are missing"


@pytest.mark.parametrize("said", [b"nan", b"inf", b"-inf", b"1e400", b"soon", b"", b"9" * 3000, b"1e300", b"\xff"])
def test_a_time_that_is_none_costs_nothing(said: bytes) -> None:
    data = pax({"mtime": said}) + member()
    found = list(members(io.BytesIO(data + END), "a.tar"))
    assert [(one.name, one.problem, one.modified) for one in found] == [("good.jpg", None, 0)]
    out = io.BytesIO()
    writer = TarWriter(out, None)
    writer.add(found[0], found[0].name, found[0].data)
    writer.close()
    assert read(out.getvalue()) == ([GOOD], None)


@pytest.mark.parametrize("field", [b"x" * 12, base256(2**87), base256(-(2**87)), b"\x80" + b"\xff" * 11])
def test_a_time_that_no_calendar_has_is_none(field: bytes) -> None:
    assert [one.modified for one in members(io.BytesIO(header(modified=field) + END), "a.tar")] == [0]


def test_a_time_before_1970_is_kept() -> None:
    (found,) = members(io.BytesIO(pax({"mtime": b"-86400.5"}) + member() + END), "a.tar")
    assert found.modified == -86400.5


SPARSE_MAP = (octal(0) + octal(512) + octal(2**40) + octal(0)).ljust(96, b"\0")


@pytest.mark.parametrize(
    "crafted",
    [
        header(kind=b"S", magic=b"ustar  \0", rest=bytes(41) + SPARSE_MAP + b"\0" + octal(2**43)),
        header(kind=b"S", magic=b"ustar  \0", rest=bytes(41) + SPARSE_MAP + b"\1" + octal(2**43))
        + 3 * (SPARSE_MAP.ljust(504, b"\0") + b"\1".ljust(8, b"\0"))
        + bytes(512),
        pax({"GNU.sparse.major": b"1", "GNU.sparse.name": b"a.jpg", "GNU.sparse.realsize": b"9" * 12})
        + header(b"GNUSparseFile.0/a.jpg", octal(512))
        + padded(b"1\n0\n999999999999\n"),
        pax({"GNU.sparse.map": b"0,1," * 1000, "GNU.sparse.size": b"9" * 12}) + header(),
    ],
    ids=["GNU", "GNU with more maps", "pax 1.0", "pax 0.1"],
)  # fmt: skip
def test_sparse_members_are_refused_and_those_behind_them_read(crafted: bytes) -> None:
    reason = "a sparse member: only members that are stored in full are read"
    assert read(crafted + member() + END) == ([("a.jpg", reason), GOOD], None)


OUTSIDE = "its name is absolute or holds .., and could lead out of the archive"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"a\0b.jpg", "its name holds a NUL"),
        (b"../a.jpg", OUTSIDE),
        (b"/a.jpg", OUTSIDE),
        (b"a/../../b.jpg", OUTSIDE),
        (b"", "it has no name"),
        (b".", "it has no name"),
        (b"a" * 4993, "its name is too long: 4,993 bytes, the limit is 4,096"),
        (b"a/" * 300_000 + b"a", "its name is too long: 600,001 bytes, the limit is 4,096"),
    ],
)
def test_names_that_no_file_can_have_are_refused(name: bytes, reason: str) -> None:
    found, problem = read(pax({"path": name}) + header() + member() + END)
    assert ([text for _, text in found], problem) == ([reason, None], None)
    assert all(len(shown) <= 201 for shown, _ in found)


def test_a_global_header_says_nothing_of_members() -> None:
    assert read(pax({"path": b"x.jpg", "size": b"99999", "mtime": b"no"}, b"g") + member() + END) == ([GOOD], None)


@pytest.mark.parametrize(
    "block",
    [
        header(size=base256(-1)),
        header(size=base256(2**60)),
        header(kind=b"x", size=octal(2**20)),
        header(kind=b"x", size=octal(512)),
        header(kind=b"L", size=octal(0)),
        bytes(257) + b"ustar" + bytes(250),
        header(kind=b"S", rest=bytes(137) + b"\1"),
    ],
)
def test_thousands_of_crafted_headers_are_read_once(block: bytes) -> None:
    """`read` counts the bytes."""
    found, problem = read(member() + 4000 * block + member(b"last.jpg") + END)
    assert found[0] == GOOD
    assert problem is not None or block[156:157] in b"LS"


def test_alternating_zeros_and_headers_are_read_once() -> None:
    assert len(read(3000 * (bytes(512) + header()))[0]) == 3000


class Endless(io.BytesIO):
    """A file that claims terabytes, of which the beginning alone is there; the rest is zeros, or noise."""

    def __init__(self, start: bytes, rest: bytes, size: int = 2**42) -> None:
        super().__init__()
        self._start, self._rest, self._size, self._place, self.count = start, rest, size, 0, 0

    def seek(self, place: int, whence: int = 0, /) -> int:
        self._place = place + (self._size if whence == 2 else 0)
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None and 0 <= size <= 2**24
        data = self._start[self._place : self._place + size]
        data += self._rest * (size - len(data))
        self._place += size
        self.count += size
        return data


@pytest.mark.parametrize(
    ("rest", "reason"),
    [(b"\0", "nothing but zeros from byte 1,024 on"), (b"\xaa", "damaged from byte 1,024 on (no valid header)")],
)
def test_a_file_of_terabytes_is_not_read_to_its_end(rest: bytes, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_reading, "MOST_SEARCHED_BYTES", 2**23)
    file = Endless(member(), rest)
    found = []
    with pytest.raises(PictureError) as caught:
        for one in members(file, "a.tar"):
            found.append(one.name)
    assert str(caught.value).startswith(reason)
    assert found == ["good.jpg"]
    assert file.count < 2**25


@pytest.mark.parametrize(
    "make",
    [
        lambda: header(kind=b"x", size=octal(MOST_HEADER_BYTES)) + bytes(MOST_HEADER_BYTES) + member(),
        lambda: pax({"GNU.sparse.map": b"0,999999999999," * 60_000, "GNU.sparse.size": b"9" * 12}) + header(),
        lambda: header(size=base256(2**62)) + member(),
    ],
    ids=["extended header", "sparse map", "size"],
)
def test_memory_grows_with_what_is_there_and_not_with_what_is_claimed(make: Callable[[], bytes]) -> None:
    data = make() + END
    tracemalloc.start()
    try:
        read(data)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(data) + 2**20
    finally:
        tracemalloc.stop()


def test_a_member_says_its_problem_where_its_bytes_are_asked_for() -> None:
    with pytest.raises(PictureError, match="no name"):
        Member("a.tar", "", 0, b"", "it has no name").read()
