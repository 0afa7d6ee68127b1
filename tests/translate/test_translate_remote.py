"""`stargan translate` from and to places that fsspec knows: in memory, and S3 as a server on this machine plays it."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.utils import infer_storage_options
from translation_kit import call, draw

from stargan_cli.errors import OutputError, PictureError, UsageError
from stargan_cli.files.atomic import temporary_name
from stargan_cli.files.passed_over import PassedOver
from stargan_cli.translate.inputs import remote, web
from stargan_cli.translate.inputs.checks import check_inputs, check_output, check_output_file
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.inputs.remote_listing import files_below, version_of
from stargan_cli.translate.outputs import remote_sink
from stargan_cli.translate.outputs.names import folded, names_for
from stargan_cli.translate.outputs.sinks import opened

Tree = Callable[[Path], dict[str, bytes]]


def counts(*args: object) -> tuple[int, int, int]:
    result = call(*args, "--json")
    document = json.loads(result.stdout)
    return document["done"], document["skipped"], document["failed"]


class Store:
    """A folder of a store that is emptied after the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.filesystem, self.root = fsspec.core.url_to_fs(url, use_listings_cache=False)

    def put(self, name: str, data: bytes) -> None:
        self.filesystem.pipe_file(f"{self.root}/{name}", data)

    def all(self, folder: str) -> dict[str, bytes]:
        root = f"{self.root}/{folder}"
        found = self.filesystem.find(root)
        return {name.removeprefix(root).lstrip("/"): self.filesystem.cat_file(name) for name in sorted(found)}


@pytest.fixture(scope="module")
def s3(request: pytest.FixtureRequest) -> Iterator[str]:
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect_timeout", "read_timeout"):  # of 5 and 15 seconds: too little on a busy machine
            patch.setattr(s3fs.S3FileSystem, name, 120)
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").mkdir("bucket")
        yield "s3://bucket"
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest, pictures: Path, tree: Tree) -> Iterator[Store]:
    """With the five pictures below `in`."""
    root = request.getfixturevalue("s3") if request.param == "s3" else "memory://bucket"
    store = Store(f"{root}/{request.node.name.split('[')[0]}")
    for name, data in tree(pictures).items():
        store.put(f"in/{name}", data)
    yield store
    store.filesystem.rm(store.root, recursive=True)


def test_what_comes_out_is_what_comes_out_of_files(
    store: Store, pictures: Path, tmp_path: Path, weights: Path, tree: Tree
) -> None:
    common = ("--set", "blond", "-w", weights)
    rows = tmp_path / "rows.jsonl"
    assert counts(f"{store.url}/in", *common, "-o", f"{store.url}/out", "--manifest", rows) == (5, 0, 0)
    call(pictures, *common, "-o", tmp_path / "files")
    assert counts(pictures, *common, "-o", f"{store.url}/from-files") == (5, 0, 0)
    assert counts(f"{store.url}/in/", *common, "-o", tmp_path / "out") == (5, 0, 0)
    files = tree(tmp_path / "files")
    assert store.all("from-files") == files
    assert list(tree(tmp_path / "out")) == list(store.all("out")) == list(files)
    assert tree(tmp_path / "out") == store.all("out")  # whose notes hold the store's mark of the sources
    first = json.loads(rows.read_text().splitlines()[0])
    assert (first["source"], first["output"]) == (f"{store.url}/in/a.png", f"{store.url}/out/a.png")


def test_what_is_done_is_skipped_until_it_changes(store: Store, weights: Path, tmp_path: Path) -> None:
    job = (f"{store.url}/in", "-w", weights, "-o", f"{store.url}/out", "--set")
    assert counts(*job, "blond") == (5, 0, 0)
    assert counts(*job, "blond") == (0, 5, 0)
    store.put("in/a.png", draw(tmp_path / "other.png", 77).read_bytes())
    assert counts(*job, "blond") == (1, 4, 0)
    assert counts(*job, "brown", "--skip-existing") == (0, 5, 0)
    assert counts(*job, "brown") == (5, 0, 0)


def test_what_stargan_did_not_write_is_left_alone(store: Store, weights: Path) -> None:
    store.put("out/a.png", b"somebody's")
    store.put("out/b.jpg", b"")
    store.put("out/c.png", store.all("in")["c.png"])
    job = (f"{store.url}/in", "-w", weights, "-o", f"{store.url}/out", "--set", "blond")
    assert counts(*job) == (4, 1, 0)
    assert store.all("out")["a.png"] == b"somebody's"
    assert counts(*job, "--overwrite") == (5, 0, 0)


