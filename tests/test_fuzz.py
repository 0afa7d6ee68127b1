"""Files of numbers and words that are damaged or made up: read, or refused in words; nothing else."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stargan_cli.datasets.celeba import load_celeba
from stargan_cli.errors import StarganError, WeightsError
from stargan_cli.translate.label_table import read_labels
from stargan_cli.weights import files as weights

SHARED_FOLDER = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
CELEBA = "2\nMale Young\n1.png 1 -1\n2.png -1 1\n"
CSV = 'path,Male,Young\nin/1.png,1,0.5\n"in/2.png",0,\n'
JSONL = '{"source": "in/1.png", "Male": 1, "Young": null}\n{"source": "in/2.png", "Male": true}\n'


def read_or_refuse(read: Callable[[], object]) -> None:
    try:
        read()
    except StarganError as error:
        assert str(error)


def damaged(draw: st.DataObject, data: bytes) -> bytes:
    """A file with a few bytes changed, put in or left out, and perhaps cut off."""
    content = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 6))):
        place = draw.draw(st.integers(0, len(content)))
        content[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=4))
    return bytes(content[: draw.draw(st.integers(0, len(content)))])


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.data(), st.sampled_from([CELEBA, CSV, JSONL, ""]))
def test_damaged_label_files(tmp_path: Path, draw: st.DataObject, text: str) -> None:
    path = tmp_path / "labels"
    path.write_bytes(damaged(draw, text.encode()))
    read_or_refuse(lambda: read_labels(path, lambda column: column in ("Male", "Young")))


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.one_of(st.binary(max_size=100), st.text(max_size=60).map(lambda text: text.encode())))
def test_noise_as_label_file(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "labels"
    path.write_bytes(noise)
    read_or_refuse(lambda: read_labels(path, lambda column: True))


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.data())
def test_damaged_celeba_files(tmp_path: Path, draw: st.DataObject) -> None:
    (tmp_path / "img_align_celeba").mkdir(exist_ok=True)
    for name in ("1.png", "2.png"):
        (tmp_path / "img_align_celeba" / name).touch()
    (tmp_path / "list_attr_celeba.txt").write_bytes(damaged(draw, CELEBA.encode()))
    (tmp_path / "list_eval_partition.txt").write_bytes(damaged(draw, b"1.png 0\n2.png 1\n"))
    for split in ("official", "reference"):
        read_or_refuse(lambda split=split: load_celeba(tmp_path, ("Male",), split=split))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return faults.tiny_weights(tmp_path_factory.mktemp("weights") / "tiny.safetensors").read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.data())
def test_damaged_weights_headers(tmp_path: Path, whole: bytes, draw: st.DataObject) -> None:
    size = struct.unpack("<Q", whole[:8])[0]
    header = damaged(draw, whole[8 : 8 + size])
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", draw.draw(st.sampled_from([len(header), size]))) + header + whole[8 + size :])
    read_or_refuse(lambda: weights.load(str(path)))


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=4)
    | st.just([])
    | st.just({})
)


def places(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in inner for place in places(part, (*path, key)))]


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.data())
def test_cards_with_any_value_anywhere(tmp_path: Path, whole: bytes, draw: st.DataObject) -> None:
    """A valid safetensors file whose card has one value changed into something else."""
    size = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + size])
    card = json.loads(header["__metadata__"]["stargan"])
    place = draw.draw(st.sampled_from(places(card)))
    value = draw.draw(VALUES)
    if place:
        inner = card
        for key in place[:-1]:
            inner = inner[key]  # type: ignore[index]
        inner[place[-1]] = value
    else:
        card = value
    header["__metadata__"]["stargan"] = json.dumps(card)
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + whole[8 + size :])
    read_or_refuse(lambda: weights.load(str(path)))


@settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)
@given(st.binary(max_size=64))
def test_noise_as_weights(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(noise)
    with pytest.raises(WeightsError):
        weights.load(str(path))
