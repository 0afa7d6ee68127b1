"""Fit a classifier: fine-tune a pretrained network on the training part, stop early and calibrate on the validation
part, measure on the test part."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from stargan_cli.backbones import DEFAULT_NETWORK, start_from
from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.labelled import Part, refuse_empty
from stargan_cli.device import autocast, limit_threads, pick_device, pick_precision, seed_everything
from stargan_cli.errors import TrainingError
from stargan_cli.evaluate.classifiers.calibration import fitting_loss, temperatures
from stargan_cli.evaluate.classifiers.classifier import Classifier, ClassifierNetwork
from stargan_cli.evaluate.classifiers.disturbances import Disturbances
from stargan_cli.labels import LabelSet
from stargan_cli.labels.probabilities import decisions, probabilities
from stargan_cli.pictures.tensors import to_model
from stargan_cli.progress import Progress, silent


@dataclass(frozen=True)
class FitSettings:
    """`network`: see `backbones.backbone`. `init`: a state dict of that network (ImageNet) to start from; None takes
    the weights of an installed package (resnet18: random weights). `patience`: the number of epochs without a lower
    validation loss after which fitting stops."""

    image_size: int = 128
    network: str = DEFAULT_NETWORK
    init: Path | None = None
    epochs: int = 4
    patience: int = 2
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    disturbances: Disturbances = field(default_factory=Disturbances)
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"


def new_network(outputs: int, settings: FitSettings) -> ClassifierNetwork:
    """The network that fitting starts from. Raises UsageError if it is unknown or its weights are missing, WeightsError
    if `init` does not fit it."""
    network = ClassifierNetwork(outputs, settings.image_size, settings.network, settings.init is None)
    if settings.init is not None:
        hint = f"give ImageNet weights of {settings.network}, as a PyTorch state dict"
        start_from(network.backbone, settings.init, hint)
    return network


def fit(parts: dict[Part, CachedPictures], settings: FitSettings, progress: Progress = silent) -> Classifier:
    """Train on the training part, keep the epoch with the lowest validation loss, calibrate the probabilities on the
    validation part, measure on the test part.

    Pictures are expected at `settings.image_size`. Progress counts training steps. Raises TrainingError if the
    validation loss is never finite, WeightsError if `init` does not fit, DataError if no training picture, or every
    one, shows some attribute.
    """
    refuse_empty(parts["train"].labelled)
    seed_everything(settings.seed)
    label_set = parts["train"].labelled.label_set
    network = new_network(len(label_set.attributes), settings)
    device = pick_device(settings.device)
    limit_threads()
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    started = time.monotonic()
    best, epoch = _train(network, parts, settings, progress)
    network.load_state_dict(best)
    network.eval().requires_grad_(False)
    temperature = _calibrate(network, parts["validation"])
    accuracy = measure(network, parts["test"], device)
    record = asdict(settings) | {
        "init": settings.init and settings.init.name,
        "pictures": len(parts["train"]),
        "best_epoch": epoch,
        "temperature": dict(zip(label_set.attributes, (round(t, 3) for t in temperature.tolist()), strict=True)),
        "seconds": round(time.monotonic() - started),
    }
    return Classifier(network, label_set, accuracy, record)


def measure(network: ClassifierNetwork, pictures: CachedPictures, device: torch.device) -> dict[str, dict[str, float]]:
    """Accuracy, recall and specificity per attribute; a share of no pictures is left out."""
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
    schedule = torch.optim.lr_scheduler.OneCycleLR(  # it divides by zero with five steps
        optimiser, settings.learning_rate, total_steps=max(6, settings.epochs * steps), pct_start=0.2
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
        raise TrainingError("the classifier's loss is not finite", "try a lower learning rate or --precision fp32")
    return best, best_epoch


@torch.no_grad()
def _calibrate(network: ClassifierNetwork, pictures: CachedPictures) -> Tensor:
    """Fit the temperatures (k,) on these pictures, divide the last layer by them, and return them."""
    logits = _logits(network, pictures, network.head.weight.device)
    temperature = temperatures(logits, pictures.labelled.labels, pictures.labelled.label_set).to(network.head.weight)
    network.head.weight.div_(temperature[:, None])
    network.head.bias.div_(temperature)
    return temperature


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
    pictures = settings.disturbances(pixels.to(device), draws)
    with autocast(device, pick_precision(settings.precision, device)):
        logits = network(pictures)
    return fitting_loss(logits.float(), labels.to(device), label_set)


def _validation_loss(network: ClassifierNetwork, pictures: CachedPictures) -> float:
    logits = _logits(network, pictures, next(network.parameters()).device)
    return float(fitting_loss(logits, pictures.labelled.labels, pictures.labelled.label_set))


@torch.inference_mode()
def _logits(network: ClassifierNetwork, pictures: CachedPictures, device: torch.device) -> Tensor:
    """The logits of all pictures, computed in fp32: (N, k) on the CPU."""
    order = torch.arange(len(pictures)).split(64)  # type: ignore[no-untyped-call]
    return torch.cat([network(to_model(pictures.batch(part)[0].to(device))).cpu() for part in order])
