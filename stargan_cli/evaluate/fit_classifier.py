"""Fitting the classifier that judges translations: on real pictures of the training part, stopped by validation."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.datasets import loading
from stargan_cli.datasets.augment import flip, jitter
from stargan_cli.datasets.decoded_cache import CachedPictures, cached
from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.labelled import Part
from stargan_cli.device import autocast, cpu_count, pick_device, pick_precision, seed_everything
from stargan_cli.errors import DataError, TrainingError, WeightsError
from stargan_cli.evaluate.classifier import Classifier, ClassifierNetwork
from stargan_cli.files.writable import require_file_place
from stargan_cli.labels import LabelSet
from stargan_cli.labels.probabilities import decisions, probabilities
from stargan_cli.pictures.tensors import to_model
from stargan_cli.progress import Progress, silent
from stargan_cli.weights.files import save_tensors
from stargan_cli.weights.foreign_state_dicts import read_state_dict, why_not_loaded

RESNET_ADDRESS = "https://download.pytorch.org/models/resnet18-f37072fd.pth"


@dataclass(frozen=True)
class FitSettings:
    """`init`: a ResNet-18 file of torchvision's (ImageNet), or None for random numbers. `patience`: epochs without a
    better validation loss before it stops. `jitter`: shifts and scales, as a share of the picture's side."""

    image_size: int = 128
    epochs: int = 8
    patience: int = 2
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    jitter: float = 0.06
    seed: int = 0
    init: Path | None = None
    device: str = "auto"
    precision: str = "auto"


def fit(
    parts: dict[Part, CachedPictures], settings: FitSettings | None = None, progress: Progress = silent
) -> Classifier:
    """Train on the training part, keep the epoch with the lowest validation loss, measure on the test part. Attributes
    are then read as if each were shown by every second picture, however rare it was in training.

    Pictures are expected at `settings.image_size`. Progress counts training steps. Raises TrainingError where the
    loss is no number, WeightsError where `init` does not fit.
    """
    settings = settings or FitSettings()
    seed_everything(settings.seed)
    label_set = parts["train"].labelled.label_set
    network = ClassifierNetwork(len(label_set.attributes), settings.image_size)
    if settings.init is not None:
        _start_from(network, settings.init)
    device = pick_device(settings.device)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    started = time.monotonic()
    best, epochs = _train(network, parts, settings, progress)
    network.load_state_dict(best)
    if label_set.kind == "attributes":
        _as_if_equally_common(network, parts["train"].labelled.labels)
    network.eval().requires_grad_(False)
    accuracy = measure(network, parts["test"], device)
    record = asdict(settings) | {
        "init": settings.init and settings.init.name,
        "pictures": len(parts["train"]),
        "best_epoch": epochs,
        "seconds": round(time.monotonic() - started),
    }
    return Classifier(network, label_set, accuracy, record)


