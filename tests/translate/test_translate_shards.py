"""One job in shards: together they make what one run makes, byte for byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePath

import pytest
from translation_kit import call, draw

from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.report import Row
from stargan_cli.translate.shards import Shard

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(12):
        draw(tmp_path / "in" / f"{number % 3}" / f"{number}.png", number)
    return tmp_path / "in"


def counts(*args: object) -> tuple[int, int, int]:
    result = call(*args, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    return document["done"], document["skipped"], document["failed"]


@pytest.mark.numeric
def test_shards_together_make_what_one_run_makes(
    many: Path, tmp_path: Path, weights: Path, tree: Callable[[Path], dict[str, bytes]]
) -> None:
    common = (many, "--set", "blond", "-w", weights)
    assert counts(*common, "-o", tmp_path / "whole") == (12, 0, 0)
    job = (*common, "-o", tmp_path / "out", "--manifest", tmp_path / "rows.jsonl")
    made = [counts(*job, "--shard", f"{number}/3") for number in (1, 2, 3)]
    assert sum(done for done, _, _ in made) == 12
    assert all(0 < done < 12 and (skipped, failed) == (0, 0) for done, skipped, failed in made)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    parts = sorted(tmp_path.glob("rows*"))
    assert [part.name for part in parts] == [f"rows.{number}-of-3.jsonl" for number in (1, 2, 3)]
    rows = [Row.from_json(line) for part in parts for line in part.read_bytes().splitlines()]
    assert len({row.source for row in rows}) == len(rows) == 12


def test_another_number_of_shards_skips_what_is_done(many: Path, tmp_path: Path, weights: Path) -> None:
    job = (many, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    first, _, _ = counts(*job, "--shard", "1/2")
    rest = [counts(*job, "--shard", f"{number}/5") for number in range(1, 6)]
    assert sum(skipped for _, skipped, _ in rest) == first
    assert sum(done for done, _, _ in rest) == 12 - first
    assert counts(*job) == (0, 12, 0)


def test_the_shards_of_several_inputs_share_them_out(many: Path, tmp_path: Path, weights: Path) -> None:
    draw(tmp_path / "one.png", 50)
    job = (many, tmp_path / "one.png", "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    assert sum(counts(*job, "--shard", f"{number}/2")[0] for number in (1, 2)) == 13


def test_a_shard_beside_another_job_is_refused(many: Path, tmp_path: Path, weights: Path) -> None:
    job = (many, "--set", "blond", "-w", weights, "-o", tmp_path / "out")
    with OutputFolder(tmp_path / "out", Shard(1, 2)):
        result = call(*job, "--shard", "1/2")
        assert result.exit_code == 2
        assert "another run of shard 1-of-2" in result.stderr
        assert call(*job, "--shard", "2/2").exit_code == 0


@pytest.mark.parametrize("text", ["0/4", "5/4", "x/y"])
def test_what_is_no_share_is_the_callers_mistake(text: str, many: Path, tmp_path: Path, weights: Path) -> None:
    result = call(many, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--shard", text)
    assert result.exit_code == 2
    assert "shard" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--grid", "--gallery"])
def test_what_shows_a_whole_run_is_refused(option: str, many: Path, tmp_path: Path, weights: Path) -> None:
    name = "sheet.png" if option == "--grid" else "page.html"
    result = call(many, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--shard", "1/2", option, name)
    assert result.exit_code == 2
    assert "not with --shard" in result.stderr


def test_an_empty_shard_says_so(tmp_path: Path, weights: Path) -> None:
    source = draw(tmp_path / "in" / "a.png", 1).parent
    ends = [call(source, "--set", "blond", "-w", weights, "-o", tmp_path / "out", "--shard", f"{n}/2") for n in (1, 2)]
    assert [end.exit_code for end in ends] == [0, 0]
    assert sum("no pictures in this shard" in end.stderr for end in ends) == 1


def test_torchrun_shares_the_pictures_out_and_a_failed_one_ends_no_other_share(tmp_path: Path, weights: Path) -> None:
    source, first, second = tmp_path / "in", Shard(1, 2), Shard(2, 2)
    pixels = draw(source / "a.png", 1).read_bytes()
    for number in range(20):
        name = f"{number}.png"
        (source / name).write_bytes(pixels if second.holds(Found(source / name, None, below=PurePath(name))) else b"")
    script = tmp_path / "late.py"  # the second process begins when the first has failed pictures already
    script.write_text(
        "import os, time\nfrom stargan_cli.cli.app import app\ntime.sleep(5 * int(os.environ['RANK']))\napp()\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    command += ["translate", str(source), "--set", "blond", "-w", str(weights), "--device", "cpu"]
    command += ["-o", str(tmp_path / "out"), "--manifest", str(tmp_path / "rows.jsonl")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stderr
    failing, fine = (shard.own(tmp_path / "rows.jsonl").read_bytes().splitlines() for shard in (first, second))
    assert sum(Row.from_json(line).status == "failed" for line in failing) > 5
    assert len(failing) + len(fine) == 21
    assert f"\n{len(fine)} translated: " in "\n" + ended.stderr
