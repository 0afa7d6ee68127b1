"""What an ordinary `pip install .` puts on a machine."""

from __future__ import annotations

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_holds_the_package_the_weights_and_the_command(tmp_path: Path) -> None:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
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
