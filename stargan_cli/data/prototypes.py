"""What a label changes in a face: the difference between the mean faces of those that have it and that have it not.

Prototypes (Rowland & Perrett, IEEE CG&A 1995) of aligned faces, by linear regression on all of a data set: what both
differ in besides (light, pose, other labels) is not in it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.data import face_parts
from stargan_cli.data.cache import CachedPictures
from stargan_cli.data.images import colour, lightness, to_model
from stargan_cli.data.skin import in_other_light
from stargan_cli.data.stains import without_blue

AMONG = 30_000
"""At most so many pictures of a set are looked at."""
PATCHES = 16
"""A face is described by the mean colours of patches, so many side by side."""
COMPONENTS = 12
"""And these by so many principal components: most of light and pose."""
RIDGE = 0.01
"""Of the regression, in faces for each face."""
LIGHT, COLOUR = 0.3, 0.12
"""The light of every pixel changes by less than this, of 2 from black to white, and its colours besides."""
SKIN = 0.5
"""The colours of a face whose skin is darker than this, of 1, change by so much less."""
EYES = 0.7
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
        parts = torch.split(torch.arange(len(self.chosen)), 256)
        patches = torch.cat([_patches(_normalised(self._pictures(rows)).picture) for rows in parts])
        middle = patches.mean(dim=0)
        variances, directions = torch.linalg.eigh((patches - middle).T.cov().double())
        components = (directions / variances.clamp(min=1e-9).sqrt())[:, -COMPONENTS:].float()
        described = (patches - middle) @ components
        self.besides = torch.cat([described, self.labels[:, others], *watched], dim=1)
        self.found: dict[tuple[int, tuple[float, ...]], Tensor] = {}

    def changes(self, pictures: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        """Faces (n, 3, S, S) in [-1, 1], their labels and targets (n, k) -> what to add to each, of the same shape: 0
        beside the face, and where its target does not differ in what changes so."""
        change = torch.zeros_like(pictures)
        now = labels.clone()
        for place, strength in zip(self.places, self.strengths, strict=True):
            steps = strength * (targets[:, place] - now[:, place])
            alike = [other for other in self.places if other != place]
            for others in {tuple(row) for row in now[steps != 0][:, alike].tolist()}:
                those = (now[:, alike] == torch.tensor(others, device=now.device)).all(dim=1)
                difference = self._difference(place, alike, others).to(change.device)
                change += face_parts.planes(steps * those) * difference
            now[:, place] = targets[:, place]
        return _within(pictures, change * _normalised(pictures).spread)

    def _difference(self, place: int, alike: list[int], others: tuple[float, ...]) -> Tensor:
        """(3, S, S), of normalised pictures: what a label adds to a face whose other labels that change so, at `alike`,
        are `others`. 0 where nobody has it, or nobody lacks it."""
        key = place, others
        if key not in self.found:
            self.found[key] = self._regression((self.labels[:, alike] == torch.tensor(others)).all(dim=1), place)
        return self.found[key]

    def _regression(self, those: Tensor, place: int) -> Tensor:
        shown, besides = self.labels[those, place], self.besides[those]
        size = self.pictures.pixels.shape[1:]
        if not 0 < shown.sum() < len(shown):
            return torch.zeros(size)
        weights = _of_the_last(besides - besides.mean(dim=0), shown - shown.mean())
        sums = torch.zeros(size)
        for rows, some in zip(torch.split(those.nonzero()[:, 0], 256), torch.split(weights, 256), strict=True):
            sums += torch.einsum("n,nchw->chw", some, _normalised(self._pictures(rows)).picture)
        return sums

    def _pictures(self, rows: Tensor) -> Tensor:
        return to_model(self.pictures.batch(self.chosen[rows])[0])


class _Normalised(NamedTuple):
    """Faces (n, 3, S, S) of mean 0 in each colour and of spread 1, and the spread that they had (n, 1, 1, 1)."""

    picture: Tensor
    spread: Tensor


def _normalised(pictures: Tensor) -> _Normalised:
    face = face_parts.full_face(pictures)
    mean = (pictures * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    variance = ((pictures - mean).square() * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    spread = variance.mean(dim=1, keepdim=True).sqrt().clamp(min=1e-3)
    return _Normalised((pictures - mean) / spread, spread)


def _patches(normal: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(normal * face_parts.full_face(normal), PATCHES).flatten(1)


def _of_the_last(others: Tensor, last: Tensor) -> Tensor:
    """Of a regression on `others` (m, k), held by `RIDGE`, and on `last` (m,), both of mean 0: (m,), which times the
    values of what is explained give the coefficient of `last`."""
    held = others.T @ others + RIDGE * len(others) * torch.eye(others.shape[1])
    rest: Tensor = last - others @ torch.linalg.solve(held, others.T @ last)
    return rest / (rest @ last)


def _within(pictures: Tensor, change: Tensor) -> Tensor:
    """A change of the face alone, without what is behind it, of a strength and of colours that faces have."""
    _, skin, hair, behind = face_parts.distances(pictures)
    light, tint = LIGHT * torch.tanh(lightness(change) / LIGHT), COLOUR * torch.tanh(colour(change) / COLOUR)
    tint = tint * (1 - EYES * face_parts.eyes(pictures)) * (face_parts.lightness_of_skin(pictures) / SKIN).clamp(max=1)
    change = without_blue(pictures, in_other_light(pictures, light) + tint)
    within: Tensor = change * face_parts.full_face(pictures) * ~face_parts.is_behind(skin, hair, behind)
    return within
