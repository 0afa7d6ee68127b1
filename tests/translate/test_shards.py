"""Shards: every picture in exactly one, several side by side in one folder, none twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePath

import pytest

from stargan_cli.errors import UsageError
from stargan_cli.files import locks
from stargan_cli.translate.inputs.finding import find
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs import folder_lock
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.shards import Shard, parse_shard, shard_of

HOLD = """
import sys, time
from pathlib import Path, PurePath
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.shards import parse_shard
folder = OutputFolder(Path(sys.argv[1]), parse_shard(sys.argv[2]))
with folder.writing(PurePath("sub/a.png")) as file:
    file.write(b"half")
    file.flush()
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_lock, "PATIENCE_S", 0.1)


def tree(root: Path) -> Path:
    for number in range(60):
        path = root / f"{number % 7}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def share(root: Path, shard: Shard) -> set[str]:
    return {item.source.relative_to(root).as_posix() for item in find([root], None, "same", str) if shard.holds(item)}


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_every_picture_is_in_exactly_one_shard(count: int, tmp_path: Path) -> None:
    root = tree(tmp_path / "in")
    shares = [share(root, Shard(number, count)) for number in range(1, count + 1)]
    assert sum(map(len, shares)) == 60
    assert len(set().union(*shares)) == 60
    assert count > 5 or min(map(len, shares)) > 0


def test_a_share_does_not_depend_on_where_the_folder_lies_or_on_other_pictures(tmp_path: Path) -> None:
    here, there = tree(tmp_path / "here"), tree(tmp_path / "far" / "away")
    (there / "0" / "0000.png").touch()
    shard = Shard(2, 3)
    assert share(there, shard) - {"0/0000.png"} == share(here, shard)


def test_the_split_is_the_same_in_every_version() -> None:
    found = [Found(Path("/x", name), None, below=PurePath(name)) for name in ("a.png", "b.png", "s/ü.png")]
    assert [[Shard(number, 4).holds(item) for number in range(1, 5)].index(True) for item in found] == [2, 1, 1]


def test_a_folder_that_cannot_be_read_concerns_all() -> None:
    broken = Found(Path("in/sub"), None, "cannot read the folder")
    assert all(Shard(number, 9).holds(broken) for number in range(1, 10))


@pytest.mark.parametrize("text", ["0/4", "5/4", "0/0", "x/y", "3", "1/", "-1/4", "1/4/2", " 1/4", "", "1.5/2"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="shard"):
        parse_shard(text)


def test_a_share_is_read_and_names_its_own_files() -> None:
    assert parse_shard("3/16") == Shard(3, 16)
    assert Shard(3, 16).own(Path("to/rows.jsonl")) == Path("to/rows.3-of-16.jsonl")


def test_shards_of_one_job_write_side_by_side_and_leave_nothing(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, Shard(1, 3)), OutputFolder(tmp_path, Shard(3, 3)):
        with OutputFolder(tmp_path, Shard(2, 3)):
            pass
        assert len(list(tmp_path.iterdir())) == 3
    assert list(tmp_path.iterdir()) == []


def test_no_shard_runs_twice_at_once(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, Shard(1, 3)):
        with pytest.raises(UsageError, match="another run of shard 1-of-3 is writing"):
            OutputFolder(tmp_path, Shard(1, 3))
        with OutputFolder(tmp_path, Shard(2, 3)):
            pass


def test_jobs_are_not_mixed(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, Shard(1, 3)):
        with pytest.raises(UsageError, match="another job is writing .*number of shards is 3, not 4"):
            OutputFolder(tmp_path, Shard(2, 4))
        with pytest.raises(UsageError, match="another run is writing"):
            OutputFolder(tmp_path)
    with OutputFolder(tmp_path), pytest.raises(UsageError, match="another run, without --shard, is writing"):
        OutputFolder(tmp_path, Shard(1, 3))
    with OutputFolder(tmp_path, Shard(2, 4)):
        pass


def test_a_killed_shard_is_cleared_away_by_itself_beside_the_others(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path), "1/3"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with OutputFolder(tmp_path, Shard(2, 3)):
        process.kill()
        process.communicate()
        assert len(list((tmp_path / "sub").iterdir())) == 1
        with OutputFolder(tmp_path, Shard(1, 3)):
            assert list((tmp_path / "sub").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]


def killed(root: Path, shard: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(root), shard], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.kill()
    process.communicate()
    assert len(list((root / "sub").iterdir())) == 1


def test_a_killed_shard_is_cleared_away_by_shards_of_another_number(tmp_path: Path) -> None:
    killed(tmp_path, "2/2")
    with OutputFolder(tmp_path, Shard(1, 3)):
        assert list((tmp_path / "sub").iterdir()) == []
        assert sorted(path.name for path in tmp_path.glob(".*")) == [".stargan.1-of-3.lock", ".stargan.lock"]
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]


