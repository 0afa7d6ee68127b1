"""Weights files: one `.safetensors` that describes itself, with G and (optionally) D.

The header's metadata holds one JSON text under the key `stargan`: the card. It rebuilds both networks, names the
attributes, and says how pictures are prepared, how the weights were trained and how good they were measured to be.
Tensors are named `generator.main.0.weight`, `discriminator.conv2.weight`, ...
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from stargan_cli.errors import UsageError, WeightsError
from stargan_cli.files.atomic import replacement
from stargan_cli.labels import LabelLayout
from stargan_cli.model import Discriminator, Generator, ModelSettings

FORMAT_VERSION = 1
DEFAULT_WEIGHTS = "celeba-128"
MAX_HEADER_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Card:
    """What a weights file says of itself.

    `preprocessing`: how a picture becomes the network's input (`crop`, `resize`) and, for faces, where the training
    pictures have the landmarks, as fractions of the square's side (`landmarks`: name -> [x, y]); and which part of it
    D saw in training, on average (`reading_square`: [left, top, side]).
    `training` and `quality` are free-form records for people and `stargan info`.
    """

    model: ModelSettings
    layout: LabelLayout
    preprocessing: dict[str, Any] = field(default_factory=lambda: {"crop": "centre", "resize": "bilinear"})
    aliases: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    quality: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(
            {
                "format_version": FORMAT_VERSION,
                "model": self.model.to_dict(),
                "layout": self.layout.to_dict(),
                "preprocessing": self.preprocessing,
                "aliases": self.aliases,
                "training": self.training,
                "quality": self.quality,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Raises ValueError where the text is no card, or one that contradicts itself."""
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ValueError("its card is nested too deeply") from error
        if not isinstance(values, dict):
            raise ValueError("its card is not a JSON object")
        version = values.get("format_version")
        if version != FORMAT_VERSION:
            raise ValueError(f"its format version is {version!r}; this program reads {FORMAT_VERSION}")
        parts: dict[str, dict[str, Any]] = {}
        for name in ("model", "layout", "preprocessing", "aliases", "training", "quality"):
            part = values.get(name)
            if not isinstance(part, dict):
                raise ValueError(f"its card has no {name!r}")
            parts[name] = part
        model = ModelSettings.from_dict(parts.pop("model"))
        layout = LabelLayout.from_dict(parts.pop("layout"))
        if (layout.label_dim, layout.class_dim) != (model.label_dim, model.class_dim):
            raise ValueError(
                f"its label layout has {layout.label_dim} numbers and {layout.class_dim} classes, "
                f"its model {model.label_dim} and {model.class_dim}"
            )
        return cls(model, layout, **parts)


@dataclass(frozen=True)
class Weights:
    """A loaded weights file: networks in eval mode, fp32, on the CPU; `fingerprint` is the file's SHA-256 in hex.

    A mean has the name that its file would have for its path, and in `mean_of` the files that went in.
    """

    path: Path
    card: Card
    fingerprint: str
    generator: Generator
    discriminator: Discriminator | None
    mean_of: tuple[Path, ...] = ()


def bundled_folder() -> Path:
    """Where the weights that come with the program lie: inside an installed wheel, else in the source tree."""
    packaged = Path(str(resources.files("stargan_cli"))) / "_weights"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "weights"


def bundled_names() -> list[str]:
    return sorted(path.stem for path in bundled_folder().glob("*.safetensors"))


def resolve(source: str) -> Path:
    """The file that `source` means: a path, the name of a bundled file with or without its size (`faces-joint` for
    faces-joint-128), or hf://owner/repo[/file].

    Raises UsageError where there is none.
    """
    if source.startswith("hf://"):
        return _from_hub(source)
    path = Path(source)
    if os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long or holds a NUL
        return path
    asked = source.removesuffix(".safetensors")
    for name in bundled_names():
        if asked in (name, name.rsplit("-", 1)[0]):
            return bundled_folder() / f"{name}.safetensors"
    raise UsageError(
        f"no weights at {source[:200]}",
        f"give a .safetensors file, hf://owner/repo, or one of: {', '.join(bundled_names())}",
    )