def test_single_objects_and_archives(store: Store, weights: Path, tmp_path: Path) -> None:
    from tars_kit import pack, samples, unpack

    shard = pack(tmp_path / "shards" / "0000.tar", samples(tmp_path, range(3)))
    store.put("shards/0000.tar", shard.read_bytes())
    common = ("--set", "blond", "-w", weights)
    assert counts(f"{store.url}/in/a.png", *common, "-o", f"{store.url}/one") == (1, 0, 0)
    assert list(store.all("one")) == ["a.png"]
    job = (f"{store.url}/shards/{{0000..0000}}.tar", *common, "-o", f"{store.url}/tars")
    assert counts(*job) == (3, 0, 0)
    assert counts(*job) == (0, 1, 0)
    call(shard, *common, "-o", tmp_path / "out")
    (tmp_path / "back.tar").write_bytes(store.all("tars")["0000.tar"])
    assert unpack(tmp_path / "back.tar") == unpack(tmp_path / "out" / "0000.tar")


class Failing:
    """A file system of which one object cannot be read and another one not be written."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def __getattr__(self, name: str) -> Any:
        return getattr(self._filesystem, name)

    def cat_file(self, path: str, *args: Any, **options: Any) -> bytes:
        if "/in/b.jpg" in path:
            raise TimeoutError("the store does\nnot answer")
        return bytes(self._filesystem.cat_file(path, *args, **options))

    def pipe_file(self, path: str, *args: Any, **options: Any) -> None:
        if "/out/c.png" in path:
            raise PermissionError("Access Denied")
        self._filesystem.pipe_file(path, *args, **options)


def test_an_object_that_fails_fails_alone(store: Store, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = RemotePath.filesystem.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(RemotePath, "filesystem", property(lambda path: Failing(found(path))))
    result = call(f"{store.url}/in", "-w", weights, "-o", f"{store.url}/out", "--set", "blond")
    assert result.exit_code == 1
    assert f"failed: {store.url}/in/b.jpg: cannot be read: the store does not answer\n" in result.stderr
    assert f"failed: {store.url}/in/c.png: cannot be written: Access Denied\n" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("3 translated, 2 failed: ")


def test_a_listing_that_breaks_off_is_reported(
    store: Store, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*_: object) -> Iterator[dict[str, Any]]:
        yield {"name": f"{store.root}/in/a.png", "size": 1}
        raise ConnectionError("reset by peer")

    monkeypatch.setattr(remote, "files_below", broken_off)
    result = call(f"{store.url}/in", "-w", weights, "-o", tmp_path / "out", "--set", "blond")
    assert result.exit_code == 1
    assert f"failed: {store.url}/in: cannot be listed to its end: reset by peer" in result.stderr
    assert "1 translated, 1 failed" in result.stderr


def test_a_listing_is_not_held_in_memory(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(f"{s3}/many")
    for number in range(7):
        store.put(f"{number}.png", b"x")
    pages = []
    call_s3 = store.filesystem._call_s3

    async def counted(method: str, *args: Any, **options: Any) -> Any:
        if method == "list_objects_v2":
            pages.append(method)
        return await call_s3(method, *args, **options)

    filesystem = RemotePath(store.url).filesystem
    monkeypatch.setattr(filesystem, "_call_s3", counted)
    monkeypatch.setattr(filesystem, "req_kw", {"MaxKeys": 2})
    found = RemotePath(store.url).files()
    assert [next(found)[0] for _ in range(2)] == ["0.png", "1.png"]
    assert len(pages) < 3
    assert len(list(found)) == 5
    store.filesystem.rm(store.root, recursive=True)


class Pages:
    """As gcsfs asks a store for its pages."""

    loop = None

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.asked: list[dict[str, Any]] = []

    def _do_list_objects(self) -> None:
        raise AssertionError("it would collect all pages")

    async def _call(self, method: str, path: str, bucket: str, **query: Any) -> dict[str, Any]:
        assert (method, path, bucket) == ("GET", "b/{}/o", "bucket")
        self.asked.append(query)
        first = int(query.get("pageToken", 0))
        found = [name for name in self.names if name.startswith(query.get("prefix", ""))]
        items = [{"name": name, "size": "7", "etag": name} for name in found[first : first + 2]]
        return {"items": items} | ({"nextPageToken": str(first + 2)} if first + 2 < len(found) else {})


def test_a_listing_of_google_storage_comes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsspec.asyn.sync", lambda loop, call, *args, **options: asyncio.run(call(*args, **options)))
    store = Pages(["in/", "in/a.png", "in/b.png", "in/s.png/", "in/s/c.png", "other/d.png"])
    found = files_below(store, "bucket/in")
    assert next(found)["name"] == "bucket/in/a.png"
    assert len(store.asked) == 1
    assert [info["name"] for info in found] == ["bucket/in/b.png", "bucket/in/s/c.png"]
    assert len(store.asked) == 3
    assert len(list(files_below(store, "bucket"))) == 4
    assert list(files_below(Pages([]), "bucket/none")) == []


def test_names_below_a_remote_folder() -> None:
    store = Store("memory://names")
    for name in ("a.pgm", "a.png", "a.txt", ".hidden.png", ".git/b.png", "s/a.PNG", "s/A.png", "t.tar"):
        store.put(name, b"x")
    listed = [(str(found.below), str(found.output), found.role) for found in _find("same", str)]
    assert listed == [
        ("a.pgm", "a.pgm.png", "picture"),
        ("a.png", "a.png", "picture"),
        ("t.tar", "t.tar", "archive"),
        ("s/A.png", "s/A.png", "picture"),
        ("s/a.PNG", "s/a.PNG", "picture"),
    ]
    passed_over = PassedOver()
    _find("same", str, passed_over)
    assert passed_over.notes == ["passed over as hidden or a tool's own: .hidden.png, .git"]
    outputs = [str(found.output) for found in _find("same", folded)]
    assert len({folded(output) for output in outputs}) == 5
    store.filesystem.rm(store.root, recursive=True)


def test_objects_whose_names_are_no_paths_are_named_and_hide_no_other(s3: str, weights: Path, tmp_path: Path) -> None:
    store, picture = Store(f"{s3}/empty-parts"), draw(tmp_path / "a.png", 1).read_bytes()
    for key in ("in/s/a.png", "in//a.png", "in/s//a.png", "in/./s/a.png"):
        store.put(key, picture)
    result = call(f"{store.url}/in", "--set", "blond", "-w", weights, "-o", f"{store.url}/out")
    assert result.exit_code == 1
    for key in ("in//a.png", "in/s//a.png", "in/./s/a.png"):
        assert f"failed: {store.url}/{key}: its name has an empty part (//) or" in result.stderr
    assert list(store.all("out")) == ["s/a.png"]
    store.filesystem.rm(store.root, recursive=True)


def test_objects_that_stand_for_folders_are_no_pictures(s3: str, weights: Path, tmp_path: Path) -> None:
    store = Store(f"{s3}/markers")
    store.put("in/a.png", draw(tmp_path / "a.png", 1).read_bytes())
    for key in ("in/", "in/folder.png/", "in/archive.tar/"):
        store.put(key, b"")
    assert counts(f"{store.url}/in", "--set", "blond", "-w", weights, "-o", f"{store.url}/out") == (1, 0, 0)
    store.filesystem.rm(store.root, recursive=True)


@pytest.mark.parametrize("name", ["a::b.png", "zip::a.png"])
def test_two_colons_in_a_name_are_no_chain(name: str, s3: str, weights: Path, tmp_path: Path) -> None:
    store = Store(f"{s3}/two-colons")
    store.put(f"colons/{name}", draw(tmp_path / "a.png", 1).read_bytes())
    for source in (f"{store.url}/colons", f"{store.url}/colons/{name}"):
        job = (source, "--set", "blond", "-w", weights, "-o", f"{store.url}/out/")
        assert counts(*job, "--overwrite") == (1, 0, 0)
        assert counts(*job) == (0, 1, 0)
    assert list(store.all("out")) == [name]
    store.filesystem.rm(store.root, recursive=True)


@pytest.mark.parametrize(
    ("keys", "target", "fold"),
    [
        (["f/a.bmp", "f/a.c/x.bmp", "f/a.c/x.jpg", "f/a.jpg", "f/b.jpg"], "png", str),
        (["f/A.jpg", "f/B/x.jpg", "f/a.jpg", "g/a.jpg"], "same", folded),
    ],
)
def test_subfolders_listed_between_files_do_not_give_two_of_these_one_output(
    keys: list[str], target: str, fold: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store("memory://names")
    for key in keys:
        store.put(key, b"x")
    flat = [store.filesystem.info(f"{store.root}/{key}") for key in sorted(keys)]
    monkeypatch.setattr("stargan_cli.translate.inputs.remote.files_below", lambda *_: flat)
    outputs = [str(found.output) for found in _find(target, fold)]
    assert len({fold(output) for output in outputs}) == len(keys)
    store.filesystem.rm(store.root, recursive=True)


def _find(target: str, fold: Callable[[str], str], passed_over: PassedOver | None = None) -> list[Any]:
    return list(find([RemotePath("memory://names")], None, target, fold, True, passed_over))


def test_a_missing_place_and_an_output_among_the_inputs_are_refused(weights: Path) -> None:
    Store("memory://bucket").put("in/a.png", b"x")
    job = ("--set", "blond", "-w", weights, "-o")
    result = call("memory://bucket/none", *job, "memory://bucket/out")
    assert (result.exit_code, result.stderr) == (2, "error: no such file or folder: memory://bucket/none\n")
    result = call("memory://bucket/*.jpg", *job, "memory://bucket/out")
    assert result.stderr.endswith("\n  patterns are not expanded in a store: give the folder\n")
    for out, reason in (("in/out", "lies in an input"), ("in", "holds the inputs")):
        result = call("memory://bucket/in", *job, f"memory://bucket/{out}")
        assert result.exit_code == 2
        assert f"the output folder memory://bucket/{out} {reason}" in result.stderr
    result = call("memory://bucket/in", *job, "memory://bucket/in", "--in-place")
    assert (result.exit_code, result.stderr) == (2, "error: --in-place works with local folders: not with URLs\n")
    result = call("memory://bucket/in", *job, "out", "--grid", "sheet.png")
    assert result.exit_code == 2
    assert "not with tars or remote places" in result.stderr


class Hosted(fsspec.get_filesystem_class("memory")):  # type: ignore[misc]
    """A file system with two names, whose URLs name a user, a host and a port, as sftp's do."""

    protocol = ("hosted", "also-hosted")
    store: ClassVar[dict[str, Any]] = {}
    _get_kwargs_from_urls = staticmethod(infer_storage_options)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(infer_storage_options(path)["path"])


