"""Translate very many small pictures and watch memory, the time of the first output and the progress messages:
python tests/kits/many.py [flat|nested] [PICTURES].

It prints one line of JSON a second (seconds, outputs, MiB resident) and a summary at the end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import corpus
import faults

ROOT = Path(__file__).resolve().parents[2]
PER_FOLDER = 50


def make(folder: Path, shape: str, number: int) -> None:
    """`number` pictures of 24 px in one folder, or fifty to a folder, three levels deep."""
    kinds = [corpus.encoded(corpus.scene(24 + extra, 24), kind) for extra in range(50) for kind in ("JPEG", "PNG")]
    for index in range(number):
        data = kinds[index % len(kinds)]
        bundle = index // PER_FOLDER
        place = (
            folder if shape == "flat" else folder / f"{bundle // 400:03}" / f"{bundle // 20 % 20:02}" / f"{bundle:06}"
        )
        if index % PER_FOLDER == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"{index:07}.{'png' if index % 2 else 'jpg'}").write_bytes(data)


def resident_mib(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def watch(folder: Path, shape: str, number: int) -> dict[str, Any]:
    """Run `translate` over `number` pictures and return what was measured."""
    weights = faults.tiny_weights(folder / "tiny.safetensors")
    make(folder / "in", shape, number)
    command = [sys.executable, "-m", "stargan_cli", "translate", str(folder / "in"), "--set", "male", "--weights"]
    command += [str(weights), "--out", str(folder / "out"), "--manifest", str(folder / "rows.jsonl"), "--device", "cpu"]
    start = time.monotonic()
    run = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    lines: list[tuple[float, str]] = []
    assert run.stderr is not None
    reader = threading.Thread(
        target=lambda errors: [lines.append((time.monotonic() - start, line.rstrip())) for line in errors],
        args=[run.stderr],
    )
    reader.start()
    seen: list[tuple[float, int, float]] = []
    loaded = first = None
    rows = 0
    with (folder / "rows.jsonl").open("ab+") as manifest:
        manifest.seek(0)
        while run.poll() is None:
            time.sleep(0.05 if first is None else 1)
            now = time.monotonic() - start
            if loaded is None and (folder / "out" / ".stargan.lock").exists():
                loaded = now
            rows += manifest.read().count(b"\n")
            if first is None and rows:
                first = now
            if first is not None:
                seen.append((round(now, 1), rows, round(resident_mib(run.pid), 1)))
                print(json.dumps(seen[-1]), flush=True)
    reader.join()
    tenth = len(seen) // 10
    after_start, at_end = seen[tenth : 2 * tenth], seen[-tenth:]
    return {
        "shape": shape,
        "pictures": number,
        "exit code": run.returncode,
        "output folder there after s": loaded,
        "first row after s": first,
        "seconds": round(time.monotonic() - start, 1),
        "MiB in the second tenth": max(mib for _, _, mib in after_start),
        "MiB in the last tenth": max(mib for _, _, mib in at_end),
        "rows": sum(1 for _ in (folder / "rows.jsonl").open("rb")),
        "said": [f"{when} s: {line}" for when, line in lines],
    }


if __name__ == "__main__":
    shape, number = (sys.argv[1:] + ["flat", "100000"][len(sys.argv) - 1 :])[:2]
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(watch(Path(place), shape, int(number)), indent=2))
