from __future__ import annotations

import numpy as np
import pytest
import torch
from eval_kit import CELEBA, LABELS, Paints, ReadsBands, painted, right_judge

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.evaluate.measure import LabelledSet, Measuring, steps
from stargan_cli.evaluate.report import chosen_rows
from stargan_cli.evaluate.summary import difference, summarise
from stargan_cli.evaluate.targets import targets_for
from stargan_cli.evaluate.translate_batches import Machine
from stargan_cli.labels import LabelLayout, LabelSet, parse_set
from stargan_cli.labels.probabilities import as_read
from stargan_cli.labels.vectors import pass_vectors

pytestmark = pytest.mark.numeric


@pytest.fixture
def measuring(tmp_path):
    labels = LABELS.repeat(4, 1)
    labelled = Labelled(CELEBA, tmp_path, tuple(f"{i}.png" for i in range(len(labels))), labels)
    pictures = CachedPictures(labelled, np.ascontiguousarray(painted(labels).numpy()), {})

    def make(generator, batch_size=5, **more):
        machine = Machine(torch.device("cpu"), torch.float32, batch_size)
        more = {"layout": LabelLayout((CELEBA,)), **more}
        return Measuring(generator, labelled_set=LabelledSet(0, pictures, right_judge()), machine=machine, **more)

    return make


def by_name(document):
    return {row["name"]: row for row in document["targets"]}


def test_targets_are_the_papers():
    targets = {target.name: target for target in targets_for(CELEBA, LABELS)}
    singles = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "female", "Young", "old"]
    assert list(targets) == [*singles, "hair+gender", "hair+age", "gender+age", "hair+gender+age"]
    blond = targets["Blond_Hair"]
    assert blond.pictures.tolist() == [0, 2, 3, 4] and blond.real.tolist() == [1, 5]
    assert blond.wanted[0].tolist() == [0, 1, 0, 1, 1]  # black is cleared, the rest stays
    assert blond.judged[0].tolist() == [False, True, False, False, False]
    assert targets["female"].wanted[0].tolist() == [1, 0, 0, 0, 1]


def test_in_a_combination_every_factor_changes():
    combined = {target.name: target for target in targets_for(CELEBA, LABELS)}["hair+gender+age"]
    assert combined.pictures.tolist() == list(range(6))
    assert (combined.wanted[:, 3:] == 1 - LABELS[:, 3:]).all()
    assert (combined.wanted[:, :3].sum(1) == 1).all()
    assert not ((combined.wanted[:, :3] == 1) & (LABELS[:, :3] == 1)).any()
    assert combined.real.tolist() == [0, 1, 2, 4, 5]  # picture 3 has no hair colour
    assert combined.real_judged[0].tolist() == [True, False, False, True, True]


def test_classes_have_no_combinations_and_many_attributes_none_either():
    faces = LabelSet("faces", ("happy", "sad"), kind="classes")
    targets = targets_for(faces, torch.tensor([[1, 0], [0, 1], [0, 1]], dtype=torch.uint8))
    assert [(target.name, target.pictures.tolist()) for target in targets] == [("happy", [1, 2]), ("sad", [0])]
    assert targets[0].wanted.tolist() == [[1, 0], [1, 0]]
    four = LabelSet("four", ("a", "b", "c", "d"))
    names = [target.name for target in targets_for(four, torch.eye(4, dtype=torch.uint8))]
    assert names == ["a", "no-a", "b", "no-b", "c", "no-c", "d", "no-d"]


def test_of_many_factors_only_the_papers_are_combined():
    many = LabelSet("many", ("Smiling", "Male", "Bangs", "Eyeglasses", "Young"))
    targets = {target.name: target for target in targets_for(many, torch.eye(5, dtype=torch.uint8))}
    assert [name for name, target in targets.items() if target.combination] == ["gender+age"]
    assert targets["gender+age"].wanted[0].tolist() == [1, 1, 0, 0, 1]


def test_a_target_that_all_pictures_show_is_left_out():
    one = LabelSet("one", ("a",))
    assert [target.name for target in targets_for(one, torch.ones(3, 1, dtype=torch.uint8))] == ["no-a"]


def test_a_generator_that_obeys_and_one_that_does_nothing(measuring):
    obeys, idles = (summarise(measuring(Paints(strength)).run()) for strength in (1.0, 0.0))
    for name, row in by_name(obeys).items():
        assert (row["real"]["value"], row["do_nothing"]["value"], row["translated"]["value"]) == (1, 0, 1), name
    assert by_name(obeys)["Male"]["accuracy_of_all"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 24}
    assert by_name(obeys)["Male"]["translated"]["n"] == 12
    assert by_name(idles)["Male"]["accuracy_of_all"]["value"] == 0.5
    assert idles["all_single_changes"]["translated"]["value"] == 0
    assert idles["own_label"]["ssim"]["value"] == 1
    assert by_name(obeys)["old"]["change_inside_mask"]["value"] == 255
    assert by_name(obeys)["old"]["change_outside_mask"]["value"] == 0
    assert by_name(idles)["old"]["change_inside_mask"] is None