class Strict(Hosted):
    """As fsspec's for sftp does it, one whose client takes no other options than what a URL says of the host."""

    protocol = "strict"

    def __init__(self, host: str, username: str | None = None, port: int | None = None) -> None:
        super().__init__()

    @staticmethod
    def _get_kwargs_from_urls(url: str) -> dict[str, Any]:
        options = infer_storage_options(url)
        return {name: value for name, value in options.items() if name not in ("protocol", "path")}


class Share(Hosted):
    """As fsspec's for SMB, names of folders end with a slash, and errors have their own class. As WebDAV's, nothing
    is moved over a file. `raised` holds the numbers of its errors."""

    protocol = "share"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    raised: ClassVar[list[int]] = []

    class Error(OSError):
        """Not FileNotFoundError, whatever its number: only OSError itself chooses a class."""

    def _error(self, number: int) -> Share.Error:
        self.raised.append(number)
        return self.Error(number, "STATUS")

    def info(self, path: str, **_: object) -> dict[str, Any]:
        try:
            found: dict[str, Any] = super().info(path)
        except FileNotFoundError:
            raise self._error(errno.ENOENT) from None
        return {**found, "name": found["name"] + "/"} if found["type"] == "directory" else found

    def ls(self, path: str, detail: bool = True, **_: object) -> list[dict[str, Any]]:
        return [self.info(info["name"]) for info in super().ls(path, detail=True)]

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: object) -> bytes:
        if path not in self.store:
            raise self._error(errno.ENOENT)
        return self.store[path].getvalue()[start:end]  # type: ignore[no-any-return]

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if "cache_type" in options:
            raise TypeError("unexpected keyword argument 'cache_type'")
        return super().open(path, mode, **options)

    def mv(self, source: str, target: str, **_: object) -> None:
        if target in self.store:
            self.raised.append(errno.EEXIST)
            raise RuntimeError(f"{target} already exists")
        self.store[target] = self.store.pop(source)


