"""Weights files: one `.safetensors` that describes itself, with G and (optionally) the discriminators.

The header's metadata holds one JSON text under the key `stargan`: the card. It rebuilds both networks, names the
attributes, and says how pictures are prepared, how the weights were trained and how good they were measured to be.
Tensors are named `generator.main.0.weight`, `discriminator.conv2.weight`, ... `feature_heads.…` are the trained layers
of the discriminator on fixed features; only training uses them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from stargan_cli.errors import UsageError, WeightsError, reason_of
from stargan_cli.files.opening import open_regular
from stargan_cli.model import Discriminator, Generator
from stargan_cli.weights.card import Card
from stargan_cli.weights.foreign_files import START, is_pytorch, stand_in
from stargan_cli.weights.places import resolve
from stargan_cli.weights.writing import save_tensors

MAX_HEADER_BYTES = 4 * 2**20
HEADS = "feature_heads."
FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
"""Safetensors' names of the number types that are read."""


@dataclass(frozen=True)
class Weights:
    """A loaded weights file: networks in eval mode, fp32, on the CPU; `fingerprint` is the file's SHA-256 in hex.

    `feature_heads` is the state dict of `train.learning.feature_discriminator.FeatureHeads`; its shapes are not checked
    here. The `path` of a mean is the one that its file would have. `sources` are the files that were read, with their
    SHA-256 in hex.
    """

    path: Path
    card: Card
    fingerprint: str
    generator: Generator
    discriminator: Discriminator | None
    feature_heads: dict[str, Tensor] | None = None
    sources: tuple[tuple[Path, str], ...] = ()


def save(
    path: Path,
    card: Card,
    generator: dict[str, Tensor],
    discriminator: dict[str, Tensor] | None = None,
    dtype: torch.dtype = torch.float32,
    feature_heads: dict[str, Tensor] | None = None,
) -> None:
    """Write a weights file whole or not at all. The state dicts are those of `Generator`, `Discriminator` and
    `FeatureHeads`."""
    tensors = {f"generator.{name}": tensor for name, tensor in generator.items()}
    tensors |= {f"discriminator.{name}": tensor for name, tensor in (discriminator or {}).items()}
    tensors |= {f"{HEADS}{name}": tensor for name, tensor in (feature_heads or {}).items()}
    plain = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
    save_tensors(path, plain, {"stargan": card.to_json()})


def require_utf8(path: Path) -> None:
    """Raises UsageError if `path` is not in UTF-8: safetensors opens no other paths."""
    try:
        os.fsencode(path).decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not in UTF-8, and safetensors opens no such path", "rename it, or the folder above it"
        ) from error


def open_tensors(path: Path) -> Any:
    """Open a safetensors file. Raises UsageError if its path is not in UTF-8, SafetensorError and OSError."""
    require_utf8(path)
    open_regular(path).close()  # safetensors waits for a FIFO, and reports a file without read permission as missing
    return safe_open(path, framework="pt")


def is_weights(path: Path) -> bool:
    try:
        read_card(path)
    except WeightsError:
        return False
    return True


def read_card(path: Path) -> Card:
    """The card alone, without the tensors. Raises WeightsError."""
    with opened_safetensors(path) as file:
        return _card_of(path, file)


def load(source: str) -> Weights:
    """Load a weights file; see `resolve` for what `source` may be. Later changes of the file have no effect. Raises
    UsageError and WeightsError."""
    path = resolve(source)
    with opened_safetensors(path) as file:
        card = _card_of(path, file)
        heads = {name for name in file.keys() if name.startswith(HEADS)}  # noqa: SIM118  (not a dict)
        names = set(file.keys()) - heads
        has_discriminator = any(name.startswith("discriminator.") for name in names)
        with torch.device("meta"):
            generator = Generator(card.model)
            discriminator = Discriminator(card.model) if has_discriminator else None
        wanted = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
        if discriminator is not None:
            wanted |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
        _check_shapes(path, file, names, wanted)
        tensors = {name: _read(path, file, name) for name in sorted(wanted.keys() | heads)}
    _assign(generator, tensors, "generator.")
    if discriminator is not None:
        _assign(discriminator, tensors, "discriminator.")
    sha256 = fingerprint(path)
    return Weights(path, card, sha256, generator, discriminator, under(HEADS, tensors) or None, ((path, sha256),))


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def opened_safetensors(path: Path, hint: str | None = None) -> Iterator[Any]:
    """The open safetensors file. `hint`: what to do if it cannot be opened. Raises UsageError as `open_tensors` does,
    and WeightsError, which says what another file is, also for what goes wrong in the block."""
    try:
        with open_regular(path) as file:
            start = file.read(START)
        size = int.from_bytes(start[:8], "little")
        if found := stand_in(start):
            raise WeightsError(f"{path} is not a safetensors file but {found[0]}", found[1])
        if is_pytorch(start):
            raise WeightsError(
                f"{path} is not a safetensors file but a zip archive or a pickle, as PyTorch writes them",
                "checkpoints of the reference code are brought in with: stargan export FILE --to safetensors",
            )
        if start[8:9] != b"{":  # where its JSON header starts
            raise WeightsError(f"{path} is not a safetensors file", "give a .safetensors file that stargan wrote")
        if size > MAX_HEADER_BYTES:
            raise WeightsError(f"{path} is no file of stargan: its header would be {size:,} bytes long")
        with open_tensors(path) as opened:
            yield opened
    except SafetensorError as error:
        raise WeightsError(f"{path} is cut off or damaged ({error})", "download or copy it again") from error
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {reason_of(error)}", hint) from error


def _card_of(path: Path, file: Any) -> Card:
    metadata = file.metadata() or {}
    text = metadata.get("stargan")
    if text is None and any(key.startswith("stargan_") for key in metadata):
        raise WeightsError(
            f"{path} is no weights file, but a training checkpoint or a classifier of stargan",
            "a run's weights are RUN/weights.safetensors; `stargan export CHECKPOINT --to safetensors` makes others",
        )
    if text is None:
        raise WeightsError(f"{path} is a safetensors file of another program: it has no stargan card")
    try:
        return Card.from_json(text)
    except ValueError as error:
        raise WeightsError(f"{path} is refused: {error}") from error


def _check_shapes(path: Path, file: Any, names: set[str], wanted: dict[str, Tensor]) -> None:
    missing, unknown = sorted(wanted.keys() - names), sorted(names - wanted.keys())
    if missing or unknown:
        text = f"lacks {missing[0]}" if missing else f"has an unknown tensor {unknown[0]}"
        raise WeightsError(f"{path} is refused: its card does not fit its tensors (it {text})")
    for name, tensor in wanted.items():
        shape = tuple(file.get_slice(name).get_shape())
        if shape != tuple(tensor.shape):
            raise WeightsError(f"{path} is refused: {name} is {shape}, its card says {tuple(tensor.shape)}")


def _read(path: Path, file: Any, name: str) -> Tensor:
    kind = file.get_slice(name).get_dtype()
    if kind not in FLOATS:
        raise WeightsError(
            f"{path} is refused: {name} holds {kind}, not floating-point numbers of a known type ({', '.join(FLOATS)})",
            "convert it to F32, F16 or BF16 with the program that wrote it",
        )
    tensor: Tensor = file.get_tensor(name).to(torch.float32, copy=True)  # else it would share memory with the file
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"{path} is refused: {name} holds NaN or infinite numbers")
    return tensor


def _assign(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    module.load_state_dict(under(prefix, tensors), assign=True)
    module.eval().requires_grad_(False)
