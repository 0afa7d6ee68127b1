from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from eval_kit import CELEBA, LABELS, Paints, ReadsBands, painted, right_classifier, right_readers

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import WeightsError
from stargan_cli.evaluate import summary
from stargan_cli.evaluate.glance import caveats, glance_rows
from stargan_cli.evaluate.measure import Measuring, pictures_to_translate
from stargan_cli.evaluate.report import chosen_rows
from stargan_cli.evaluate.same_person import Portraits
from stargan_cli.evaluate.tables import tables
from stargan_cli.evaluate.targets import targets_for
from stargan_cli.evaluate.translating.batches import Machine
from stargan_cli.evaluate.translating.given_labels import GivenLabels
from stargan_cli.evaluate.values import LabelledSet
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
        layout, read = more.pop("layout", LabelLayout((CELEBA,))), more.pop("read", None)
        given = GivenLabels(layout, 0, pictures, machine, read)
        readers = more.pop("readers", right_readers())
        return Measuring(generator, given, LabelledSet(0, pictures, readers), machine, **more)

    return make


def summarise(measured, features="none"):
    return summary.summarise(measured, features, seed=0)


def by_name(document):
    return {row["name"]: row for row in document["targets"]}


def test_targets_are_the_papers():
    targets = {target.name: target for target in targets_for(CELEBA, LABELS)}
    singles = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "female", "Young", "old"]
    assert list(targets) == [*singles, "hair+gender", "hair+age", "gender+age", "hair+gender+age"]
    blond = targets["Blond_Hair"]
    assert blond.pictures.tolist() == [0, 2, 3, 4] and blond.real.tolist() == [1, 5]
    assert blond.wanted[0].tolist() == [0, 1, 0, 1, 1]  # black is cleared, the rest stays
    assert blond.named[0].tolist() == [False, True, False, False, False]
    assert targets["female"].wanted[0].tolist() == [1, 0, 0, 0, 1]


def test_in_a_combination_every_factor_changes():
    combined = {target.name: target for target in targets_for(CELEBA, LABELS)}["hair+gender+age"]
    assert combined.pictures.tolist() == list(range(6))
    assert (combined.wanted[:, 3:] == 1 - LABELS[:, 3:]).all()
    assert (combined.wanted[:, :3].sum(1) == 1).all()
    assert not ((combined.wanted[:, :3] == 1) & (LABELS[:, :3] == 1)).any()
    assert combined.real.tolist() == [0, 1, 2, 4, 5]  # picture 3 has no hair colour
    assert combined.real_named[0].tolist() == [True, False, False, True, True]


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
    assert torch.equal(run.given.asked(targets["Blond_Hair"]), targets["Blond_Hair"].wanted.float())
    assert (run.given.asked(targets["Male"]) == targets["Male"].wanted * torch.tensor([0, 0, 0, 1, 1])).all()
    document = summarise(run.run())
    assert by_name(document)["gender+age"]["translated"]["value"] == 1
    bare = torch.cat(asked)[:, :3].sum(dim=1) == 0
    named_hair = sum(len(target.pictures) for target in targets.values() if target.named[:, :3].any())
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
    blond, old = run.given.asked(targets["Blond_Hair"])[0], run.given.asked(targets["old"])[0]
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
    found = summary.difference(obeys, idles, seed=0)
    assert found["targets"]["Male"]["translated"]["value"] == 1
    assert found["all_single_changes"]["translated"]["low"] == 1
    same = summary.difference(obeys, obeys, seed=0)["all_single_changes"]["translated"]
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)


def test_the_changes_of_one_picture_are_not_taken_for_many_pictures(measuring):
    """With this generator, a picture shows all its changes or none: as much is known as of one change of each."""

    class PaintsMen(Paints):
        def translate(self, x, label):
            made = super().translate(x, label)
            return made._replace(image=torch.where(x[:, :, 10:11, 4:5] > 0, made.image, x))

    obeys, idles = (measuring(generator).run() for generator in (PaintsMen(), Paints(0.0)))
    for found in (summarise(obeys), summary.difference(obeys, idles, seed=0)):
        singles = found["all_single_changes"]["translated"]
        assert singles["n"] == 100 and singles["high"] - singles["low"] > 0.35