for _kind in (Hosted, Strict, Share):
    for _name in (_kind.protocol,) if isinstance(_kind.protocol, str) else _kind.protocol:
        fsspec.register_implementation(_name, _kind, clobber=True)


def test_a_windows_share_is_read_with_its_subfolders_and_written(pictures: Path, weights: Path, tree: Tree) -> None:
    for name, data in tree(pictures).items():
        place = RemotePath("share://host/pics/in") / name
        place.filesystem.pipe_file(place.key, data)
    common = ("-w", weights, "-o", "share://host/pics/out", "--set")
    assert RemotePath("share://host/pics/nothing").kind() is None
    for target, numbers in (("blond", (5, 0, 0)), ("blond", (0, 5, 0)), ("brown", (5, 0, 0))):
        assert counts("share://host/pics/in", *common, target) == numbers
    assert {errno.ENOENT, errno.EEXIST} == set(Share.raised)
    written = [name for name in Share.store if name.startswith("/pics/out/")]
    assert sorted(written) == [f"/pics/out/{name}" for name in sorted(tree(pictures))]


def test_names_that_differ_in_case_alone_are_one_on_a_windows_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda _: Share)
    one, other = RemotePath("smb://host/Pics/In"), RemotePath("smb://HOST/pics/in")
    with pytest.raises(UsageError, match="holds the inputs"):
        check_output([one], other)
    sink = remote_sink.RemoteSink(one)
    assert sink.is_source(PurePath("a.png"), remote.RemoteFile(other / "A.png", ""))
    assert len({sink.fold(name) for name in names_for(["a.png", "A.png"], (), "same", sink.fold).values()}) == 2


