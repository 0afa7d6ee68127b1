"""A run is stopped before its first picture or after its last one: nothing half is left, and it says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stargan_cli.errors import OutputError
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.report import Report
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings

pytestmark = pytest.mark.numeric

STOPS, INTERRUPTS = "asked to stop", "interrupted at once"
OVERVIEWS: dict[str, Run] = {
    "sheet.png": Run(grid=Path("sheet.png")),
    "page.html": Run(gallery=Path("page.html")),
    "page.html with assets": Run(gallery=Path("page.html"), gallery_assets=True),
}


class Call:
    """A run over the folder `in` that ends when its progress says `at`, as `how` says; `notes` are what it said."""

    def __init__(self, weights: Path) -> None:
        self.weights, self.notes, self.report = weights, [""], Report()
        self.then: Callable[[], None] = lambda: None

    def __call__(self, run: Run, at: str = "never", how: str = STOPS, **options: Any) -> Report:
        self.notes, self.report = [""], Report()

        def progress(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
            self.notes.append(note)
            if note.startswith(at):
                self.then()
                if how == INTERRUPTS:
                    raise KeyboardInterrupt

        settings = TranslationSettings("blond", weights=str(self.weights), size="model", **options)
        asked = lambda: how == STOPS and self.notes[-1].startswith(at)  # noqa: E731
        return translate([Path("in")], Path("out"), settings, run, progress=progress, stop=asked, report=self.report)


@pytest.fixture
def call(pictures: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(pictures.parent)
    return Call(weights)


@pytest.mark.parametrize("how", [STOPS, INTERRUPTS])
@pytest.mark.parametrize("kind", OVERVIEWS)
def test_an_overview_is_given_up_and_written_by_the_same_command(kind: str, how: str, call: Call) -> None:
    run, place = OVERVIEWS[kind], Path(kind.split()[0])
    at = f"writing {place}: 1 of "
    report = call(run, at, how)
    assert (report.done, report.interrupted, report.exit_code) == (5, True, 130)
    assert call.notes[-1].startswith(at), "nothing else was begun"
    assert not place.exists() and not list(Path().rglob("*.tmp"))
    report = call(run)
    assert (report.skipped, report.interrupted, report.exit_code) == (5, False, 0)
    assert call.notes[-1] == ""
    before = place.read_bytes()
    assert call(run, at, how).interrupted
    assert place.read_bytes() == before


def test_the_manifests_last_error_is_told_though_an_overview_is_given_up(call: Call) -> None:
    call.then = Path("rows.jsonl").unlink
    with pytest.raises(OutputError, match="removed or replaced meanwhile"):
        call(Run(manifest=Path("rows.jsonl"), grid=Path("sheet.png")), "writing sheet.png: 1 of ")
    assert (call.report.done, call.report.interrupted) == (5, True)


@pytest.fixture
def arriving_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def arriving(listing: Callable[[], Iterable[Found]], stop: Callable[[], bool]) -> Iterator[list[Found]]:
        yield list(listing())

    monkeypatch.setattr("stargan_cli.translate.run.arriving", arriving)


@pytest.mark.usefixtures("arriving_once")
@pytest.mark.parametrize(("how", "code"), [(STOPS, 0), (INTERRUPTS, 130)])
def test_a_watch_that_ends_writes_its_page_unless_it_is_interrupted_again(how: str, code: int, call: Call) -> None:
    run = Run(watch=True, gallery=Path("page.html"))
    report = call(run, "writing page.html: 1 of ", how)
    assert (report.done, report.exit_code, Path("page.html").exists()) == (5, code, how == STOPS)


@pytest.mark.usefixtures("arriving_once")
def test_a_watch_that_is_interrupted_at_once_begins_no_page(call: Call) -> None:
    run = Run(watch=True, gallery=Path("page.html"))
    report = call(run, "", INTERRUPTS)
    assert (report.exit_code, Path("page.html").exists()) == (130, False)


@pytest.mark.parametrize("how", [STOPS, INTERRUPTS])
def test_a_manifest_is_read_no_further_and_stays_as_it_was(
    how: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stargan_cli.translate.outputs.manifest.TABLE_ROWS", 2)
    run = Run(manifest=Path("rows.jsonl"))
    call(run)
    rows = Path("rows.jsonl").read_bytes() + b'{"source": "torn'
    Path("rows.jsonl").write_bytes(rows)
    report = call(run, "reading rows.jsonl: 2 so far", how)
    assert (report.total, report.interrupted, report.exit_code) == (0, True, 130)
    assert call.notes[-1] == "reading rows.jsonl: 2 so far"
    assert Path("rows.jsonl").read_bytes() == rows
    assert call(run).skipped == 5


@pytest.mark.parametrize("how", [STOPS, INTERRUPTS])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_table_of_labels_is_read_no_further(kind: str, how: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stargan_cli.translate.label_table.TABLE_ROWS", 2)
    rows = [f"{number}.png" for number in range(9)]
    text = {
        "csv": "".join(["name,Male\n", *(f"{name},1\n" for name in rows)]),
        "jsonl": "".join(json.dumps({"name": name, "Male": 1}) + "\n" for name in rows),
    }
    Path("labels").write_text(text[kind])
    report = call(Run(), "reading labels: 2 so far", how, labels=Path("labels"))
    assert (report.total, report.exit_code) == (0, 130)
    assert call.notes[-1] == "reading labels: 2 so far"
    assert not Path("out").exists()
