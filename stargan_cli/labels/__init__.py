"""What a generator can set: attributes and their layout, the words that people use for them, and target labels."""

from stargan_cli.labels.changes import Change, Value, parse_set, passes, require_said, target_label, unsaid
from stargan_cli.labels.layout import HAIR_COLOURS, LabelLayout, LabelSet, SourceLabels, with_hair_colours
from stargan_cli.labels.variants import Variant, each
from stargan_cli.labels.vocabulary import Vocabulary

__all__ = [
    "HAIR_COLOURS",
    "Change",
    "LabelLayout",
    "LabelSet",
    "SourceLabels",
    "Value",
    "Variant",
    "Vocabulary",
    "each",
    "parse_set",
    "passes",
    "require_said",
    "target_label",
    "unsaid",
    "with_hair_colours",
]
