import dataclasses
import json
import pickle
import struct
import sys
import time
import types

import pytest
import torch
from safetensors.torch import save_file

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.weights import files as weights
from stargan_cli.weights import places, writing
from stargan_cli.weights.checkpoints import save_checkpoint

SETTINGS = ModelSettings(
    image_size=16, label_dim=2, class_dim=2, width=4, blocks=1, discriminator_width=4, discriminator_layers=2
)
CARD = weights.Card(
    SETTINGS, LabelLayout((LabelSet("faces", ("Male", "Young")),)), training={"iterations": 7}, quality={"psnr": 30.5}
)


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return Generator(SETTINGS), Discriminator(SETTINGS)


@pytest.fixture
def file(tmp_path, nets):
    path = tmp_path / "tiny.safetensors"
    weights.save(path, CARD, nets[0].state_dict(), nets[1].state_dict())
    return path


def rewritten(path, change):
    """The file with its JSON header changed; the tensors stay where they are."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return path


def with_card(path, change):
    def apply(header):
        card = json.loads(header["__metadata__"]["stargan"])
        change(card)
        header["__metadata__"]["stargan"] = json.dumps(card)

    return rewritten(path, apply)


def test_a_round_trip_keeps_everything(file, nets):
    loaded = weights.load(str(file))
    assert loaded.card == CARD
    assert weights.read_card(file) == CARD
    assert len(loaded.fingerprint) == 64
    for name, tensor in nets[0].state_dict().items():
        assert torch.equal(loaded.generator.state_dict()[name], tensor)
    for name, tensor in nets[1].state_dict().items():
        assert torch.equal(loaded.discriminator.state_dict()[name], tensor)
    assert not loaded.generator.training
    assert not any(parameter.requires_grad for parameter in loaded.generator.parameters())


def test_that_unset_groups_stay_is_kept_and_older_files_do_not_say_it(tmp_path, nets, file):
    path = tmp_path / "stays.safetensors"
    stays = dataclasses.replace(CARD.layout, unset_stays=True)
    weights.save(path, dataclasses.replace(CARD, layout=stays), nets[0].state_dict())
    assert weights.read_card(path).layout.unset_stays
    older = with_card(file, lambda card: card["layout"].pop("unset_stays"))
    assert weights.read_card(older) == CARD


def test_the_discriminator_may_be_missing_and_tensors_may_be_half(tmp_path, nets):
    path = tmp_path / "half.safetensors"
    weights.save(path, CARD, nets[0].state_dict(), dtype=torch.float16)
    loaded = weights.load(str(path))
    assert loaded.discriminator is None
    assert loaded.generator.main[0].weight.dtype is torch.float32
    torch.testing.assert_close(loaded.generator.main[0].weight, nets[0].main[0].weight, atol=1e-3, rtol=1e-3)


def test_bundled_files_are_found_by_name(monkeypatch, file):
    monkeypatch.setattr(places, "bundled_folder", lambda: file.parent)
    assert places.bundled_names() == ["tiny"]
    assert places.resolve("tiny") == file
    assert places.resolve("tiny.safetensors") == file
    with pytest.raises(UsageError, match="no weights at tinny") as caught:
        places.resolve("tinny")
    assert "tiny" in caught.value.hint


def test_the_size_in_a_bundled_name_may_be_left_out(monkeypatch, file):
    sized = file.rename(file.with_name("all-faces-64.safetensors"))
    monkeypatch.setattr(places, "bundled_folder", lambda: file.parent)
    assert places.resolve("all-faces") == sized
    for other in ("all", "", "64"):
        with pytest.raises(UsageError, match="no weights at"):
            places.resolve(other)


@pytest.mark.parametrize("address", ["hf://owner", "HF://owner"])
def test_a_hub_address_without_a_name_is_refused(address):
    with pytest.raises(UsageError, match="not a hub address: hf://owner"):
        places.resolve(address)


@pytest.mark.parametrize("address", ["s3://bucket/a.safetensors", "HTTPS://host/a.safetensors", "file:///a"])
def test_another_url_is_not_called_a_missing_file(address):
    with pytest.raises(UsageError, match=f"{address} is a URL, and weights are read from local files and hf://"):
        places.resolve(address)


class NotThere(Exception):
    """The hub client's error for a name that a repository does not have."""


class NoAnswer(NotThere):
    """Its error for a name of which it cannot ask whether the repository has it."""


def hub_client(monkeypatch, download, cached=None):
    """The hub client, with what it has noted of names: "none" if the hub said that there is none."""
    client = {
        "hf_hub_download": download,
        "try_to_load_from_cache": lambda *_, **__: cached,
        "_CACHED_NO_EXIST": "none",
    }
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(**client))
    errors = types.SimpleNamespace(EntryNotFoundError=NotThere, LocalEntryNotFoundError=NoAnswer)
    monkeypatch.setitem(sys.modules, "huggingface_hub.utils", errors)


