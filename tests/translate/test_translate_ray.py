"""`stargan translate --engine ray`, on two actors of a Ray that lives as long as the test."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tars_kit import pack, samples
from translation_kit import call, draw

from stargan_cli.translate.report import Row

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
PROGRAM = """
import json, sys, ray
from stargan_cli.cli.app import app
from stargan_cli.translate import on_ray
on_ray.BLOCK_BYTES = 1000  # so that there is work for both
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
app(json.loads(sys.argv[1]))
"""
TOTALS = """
import sys
from pathlib import Path
from stargan_cli.translate import on_ray
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
on_ray.BLOCK_BYTES = 1000
source, out, weights = map(Path, sys.argv[1:])
settings = TranslationSettings("blond", weights=str(weights), device="cpu")
totals = []
translate([source], out, settings, Run(ray=True), progress=lambda done, total, *more: totals.append(total))
assert totals[0] is None
print(totals[-1])
"""
STOPPED = """
import sys
from pathlib import Path
from stargan_cli.translate.run import translate
from stargan_cli.translate.settings import Run, TranslationSettings
source, out, weights = map(Path, sys.argv[1:4])
settings = TranslationSettings("blond", weights=str(weights), device="cpu", batch_size=1, workers=1)
run = Run(ray=True, fail_fast=sys.argv[4] == "failure")
stop = lambda: sys.argv[4] == "stop" and bool(list(out.rglob("*.png")))
print(translate([source], out, settings, run, stop=stop).done)
"""


def rows(path: Path) -> list[tuple[str, str, str | None, Any]]:
    found = [Row.from_json(line) for line in path.read_bytes().splitlines()]
    return sorted((row.source, row.status, row.reason, row.target_label) for row in found)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray")
def test_two_actors_make_what_one_process_makes(
    pictures: Path, tmp_path: Path, weights: Path, tree: Callable[[Path], dict[str, bytes]]
) -> None:
    for number in range(12):
        draw(pictures / "many" / f"{number}.png", number)
    (pictures / "broken.png").write_bytes(b"rubbish")
    pack(pictures / "a.tar", samples(tmp_path, range(3)))
    (pictures / ".hidden.png").write_bytes(b"rubbish")
    common = [str(pictures), "--set", "blond", "-w", str(weights), "--device", "cpu"]
    job = ["translate", *common, "-o", str(tmp_path / "ray"), "--manifest", str(tmp_path / "ray.jsonl")]
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([*job, "--engine", "ray"])],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.count(f"failed: {pictures}/broken.png: not a picture in a known format\n") == 1
    assert ended.stderr.count("passed over as hidden or a tool's own: .hidden.png\n") == 1
    call(*common, "-o", tmp_path / "one", "--manifest", tmp_path / "one.jsonl")
    assert tree(tmp_path / "ray") == tree(tmp_path / "one")
    assert rows(tmp_path / "ray.jsonl") == rows(tmp_path / "one.jsonl")
    again = json.loads(call(*common, "-o", tmp_path / "ray", "--json").stdout)
    assert (again["done"], again["skipped"], again["failed"]) == (0, 18, 1)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray")
def test_the_progress_learns_the_total_from_the_walk(pictures: Path, tmp_path: Path, weights: Path) -> None:
    for number in range(9):
        draw(pictures / f"{number}.png", number)
    number_of_pictures = sum(path.is_file() for path in pictures.rglob("*"))
    ended = subprocess.run(
        [sys.executable, "-c", TOTALS, str(pictures), str(tmp_path / "out"), str(weights)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.stdout == f"{number_of_pictures}\n", ended.stderr


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray")
@pytest.mark.parametrize("end", ["stop", "failure"])
def test_what_was_finished_before_the_end_counts(end: str, pictures: Path, tmp_path: Path, weights: Path) -> None:
    for number in range(40):
        draw(pictures / f"{number}.png", number)
    (pictures / "0.png").write_bytes(b"rubbish")
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED, str(pictures), str(tmp_path / "out"), str(weights), end],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert ended.stdout == f"{len(written)}\n", ended.stderr


@pytest.mark.parametrize("lacking", ["ray", "ray.data"])
def test_without_ray_or_what_it_needs_it_says_what_to_install(
    lacking: str, pictures: Path, tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pip install ray` alone lacks what ray.data imports."""
    if lacking != "ray":
        monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    monkeypatch.setitem(sys.modules, lacking, None)
    result = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--engine", "ray")
    assert result.exit_code == 2 and not (tmp_path / "out").exists()
    assert f"error: --engine ray needs {lacking}" in result.stderr
    assert "not installed" not in result.stderr
    assert "pip install 'stargan-cli[ray]'" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--engine", "ray", "--shard", "1/2"), "not with --shard"), (("--engine", "abacus"), "unknown engine 'abacus'")],
)
def test_what_does_not_go_together_is_refused(
    options: tuple[str, ...], words: str, pictures: Path, tmp_path: Path, weights: Path
) -> None:
    result = call(pictures, "--set", "blond", "-w", weights, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert words in result.stderr
