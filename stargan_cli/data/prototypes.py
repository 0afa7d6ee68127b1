"""What a label changes in a face: the difference between the mean faces of those that have it and that have it not.

Prototypes (Rowland & Perrett, IEEE CG&A 1995) of aligned faces, by linear regression on all of a data set: what both
differ in besides (light, pose, other labels) is not in it, and it goes with the light and pose of a face.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.data import face_parts
from stargan_cli.data.cache import CachedPictures
from stargan_cli.data.images import colour, lightness, to_model
from stargan_cli.data.stains import without_blue

AMONG = 30_000
"""At most so many pictures of a set are looked at."""
PATCHES = 16
"""A face is described by the mean colours of patches, so many side by side."""
COMPONENTS = 8
"""And these by so many principal components: most of light and pose."""
FARTHEST = 1.5
"""No face counts as farther from the mean than so many standard deviations of a component."""
RIDGE = 0.02
"""Of the regression, in faces for each face."""
LIGHT, COLOUR = 0.7, 0.2
"""The light of every pixel changes by less than this, of 2 from black to white, and its colours besides."""
EYES = 0.5
"""This share of a change of the eyes' colour, though not of their light, goes: make-up ends beside them."""


class Prototypes:
    """Of one data set of aligned faces."""

    def __init__(self, pictures: CachedPictures, strengths: dict[str, float]) -> None:
        """`strengths`: the attributes that change so, and how many times the difference."""
        labelled = pictures.labelled
        self.pictures = pictures
        self.chosen = torch.arange(0, len(pictures), -(-len(pictures) // AMONG))
        self.labels = labelled.labels[self.chosen].float()
        self.places = [labelled.label_set.attributes.index(name) for name in strengths]
        self.strengths = list(strengths.values())
        others = [place for place in range(self.labels.shape[1]) if place not in self.places]
        watched = [] if labelled.watched is None else [labelled.watched[self.chosen].float()]
        self.others = torch.cat([self.labels[:, others], *watched], dim=1)
        patches = torch.cat([_patches(_normalised(self._pictures(rows)).picture) for rows in self._parts()])
        self.middle = patches.mean(dim=0)
        variances, directions = torch.linalg.eigh((patches - self.middle).T.cov().double())
        self.components = (directions / variances.clamp(min=1e-9).sqrt())[:, -COMPONENTS:].float()
        self.described = self._describe(patches)
        self.found: dict[tuple[int, tuple[float, ...]], Tensor] = {}

    def changes(self, pictures: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        """Faces (n, 3, S, S) in [-1, 1], their labels and targets (n, k) -> what to add to each, of the same shape: 0
        beside the face, and where its target does not differ in what changes so."""
        normal, spread = _normalised(pictures)
        described = _with_one(self._describe(_patches(normal)))
        change = torch.zeros_like(pictures)
        for row, (label, target) in enumerate(zip(labels, targets, strict=True)):
            label = label.clone()
            for place, strength in zip(self.places, self.strengths, strict=True):
                if label[place] != target[place]:
                    towards = strength * (target[place] - label[place])
                    change[row] += towards * torch.einsum("p,pchw->chw", described[row], self._difference(label, place))
                    label[place] = target[place]
        return _within(pictures, change * spread)

    def _difference(self, label: Tensor, place: int) -> Tensor:
        """(1 + COMPONENTS, 3, S, S), of normalised pictures: what a label adds to the mean face, and how much more to a
        face one standard deviation from it in each component, other labels that change so being as they are. 0 where
        nobody has it, or nobody lacks it."""
        alike = [other for other in self.places if other != place]
        key = place, tuple(label[alike].tolist())
        if key not in self.found:
            self.found[key] = self._regression((self.labels[:, alike] == label[alike]).all(dim=1), place)
        return self.found[key]

    def _regression(self, those: Tensor, place: int) -> Tensor:
        shown, described, others = self.labels[those, place], self.described[those], self.others[those]
        size = self.pictures.pixels.shape[1:]
        if not 0 < shown.sum() < len(shown):
            return torch.zeros(1 + COMPONENTS, *size)
        half = shown - 0.5  # so that a component alone is what it is between both
        explaining = torch.cat([_with_one(described) * half[:, None], described, others - others.mean(dim=0)], dim=1)
        explaining = _with_one(explaining)
        held = explaining.T @ explaining + RIDGE * len(shown) * _all_but_first_two(explaining.shape[1])
        sums = torch.zeros(explaining.shape[1], size[0] * size[1] * size[2])
        rows = those.nonzero()[:, 0]
        for part, weights in zip(torch.split(rows, 256), torch.split(explaining, 256), strict=True):
            sums += weights.T @ _normalised(self._pictures(part)).picture.flatten(1)
        coefficients: Tensor = torch.linalg.solve(held, sums)
        return coefficients[1 : 2 + COMPONENTS].view(-1, *size)

    def _describe(self, patches: Tensor) -> Tensor:
        described: Tensor = (patches - self.middle) @ self.components
        return described.clamp(-FARTHEST, FARTHEST)

    def _parts(self) -> tuple[Tensor, ...]:
        return torch.split(torch.arange(len(self.chosen)), 256)

    def _pictures(self, rows: Tensor) -> Tensor:
        return to_model(self.pictures.batch(self.chosen[rows])[0])


class _Normalised(NamedTuple):
    """Faces (n, 3, S, S) of mean 0 in each colour and of spread 1, and the spread that they had (n, 1, 1, 1)."""

    picture: Tensor
    spread: Tensor


def _normalised(pictures: Tensor) -> _Normalised:
    face = _face(pictures)
    mean = (pictures * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    variance = ((pictures - mean).square() * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    spread = variance.mean(dim=1, keepdim=True).sqrt().clamp(min=1e-3)
    return _Normalised((pictures - mean) / spread, spread)


def _patches(normal: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(normal * _face(normal), PATCHES).flatten(1)


def _face(pictures: Tensor) -> Tensor:
    return face_parts.soft(face_parts.OUTER_FACE, 1.25, 4, pictures)


def _with_one(columns: Tensor) -> Tensor:
    """(n, k) -> (n, 1 + k): ones before it."""
    return F.pad(columns, (1, 0), value=1.0)


def _all_but_first_two(count: int) -> Tensor:
    """The identity without the mean face and the label itself, which nothing holds to 0."""
    return torch.diag((torch.arange(count) >= 2).float())


def _within(pictures: Tensor, change: Tensor) -> Tensor:
    """A change of the face alone, without what is behind it, of a strength and of colours that faces have."""
    _, skin, hair, behind = face_parts.distances(pictures)
    light, tint = LIGHT * torch.tanh(lightness(change) / LIGHT), COLOUR * torch.tanh(colour(change) / COLOUR)
    change = without_blue(pictures, light + (1 - EYES * face_parts.eyes(pictures)) * tint)
    within: Tensor = change * _face(pictures) * ~face_parts.is_behind(skin, hair, behind)
    return within