def test_a_file_of_a_windows_share_is_opened_with_what_its_client_knows() -> None:
    source = RemotePath("share://host/pics/a.tar")
    source.filesystem.pipe_file(source.key, b"members")
    with source.file().open() as file:
        assert file.read() == b"members"


def test_what_was_not_moved_into_its_place_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = remote_sink.RemoteSink(RemotePath("share://host/full"))

    def refused(*_: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(Share, "mv", refused)
    with pytest.raises(PictureError, match="cannot be written: Access Denied"):
        sink.begin(PurePath("a.png"), b"pixels").finish()
    assert not sink.root.filesystem.find("/full")
    unfinished = f"/full/{temporary_name('a.png')}"
    sink.root.filesystem.pipe_file(unfinished, b"pix")
    sink.remove_unfinished(PurePath("a.png"))
    assert not sink.root.filesystem.find("/full")


def test_the_clients_of_file_systems_are_given_nothing_but_what_the_url_of_the_folder_says() -> None:
    folder = RemotePath("strict://me@host:22/strict")
    names = ["a.png", "s/b#c%20ü.png", "s/d?e.png"]
    for name in names:
        place = folder / name
        place.filesystem.pipe_file(place.key, name.encode())
    assert sorted(folder.filesystem.find(folder.key)) == [f"/strict/{name}" for name in names]
    assert {key: file.read().decode() for key, file in folder.files()} == {name: name for name in names}


def test_listings_are_not_kept() -> None:
    filesystem = RemotePath("memory://bucket").filesystem
    filesystem.dircache["/bucket"] = []
    assert "/bucket" not in filesystem.dircache


def test_a_file_system_that_needs_what_it_lists_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem = RemotePath("memory://bucket").filesystem
    kept: dict[str, Any] = {}
    monkeypatch.setattr(filesystem, "dircache", kept)
    assert RemotePath("memory://bucket").filesystem.dircache is kept


@pytest.mark.parametrize(
    "name",
    [
        *("ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "sha", "blob_id"),
        *("mtime", "modify", "modified", "Last-Modified", "last_modified", "LastModified", "modificationTime"),
    ],
)
def test_an_object_that_changed_has_another_version(name: str) -> None:
    old, new = ({"name": "a", "size": 7, "created": 1, "time": time, name: time} for time in (1, 2))
    assert version_of(old) not in ("", version_of(new))
    assert version_of(old) == version_of({**old, "time": 3})


def test_neither_a_size_nor_when_an_object_was_made_or_opened_is_a_version() -> None:
    assert version_of({"name": "a", "size": 7, "created": 1, "time": 2, "etag": None}) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://bucket/in", "s3a://bucket/in"),
        ("s3://bucket/in", "s3://bucket//in"),
        ("memory://in", "memory:///in"),
        ("memory://in", "memory://x/../in"),
        ("hosted://host/in", "also-hosted://me@HOST:22/in"),
    ],
)
def test_two_urls_of_one_place(one: str, other: str) -> None:
    if one.startswith("s3"):
        pytest.importorskip("s3fs")
    first, second = RemotePath(one), RemotePath(other)
    assert first.place == second.place
    for folder, below in ((first, second), (second, first)):
        assert below.is_within(folder) and (below / "x").is_within(folder) and not folder.is_within(below / "x")
        with pytest.raises(UsageError, match="holds the inputs"):
            check_output([below / "s"], folder)
        with pytest.raises(UsageError, match="lies in an input"):
            check_output([folder], below / "s")
        with pytest.raises(UsageError, match="would replace the input"):
            check_output_file(below / "x.png", folder / "x.png")
        assert remote_sink.RemoteSink(folder).is_source(PurePath("x.png"), remote.RemoteFile(below / "x.png", ""))


