"""Several processes train one model: the same losses as one, stops that all agree on, a worker that is killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_kit import TINY_OPTIONS, log_rows, moods_below, run_training, settings, wait_for

from stargan_cli import distributed, launcher
from stargan_cli.cli.training.command import _heard_once
from stargan_cli.datasets.augment import changed as changed_pictures
from stargan_cli.datasets.augment import jitter
from stargan_cli.datasets.draws import Draws
from stargan_cli.device import pick_device
from stargan_cli.distributed import ALONE, Processes, joined
from stargan_cli.errors import UsageError
from stargan_cli.train.run_folder import with_changes
from stargan_cli.weights import files as weights

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moods_below(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize(("total", "count"), [(16, 2), (5, 2), (7, 3), (4, 4)])
def test_each_row_of_a_batch_is_one_processs(total: int, count: int) -> None:
    shares = [list(range(total))[Processes(rank, rank, count).rows(total)] for rank in range(count)]
    assert [row for share in shares for row in share] == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_picture_is_changed_alike_whoever_holds_it() -> None:
    pictures = torch.rand(5, 3, 8, 8)

    def changed_by(rows: slice) -> torch.Tensor:
        draws = Draws(torch.tensor(3), 5, rows)
        return changed_pictures(jitter(pictures[rows], 0.2, draws), torch.tensor(0.5), draws)

    parts = [changed_by(slice(0, 2)), changed_by(slice(2, 5))]
    torch.testing.assert_close(torch.cat(parts), changed_by(slice(0, 5)))


def test_a_batch_must_have_a_picture_for_each() -> None:
    Processes(0, 0, 4).check_batch(4)
    with pytest.raises(UsageError, match="--batch-size 3 is too small for 4 processes"):
        Processes(0, 0, 4).check_batch(3)


def test_alone_nothing_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as processes:
        assert processes is ALONE and processes.first and not torch.distributed.is_initialized()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UsageError, match="--device cuda:1 is one device"), joined("cuda:1"):
        pass


def third_of_three(monkeypatch: pytest.MonkeyPatch, gpus: int, **more: str) -> None:
    """Be this process, on a machine with so many GPUs."""
    for name in launcher.LOCAL_RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"RANK": "2", "WORLD_SIZE": "3", "MASTER_ADDR": "x", "MASTER_PORT": "1", **more}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


def test_a_process_without_a_gpu_of_its_own_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    third_of_three(monkeypatch, 2, LOCAL_RANK="2")
    with pytest.raises(UsageError, match="process 3 of this machine has no GPU: there are 2"), joined("auto"):
        pass
    third_of_three(monkeypatch, 1, LOCAL_RANK="2", **{launcher.TORCHRUN: "x"})
    with pytest.raises(UsageError, match="process 3 of this machine has no GPU: there are 1"), joined("auto"):
        pass


def test_processes_do_not_share_a_gpu_because_none_knows_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    third_of_three(monkeypatch, 4)
    with pytest.raises(UsageError, match="does not say which of the 4 GPUs") as caught, joined("auto"):
        pass
    assert "LOCAL_RANK" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("gpus", "said", "device"), [(4, {"SLURM_LOCALID": "2"}, 2), (1, {"SLURM_LOCALID": "2"}, 0), (1, {}, 0)]
)
def test_slurm_says_which_gpu_is_a_processs_or_shows_it_that_one_alone(
    gpus: int, said: dict[str, str], device: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[int] = []
    third_of_three(monkeypatch, gpus, **said)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(distributed, "_meet", lambda *_: None)
    monkeypatch.setattr(torch.distributed, "new_group", lambda **_: None)
    with joined("auto"):
        assert chosen == [pick_device("auto").index or 0] == [device]


def test_half_a_set_of_variables_is_refused_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*launcher.WHICH, *launcher.WHERE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(UsageError, match="has RANK, but no WORLD_SIZE") as caught, joined("cpu"):
        pass
    assert "--standalone" in str(caught.value.hint)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(UsageError, match="has RANK and WORLD_SIZE and MASTER_ADDR, but no MASTER_PORT"), joined("cpu"):
        pass


IMPATIENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from datetime import timedelta
from stargan_cli.cli.app import app
from stargan_cli import distributed
distributed.PATIENCE = timedelta(seconds=float(sys.argv.pop(1)))
distributed.SOON = 0.1
app()
"""


