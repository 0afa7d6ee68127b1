"""What an ordinary `pip install .` puts on a machine, and what a package index is given."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    [built] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return Path(built)


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        return email.message_from_string(archive.read(name).decode())


def test_the_wheel_holds_the_package_the_weights_and_the_command(wheel: Path) -> None:
    names = names_in(wheel)
    with zipfile.ZipFile(wheel) as archive:
        entry_points = next(name for name in names if name.endswith("dist-info/entry_points.txt"))
        assert "stargan = stargan_cli.__main__:main" in archive.read(entry_points).decode()
    weights = {f"stargan_cli/_weights/{path.name}" for path in (ROOT / "weights").iterdir() if path.is_file()}
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "stargan_cli").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert weights <= names
    assert package <= names
    assert not [name for name in names if name.startswith(("tests/", "examples/", "weights/"))]


def test_code_weights_and_pictures_have_licences_of_their_own(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert metadata["License-Expression"] == "MIT AND CC-BY-4.0 AND LicenseRef-CelebA-non-commercial-research"
    files = metadata.get_all("License-File")
    assert files is not None
    assert {"LICENSE", "weights/LICENSE", "examples/CREDITS.md"} <= set(files)
    assert "stargan_cli/_faces/CREDITS.md" in names_in(wheel)


def test_the_page_of_a_package_index_has_no_links_that_lead_nowhere(wheel: Path) -> None:
    page = str(metadata_of(wheel).get_payload())
    targets = re.findall(r"\]\(([^)#\s]+)", page)
    assert targets
    assert all(target.startswith("https://") for target in targets), targets


def test_a_source_distribution_builds_the_same_wheel_which_runs_elsewhere(tmp_path: Path, wheel: Path) -> None:
    [source] = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    [folder] = (path for path in tmp_path.iterdir() if path.is_dir())
    [built] = WheelBuilder(str(folder)).build(directory=str(tmp_path / "dist"), versions=["standard"])
    assert names_in(Path(built)) == names_in(wheel)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(installed)
    command = [sys.executable, "-m", "stargan_cli", "info"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "black | blond | brown" in shown.stdout


@pytest.mark.skipif(shutil.which("hadolint", path=str(Path(sys.executable).parent)) is None, reason="no hadolint")
def test_the_dockerfile_has_no_faults() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    found = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