def test_progress_counts_every_translation(measuring):
    counted = []
    run = measuring(Paints(), advance=counted.append)
    run.run()
    assert sum(counted) == pictures_to_translate(run.labelled_set)


def band_features(pictures):
    noise = torch.randn(len(pictures), 5, generator=torch.Generator().manual_seed(len(pictures)))
    return ReadsBands().features(pictures.float()) / 255 + 0.01 * noise


def test_distances_fall_where_the_target_is_met(measuring):
    obeys, idles = (
        by_name(summarise(measuring(Paints(strength), features=band_features).run(), "classifier"))["Male"]["distances"]
        for strength in (1.0, 0.0)
    )
    assert obeys["translated"]["classifier_frechet"] < 0.8 * obeys["do_nothing"]["classifier_frechet"]
    translated, before = (idles[row]["classifier_frechet"] for row in ("translated", "do_nothing"))
    assert translated == pytest.approx(before, rel=0.1)
    assert obeys["share_left"]["value"] < 0.2 and idles["share_left"]["value"] == pytest.approx(1, abs=0.2)
    assert set(obeys["real"]) == {"n", "n_real", "classifier_frechet", "classifier_kernel"}


def test_notes_say_what_a_number_does_not_say(measuring):
    document = summarise(measuring(Paints(), features=band_features).run(), "classifier")
    notes = {table.title: table.note for table in tables(document, "dlib", None, None)}
    for title in ("At a glance", "How much changes", "What stays"):
        assert "60 dB at most (equal pictures)" in notes[title], title
    assert "compare it only where n and n real are the same, so not with real" in notes["Distances"]
    own = {table.title: table.note for table in tables(document, "classifier", None, None)}
    for title in ("At a glance", "How much changes"):
        assert ", by dlib;" in notes[title] and ", by the first classifier;" in own[title]


def test_output_that_is_not_finite_is_no_result(measuring):
    class Overflows(Paints):
        def translate(self, x, label):
            made = super().translate(x, label)
            return made._replace(image=made.image.where(made.image < 1, torch.nan))

    class OverflowsOnTheWayBack(Paints):
        def forward(self, x, label):
            return super().forward(x, label) / 0

    for generator in (Overflows(), OverflowsOnTheWayBack()):
        with pytest.raises(WeightsError, match="the network's output has NaN or infinite values"):
            measuring(generator).run()


def test_sheets_show_pictures_at_random_and_of_the_worst_tenth():
    confidence = torch.arange(100).flip(0) / 100
    random, worst = chosen_rows(confidence, torch.Generator().manual_seed(0), 4)
    assert len(set(random)) == 4 and min(random) < 90
    assert len(set(worst)) == 4 and min(worst) >= 90
    assert chosen_rows(confidence, torch.Generator().manual_seed(0), 4) == (random, worst)
    assert sorted(chosen_rows(confidence[:2], torch.Generator(), 4)[1]) == [0, 1]


class AlwaysSays(torch.nn.Module):
    """A classifier that reads what `painted` pictures show, but takes everybody for a man."""

    name = "men"

    def forward(self, pictures):
        logits = ReadsBands()(pictures)
        logits[:, 3] = 10
        return logits


def test_a_change_is_read_where_all_classifiers_read_it(measuring):
    other = right_classifier(AlwaysSays(), "men")
    document = summarise(measuring(Paints(), readers=right_readers(other)).run())
    rows = by_name(document)
    assert rows["Male"]["translated"]["value"] == 1 and rows["Male"]["disagreement"]["value"] == 0
    assert rows["female"]["translated"]["value"] == 0 and rows["female"]["disagreement"]["value"] == 1
    assert {name: read["value"] for name, read in rows["female"]["read_by"].items()} == {"right": 1, "men": 0}
    assert "disagreement" not in by_name(summarise(measuring(Paints()).run()))["Male"]