def start_two(*arguments: object, patience: float = 900, ranks: range = range(2)) -> list[subprocess.Popen[str]]:
    """What `torchrun --nproc-per-node 2 -m -- stargan_cli train ...` starts; `patience` in seconds. With fewer `ranks`
    some of the two never come."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", IMPATIENT, str(patience), "train", "--device=cpu", *map(str, arguments)]
    return [
        subprocess.Popen(
            command,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **common, "PYTHONPATH": str(REPO), "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in ranks
    ]


def ends(processes: list[subprocess.Popen[str]]) -> tuple[list[int], list[str]]:
    try:
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], errors


def test_two_processes_give_the_losses_of_one_and_resume_each_others_runs(tmp_path: Path, moods: Path) -> None:
    chosen = settings(
        data=(str(moods),),
        batch_size=5,
        iterations=12,
        jitter=0.05,
        augment=0.1,
        augment_target=0.6,
        adversarial="nonsaturating",
    )
    cache = tmp_path / "cache"
    run_training(tmp_path / "whole", chosen, cache)
    calls = iter(range(4))
    run_training(tmp_path / "run", chosen, cache, stop=lambda: next(calls, None) is None)

    processes = start_two("--run", tmp_path / "run", "--resume", "--cache", cache, "--iterations=12",
                          "--checkpoint-every=4", "--keep=9")  # fmt: skip
    codes, errors = ends(processes)
    assert codes == [0, 0], errors
    assert "iteration 12 of 12 (finished)" in errors[0]
    for rank, error in enumerate(errors):
        place = f"process {rank + 1} of 2, as RANK and WORLD_SIZE say"
        assert f"note: this is {place} in the environment; --standalone ignores them" in error

    shutil.copytree(tmp_path / "run", tmp_path / "back")
    (tmp_path / "back" / "checkpoints" / "00000012.safetensors").unlink()
    run_training(tmp_path / "back", with_changes(chosen, checkpoint_every=4), cache, resume=True)
    for run in ("run", "back"):
        found, expected = log_rows(tmp_path / run), log_rows(tmp_path / "whole")
        assert len(found) == len(expected) == 12
        for row, wanted in zip(found, expected, strict=True):
            assert row == pytest.approx(wanted, abs=1e-4, rel=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("--data=nowhere", "no data set at"),
        ("--batch-size=1", "--batch-size 1 is too small for 2 processes"),
        ("--lr=0", "--lr must be above 0"),
    ],
)
def test_a_wrong_call_is_said_once_and_by_nobody_else(tmp_path: Path, moods: Path, wrong: str, said: str) -> None:
    data = [] if wrong.startswith("--data") else [f"--data={moods}"]
    codes, errors = ends(start_two(*data, f"--run={tmp_path / 'run'}", wrong))
    assert codes == [2, 2]
    assert said in errors[0] and "error" not in errors[1], errors
    assert all("another one ended" not in error for error in errors)


def test_a_note_of_several_processes_is_said_once(tmp_path: Path, moods: Path) -> None:
    common = (f"--data={moods}", f"--run={tmp_path / 'run'}", "--batch-size=4", "--image-size=32", "--dry-run")
    codes, errors = ends(start_two(*common, "--discriminator-layers=3"))
    assert codes == [0, 0], errors
    assert ["learning rates" in error for error in errors] == [True, False]


def test_a_signal_to_one_process_stops_all(tmp_path: Path, moods: Path) -> None:
    run = tmp_path / "run"
    processes = start_two("--data", moods, "--run", run, "--cache", tmp_path / "cache", *TINY_OPTIONS,
                          "--iterations=1000000", "--checkpoint-every=1000000")  # fmt: skip
    wait_for(run / "log.jsonl", processes[0])
    processes[1].send_signal(signal.SIGINT)
    codes, errors = ends(processes)
    assert codes == [130, 130], errors
    assert "(stopped)" in errors[0] and "(stopped)" not in errors[1]
    assert weights.load(str(run / "weights.safetensors")).card.training["iterations"] >= 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("rank", [0, 1])
def test_waiting_for_another_process_is_said_and_ends_on_signals(
    tmp_path: Path, moods: Path, rank: int, number: signal.Signals, code: int
) -> None:
    (process,) = start_two("--data", moods, "--run", tmp_path / "run", ranks=range(rank, rank + 1))
    assert process.stderr is not None
    first, second = process.stderr.readline(), process.stderr.readline()
    assert f"this is process {rank + 1} of 2" in first
    assert "waiting for the other processes of 2 at 127.0.0.1:" in second and "for up to 15 minutes" in second
    process.send_signal(number)
    codes, errors = ends([process])
    assert codes == [code] and errors == ["interrupted\n"]


def test_a_process_that_never_comes_is_waited_for_within_limits(tmp_path: Path, moods: Path) -> None:
    codes, errors = ends(start_two("--data", moods, "--run", tmp_path / "run", patience=1, ranks=range(1)))
    assert codes == [1] and "error: the 2 processes did not connect at 127.0.0.1:" in errors[0]
    assert "or use --standalone" in errors[0] and "Traceback" not in errors[0]


def test_a_killed_worker_ends_the_run_which_can_be_resumed(tmp_path: Path, moods: Path) -> None:
    for attempt in range(3):  # under load, about one time in sixteen, gloo's own thread aborts the process first
        run = tmp_path / f"run{attempt}"
        processes = start_two("--data", moods, "--run", run, "--cache", tmp_path / "cache", *TINY_OPTIONS,
                              "--iterations=1000000")  # fmt: skip
        wait_for(run / "checkpoints" / "00000002.safetensors", processes[0])
        processes[1].kill()
        codes, errors = ends(processes)
        if codes[0] != -signal.SIGABRT:
            break
    assert codes == [1, -signal.SIGKILL], errors
    assert "error: process 1 of 2 cannot go on: another one ended or no longer answers\n" in errors[0]
    assert "--resume goes on from the last checkpoint" in errors[0] and "Traceback" not in errors[0]
    chosen = settings(data=(str(moods),), iterations=1_000_000)
    calls = iter(range(3))
    outcome = run_training(run, chosen, tmp_path / "cache", resume=True, stop=lambda: next(calls, None) is None)
    assert outcome.iteration >= 5


def test_a_worker_that_no_longer_answers_ends_the_run(tmp_path: Path, moods: Path) -> None:
    """Stopped, not killed: no connection breaks."""
    run = tmp_path / "run"
    processes = start_two("--data", moods, "--run", run, "--cache", tmp_path / "cache", *TINY_OPTIONS,
                          "--iterations=1000000", patience=5)  # fmt: skip
    wait_for(run / "log.jsonl", processes[0])
    processes[1].send_signal(signal.SIGSTOP)
    error = processes[0].communicate(timeout=120)[1]
    processes[1].kill()
    processes[1].communicate()
    assert processes[0].returncode == 1
    assert "error: process 1 of 2 cannot go on: another one ended or no longer answers\n" in error


def test_sigterm_does_not_take_the_reason_away() -> None:
    """As torchrun sends it to the others as soon as one is lost."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(RuntimeError), _heard_once(local_rank=1):
            raise RuntimeError("connection reset by peer")
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_all_stumble_over_is_said_once() -> None:
    with pytest.raises(UsageError), _heard_once(local_rank=0):
        raise UsageError("no data")
    with pytest.raises(SystemExit) as caught, _heard_once(local_rank=1):
        raise UsageError("no data")
    assert caught.value.code == 2