def test_where_locks_mean_nothing_no_other_shard_is_taken_for_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path, "2/2")
    for module in (folder_lock, locks):
        monkeypatch.setattr(module, "locked", lambda path, shared=False: path.open("a+b", buffering=0))
    monkeypatch.setattr(folder_lock, "relock", lambda file, shared: None)
    with OutputFolder(tmp_path, Shard(1, 3)):
        assert len(list((tmp_path / "sub").iterdir())) == 1


def test_a_whole_run_clears_away_what_killed_shards_left(tmp_path: Path) -> None:
    (tmp_path / ".stargan.lock").write_text("of 3")
    (tmp_path / ".stargan.2-of-3.lock").write_text("12345")
    (tmp_path / ".a.png.12345.tmp").touch()
    with OutputFolder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_many_shards_come_and_go(tmp_path: Path) -> None:
    """Each starts and ends many times while the others do: none is refused, and the lock files go in the end."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom stargan_cli.translate.outputs.folder import OutputFolder\n"
        "from stargan_cli.translate.shards import parse_shard\nend = time.monotonic() + 1\nheld = 0\n"
        "while time.monotonic() < end:\n"
        "    with OutputFolder(Path(sys.argv[1]), parse_shard(sys.argv[2])):\n        held += 1\n"
        "print(held)\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), f"{n}/3"], stdout=subprocess.PIPE, text=True)
        for n in (1, 2, 3)
    ]
    counts = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert min(map(int, counts)) > 3
    assert list(tmp_path.iterdir()) == []


def slurm(task: int, first: int, last: int, count: int) -> dict[str, str]:
    names = {"ID": task, "MIN": first, "MAX": last, "COUNT": count}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in names.items()}


def test_torchrun_numbers_the_shards_with_and_without_auto() -> None:
    environment = {"RANK": "2", "WORLD_SIZE": "8"}
    assert shard_of("auto", environment) == shard_of(None, environment) == Shard(3, 8)
    assert shard_of("auto", environment | slurm(1, 1, 4, 4)) == Shard(3, 8)
    assert shard_of("1/2", environment) == Shard(1, 2)
    assert shard_of(None, {"RANK": "0", "WORLD_SIZE": "1"}) is None


@pytest.mark.parametrize(("first", "last"), [(0, 15), (1, 16), (5, 20)])
def test_a_slurm_array_numbers_the_shards_when_asked(first: int, last: int) -> None:
    shards = [shard_of("auto", slurm(task, first, last, 16)) for task in range(first, last + 1)]
    assert shards == [Shard(number, 16) for number in range(1, 17)]
    assert shard_of(None, slurm(first, first, last, 16)) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "neither"),
        ({"WORLD_SIZE": "4"}, "has WORLD_SIZE, but no RANK"),
        ({"RANK": "4"}, "has RANK, but no WORLD_SIZE"),
        ({"RANK": "4", "WORLD_SIZE": "4"}, "RANK is 4, but with WORLD_SIZE 4 it must be from 0 to 3"),
        (slurm(3, 1, 7, 3), "has gaps: 3 tasks from 1 to 7"),
        ({"SLURM_ARRAY_TASK_ID": "3"}, "SLURM_ARRAY_TASK_MIN must be a whole number"),
        ({"RANK": "x", "WORLD_SIZE": "4"}, "RANK must be a whole number, not 'x'"),
    ],
)
def test_auto_without_numbers_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        shard_of("auto", environment)