@pytest.mark.parametrize("other", ["hosted://b/in", "memory://a/in", "hosted://a/inside", "hosted://a/i"])
def test_urls_of_two_places(other: str) -> None:
    check_output([RemotePath("hosted://a/in")], RemotePath(other))


def test_the_root_holds_everything() -> None:
    assert RemotePath("memory://in").is_within(RemotePath("memory://"))


def test_an_input_that_is_spelled_in_two_ways_is_given_twice() -> None:
    Store("memory://bucket").put("in/a.png", b"x")
    with pytest.raises(UsageError, match="is given twice"):
        check_inputs([RemotePath("memory://bucket/in"), RemotePath("memory:///bucket/in")])
    with pytest.raises(UsageError, match="lies in another input"):
        check_inputs([RemotePath("memory://bucket/in"), RemotePath("memory:///bucket/in/a.png")])


def test_an_output_that_another_url_names_does_not_replace_its_source(store: Store, weights: Path) -> None:
    before = store.all("in")
    alias = store.url.replace("s3://", "s3a://").replace("memory://", "memory:///")
    for source, out in (("in", "in"), ("in/a.png", "in"), ("in/a.png", "in/a.png")):
        result = call(f"{store.url}/{source}", "--set", "blond", "-w", weights, "-o", f"{alias}/{out}", "--overwrite")
        assert result.exit_code != 0
    assert store.all("in") == before


