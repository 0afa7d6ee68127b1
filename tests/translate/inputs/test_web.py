"""Pictures and archives from web servers: one on this machine answers as each test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tars_kit import pack
from translation_kit import draw
from typer.testing import CliRunner

from stargan_cli.cli.app import app
from stargan_cli.errors import PictureError
from stargan_cli.translate.inputs import web
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.inputs.tar_reading import members

pytest.importorskip("aiohttp")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """`answers`: the answer to a path, given how often it was asked for before with GET. `asked`: method and path of
    each request."""

    url: str = ""
    answers: dict[str, Callable[[int], Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str) -> Answer:
        before = self.asked.count(("GET", path))
        self.asked.append((method, path))
        return self.answers[path.partition("?")[0]](before)

    def serve(self, path: str, body: bytes, headers: dict[str, str] | None = None, length: bool = True) -> RemotePath:
        said = {**(headers or {}), **({"Content-Length": str(len(body))} if length else {})}
        self.answers[path] = lambda _: (200, said, body)
        return RemotePath(self.url + path)

    def busy(self, path: str, body: bytes, status: int, times: int, headers: dict[str, str]) -> RemotePath:
        """It answers with `status` so many times, and then with the picture."""
        self.answers[path] = lambda before: (status, headers, b"") if before < times else (200, {}, body)
        return RemotePath(self.url + path)

    def downloads(self, path: str) -> int:
        return self.asked.count(("GET", path))


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = served.answer(self.command, self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        served.url = f"http://127.0.0.1:{running.server_port}"
        Thread(target=running.serve_forever, args=(0.01,)).start()
        yield served
        running.shutdown()


@pytest.mark.parametrize("name", ["ETag", "Content-MD5", "Digest", "Last-Modified"])
def test_what_a_server_says_of_a_version_identifies_it_without_a_download(name: str, server: Server) -> None:
    address = server.serve("/a.bmp", b"pixels", {name: "one"})
    first = address.file().mark
    assert address.file().mark == first
    server.serve("/a.bmp", b"colour", {name: "two"})
    assert address.file().mark != first
    assert server.downloads("/a.bmp") == 0


@pytest.mark.parametrize("length", [True, False])
def test_where_a_server_says_nothing_of_versions_the_bytes_identify_one(length: bool, server: Server) -> None:
    address = server.serve("/a.bmp", b"pixels", length=length)
    first = address.file().mark
    assert address.file().mark == first
    server.serve("/a.bmp", b"colour", length=length)
    assert address.file().mark != first


def test_a_tar_is_read_whose_length_the_server_does_not_say(server: Server, tmp_path: Path) -> None:
    tar = pack(tmp_path / "a.tar", {"0.png": b"pixels", "1.png": b"colour"}).read_bytes()
    address = server.serve("/a.tar", tar, length=False)
    with address.file().open() as file:
        assert [(member.name, member.data) for member in members(file, "a.tar")] == [
            ("0.png", b"pixels"),
            ("1.png", b"colour"),
        ]


@pytest.mark.parametrize("sent", ["/a.jpg?x=%2Fa%2B+b%41~", "/%61.jpg", "/ü b.jpg"])
def test_an_encoded_address_is_sent_letter_by_letter_and_another_is_encoded(sent: str, server: Server) -> None:
    arrives = "/%C3%BC%20b.jpg" if " " in sent else sent
    server.serve(arrives.partition("?")[0], b"pixels")
    assert RemotePath(server.url + sent).file().read() == b"pixels"
    assert {path for _, path in server.asked} == {arrives}


@pytest.mark.parametrize("status", web.BUSY)
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(
    status: int, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "WAITS", (99, 99, 99))
    address = server.busy("/a.jpg", b"pixels", status, 3, {"Retry-After": "0"})
    assert address.file().read() == b"pixels"
    assert server.downloads("/a.jpg") == 4  # the first, to look whether it is there, is not sent again


def test_a_server_that_stays_busy_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "WAITS", (0, 0))
    address = server.busy("/a.jpg", b"", 503, 99, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert address.kind() == "file"
    file, looks = address.file(), server.downloads("/a.jpg")
    assert looks == 2
    with pytest.raises(PictureError, match="cannot be read: 503"):
        file.read()
    assert server.downloads("/a.jpg") - looks == 4  # thrice, and once to look whether it is empty


def test_a_server_that_wants_a_long_pause_is_given_up_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "LONGEST_WAIT", 0)
    address = server.busy("/a.jpg", b"", 429, 99, {"Retry-After": "1"})
    file = address.file()
    for use in (file.read, lambda: file.mark):
        before = server.downloads("/a.jpg")
        with pytest.raises(PictureError, match="cannot be read: 429"):
            use()
        assert server.downloads("/a.jpg") - before <= 2


def test_an_address_that_is_refused_for_now_does_not_refuse_the_others(
    server: Server, weights: Path, tmp_path: Path
) -> None:
    good = server.serve("/a.png", draw(tmp_path / "a.png", 1).read_bytes(), {"ETag": "one"})
    busy = server.busy("/b.png", b"", 429, 99, {"Retry-After": "3600"})
    job = ("--set", "blond", "-w", str(weights), "-o", str(tmp_path / "out"))
    result = CliRunner().invoke(app, ["translate", str(good), str(busy), *job])
    assert result.exit_code == 1
    assert f"failed: {busy}: cannot be read: 429" in result.stderr
    assert "1 translated, 1 failed" in result.stderr