def fit_and_save(
    path: Path,
    data: str,
    settings: FitSettings,
    root: Path | None = None,
    attributes: tuple[str, ...] = (),
    split: str = "official",
    cache: Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
    decoding: Progress = silent,
) -> dict[str, dict[str, float]]:
    """Fit on a data set by name (see `datasets.loading.load`) and write the file. Returns its accuracy."""
    require_file_place(path)
    if settings.init is not None:
        _start_from(ClassifierNetwork(1, settings.image_size), settings.init)  # now, not after the decoding
    parts = loading.load(data, root, attributes, (), split)
    for name, part in parts.items():
        if not len(part):
            raise DataError(
                f"{data} has no {name} picture", "a classifier needs training, validation and test pictures"
            )
    threads = workers or cpu_count()
    pictures = {name: cached(part, settings.image_size, cache, threads, decoding) for name, part in parts.items()}
    classifier = fit(pictures, settings, progress)
    save_classifier(path, classifier)
    return classifier.accuracy


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write it whole or not at all; `metrics.classifier.load_classifier` reads it back."""
    tensors = {name: tensor.to("cpu").contiguous() for name, tensor in classifier.network.state_dict().items()}
    save_tensors(path, tensors, classifier.card())


def measure(network: ClassifierNetwork, pictures: CachedPictures, device: torch.device) -> dict[str, dict[str, float]]:
    """Accuracy, recall and specificity per attribute; those of an empty side are left out."""
    label_set = pictures.labelled.label_set
    right = (
        decisions(probabilities(_logits(network, pictures, device), label_set), label_set) == pictures.labelled.labels
    )
    result = {}
    for column, name in enumerate(label_set.attributes):
        on, correct = pictures.labelled.labels[:, column] == 1, right[:, column].double()
        shares = {"accuracy": correct, "recall": correct[on], "specificity": correct[~on]}
        result[name] = {key: round(float(values.mean()), 4) for key, values in shares.items() if len(values)}
    return result


def _train(
    network: ClassifierNetwork, parts: dict[Part, CachedPictures], settings: FitSettings, progress: Progress
) -> tuple[dict[str, Tensor], int]:
    train, label_set = parts["train"], parts["train"].labelled.label_set
    steps = max(1, len(train) // settings.batch_size)
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.epochs * steps, pct_start=0.2
    )
    random = torch.Generator().manual_seed(settings.seed)
    best, best_loss, best_epoch, note = {}, float("inf"), 0, ""
    for epoch in range(1, settings.epochs + 1):
        order = torch.randperm(len(train), generator=random)
        network.train()
        for step in range(steps):
            chosen = order[step * settings.batch_size : (step + 1) * settings.batch_size]
            loss = _step(network, *train.batch(chosen), label_set, settings, random)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            progress((epoch - 1) * steps + step + 1, settings.epochs * steps, note)
        network.eval()
        loss_now = _validation_loss(network, parts["validation"])
        note = f"epoch {epoch}: validation loss {loss_now:.4f}"
        if loss_now < best_loss:
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
            best_loss, best_epoch = loss_now, epoch
        elif epoch - best_epoch >= settings.patience:
            break
    if not best:
        raise TrainingError("the classifier's loss is no number", "try a lower learning rate or --precision fp32")
    return best, best_epoch


@torch.no_grad()
def _as_if_equally_common(network: ClassifierNetwork, labels: Tensor) -> None:
    """Take the log odds of each attribute in the training labels, uint8 (N, k), off its logit.

    Half of the pictures to judge were just made to show the attribute, be it as rare as grey hair: a judge that has
    learnt to expect it seldom misses half of the real ones (logit adjustment; Menon et al., ICLR 2021).
    """
    share = (labels.double().sum(0) + 1) / (len(labels) + 2)
    network.head.bias.sub_(share.logit().to(network.head.bias))


def _step(
    network: ClassifierNetwork,
    pixels: Tensor,
    labels: Tensor,
    label_set: LabelSet,
    settings: FitSettings,
    random: torch.Generator,
) -> Tensor:
    device = next(network.parameters()).device
    draws = Draws(torch.randint(2**62, (), generator=random).to(device), len(pixels))
    pictures = jitter(flip(to_model(pixels.to(device)), draws), settings.jitter, draws)
    with autocast(device, pick_precision(settings.precision, device)):
        logits = network(pictures)
    return _loss(logits.float(), labels.to(device), label_set)


def _loss(logits: Tensor, labels: Tensor, label_set: LabelSet) -> Tensor:
    if label_set.kind == "classes":
        return F.cross_entropy(logits, labels.argmax(1))
    return F.binary_cross_entropy_with_logits(logits, labels.float())


def _validation_loss(network: ClassifierNetwork, pictures: CachedPictures) -> float:
    logits = _logits(network, pictures, next(network.parameters()).device)
    return float(_loss(logits, pictures.labelled.labels, pictures.labelled.label_set))


@torch.inference_mode()
def _logits(network: ClassifierNetwork, pictures: CachedPictures, device: torch.device, batch_size: int = 64) -> Tensor:
    """All pictures in fp32: (N, k) on the CPU."""
    order = torch.arange(len(pictures)).split(batch_size)  # type: ignore[no-untyped-call]
    return torch.cat([network(to_model(pictures.batch(part)[0].to(device))).cpu() for part in order])


def _start_from(network: ClassifierNetwork, path: Path) -> None:
    """torchvision's `resnet18-*.pth`, without its last layer. Raises WeightsError."""
    hint = f"give torchvision's ResNet-18 weights: {RESNET_ADDRESS}"
    tensors = read_state_dict(path, hint)
    body: nn.Module = network.body
    try:
        body.load_state_dict({name: tensor for name, tensor in tensors.items() if not name.startswith("fc.")})
    except RuntimeError as error:
        raise WeightsError(f"cannot start from {path}: {why_not_loaded(error)}", hint) from error
