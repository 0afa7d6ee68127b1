"""The options of `stargan eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA, CLASSIFIERS, NETWORKS, RESULT, MACHINE = "Data", "Classifiers", "What is compared", "Result", "Machine"

LimitOption = Annotated[
    int | None,
    typer.Option(
        min=1, help="Measure at most so many test pictures; fitting: training pictures.", rich_help_panel=DATA
    ),
]
FastOption = Annotated[
    bool, typer.Option("--fast", help="A quick look: 150 test pictures, single changes alone.", rich_help_panel=DATA)
]
AtOption = Annotated[
    str,
    typer.Option(
        help="Translate the data set's squares, or as translate does: find the face, put the change into the photo.",
        metavar="square|source",
        rich_help_panel=DATA,
    ),
]
ClassifierOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="A classifier's file; repeat it. Two of different networks count as a change what both read. "
        "By default all those of the data set in the cache folder.",
        metavar="FILE",
        rich_help_panel=CLASSIFIERS,
    ),
]
FitOption = Annotated[
    bool,
    typer.Option(
        "--fit-classifier",
        help="Measure nothing: fine-tune a classifier on the real training pictures, into --classifier.",
        rich_help_panel=CLASSIFIERS,
    ),
]
NetworkOption = Annotated[
    str,
    typer.Option(
        help="Fitting: efficientnet-lite0 to -lite2, resnet18, or a network of timm's, if that is installed.",
        metavar="NAME",
        rich_help_panel=CLASSIFIERS,
    ),
]
InitOption = Annotated[
    Path | None,
    typer.Option(
        help="Fitting: ImageNet weights of that network (a state dict) to start from, instead of its package's.",
        metavar="FILE",
        rich_help_panel=CLASSIFIERS,
    ),
]
EpochsOption = Annotated[int, typer.Option(min=1, help="Fitting: epochs at most.", rich_help_panel=CLASSIFIERS)]
SizeOption = Annotated[
    int,
    typer.Option(min=32, max=1024, help="Fitting: side of its pictures in pixels.", rich_help_panel=CLASSIFIERS),
]
FeaturesOption = Annotated[
    str,
    typer.Option(
        help="Distances to real pictures by the features of this network; inception gives FID and KID.",
        metavar="efficientnet-lite0|inception|classifier|none",
        rich_help_panel=NETWORKS,
    ),
]
InceptionOption = Annotated[
    Path | None,
    typer.Option(help="Weights of FID's Inception network.", metavar="FILE", rich_help_panel=NETWORKS),
]
LpipsOption = Annotated[
    bool,
    typer.Option("--lpips", help="LPIPS (VGG-16) of source and result too.", rich_help_panel=NETWORKS),
]
IdentityOption = Annotated[
    Path | None,
    typer.Option(
        help="An ONNX face embedding (ArcFace) to compare persons with. By default dlib's, if that is installed, "
        "else the classifier's features.",
        metavar="FILE",
        rich_help_panel=NETWORKS,
    ),
]
BaselineOption = Annotated[
    str | None,
    typer.Option(help="Other weights to compare with, picture by picture.", metavar="WEIGHTS", rich_help_panel=RESULT),
]
MinAccuracyOption = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Exit with 1 where fewer single changes than this succeed.", rich_help_panel=RESULT
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Folder for a report with contact sheets.", metavar="DIR", rich_help_panel=RESULT),
]
PicturesOption = Annotated[
    bool,
    typer.Option(
        "--pictures",
        help="Every picture that was measured as PNG, and a table, into --out.",
        rich_help_panel=RESULT,
    ),
]
RecordOption = Annotated[
    Path | None,
    typer.Option(
        help="Write a copy of the weights whose header holds the result, for stargan info.",
        metavar="FILE",
        rich_help_panel=RESULT,
    ),
]
BatchOption = Annotated[int, typer.Option(min=1, help="Pictures at once.", rich_help_panel=MACHINE)]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="auto, fp32, bf16 or fp16. Measuring: fp32 if not given; fitting: auto.", rich_help_panel=MACHINE
    ),
]