@pytest.mark.parametrize("error", [ValueError("no name"), OSError("no network"), RuntimeError("of its HTTP library")])
def test_what_the_hub_client_raises_is_said(monkeypatch, error):
    def fails(*_, **__):
        raise error

    hub_client(monkeypatch, fails)
    with pytest.raises(UsageError, match=f"cannot fetch hf://owner/repo: {error}") as caught:
        places.resolve("hf://owner/repo")
    assert "weights.safetensors or model.safetensors" in caught.value.hint


@pytest.mark.parametrize("there", ["weights.safetensors", "model.safetensors"])
def test_a_repository_may_use_the_name_of_a_run_or_that_of_the_hub(monkeypatch, there):
    def download(repository, name, revision):
        assert revision is None
        if name != there:
            raise NotThere(f"no {name}")
        return f"/cache/{repository}/{name}"

    hub_client(monkeypatch, download)
    assert places.resolve("hf://owner/repo").as_posix() == f"/cache/owner/repo/{there}"
    with pytest.raises(UsageError, match=r"no other\.safetensors") as caught:
        places.resolve("hf://owner/repo/other.safetensors")
    assert caught.value.hint.endswith("there: other.safetensors")


@pytest.mark.parametrize("cached", [None, "none"])
def test_a_hub_that_does_not_answer_does_not_change_which_file_is_meant(monkeypatch, cached):
    def download(repository, name, revision):
        if name == "weights.safetensors":
            raise NoAnswer("cannot ask")
        return f"/cache/{repository}/{name}"

    hub_client(monkeypatch, download, cached)
    if cached == "none":
        assert places.resolve("hf://owner/repo").as_posix() == "/cache/owner/repo/model.safetensors"
    else:
        with pytest.raises(UsageError, match="cannot fetch hf://owner/repo: cannot ask"):
            places.resolve("hf://owner/repo")


def test_a_hub_address_may_name_a_revision(monkeypatch):
    hub_client(monkeypatch, lambda repository, name, revision: f"/cache/{repository}/{revision}/{name}")
    assert places.resolve("hf://owner/repo@v2").as_posix() == "/cache/owner/repo/v2/weights.safetensors"
    assert places.resolve("hf://owner/repo@v2/a.safetensors").as_posix() == "/cache/owner/repo/v2/a.safetensors"


def test_a_hub_client_that_cannot_be_loaded_is_not_called_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.ModuleType("huggingface_hub"))
    with pytest.raises(UsageError, match="cannot fetch hf://owner/repo: cannot import name '_CACHED_NO_EXIST'"):
        places.resolve("hf://owner/repo")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="hf://owner/repo needs huggingface_hub"):
        places.resolve("hf://owner/repo")


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch, nets):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"before")

    def full(file, tensors, metadata):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_write", full)
    with pytest.raises(OSError, match="No space"):
        weights.save(path, CARD, nets[0].state_dict())
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("keep", [0, 5, 8, 100, -1])
def test_truncated_files_are_refused(file, keep):
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="not a safetensors file|cut off or damaged"):
        weights.load(str(file))


def test_a_file_without_its_end_is_called_cut_off(file):
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="is cut off or damaged") as caught:
        weights.load(str(file))
    assert caught.value.hint == "download or copy it again"


STAND_INS = {
    b"": ("but empty", "download or copy it again"),
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0": ("but a pointer of Git LFS", "git lfs pull"),
    b"\n<!DOCTYPE html><html>": ("but a web page", "download the file itself"),
    b'<?xml version="1.0"?>\n<net name="Model0" version="11">': ("but an XML text", "give the file itself"),
    b'{"data":{"error": "Repository not found"}}': ("but a JSON text", "download it again"),
    b"\x93NUMPY\x01\x00": ("is not a safetensors file$", "that stargan wrote"),
    pickle.dumps([0] * 30, protocol=4): ("but a zip archive or a pickle", "stargan export FILE"),
}


@pytest.mark.parametrize("content", STAND_INS)
def test_other_files_are_named_with_what_helps(tmp_path, content):
    path, (words, hint) = tmp_path / "w.safetensors", STAND_INS[content]
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=words) as caught:
        weights.load(str(path))
    assert hint in caught.value.hint


def test_pickles_are_refused_and_not_run(tmp_path):
    class Exploit:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("yes",))

    for name, write in (
        ("plain.ckpt", lambda path: path.write_bytes(pickle.dumps(Exploit()))),
        ("zip.ckpt", lambda path: torch.save({"x": torch.zeros(1)}, path)),
    ):
        path = tmp_path / name
        write(path)
        with pytest.raises(WeightsError, match="not a safetensors file"):
            weights.load(str(path))
    assert not (tmp_path / "ran").exists()


def test_a_huge_header_is_refused_at_once(tmp_path):
    path = tmp_path / "bomb.safetensors"
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(WeightsError, match="header would be"):
        weights.load(str(path))


def test_another_programs_file_is_refused(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="another program"):
        weights.load(str(path))


