"""A tiny data set of two classes, and a run of 8 iterations on it that nothing stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_kit import moods_below, run_training, settings

from stargan_cli.train.recipe.settings import TrainSettings


@pytest.fixture(scope="module")
def moods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moods_below(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def chosen(moods: Path) -> TrainSettings:
    return settings(data=(str(moods),))


@pytest.fixture(scope="module")
def whole(chosen: TrainSettings, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 8 iterations that nothing stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    outcome = run_training(run, chosen, cache)
    assert (outcome.iteration, outcome.reason) == (8, "finished")
    return run
