"""The options of `stargan eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.completion import WEIGHTS, attribute_names, one_of
from stargan_cli.cli.options import DIR, FILE
from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES
from stargan_cli.settings import DATA, MACHINE

CLASSIFIERS, NETWORKS, RESULT = "Classifiers", "What is compared", "Result"

LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Measures at most this many test pictures; with --fit-classifier, fits on at most this many training "
        "pictures, and takes an equal share of the other parts.",
        rich_help_panel=DATA,
    ),
]
FastOption = Annotated[
    bool,
    typer.Option("--fast", help="Measures 150 test pictures and single changes only.", rich_help_panel=DATA),
]
AtOption = Annotated[
    str,
    typer.Option(
        help="square translates the data set's squares; source works as translate does: finds the face and puts the "
        "change into the photo.",
        **one_of("square", "source"),
        rich_help_panel=DATA,
    ),
]
ClassifierOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="File of a classifier. Repeat it for several: a change then counts if all of them read it. "
        "By default all classifiers of this data set in the user's cache folder (not --cache).",
        rich_help_panel=CLASSIFIERS,
        **FILE,
    ),
]
FitOption = Annotated[
    bool,
    typer.Option(
        "--fit-classifier",
        help="Fine-tunes a classifier on the real training pictures, and measures nothing. Writes it to --classifier, "
        "by default into the user's cache folder (not --cache).",
        rich_help_panel=CLASSIFIERS,
    ),
]
AttributesOption = Annotated[
    str | None,
    typer.Option(
        "--attrs",
        help="With --fit-classifier: CelebA's attributes that the classifier learns. By default "
        f"{', '.join(DEFAULT_ATTRIBUTES)}.",
        metavar="NAME,NAME,…",
        autocompletion=attribute_names,
        rich_help_panel=CLASSIFIERS,
    ),
]
NetworkOption = Annotated[
    str,
    typer.Option(
        help="With --fit-classifier: its network, efficientnet-lite0 to -lite2, resnet18, or one of timm's if that is "
        "installed.",
        metavar="NAME",
        autocompletion=lambda: ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2", "resnet18"],
        rich_help_panel=CLASSIFIERS,
    ),
]
InitOption = Annotated[
    Path | None,
    typer.Option(
        help="With --fit-classifier: ImageNet weights of the network (a state dict) to start from. By default those of "
        "its package.",
        rich_help_panel=CLASSIFIERS,
        **FILE,
    ),
]
EpochsOption = Annotated[
    int, typer.Option(min=1, help="With --fit-classifier: epochs at most.", rich_help_panel=CLASSIFIERS)
]
SizeOption = Annotated[
    int,
    typer.Option(
        min=32, max=1024, help="With --fit-classifier: side of its pictures (px).", rich_help_panel=CLASSIFIERS
    ),
]
FeaturesOption = Annotated[
    str,
    typer.Option(
        help="Network whose features measure the distance to real pictures; inception gives FID and KID, none leaves "
        "it out.",
        **one_of("efficientnet-lite0", "inception", "classifier", "none"),
        rich_help_panel=NETWORKS,
    ),
]
InceptionOption = Annotated[
    Path | None,
    typer.Option(help="Weights of FID's Inception network.", rich_help_panel=NETWORKS, **FILE),
]
LpipsOption = Annotated[
    bool,
    typer.Option("--lpips", help="Also measures LPIPS (VGG-16) between source and result.", rich_help_panel=NETWORKS),
]
IdentityOption = Annotated[
    Path | None,
    typer.Option(
        help="ONNX face embedding (such as ArcFace) that tells whether the person stays. By default dlib's if that is "
        "installed, else the classifier's features.",
        rich_help_panel=NETWORKS,
        **FILE,
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option(help="Other weights to compare with, picture by picture.", rich_help_panel=RESULT, **WEIGHTS),
]
MinAccuracyOption = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Exits with 1 if a smaller share of single changes succeeds.", rich_help_panel=RESULT
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Writes a report with contact sheets into this folder.", rich_help_panel=RESULT, **DIR),
]
PicturesOption = Annotated[
    bool,
    typer.Option(
        "--pictures",
        help="Also writes every measured picture as PNG, and tables of them, into --out.",
        rich_help_panel=RESULT,
    ),
]
RecordOption = Annotated[
    Path | None,
    typer.Option(
        help="Writes a copy of the weights with the result in its header, for stargan info. Replaces only an earlier "
        "copy of the same weights.",
        rich_help_panel=RESULT,
        **FILE,
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(min=1, help="Pictures in a batch. By default 16; with --fit-classifier, 64.", rich_help_panel=MACHINE),
]
EvalPrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="Number type of the networks. By default fp32; with --fit-classifier, auto.",
        **one_of("auto", "fp32", "bf16", "fp16"),
        rich_help_panel=MACHINE,
    ),
]