def test_other_files_of_stargan_are_called_what_they_are(tmp_path):
    path = save_checkpoint(tmp_path, 8, {"x": torch.zeros(1)}, {}, keep=1)
    with pytest.raises(WeightsError, match="no weights file, but a training checkpoint") as caught:
        weights.load(str(path))
    assert "RUN/weights.safetensors" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda card: card["model"].update(width=8), "its card says"),
        (lambda card: card["model"].update(width=10**12), "width must be between"),
        (lambda card: card["model"].update(blocks=2), "lacks generator"),
        (lambda card: card["model"].update(blocks=0), "unknown tensor|lacks"),
        (lambda card: card["model"].update(output="attention"), "lacks generator"),
        (lambda card: card["model"].update(surprise=1), "unknown model setting"),
        (lambda card: card["model"].update(width=4.5), "must be int"),
        (lambda card: card["layout"]["sets"][0]["attributes"].append("Smiling"), "label layout has 3"),
        (lambda card: card["layout"]["sets"][0]["attributes"].append("Male"), "twice"),
        (lambda card: card["layout"].update(sets=[]), "at least one"),
        (lambda card: card["layout"].update(sets=5), "not a label layout"),
        (lambda card: card.pop("layout"), "no 'layout'"),
        (lambda card: card.update(format_version=2), "format version is 2"),
        (lambda card: card.update(training=[1]), r"training \[1\]: it must be an object"),
        (lambda card: card.pop("quality"), "its card has no 'quality'"),
        (lambda card: card.update(quality=None), "quality None: it must be an object"),
        (lambda card: card["quality"].update(faces={"read_as_target": {"Male": 3}}), "more than all or less than none"),
    ],
)
def test_a_card_that_lies_is_refused(file, change, words):
    with pytest.raises(WeightsError, match=words):
        weights.load(str(with_card(file, change)))


def test_a_card_that_is_no_json_is_refused(file):
    with pytest.raises(WeightsError, match="its card is not JSON"):
        weights.load(str(rewritten(file, lambda header: header["__metadata__"].update(stargan="{"))))


def test_a_deeply_nested_card_is_refused(file):
    def nest(header):
        header["__metadata__"]["stargan"] = "[" * 100_000 + "]" * 100_000

    start = time.monotonic()
    with pytest.raises(WeightsError, match="nested too deeply"):
        weights.load(str(rewritten(file, nest)))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tensors_that_are_no_numbers_are_refused(tmp_path, nets, value):
    state = nets[0].state_dict()
    state["main.3.weight"] = state["main.3.weight"].clone()
    state["main.3.weight"][0, 0, 0, 0] = value
    path = tmp_path / "nan.safetensors"
    weights.save(path, CARD, state)
    with pytest.raises(WeightsError, match="main.3.weight holds NaN or infinite"):
        weights.load(str(path))


def test_whole_numbers_are_refused(tmp_path, nets):
    path = tmp_path / "int.safetensors"
    weights.save(path, CARD, nets[0].state_dict(), dtype=torch.int32)
    with pytest.raises(WeightsError, match="not floating-point"):
        weights.load(str(path))


def test_numbers_that_torch_cannot_read_are_refused_by_name(tmp_path, nets):
    path, half = tmp_path / "w.safetensors", 0
    weights.save(path, CARD, nets[0].state_dict(), dtype=torch.float8_e4m3fn)

    def narrow(header):
        nonlocal half
        last = max((one for name, one in header.items() if name != "__metadata__"), key=lambda one: one["data_offsets"])
        (start, end), half = last["data_offsets"], (last["data_offsets"][1] - last["data_offsets"][0]) // 2
        last.update(dtype="F4", data_offsets=[start, end - half])

    path.write_bytes(rewritten(path, narrow).read_bytes()[:-half])
    with pytest.raises(WeightsError, match="holds F4, not floating-point numbers of a known type"):
        weights.load(str(path))


def test_offsets_that_leave_the_file_are_refused(file):
    def stretch(header):
        header["generator.main.0.weight"]["data_offsets"][1] += 4

    with pytest.raises(WeightsError, match="damaged"):
        weights.load(str(rewritten(file, stretch)))


def test_a_folder_is_not_weights(tmp_path):
    with pytest.raises(UsageError, match=f"{tmp_path} is a folder"):
        weights.load(str(tmp_path))
    with pytest.raises(UsageError, match="no weights at"):
        weights.load("x" * 5000)


def test_a_header_length_that_looks_like_a_pickle_is_none(tmp_path, nets):
    for padding in range(0, 256, 8):
        card = dataclasses.replace(CARD, training={"padding": "x" * padding})
        path = tmp_path / "x.safetensors"
        weights.save(path, card, nets[0].state_dict())
        if path.read_bytes()[0] == 0x80:  # as a pickle's first byte
            assert weights.load(str(path)).card == card
            return
    raise AssertionError("no header of such a length")
