"""What a label changes in a face, as the faces of a data set that look most like it show.

Feature interpolation (Upchurch et al., CVPR 2017) with the pixels of aligned faces for features: among those like a
face some have a label and some have not, and the difference between both is what the face lacks. It is found by linear
regression on these neighbours, so that what the two differ in besides (light, pose, other labels) is not in it.
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

NEIGHBOURS = 500
"""So many with a label, and as many without, are looked at."""
AMONG = 30_000
"""They are looked for among at most so many pictures of a set."""
PATCHES = 16
"""A face is described by the mean colours of patches, so many side by side."""
COMPONENTS = 12
"""And these by so many principal components."""
RIDGE = 5.0
"""Of the regression, in neighbours."""
LIGHT, COLOUR = 0.7, 0.25
"""The light of every pixel changes by less than this, of 2 from black to white, and its colours besides."""
EYES = 0.5
"""This share of a change of the eyes' colour, though not of their light, goes: make-up ends beside them."""


class Neighbours:
    """The aligned faces of one data set, described once."""

    def __init__(self, pictures: CachedPictures, strengths: dict[str, float]) -> None:
        """`strengths`: the attributes that change as neighbours show, and how many times as much as they do."""
        labelled = pictures.labelled
        self.pictures = pictures
        self.chosen = torch.arange(0, len(pictures), -(-len(pictures) // AMONG))
        self.labels = labelled.labels[self.chosen].float()
        self.places = [labelled.label_set.attributes.index(name) for name in strengths]
        self.strengths = list(strengths.values())
        others = [place for place in range(self.labels.shape[1]) if place not in self.places]
        watched = [] if labelled.watched is None else [labelled.watched[self.chosen].float()]
        seen = [self._seen(rows) for rows in torch.split(torch.arange(len(self.chosen)), 256)]
        patches, self.mean, self.spread = (torch.cat(parts) for parts in zip(*seen, strict=True))
        self.middle = patches.mean(dim=0)
        variances, directions = torch.linalg.eigh((patches - self.middle).T.cov().double())
        self.components = directions[:, -COMPONENTS:].float()
        self.described = self._describe(patches)
        scaled = self.described / variances[-COMPONENTS:].clamp(min=1e-9).sqrt().float()
        self.besides = torch.cat([scaled, self.labels[:, others], *watched], dim=1)

    def changes(self, pictures: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        """Faces (n, 3, S, S) in [-1, 1], their labels and targets (n, k) -> what to add to each, of the same shape: 0
        beside the face, and where its target does not differ in what changes as neighbours show."""
        normal, _, spread = _normalised(pictures)
        described = self._describe(_patches(normal))
        change = torch.zeros_like(pictures)
        for row, (label, target) in enumerate(zip(labels, targets, strict=True)):
            label = label.clone()
            for place, strength in zip(self.places, self.strengths, strict=True):
                if label[place] != target[place]:
                    towards = strength * (target[place] - label[place])
                    change[row] += towards * self._difference(described[row], label, place)
                    label[place] = target[place]
        return _within(pictures, change * spread)

    def _seen(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each picture its patches, and the mean and the spread that it had."""
        picture, mean, spread = _normalised(self._pictures(rows))
        return _patches(picture), mean, spread

    def _describe(self, patches: Tensor) -> Tensor:
        described: Tensor = (patches - self.middle) @ self.components
        return described

    def _pictures(self, rows: Tensor) -> Tensor:
        return to_model(self.pictures.batch(self.chosen[rows])[0])

    def _difference(self, described: Tensor, label: Tensor, place: int) -> Tensor:
        """(3, S, S), of normalised pictures: what a label adds to faces described so, their other labels being as they
        are. 0 where no other face has it, or none lacks it."""
        away = (self.described - described).square().sum(dim=1)
        alike = [other for other in self.places if other != place]
        away = away.masked_fill((self.labels[:, alike] != label[alike]).any(dim=1), torch.inf)
        without, with_it = (self._nearest(away, self.labels[:, place] == value) for value in (0, 1))
        if not len(without) or not len(with_it):
            return torch.zeros(self.pictures.pixels.shape[1:])
        rows = torch.cat([without, with_it])
        shown = torch.cat([torch.zeros(len(without)), torch.ones(len(with_it))])
        weights = _of_the_last(self.besides[rows], shown) / self.spread[rows].flatten()
        of_the_pictures: Tensor = torch.einsum("n,nchw->chw", weights, self._pictures(rows))
        return of_the_pictures - torch.einsum("n,nchw->chw", weights, self.mean[rows])

    def _nearest(self, away: Tensor, those: Tensor) -> Tensor:
        """Which ones, of those that are not infinitely far away."""
        nearest = away.masked_fill(~those, torch.inf).topk(min(NEIGHBOURS, len(away)), largest=False)
        indices: Tensor = nearest.indices[nearest.values < torch.inf]
        return indices


class _Normalised(NamedTuple):
    """Faces (n, 3, S, S) of mean 0 in each colour and of spread 1, and what they had: (n, 3, 1, 1), (n, 1, 1, 1)."""

    picture: Tensor
    mean: Tensor
    spread: Tensor


def _normalised(pictures: Tensor) -> _Normalised:
    face = _face(pictures)
    mean = (pictures * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    variance = ((pictures - mean).square() * face).sum(dim=(2, 3), keepdim=True) / face.sum()
    spread = variance.mean(dim=1, keepdim=True).sqrt().clamp(min=1e-3)
    return _Normalised((pictures - mean) / spread, mean, spread)


def _patches(normal: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(normal * _face(normal), PATCHES).flatten(1)


def _face(pictures: Tensor) -> Tensor:
    return face_parts.soft(face_parts.OUTER_FACE, 1.25, 4, pictures)


def _of_the_last(others: Tensor, last: Tensor) -> Tensor:
    """Of a regression on `others` (m, k), held by `RIDGE`, and on `last` (m,): (m,), which times the values of what is
    explained give the coefficient of `last`."""
    others, last = others - others.mean(dim=0), last - last.mean()
    held = others.T @ others + RIDGE * torch.eye(others.shape[1])
    rest: Tensor = last - others @ torch.linalg.solve(held, others.T @ last)
    return rest / (rest @ last)


def _within(pictures: Tensor, change: Tensor) -> Tensor:
    """A change of the face alone, without what is behind it, of a strength and of colours that faces have."""
    _, skin, hair, behind = face_parts.distances(pictures)
    light, tint = LIGHT * torch.tanh(lightness(change) / LIGHT), COLOUR * torch.tanh(colour(change) / COLOUR)
    change = without_blue(pictures, light + (1 - EYES * face_parts.eyes(pictures)) * tint)
    beside = face_parts.is_behind(skin, hair, behind)
    within: Tensor = change * _face(pictures) * ~beside
    return within
