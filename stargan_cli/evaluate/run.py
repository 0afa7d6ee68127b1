"""Measure a generator on real pictures, with classifiers that are independent of its discriminator."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from stargan_cli.datasets.choice import DEFAULT_ROOT
from stargan_cli.datasets.class_folders import refuse_inside
from stargan_cli.device import pick_device, pick_precision, repeatable
from stargan_cli.errors import UsageError
from stargan_cli.evaluate.classifiers.classifier import load_classifiers
from stargan_cli.evaluate.data import labelled_sets
from stargan_cli.evaluate.instruments import Instruments, find_instruments
from stargan_cli.evaluate.measure import Measuring, pictures_to_translate
from stargan_cli.evaluate.pictures import picture_writer, pictures_folder
from stargan_cli.evaluate.record import prepare_record
from stargan_cli.evaluate.report import new_report, require_report_folder, write_report
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.evaluate.summary import difference, summarise
from stargan_cli.evaluate.translating.batches import Machine
from stargan_cli.evaluate.translating.given_labels import GivenLabels
from stargan_cli.evaluate.values import LabelledSet, SetValues
from stargan_cli.faces.finding import landmarks_of
from stargan_cli.fast_cpu.label_reader import label_reader
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.version import __version__
from stargan_cli.weights.files import Weights, load


def evaluate(
    source: str,
    settings: EvalSettings,
    progress: Progress = silent,
    decoding: Progress = silent,
    note: Say = unheard,
    show: Callable[[dict[str, Any]], None] = lambda document: None,
) -> dict[str, Any]:
    """Measure the weights that `source` names; with `settings.out`, write the report. `note` gets what there is to say
    of the data and of missing networks. Returns one document of plain values, ready for JSON. `show` gets it before
    files are written: what was measured is not lost with them. Raises UsageError, DataError, WeightsError and
    OutputError.
    """
    if settings.cache is not None:
        refuse_inside(settings.cache, "--cache", settings.data)
    if settings.out is not None:
        refuse_inside(settings.out, "--out", settings.data)
    elif settings.pictures:
        raise UsageError("--pictures needs a folder", "say where with --out DIR")
    compared = [load(name) for name in (source, settings.baseline) if name is not None]
    record = None
    if settings.record is not None:
        record = prepare_record(settings.record, compared[0], [one.path for one in compared])
    device = pick_device(settings.device)
    repeatable(device)
    machine = Machine(device, pick_precision(settings.precision, device), settings.batch_size)
    instruments = find_instruments(settings, device, note)
    classifiers = load_classifiers(settings.classifiers)
    if settings.out is not None:
        require_report_folder(settings.out)
    for classifier in classifiers:
        classifier.network.to(device)
    sets = labelled_sets(compared, classifiers, settings, decoding, note)
    if settings.baseline is not None:
        _require_same_targets(*sets)
    measurings = _measurings(compared, sets, machine, instruments, progress)
    facts = _settings(settings, machine) | {"face_network": instruments.face_network}
    with nullcontext() if settings.out is None else new_report(settings.out) as report:
        if report is not None and settings.pictures:
            measurings[0] = [_keeping(one, report, number) for number, one in enumerate(measurings[0])]
        measured = [[measuring.run() for measuring in row] for row in measurings]
        document = _document(compared, measured, facts, settings)
        show(document)
        if report is not None:
            write_report(report, settings.pictures, document, list(zip(measurings[0], measured[0], strict=True)))
    if record is not None:
        record(document)
    return document


def _document(
    compared: list[Weights], measured: list[list[SetValues]], facts: dict[str, Any], settings: EvalSettings
) -> dict[str, Any]:
    summaries = [[summarise(values, settings.features, settings.seed) for values in row] for row in measured]
    document: dict[str, Any] = {
        "program": f"stargan {__version__}",
        "weights": _identity(compared[0]),
        "settings": facts,
        "sets": summaries[0],
    }
    if settings.baseline is not None:
        pairs = zip(measured[0], measured[1], strict=True)
        document["baseline"] = {
            "weights": _identity(compared[1]),
            "sets": summaries[1],
            "difference": [difference(first, second, settings.seed) for first, second in pairs],
        }
    return document


def lowest_accuracy(document: dict[str, Any]) -> float:
    """The share of single changes that succeeded, in the data set where it is lowest; --min-accuracy checks it."""
    return min(float(one["all_single_changes"]["translated"]["value"]) for one in document["sets"])


def _measurings(
    compared: list[Weights],
    sets: list[list[LabelledSet]],
    machine: Machine,
    instruments: Instruments,
    progress: Progress,
) -> list[list[Measuring]]:
    total, done = sum(pictures_to_translate(one) for row in sets for one in row), 0

    def advance(pictures: int) -> None:
        nonlocal done
        done += pictures
        progress(done, total)

    def measuring(weights: Weights, one: LabelledSet) -> Measuring:
        landmarks, first = landmarks_of(weights.card.preprocessing), one.readers.classifiers[0]
        discriminator = weights.discriminator
        read = None if discriminator is None else label_reader(discriminator, machine.device, machine.dtype)
        return Measuring(
            weights.generator.to(machine.device),
            GivenLabels(weights.card.layout, one.set_index, one.seen, machine, read),
            one,
            machine,
            advance,
            instruments.features(first) if instruments.features else None,
            instruments.describe(first, landmarks),
            instruments.comparisons,
            landmarks,
        )

    return [[measuring(weights, one) for one in row] for weights, row in zip(compared, sets, strict=True)]


def _require_same_targets(first: list[LabelledSet], second: list[LabelledSet]) -> None:
    for one, other in zip(first, second, strict=True):
        wanted, known = (part.pictures.labelled.label_set for part in (one, other))
        if wanted.attributes != known.attributes or set(wanted.groups) != set(known.groups):
            raise UsageError(
                f"the baseline knows other attributes of {wanted.name}: {', '.join(known.attributes)}",
                f"give a baseline with the same attributes as these weights: {', '.join(wanted.attributes)}",
            )


def _keeping(measuring: Measuring, out: Path, number: int) -> Measuring:
    one = measuring.labelled_set
    targets = [target.name for target in one.targets()]
    keep = picture_writer(pictures_folder(out, number, one.name), one.pictures.labelled, targets)
    return replace(measuring, keep=keep)


def _identity(weights: Weights) -> dict[str, str]:
    return {"path": str(weights.path), "sha256": weights.fingerprint}


def _settings(settings: EvalSettings, machine: Machine) -> dict[str, Any]:
    """The settings that the numbers depend on."""
    return {
        "data": list(settings.data),
        "root": str(settings.root or DEFAULT_ROOT) if "celeba" in settings.data else None,
        "split": settings.split,
        "part": settings.part,
        "limit": settings.most,
        "at": settings.at,
        "classifiers": [path.name for path in settings.classifiers],
        "features": settings.features,
        "precision": str(machine.dtype).removeprefix("torch."),
        "batch_size": machine.batch_size,
        "seed": settings.seed,
    }
