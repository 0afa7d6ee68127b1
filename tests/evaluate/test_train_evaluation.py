"""`stargan train --eval-every`: rows of the log, and the best weights kept."""

from __future__ import annotations

import errno
import json
import signal
from types import SimpleNamespace

import pytest
from eval_kit import CELEBA, write_celeba, write_classifier
from training_kit import TINY_OPTIONS
from typer.testing import CliRunner

from stargan_cli.backbones import DEFAULT_NETWORK
from stargan_cli.cli.app import app
from stargan_cli.errors import DataError, WeightsError
from stargan_cli.evaluate.classifiers.places import classifiers_of, usual_classifier
from stargan_cli.labels import LabelSet
from stargan_cli.train.evaluations import Evaluations
from stargan_cli.train.log import RunLog


@pytest.fixture
def run(tmp_path, monkeypatch):
    write_celeba(tmp_path / "celeba", copies=4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("stargan_cli.evaluate.instruments.dlib_is_there", lambda: False)
    (tmp_path / "cache" / "stargan").mkdir(parents=True)

    def call(*options: str):
        given = ["train", f"--root={tmp_path / 'celeba'}", f"--run={tmp_path / 'run'}", "--device=cpu", *TINY_OPTIONS]
        attributes = "--attrs=Black_Hair,Blond_Hair,Brown_Hair,Male,Young"
        return CliRunner().invoke(app, [*given, attributes, "--iterations=4", "--eval-every=2", *options])

    return call


def classifier_of(tmp_path):
    """The place of the usual classifier of the run's data, in the cache folder."""
    return usual_classifier("celeba", DEFAULT_NETWORK, tmp_path / "celeba", "official")


def test_rows_are_written_and_the_best_weights_kept(run, tmp_path):
    write_classifier(classifier_of(tmp_path))
    result = run()
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    measured = [row for row in rows if "eval/score" in row]
    assert [row["iteration"] for row in measured] == [2, 4]
    assert all(0 <= row["eval/score"] <= 1 and "eval/celeba/Male/read" in row for row in measured)
    assert all("eval/celeba/own_label/psnr" in row for row in measured)
    assert (tmp_path / "run" / "checkpoints" / "00000002.safetensors").is_file()  # a killed run goes on from there
    best = json.loads((tmp_path / "run" / "best.json").read_text())
    (measured,) = best["measured_with"]["sets"]
    assert (tmp_path / "run" / "best.safetensors").is_file() and measured["pictures"] == 24
    assert [one["name"] for one in measured["classifiers"]] == [classifier_of(tmp_path).stem]
    assert set(measured["classifiers"][0]) == {"name", "network", "accuracy"}
    assert classifiers_of(("celeba",), tmp_path, "official") == [classifier_of(tmp_path)]  # the folder above CelebA's


def test_a_missing_classifier_is_named_before_the_training(run, tmp_path):
    result = run()
    assert result.exit_code == 2 and classifier_of(tmp_path).name in result.stderr
    assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize(
    ("attributes", "part", "said"),
    [
        (
            ("Male", "Young"),
            "1",
            "no classifier for celeba: Black_Hair, Blond_Hair, Brown_Hair, Male, Young",
        ),
        (CELEBA.attributes, "0", "celeba has no validation picture"),
    ],
)
def test_what_every_evaluation_would_lack_is_named_before_the_training(run, tmp_path, attributes, part, said):
    known = LabelSet("celeba", attributes)
    write_classifier(classifier_of(tmp_path), known)
    partition = tmp_path / "celeba" / "list_eval_partition.txt"
    partition.write_text(partition.read_text().replace(" 1\n", f" {part}\n"))
    result = run()
    assert result.exit_code == 2 and said in result.stderr, result.stderr
    assert not (tmp_path / "run" / "log.jsonl").exists()


def evaluations(tmp_path, *scores, said=None, stop=lambda: False, instruments=("lite0",)):
    (tmp_path / "weights.safetensors").write_text("")
    scores = iter(scores)

    def evaluate(path, progress):
        score = next(scores)
        progress(1, 2)
        if isinstance(score, Exception):
            raise score
        path.write_text(str(score))
        return {"score": score}, {"classifiers": list(instruments)}

    said = [] if said is None else said
    log = RunLog(tmp_path / "log.jsonl", [].append)
    return Evaluations(evaluate, 2, tmp_path / "weights.safetensors", log, said.append, stop)


def test_the_largest_score_so_far_is_kept_also_over_resumptions(tmp_path):
    best = tmp_path / "best.safetensors"
    first = evaluations(tmp_path, 0.2, 0.5, 0.4)
    kept = [(first.write(iteration, 1.0), best.read_text())[1] for iteration in (2, 4, 6)]
    assert kept == ["0.2", "0.5", "0.5"]
    evaluations(tmp_path, 0.45).write(8, 1.0)
    assert best.read_text() == "0.5"
    assert [first.are_due(iteration) for iteration in (0, 1, 2)] == [False, False, True]


def test_a_log_that_is_garbled_does_not_stop_an_evaluation(tmp_path):
    kept = evaluations(tmp_path, 0.2, 0.5)
    kept.write(2, 1.0)
    with kept.log.path.open("a") as file:
        file.write("garbage\n")
    assert kept.write(4, 1.0)["eval/score"] == 0.5
    assert (tmp_path / "best.safetensors").read_text() == "0.5"


def test_a_record_of_the_best_that_is_nested_deeply_counts_as_none(tmp_path):
    evaluations(tmp_path, 0.5).write(2, 1.0)
    (tmp_path / "best.json").write_text("[" * 100_000)
    evaluations(tmp_path, 0.2).write(4, 1.0)
    assert (tmp_path / "best.safetensors").read_text() == "0.2"


def test_the_best_weights_outlast_a_resumption_from_before_them(tmp_path):
    first = evaluations(tmp_path, 0.2, 0.9)
    first.write(2, 1.0), first.write(4, 1.0)
    first.log.keep_until(2)
    evaluations(tmp_path, 0.3).write(4, 1.0)
    assert (tmp_path / "best.safetensors").read_text() == "0.9"
    (tmp_path / "best.safetensors").unlink()
    evaluations(tmp_path, 0.3).write(6, 1.0)
    assert (tmp_path / "best.safetensors").read_text() == "0.3"


def test_scores_of_other_classifiers_do_not_keep_better_weights_away(tmp_path):
    """A second classifier lowers every score: a change counts as read if both read it."""
    said, best = [], tmp_path / "best.safetensors"
    evaluations(tmp_path, 0.6, said=said).write(2, 1.0)
    both = evaluations(tmp_path, 0.4, 0.3, 0.5, said=said, instruments=("lite0", "lite1"))
    kept = [(both.write(iteration, 1.0), best.read_text())[1] for iteration in (4, 6, 8)]
    assert kept == ["0.4", "0.4", "0.5"]
    said_once = "best.safetensors was chosen with other classifiers, networks or pictures: these weights replace it"
    assert said == [said_once]


def test_best_weights_of_an_earlier_version_are_replaced(tmp_path):
    """Its best.json does not say what measured them."""
    said, best = [], tmp_path / "best.safetensors"
    best.write_text("0.6")
    (tmp_path / "best.json").write_text('{"iteration": 2, "eval/score": 0.6}')
    evaluations(tmp_path, 0.4, said=said).write(4, 1.0)
    assert best.read_text() == "0.4"
    assert said == ["best.safetensors was chosen by an earlier version: these weights replace it"]


def test_an_evaluation_without_memory_does_not_stop_a_run(tmp_path):
    said = []
    assert evaluations(tmp_path, RuntimeError("not enough memory"), said=said).write(2, 1.0) == {}
    assert said == ["the weights of iteration 2 could not be evaluated (not enough memory); going on"]


def test_an_evaluation_is_given_up_when_the_run_stops(tmp_path):
    said = []
    assert evaluations(tmp_path, 0.2, said=said, stop=lambda: True).write(2, 1.0) == {}
    assert said == ["the weights of iteration 2 could not be evaluated (the run is stopping)"]
    assert not (tmp_path / "best.safetensors").exists()


def test_a_run_stops_in_the_midst_of_an_evaluation(run, tmp_path, monkeypatch):
    write_classifier(classifier_of(tmp_path))
    steps = []

    def counting(self, done, total, note="", skipped=0):
        steps.append(done)
        if len(steps) == 1:
            signal.raise_signal(signal.SIGTERM)
        elif not self.stop():
            pytest.fail("the signal was not heard")
        before(self, done, total)

    before = Evaluations._go_on
    monkeypatch.setattr(Evaluations, "_go_on", counting)
    result = run()
    assert result.exit_code == 143, result.output
    assert len(steps) == 1 and "iteration 2 of 4 (stopped)" in result.stderr
    monkeypatch.setattr(Evaluations, "_go_on", before)
    assert resumed(tmp_path).exit_code == 0
    assert evaluated(tmp_path) == [2, 4]


def resumed(tmp_path, *options):
    return CliRunner().invoke(app, ["train", f"--run={tmp_path / 'run'}", "--resume", "--device=cpu", *options])


def evaluated(tmp_path):
    """The iterations of a run that have a row of an evaluation."""
    rows = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    return [row["iteration"] for row in rows if "eval/score" in row]


def test_a_stop_in_the_last_evaluation_is_no_end_of_the_run(run, tmp_path, monkeypatch):
    write_classifier(classifier_of(tmp_path))
    before = Evaluations._go_on

    def stopping(self, done, total, note="", skipped=0):
        if (tmp_path / "run" / "checkpoints" / "00000004.safetensors").exists():
            signal.raise_signal(signal.SIGINT)
        before(self, done, total)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluations, "_go_on", stopping)
        result = run()
    assert result.exit_code == 130 and "iteration 4 of 4 (stopped)" in result.stderr, result.output
    assert evaluated(tmp_path) == [2]
    again = resumed(tmp_path)
    assert again.exit_code == 0 and "iteration 4 of 4 (finished)" in again.stderr, again.output
    assert evaluated(tmp_path) == [2, 4]