def test_a_disagreement_on_the_untouched_pictures_is_not_the_changes(measuring):
    other = right_classifier(AlwaysSays(), "men")
    idles = by_name(summarise(measuring(Paints(0.0), readers=right_readers(other)).run()))["Male"]
    assert (idles["disagreement"]["value"], idles["more_disagreement"]["value"]) == (1, 0)
    obeys = by_name(summarise(measuring(Paints(), readers=right_readers(other)).run()))["female"]
    assert (obeys["disagreement"]["value"], obeys["more_disagreement"]["value"]) == (1, 1)


def test_what_else_changed_is_named(measuring):
    class PaintsOld(Paints):
        def translate(self, x, label):
            label = label.clone()
            label[:, 4] = 0
            return super().translate(x, label)

    rows = by_name(summarise(measuring(PaintsOld()).run()))
    assert rows["Blond_Hair"]["others_changed"] == {"Male": 0, "Young": 0.25}
    assert rows["Blond_Hair"]["moved"] == list(CELEBA.groups[0]) and rows["Blond_Hair"]["attributes"] == ["Blond_Hair"]
    assert set(rows["Male"]["others_changed"]) == {*CELEBA.groups[0], "Young"}
    row = next(row for row in glance_rows(summarise(measuring(PaintsOld()).run())) if row["name"] == "Blond_Hair")
    assert (row["other"], row["other_share"], row["read"]) == ("Young", 0.25, 1)


def test_comparisons_reach_the_document(measuring):
    compare = {"lpips": lambda before, after, kept: torch.full((len(before),), float(kept.float().mean()))}
    document = summarise(measuring(Paints(), comparisons=compare).run())
    assert document["targets"][0]["lpips"]["value"] == pytest.approx(2 * 4 / 16**2, abs=1e-4)
    head = tables(document, "dlib", None, None)[-3].head
    assert "LPIPS" in head and "face distance" not in head


def test_persons_are_compared_where_it_is_known_who_is_on_the_pictures(measuring):
    people = tuple(str(number % 6) for number in range(24))
    run = measuring(Paints(), describe=lambda pictures: ReadsBands().features(pictures.float()) / 255)
    known = replace(run.labelled_set, portraits=Portraits(run.labelled_set.pictures, people))
    document = summarise(replace(run, labelled_set=known).run())
    assert document["face_distances"]["one_person"] == 0 < document["face_distances"]["two_people"]
    male = by_name(document)["Male"]
    assert male["face_distance"]["value"] == pytest.approx(1)
    assert male["below_same"]["value"] == 1 and 0 <= male["below_different"]["value"] < 0.5
    assert document["face_distances"]["told_apart"] == 1 and "face descriptors" not in " ".join(caveats(document))
    unknown = by_name(summarise(run.run()))["Male"]
    assert "below_same" not in unknown and unknown["face_distance"]["value"] == pytest.approx(1)


def test_descriptors_that_do_not_tell_people_apart_say_nothing_of_the_person(measuring):
    """Distances by such a network came out as those of one person: the better, the less it saw."""
    people = tuple(str(number % 5) for number in range(24))  # one person's pictures differ as two people's do
    run = measuring(Paints(), describe=lambda pictures: ReadsBands().features(pictures.float()) / 255)
    known = replace(run.labelled_set, portraits=Portraits(run.labelled_set.pictures, people))
    document = summarise(replace(run, labelled_set=known).run())
    assert document["face_distances"]["told_apart"] < 0.9
    assert not {"face_distance", "below_same", "below_different"} & by_name(document)["Male"].keys()
    assert all(row["person"] is None for row in glance_rows(document))
    (said,) = [sentence for sentence in caveats(document) if "face descriptors" in sentence]
    share = f"{document['face_distances']['told_apart']:.0%}"
    assert f"in only {share} of the cases" in said and "not measured" in said