class PlainFile(BytesIO):
    """As Python's own files do it, `read` makes room for all that it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > 2**30:
            raise MemoryError
        return super().read(size)


def test_no_more_is_asked_of_a_plain_file_than_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    source = RemotePath("hosted://host/a.png")
    source.filesystem.pipe_file(source.key, b"pixels")
    monkeypatch.setattr(Hosted, "cat_file", fsspec.AbstractFileSystem.cat_file)
    monkeypatch.setattr(Hosted, "open", lambda *_, **__: PlainFile(b"pixels"))
    assert source.file().read() == b"pixels"
    assert remote_sink.RemoteSink(source.parent).holds_nothing_of_its_own(PurePath("a.png"), source.file())


@pytest.mark.parametrize(
    ("url", "package"),
    [("gs://bucket/in", "gcsfs"), ("hf://datasets/a/b", "huggingface_hub"), ("abfs://bucket/in", "adlfs")]
    + [("smb://host/pics", "smbprotocol"), ("webdav://in", "webdav4"), ("sftp://host/in", "paramiko")],
)
def test_a_missing_package_is_named(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_package(*_: object, **__: object) -> None:
        raise ImportError(f"Install {package} to access it")

    monkeypatch.setattr(fsspec, "get_filesystem_class", no_package)
    result = call(url, "--set", "blond")
    assert result.exit_code == 2
    assert f"{url}: {url.split(':')[0]}:// needs a package that is not installed" in result.stderr
    assert f"pip install {package}" in result.stderr


def test_the_package_of_a_protocol_that_fsspec_learns_from_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "adlfs" else name)
    result = call("abfss://container@account/in", "--set", "blond")
    assert result.exit_code == 2
    assert "abfss:// needs a package that is not installed" in result.stderr
    assert "pip install adlfs" in result.stderr


def test_a_setting_that_a_url_cannot_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class WebDav(fsspec.AbstractFileSystem):  # type: ignore[misc]
        def __init__(self, base_url: str, auth: str | None = None) -> None:
            super().__init__()

    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda _: WebDav)
    result = call("webdav://photos", "--set", "blond")
    assert result.exit_code == 2
    assert "webdav://photos does not say the base_url of webdav://" in result.stderr
    assert "set the variable FSSPEC_WEBDAV_BASE_URL" in result.stderr


def test_no_package_is_guessed_from_a_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_package(*_: object, **__: object) -> None:
        raise ImportError('DropboxFileSystem requires "dropbox" to be installed')

    monkeypatch.setattr(fsspec, "get_filesystem_class", no_package)
    result = call("dropbox://in", "--set", "blond")
    assert result.exit_code == 2
    assert 'requires "dropbox" to be installed' in result.stderr
    assert "pip install" not in result.stderr


def test_the_first_reason_of_a_refused_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    source = remote.RemoteFile(RemotePath("hosted://host/a.png"), "1")
    kind = type(source.address.filesystem)

    def refused(*_: object, **__: object) -> bytes:
        raise PermissionError("The provided token has expired.")

    def without_reason(*_: object, **__: object) -> dict[str, Any]:
        raise OSError(errno.EINVAL, "Bad Request")

    monkeypatch.setattr(kind, "cat_file", refused)
    monkeypatch.setattr(kind, "info", lambda *_: {"size": 0})
    assert source.read() == b""
    monkeypatch.setattr(kind, "info", without_reason)
    with pytest.raises(PictureError, match="cannot be read: The provided token has expired"):
        source.read()
    with pytest.raises(PictureError, match="cannot be looked for: The provided token has expired"):
        remote_sink.RemoteSink(source.address.parent).fingerprint(PurePath("a.png"))


def test_an_unknown_protocol_and_a_store_that_cannot_be_reached_are_the_callers_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = call("Nothing://bucket/in", "--set", "blond")
    assert result.exit_code == 2
    assert "cannot use nothing://bucket/in" in result.stderr

    def no_rights(*_: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(RemotePath("memory://bucket").filesystem), "info", no_rights)
    with pytest.raises(UsageError, match="cannot reach memory://bucket/in: Access Denied"):
        RemotePath("memory://bucket/in").kind()


def test_where_puts_are_not_whole_an_object_is_moved_into_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_sink, "WHOLE_OR_NOT", ())
    sink = remote_sink.RemoteSink(RemotePath("memory://elsewhere"))
    put = []
    filesystem = sink.root.filesystem
    monkeypatch.setattr(filesystem, "mv", lambda source, target: put.append((source, target)))
    sink.begin(PurePath("s/a.png"), b"pixels").finish()
    ((source, target),) = put
    assert target == "/elsewhere/s/a.png"
    assert filesystem.cat_file(source) == b"pixels"
    assert not filesystem.exists(target)


def test_a_store_that_takes_nothing_ends_the_run_and_one_that_takes_some_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sink = remote_sink.RemoteSink(RemotePath("memory://elsewhere"))

    def pipe_file(key: str, data: bytes) -> None:
        if data == b"refused":
            raise PermissionError(errno.EACCES, "Access Denied")

    monkeypatch.setattr(sink.root.filesystem, "pipe_file", pipe_file)
    refused, taken = (sink.begin(PurePath("a.png"), data) for data in (b"refused", b"taken"))
    for _ in range(2):
        for _ in range(remote_sink.MOST_REFUSED - 1):
            with pytest.raises(PictureError, match=r"cannot be written: .*Access Denied"):
                refused.finish()
        taken.finish()
    for _ in range(remote_sink.MOST_REFUSED - 1):
        with pytest.raises(PictureError):
            refused.finish()
    with pytest.raises(OutputError, match=r"the last 20 outputs into memory://elsewhere failed: .*Access Denied"):
        refused.finish()


@pytest.mark.parametrize("name", ["out", "out/x.png"])
def test_a_store_that_cannot_be_written_is_refused_before_anything_is_read(
    name: str, s3: str, pictures: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = f"{s3}-of-nobody/{name}"
    read: list[object] = []
    monkeypatch.setattr("stargan_cli.translate.run.work", lambda *_, **__: read.append(1))
    result = call(pictures / "a.png", "--set", "blond", "-w", weights, "-o", out)
    assert (result.exit_code, read) == (2, [])
    folder = out.removesuffix("/x.png")
    assert f"error: cannot write into the output folder {folder}: The specified bucket does not exist" in result.stderr


def test_a_web_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(web, "SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(UsageError, match="cannot reach http://127.0.0.1"):
            RemotePath(f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg").kind()
    assert time.monotonic() - began < 30


def test_a_folder_without_a_name_does_not_keep_a_listing_from_its_end() -> None:
    class Nameless:
        def ls(self, folder: str, detail: bool) -> list[dict[str, str]]:
            folder = folder.rstrip("/")
            return [{"name": f"{folder}/", "type": "directory"}, {"name": f"{folder}/a.jpg", "type": "file"}]

    assert [info["name"] for info in files_below(Nameless(), "in")] == ["in/a.jpg"]


@pytest.mark.parametrize("kind", ["memory", "s3", "local"])
def test_a_store_is_tried_once_in_each_run_and_nothing_is_left(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = {"memory": "memory://bucket", "local": f"local://{tmp_path}"}
    root = RemotePath(f"{roots.get(kind) or request.getfixturevalue('s3')}/tried/out")
    put: list[str] = []
    pipe_file = root.filesystem.pipe_file

    def counted(path: str, data: bytes) -> None:
        put.append(path)
        pipe_file(path, data)

    monkeypatch.setattr(root.filesystem, "pipe_file", counted)
    for dry, run_id, tries in ((True, None, 0), (False, "1", 0), (False, None, 1)):
        with opened(root, dry=dry, run_id=run_id):
            assert len(put) == tries
    assert root.filesystem.find(root.key) == []


def test_who_may_not_remove_may_write(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = remote_sink.RemoteSink(RemotePath("memory://elsewhere"))

    def no_rights(*_: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(sink.root.filesystem), "rm_file", no_rights)
    sink.require_writable()
    sink.root.filesystem.store.clear()
    monkeypatch.setattr(type(sink.root.filesystem), "pipe_file", no_rights)
    with pytest.raises(UsageError, match="cannot write into the output folder memory://elsewhere: Access Denied"):
        sink.require_writable()


class Hub(Hosted):
    """As the hub's: a commit is refused, and a repository is looked for by name."""

    protocol = "hf"
    store: ClassVar[dict[str, Any]] = {}

    def resolve_path(self, path: str) -> None:
        if "/none" in path:
            raise FileNotFoundError(f"{path} (repository not found)")

    def pipe_file(self, *_: object, **__: object) -> None:
        raise AssertionError("this would be a commit")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "_get_kwargs_from_urls", staticmethod(lambda _: {}))
    monkeypatch.setattr(Hub, "_strip_protocol", classmethod(lambda _, path: path.removeprefix("hf://")))
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda _: Hub)