def test_groups_that_stay_unset_are_not_asked_for(measuring):
    class Records(Paints):
        def translate(self, x, label):
            asked.append(label)
            return super().translate(x, label)

    asked = []
    run = measuring(Records(), layout=LabelLayout((CELEBA,), unset_stays=True))
    targets = {target.name: target for target in run.labelled_set.targets()}
    assert torch.equal(run.asked(targets["Blond_Hair"]), targets["Blond_Hair"].wanted.float())
    assert (run.asked(targets["Male"]) == targets["Male"].wanted * torch.tensor([0, 0, 0, 1, 1])).all()
    document = summarise(run.run())
    assert by_name(document)["gender+age"]["translated"]["value"] == 1
    bare = torch.cat(asked)[:, :3].sum(dim=1) == 0
    named_hair = sum(len(target.pictures) for target in targets.values() if target.judged[:, :3].any())
    assert bare.sum() > sum(len(target.pictures) for target in targets.values()) - named_hair


@pytest.mark.parametrize("unset_stays", [True, False])
def test_what_is_not_named_is_what_the_weights_read_as_translate_gives_it(measuring, unset_stays):
    def read(pictures):  # black hair, male with 0.9, young with 0.4, whatever the data set says
        logits = torch.full((len(pictures), 5), -9.0)
        logits[:, 0], logits[:, 3], logits[:, 4] = 9.0, torch.tensor(9.0).log(), -torch.tensor(1.5).log()
        return logits

    layout = LabelLayout((CELEBA,), unset_stays=unset_stays)
    run = measuring(Paints(), layout=layout, read=read)
    targets = {target.name: target for target in run.labelled_set.targets()}
    blond, old = run.asked(targets["Blond_Hair"])[0], run.asked(targets["old"])[0]
    known = as_read(layout, read(torch.zeros(1, 3))[0].tolist())
    for asked, spec in ((blond, "blond"), (old, "old")):
        assert asked.tolist() == pytest.approx(pass_vectors(layout, known, parse_set(spec, layout))[0])
    soft = [0, 1, 0, 0.74, 0.44]  # 0.5 + 0.6 (0.9 - 0.5), and of 0.4
    assert blond.tolist() == pytest.approx(soft if unset_stays else [0, 1, 0, 1, 0])
    assert old.tolist() == pytest.approx([0, 0, 0, 0.74, 0] if unset_stays else [1, 0, 0, 1, 0])


def test_there_and_back_goes_through_the_last_target(measuring):
    class PaintsOnly(Paints):
        def translate(self, x, label):
            made = super().translate(x, label)
            return made._replace(image=made.image if bool((label[:, 3] == 1).any()) else torch.zeros_like(x))

    exact, broken = (summarise(measuring(generator, 1).run()) for generator in (Paints(), PaintsOnly()))
    assert exact["there_and_back"]["ssim"]["value"] == 1 and exact["there_and_back"]["through"] == "hair+gender+age"
    assert broken["there_and_back"]["ssim"]["value"] < 0.9


def test_batch_size_changes_no_number(measuring):
    def half(batch_size):
        return summarise(measuring(Paints(0.7), batch_size).run())

    assert half(1) == half(7) == half(64)


def test_difference_is_paired(measuring):
    obeys, idles = (measuring(Paints(strength)).run() for strength in (1.0, 0.0))
    found = difference(obeys, idles)
    assert found["targets"]["Male"]["translated"]["value"] == 1
    assert found["all_single_changes"]["translated"]["low"] == 1
    same = difference(obeys, obeys)["all_single_changes"]["translated"]
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)


def test_progress_counts_every_translation(measuring):
    told = []
    run = measuring(Paints(), advance=told.append)
    run.run()
    assert sum(told) == steps(run.labelled_set)


def test_distances_fall_where_the_target_is_met(measuring):
    def features(pictures):
        noise = torch.randn(len(pictures), 5, generator=torch.Generator().manual_seed(len(pictures)))
        return ReadsBands().features(pictures.float()) / 255 + 0.01 * noise

    obeys, idles = (
        by_name(summarise(measuring(Paints(strength), features=features).run(), "judge"))["Male"]["distances"]
        for strength in (1.0, 0.0)
    )
    assert obeys["translated"]["judge_frechet"] < 0.8 * obeys["do_nothing"]["judge_frechet"]
    assert idles["translated"]["judge_frechet"] == pytest.approx(idles["do_nothing"]["judge_frechet"], rel=0.05)
    assert obeys["translated"]["n"] == obeys["translated"]["n_real"] == 12
    assert set(obeys["real"]) == {"n", "n_real", "judge_frechet", "judge_kernel", "judge_kernel_std"}


def test_sheets_show_best_median_and_worst():
    confidence = torch.tensor([0.1, 0.9, 0.5, 0.7, 0.3, 0.8])
    assert chosen_rows(confidence, 2) == [[1, 5], [3, 2], [4, 0]]
    assert chosen_rows(confidence[:2], 2) == [[1], [1], [0]]