def _from_hub(source: str) -> Path:
    parts = source.removeprefix("hf://").split("/", 2)
    if len(parts) < 2 or not all(parts):
        raise UsageError(f"not a hub address: {source}", "write hf://owner/repo or hf://owner/repo/file.safetensors")
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise UsageError(f"{source} needs the hub client", "pip install 'stargan-cli[hub]'") from error
    name = parts[2] if len(parts) == 3 else "model.safetensors"
    try:
        return Path(hf_hub_download(f"{parts[0]}/{parts[1]}", name))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UsageError(f"cannot fetch {source}: {error}", "check the name and the network") from error


def save(
    path: Path,
    card: Card,
    generator: dict[str, Tensor],
    discriminator: dict[str, Tensor] | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a weights file whole or not at all. The state dicts are those of `Generator` and `Discriminator`."""
    tensors = {f"generator.{name}": tensor for name, tensor in generator.items()}
    tensors |= {f"discriminator.{name}": tensor for name, tensor in (discriminator or {}).items()}
    plain = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in tensors.items()}
    save_tensors(path, plain, {"stargan": card.to_json()})


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """A safetensors file, written to a temporary name beside `path` and renamed; who may read it is as for any file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacement(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        save_file(tensors, temporary, metadata=metadata)  # by itself readable for its owner alone
        temporary.chmod(mode)


def read_card(path: Path) -> Card:
    """The card alone, without the tensors. Raises WeightsError."""
    with _open(path) as file:
        return _card_of(path, file)


def load(source: str) -> Weights:
    """Load a weights file; see `resolve` for what `source` may be. Raises UsageError and WeightsError."""
    path = resolve(source)
    with _open(path) as file:
        card = _card_of(path, file)
        names = set(file.keys())
        has_discriminator = any(name.startswith("discriminator.") for name in names)
        with torch.device("meta"):
            generator = Generator(card.model)
            discriminator = Discriminator(card.model) if has_discriminator else None
        wanted = {f"generator.{name}": tensor for name, tensor in generator.state_dict().items()}
        if discriminator is not None:
            wanted |= {f"discriminator.{name}": tensor for name, tensor in discriminator.state_dict().items()}
        _check_shapes(path, file, names, wanted)
        tensors = {name: _read(path, file, name) for name in sorted(wanted)}
    _assign(generator, tensors, "generator.")
    if discriminator is not None:
        _assign(discriminator, tensors, "discriminator.")
    return Weights(path, card, fingerprint(path), generator, discriminator)


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _open(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            start = file.read(9)
        size = int.from_bytes(start[:8], "little")
        if start[8:] != b"{":  # where its JSON header starts
            raise WeightsError(
                f"{path} is not a safetensors file",
                "checkpoints of other programs are brought in with: stargan export FILE.ckpt --to safetensors",
            )
        if size > MAX_HEADER_BYTES:
            raise WeightsError(f"{path} is not a stargan weights file: its header would be {size:,} bytes long")
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or not a safetensors file: {error}") from error
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror or error}") from error


def _card_of(path: Path, file: Any) -> Card:
    text = (file.metadata() or {}).get("stargan")
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
    tensor: Tensor = file.get_tensor(name)
    if not tensor.is_floating_point():
        raise WeightsError(f"{path} is refused: {name} holds {tensor.dtype}, not floating-point numbers")
    tensor = tensor.float()
    if not bool(torch.isfinite(tensor).all()):
        raise WeightsError(f"{path} is refused: {name} holds NaN or infinite numbers")
    return tensor


def _assign(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    module.load_state_dict(own, assign=True)
    module.eval().requires_grad_(False)
