"""Settings in a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from training_kit import settings

from stargan_cli.errors import UsageError
from stargan_cli.train.recipe import config
from stargan_cli.train.recipe.config import as_toml, read_config
from stargan_cli.train.recipe.presets import preset
from stargan_cli.train.recipe.resolve import new_settings

needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python reads TOML from 3.11 on")


def written(folder: Path, text: str, name: str = "run.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@needs_toml
def test_options_win_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    file = written(tmp_path, 'preset = "fast"\nlr = 1e-3\nlambda-rec = 5\nbatch_size = 8\n')
    name, chosen = new_settings(None, file, {"batch_size": 4})
    assert (name, chosen.lr, chosen.lambda_rec, chosen.batch_size) == ("fast", 1e-3, 5, 4)
    assert chosen.n_critic == preset("fast").n_critic
    name, chosen = new_settings("small", file, {})
    assert (name, chosen.n_critic, chosen.lr) == ("small", preset("small").n_critic, 1e-3)


@needs_toml
def test_names_and_values_are_those_of_the_settings_or_of_the_options(tmp_path: Path) -> None:
    expected = {
        "attributes": ("Male", "Young"),
        "groups": (("a", "b"), ("mood",)),
        "aliases": (("merry", "happy"),),
        "mix": (2, 1),
        "data": ("celeba", "moods"),
    }
    as_settings = """
        attributes = ["Male", "Young"]
        groups = [["a", "b"], ["mood"]]
        aliases = [["merry", "happy"]]
        mix = [2, 1]
        data = ["celeba", "moods"]
    """
    as_options = """
        attrs = "Male, Young"
        group = ["a,b", "mood"]
        alias = "merry=happy"
        mix = "2,1"
        data = ["celeba", "moods"]
    """
    for text in (as_settings, as_options):
        assert read_config(written(tmp_path, text)) == (None, expected)


@needs_toml
def test_what_is_printed_is_read_back(tmp_path: Path) -> None:
    chosen = preset("fast", data=('mo"ods\\ü',), aliases=(("a", "b"),), flip=False, lr=1e-5)
    name, values = read_config(written(tmp_path, as_toml(chosen, "fast")))
    assert name == "fast" and preset(name, **values) == chosen
    assert "n_critic" not in as_toml(chosen, "fast")


def test_the_settings_of_a_run_are_read_too(tmp_path: Path) -> None:
    whole = settings(data=("moods",))
    assert read_config(written(tmp_path, json.dumps(whole.to_dict()), "settings.json")) == (None, whole.to_dict())


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("lamda_rec = 3", "c.toml", "unknown setting lamda_rec; did you mean lambda_rec"),
        ("lr = ", "c.toml", "Invalid value"),
        ('lr = "fast"', "c.toml", "the setting lr cannot be 'fast'"),
        ("preset = 3", "c.toml", "preset cannot be 3"),
        ('mix = "a"', "c.toml", "--mix takes whole numbers"),
        ("[lr]\nx = 1", "c.toml", "the setting lr cannot be"),
        ("[train]\nlr = 1", "c.toml", r"settings stand outside of tables, without \[train\]"),
        ("batch_size = 8\nbatch-size = 16", "c.toml", "it gives batch_size twice"),
        ('attrs = "Male"\nattributes = ["Young"]', "c.toml", "it gives attributes twice"),
        ('{"lr": 0.1, "lr": 0.2}', "c.json", "it gives lr twice"),
        ("# nothing\n", "c.toml", "it gives no setting"),
        ("", "c.toml", "it gives no setting"),
        ("{}", "c.json", "it gives no setting"),
        ("[1]", "c.json", "it must map names of settings to values"),
        ("{", "c.json", "Expecting property name"),
    ],
)  # fmt: skip
@needs_toml
def test_nonsense_in_a_file_is_refused_with_its_reason(text: str, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_config(written(tmp_path, text, name))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.toml cannot be read: .*No such file"):
        read_config(tmp_path / "none.toml")


def test_toml_on_an_older_python_is_refused_with_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Older:
        version_info: Any = (3, 10)

    monkeypatch.setattr(config, "sys", Older)
    with pytest.raises(UsageError, match="TOML needs Python 3.11 or newer; a run's settings.json"):
        read_config(written(tmp_path, "lr = 1e-3"))


def test_learning_rates_follow_the_batch_size_unless_they_are_given(tmp_path: Path) -> None:
    said: list[str] = []
    _, chosen = new_settings("fast", None, {"batch_size": 64}, said.append)
    assert (chosen.lr, chosen.d_lr) == (4e-4, 8e-4)
    assert said == ["for batches of 64, learning rates are 2 times the preset's: --lr 0.0004, --d-lr 0.0008"]
    _, chosen = new_settings("fast", None, {"batch_size": 64, "lr": 1e-4}, said.append)
    assert (chosen.lr, chosen.d_lr) == (1e-4, 8e-4)
    before = len(said)
    _, chosen = new_settings("fast", None, {"batch_size": 64, "lr": 1e-4, "d_lr": 1e-4}, said.append)
    assert (chosen.lr, chosen.d_lr) == (1e-4, 1e-4)
    _, chosen = new_settings("fast", None, {"batch_size": 16}, said.append)
    assert (chosen.lr, chosen.d_lr) == (2e-4, 4e-4) and len(said) == before


@pytest.mark.parametrize("size", [0, 65_537, 10**32])
def test_an_absurd_batch_size_is_refused_by_its_own_name(size: int) -> None:
    with pytest.raises(UsageError, match=f"--batch-size must be from 1 to 65536, not {size}"):
        new_settings("fast", None, {"batch_size": size})


@needs_toml
def test_rates_that_were_chosen_are_not_scaled_when_they_are_read_back(tmp_path: Path) -> None:
    _, chosen = new_settings("fast", None, {"batch_size": 64, "lr": 2e-4, "d_lr": 4e-4})
    _, again = new_settings(None, written(tmp_path, as_toml(chosen, "fast")), {})
    assert again == chosen


@needs_toml
def test_a_file_as_powershell_writes_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text("lr = 1e-3\n", encoding="utf-16")
    assert read_config(tmp_path / "run.toml") == (None, {"lr": 1e-3})


@needs_toml
def test_settings_of_the_files_data_do_not_stand_in_the_way_of_other_data(tmp_path: Path) -> None:
    file = written(tmp_path, 'data = ["celeba"]\nroot = "x"\nattributes = ["Male"]\ngroups = [["a", "b"]]\nlr = 1e-3\n')
    _, chosen = new_settings(None, file, {"data": ("moods",)})
    assert (chosen.root, chosen.attributes, chosen.groups, chosen.lr) == (None, (), (), 1e-3)
    _, chosen = new_settings(None, file, {"data": ("celeba",)})
    assert chosen.attributes == ("Male",)
    _, chosen = new_settings(None, written(tmp_path, 'attributes = ["Male"]\n'), {"data": ("celeba",)})
    assert chosen.attributes == ("Male",)


@needs_toml
def test_the_home_folder_in_a_file_is_found_as_a_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "w.safetensors").touch()
    file = written(tmp_path, 'data = ["celeba", "~/moods"]\nroot = "~/data"\ninit_from = "~/w.safetensors"\n')
    _, chosen = new_settings(None, file, {})
    assert chosen.data == ("celeba", str(tmp_path / "moods"))
    assert (chosen.root, chosen.init_from) == (str(tmp_path / "data"), str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("name", ["fast", "paper"])
def test_a_preset_beside_a_file_with_every_setting_is_refused(name: str, tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(settings().to_dict()), "settings.json")
    with pytest.raises(UsageError, match=f"--preset {name} has no effect: .*settings.json has a value for everything"):
        new_settings(name, file, {})