def test_max_time_holds_during_an_evaluation(run, tmp_path, monkeypatch):
    write_classifier(classifier_of(tmp_path))
    before = Evaluations._go_on

    def slow(self, done, total, note="", skipped=0):
        assert not self.stop()
        patched.setattr("stargan_cli.train.run.time", SimpleNamespace(monotonic=lambda: 1e12))
        patched.setattr("stargan_cli.train.session.time", SimpleNamespace(monotonic=lambda: 1e12))
        before(self, done, total)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluations, "_go_on", slow)
        result = run("--max-time=1h")
    assert result.exit_code == 0 and "iteration 2 of 4 (time)" in result.stderr, result.output
    assert evaluated(tmp_path) == []
    over = resumed(tmp_path, "--max-time=0.001s")  # over before the evaluation begins: it is made all the same
    assert over.exit_code == 0 and evaluated(tmp_path) == [2], over.output


def test_a_full_disk_leaves_the_best_weights_and_whole_rows(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    kept = evaluations(tmp_path, 0.2, 0.5, 0.6)
    kept.write(2, 1.0)

    def half(source, target):
        target.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", half)
        assert kept.write(4, 1.0) == {}
    assert (tmp_path / "best.safetensors").read_text() == "0.2" and not list(tmp_path.glob(".*"))

    before, (soft, hard) = kept.log.path.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
    try:
        kept.log.write({"iteration": 5, "seconds": 1.0, "D/real": 0.5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept.log.path.read_text() == before
    assert kept.write(6, 1.0)["eval/score"] == 0.6  # the log can still be read


@pytest.mark.parametrize("error", [DataError("the pictures are gone"), WeightsError("the classifier is gone")])
def test_what_cannot_be_measured_does_not_stop_the_run(tmp_path, error):
    said = []
    assert evaluations(tmp_path, error, said=said).write(2, 1.0) == {}
    assert said == [f"the weights of iteration 2 could not be evaluated ({error}); going on"]
