"""The variables of torchrun and of others, whole, half or left aside."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from stargan_cli import launcher
from stargan_cli.cli.app import app
from stargan_cli.errors import UsageError

WHOLE = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "here", "MASTER_PORT": "1"}


def test_a_place_among_several() -> None:
    found = launcher.process_rank(WHOLE)
    assert found == launcher.ProcessRank(3, 8, 1) and str(found) == "4 of 8, as RANK and WORLD_SIZE say"


@pytest.mark.parametrize("name", ["SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"])
def test_the_number_on_the_machine_is_that_of_the_launcher_without_torchruns(name: str) -> None:
    without = {variable: value for variable, value in WHOLE.items() if variable != "LOCAL_RANK"}
    assert launcher.process_rank(without) == launcher.ProcessRank(3, 8, None)
    assert launcher.process_rank(without | {name: "5"}) == launcher.ProcessRank(3, 8, 5)
    assert launcher.process_rank(WHOLE | {name: "5"}) == launcher.ProcessRank(3, 8, 1)


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID"])
def test_an_mpirun_in_a_job_of_slurm_numbers_its_processes(name: str) -> None:
    """SLURM_LOCALID is that of the process that started them."""
    environment = {variable: value for variable, value in WHOLE.items() if variable != "LOCAL_RANK"}
    assert launcher.process_rank(environment | {"SLURM_LOCALID": "0", name: "5"}) == launcher.ProcessRank(3, 8, 5)


@pytest.mark.parametrize("environment", [{}, {"WORLD_SIZE": "1"}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_one_process_is_alone(environment: dict[str, str]) -> None:
    assert launcher.process_rank(environment) is None


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE", "LOCAL_RANK"])
def test_what_is_no_number_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be a whole number, not '-1'"):
        launcher.process_rank(WHOLE | {name: "-1"})


def test_forgotten_variables_leave_a_process_alone() -> None:
    environment = WHOLE | {launcher.TORCHRUN: "x", "LOCAL_WORLD_SIZE": "8", "SLURM_LOCALID": "1", "HOME": "/home"}
    launcher.forget(environment)
    assert environment == {"HOME": "/home"}


def test_translate_says_which_share_it_takes_and_standalone_takes_all(tmp_path: Path) -> None:
    environment = {"RANK": "0", "WORLD_SIZE": "2", launcher.TORCHRUN: None}
    command = ["translate", str(tmp_path), "--set", "blond", "--out", str(tmp_path / "out"), "--dry-run"]
    shared = CliRunner().invoke(app, command, env=environment)
    assert "only share 1 of 2, as RANK and WORLD_SIZE say in the environment" in shared.stderr
    assert "no pictures in this shard" in shared.stderr
    for extra in (["--shard", "1/2"], ["--quiet"]):
        assert "this is share" not in CliRunner().invoke(app, [*command, *extra], env=environment).stderr
    alone = CliRunner().invoke(app, [*command, "--standalone"], env=environment)
    assert "share" not in alone.stderr and "no pictures found" in alone.stderr