@pytest.mark.usefixtures("hub")
def test_on_hf_nothing_is_put_to_find_out_whether_it_can_be() -> None:
    remote_sink.RemoteSink(RemotePath("hf://datasets/a/b")).require_writable()
    with pytest.raises(UsageError, match=r"cannot write into the output folder hf://datasets/a/none: .*not found"):
        remote_sink.RemoteSink(RemotePath("hf://datasets/a/none")).require_writable()


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("one", "other"), [("datasets/a/b", "datasets/a/b@main"), ("a/b", "models/a/b"), ("a/b", "models/a/b@main")]
)
def test_the_revision_that_a_url_leaves_out_is_main(one: str, other: str) -> None:
    for below in ("", "/in", "/in/a@main.png"):
        assert RemotePath(f"hf://{one}{below}").place == RemotePath(f"hf://{other}{below}").place
    with pytest.raises(UsageError, match="holds the inputs"):
        check_output([RemotePath(f"hf://{one}/in")], RemotePath(f"hf://{other}/in"))


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("one", "other"), [("refs/pr/1", "refs%2Fpr%2F1"), ("main", "%6dain"), ("v 1", "v%201")])
def test_a_revision_is_one_place_whether_it_is_encoded_or_not(one: str, other: str) -> None:
    for kind in ("", "datasets/", "spaces/"):
        with pytest.raises(UsageError, match="holds the inputs"):
            check_output([RemotePath(f"hf://{kind}a/b@{one}/in")], RemotePath(f"hf://{kind}a/b@{other}/in"))


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("other", ["a/b@v1/in", "a/b@main2/in", "datasets/a/b/in", "a/b@refs%2Fpr%2F1/in"])
def test_other_revisions_and_types_are_other_places(other: str) -> None:
    check_output([RemotePath("hf://a/b/in")], RemotePath(f"hf://{other}"))


def test_only_a_source_is_said_to_be_no_longer_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = remote_sink.RemoteSink(RemotePath("memory://elsewhere"))

    def gone(*_: object) -> None:
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(type(sink.root.filesystem), "pipe_file", gone)
    with pytest.raises(PictureError, match=r"^cannot be written: The specified bucket does not exist$"):
        sink.begin(PurePath("a.png"), b"pixels").finish()
    source = remote.RemoteFile(RemotePath("memory://elsewhere/a.png"), "")
    for read in (source.read, source.open, source.address.file):
        with pytest.raises(PictureError, match=r"^it is no longer there$"):
            read()


def test_an_archive_that_no_temporary_folder_takes_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_usable() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    sink = remote_sink.RemoteSink(RemotePath("memory://elsewhere"))
    with pytest.raises(OutputError, match="No usable temporary directory") as found, sink.file(PurePath("a.tar")):
        pass
    assert found.value.hint is not None and "TMPDIR" in found.value.hint
