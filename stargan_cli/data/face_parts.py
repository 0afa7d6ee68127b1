"""Which part of an aligned face a change leaves as it is.

Blond hair goes with light skin in most data sets, and long hair with women: a discriminator asks for lighter noses
wherever hair shall be blond, and for shadows beside the face wherever a man shall be a woman. What a change of hair
alone does to the face, a change of the face alone to what surrounds it, and any change to the eyes and to what is
behind, is held against the generator (`Objective.lambda_stay`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.data.images import lightness

# Ellipses in faces aligned as CelebA's: centre across and down, half axes; the picture goes from -1 to 1 both ways.
# From the brows to the chin; and a little more all around, with some of the forehead.
INNER_FACE = (0.0, 0.28, 0.40, 0.54)
OUTER_FACE = (0.0, 0.28, 0.48, 0.62)
FOREHEAD = (0.0, -0.15, 0.44, 0.55)  # or the fringe over it
EYES = ((-0.22, -0.135, 0.14, 0.08), (0.22, -0.135, 0.14, 0.08))
LIPS = (0.0, 0.42, 0.30, 0.15)
LIPSTICK = 0.5  # this share of a new hue of lips is free where gender changes
BELOW = 0.1  # from here down: cheeks, the hair beside them, neck
# Where skin and hair are that tell which colours they have.
MIDDLE = (0.0, 0.25, 0.25, 0.30)
ABOVE = (0.0, -0.88, 0.40, 0.10)
LIT = (0.8, 1.4)
"""How light a forehead is, at least and at most, beside the middle of the face: it shines, hair does not."""
UNLIKE = 0.1  # squared, of colours from -1 to 1: what is less far from hair or skin may be some of it

AROUND_THE_FACE = frozenset(
    {
        "Bald",
        "Bangs",
        "Black_Hair",
        "Blond_Hair",
        "Brown_Hair",
        "Gray_Hair",
        "Receding_Hairline",
        "Straight_Hair",
        "Wavy_Hair",
        "Wearing_Earrings",
        "Wearing_Hat",
        "Wearing_Necklace",
        "Wearing_Necktie",
    }
)
IN_BOTH = frozenset({"Attractive", "Blurry", "Chubby", "Pale_Skin", "Young"})
"""CelebA's attributes that show beside the face, and those that show there and in it; all others, and all classes of
folders, show in the face."""
BELOW_THE_EYES = frozenset(
    {
        "5_o_Clock_Shadow",
        "Big_Lips",
        "Big_Nose",
        "Chubby",
        "Double_Chin",
        "Goatee",
        "Mouth_Slightly_Open",
        "Mustache",
        "No_Beard",
        "Oval_Face",
        "Pointy_Nose",
        "Sideburns",
        "Wearing_Lipstick",
    }
)
AGE, GENDER = frozenset({"Young"}), frozenset({"Male"})
LEAVES_THE_EYES = AROUND_THE_FACE | BELOW_THE_EYES | AGE | GENDER
BARE = frozenset({"Bald", "Receding_Hairline"})
LESS_HAIR = BARE | GENDER
"""Where one of these is no longer to be seen, hair may grow over what is behind it."""
COVERED = frozenset({"Bangs", "Wearing_Hat", "Young"})
"""Where one of these is to be seen, a forehead need not stay bare."""
LIGHT_OR_DARK = frozenset({"Eyeglasses", "No_Beard", "Pale_Skin"})
"""What makes a face lighter or darker as a whole."""


def what_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S) in [-1, 1], their labels and targets (N, k) -> bool (N, 1, S, S): the face where nothing
    changes that shows there, its surroundings where nothing changes that shows in these, the eyes where nothing changes
    them, bare foreheads too unless hair or a hat is to cover them, and what is behind where no hair is to grow."""
    changed, gone, new = changes(labels, targets, attributes)
    every = frozenset(attributes)
    eyes_change = changed(every - LEAVES_THE_EYES)
    face, surroundings = ellipse(*INNER_FACE, pictures) < 1, ellipse(*OUTER_FACE, pictures) >= 1
    left, right = (ellipse(*eye, pictures) < 1 for eye in EYES)
    lit_skin, skin, hair, behind = distances(pictures)
    bare_forehead = (ellipse(*FOREHEAD, pictures) < 1) & (lit_skin < hair)
    return (
        face & planes(~changed(every - AROUND_THE_FACE))
        | (left | right) & planes(~eyes_change)
        | bare_forehead & planes(~(eyes_change | gone(BARE) | new(COVERED)))
        | surroundings & planes(~changed(AROUND_THE_FACE | IN_BOTH))
        | is_behind(skin, hair, behind) & planes(~gone(LESS_HAIR))
    )


def light_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S), their labels and targets (N, k) -> bool (N, 2, S, S): first the face, where it is to be as
    light as it was as a whole; then what is to be as light in every patch, which is the face where it gets older or a
    man's and nothing else changes in it, and, if it is no other gender's, what is beside and below it unless hair
    changes. What makes a face younger or a woman's takes shadows out of it."""
    changed, gone, new = changes(labels, targets, attributes)
    whole = ~changed(LIGHT_OR_DARK)
    patches = ~(changed(frozenset(attributes) - AROUND_THE_FACE - AGE - GENDER) | new(AGE) | gone(GENDER))
    inner, face = (ellipse(*part, pictures) < 1 for part in (INNER_FACE, OUTER_FACE))
    below = (line(pictures)[:, None] > BELOW) & planes(~changed(AROUND_THE_FACE))
    every_patch = inner | (face | below) & planes(~changed(GENDER))
    return torch.cat([face & planes(whole), every_patch & planes(patches)], dim=1)


def distances(pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How far the colours of (N, 3, S, S) are, squared, from the skin's in the middle of the face, in any light and as
    it is, from the hair's above it, and from that of the nearer of both upper corners: (N, 1, S, S) each."""
    skin, hair, left, right = _colours(pictures)
    from_skin, from_hair, from_left, from_right = (_square(pictures - colour) for colour in (skin, hair, left, right))
    return _from_lit(skin, pictures), from_skin, from_hair, torch.minimum(from_left, from_right)


def hair_above(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (N, 1, 1, 1), in [0, 1]: how sure it is that hair is what lies above the face, which is
    so if it looks neither like skin nor like the upper corners."""
    skin, hair, left, right = _colours(pictures)
    no_skin = (_square(hair - skin) - UNLIKE) / (2 * UNLIKE)
    not_behind = (torch.minimum(_square(hair - left), _square(hair - right)) - UNLIKE / 2) / (1.5 * UNLIKE)
    return no_skin.clamp(0, 1) * not_behind.clamp(0, 1)


def lightness_of_skin(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (N, 1, 1, 1), from 0 to 1: of the middle of the face."""
    return lightness(_mean(pictures, ellipse(*MIDDLE, pictures) < 1)) / 2 + 0.5


def on_skin(lit_skin: Tensor, hair: Tensor) -> Tensor:
    """Of `distances`: (N, 1, S, S), in [0, 1]: what has the colour of skin in some light rather than that of hair."""
    return around((lit_skin < hair).float(), 1)


def is_behind(skin: Tensor, hair: Tensor, behind: Tensor) -> Tensor:
    """Of `distances`: outside the face, what is so far from skin and hair, and so near to a corner, that it is behind a
    head."""
    far = torch.minimum(skin, hair) > (4 * behind).clamp(min=UNLIKE)
    return (ellipse(*OUTER_FACE, behind) >= 1) & far


def _colours(pictures: Tensor) -> list[Tensor]:
    """Of skin, hair, and the left and the right upper corner, (N, 3, 1, 1) each."""
    side = pictures.shape[-1]
    corner = torch.zeros(side, side, dtype=torch.bool, device=pictures.device)
    corner[: side // 6, : side // 8] = True
    middle, above = (ellipse(*part, pictures) < 1 for part in (MIDDLE, ABOVE))
    return [_mean(pictures, part) for part in (middle, above, corner, corner.flip(1))]


def _from_lit(colour: Tensor, pictures: Tensor) -> Tensor:
    colour, pictures = colour + 1, pictures + 1  # black is 0: light multiplies
    light = (pictures * colour).sum(dim=1, keepdim=True) / _square(colour).clamp(min=1e-6)
    return _square(pictures - light.clamp(*LIT) * colour)


def _mean(pictures: Tensor, part: Tensor) -> Tensor:
    return (pictures * part).sum(dim=(2, 3), keepdim=True) / part.sum().clamp(min=1)


def _square(colours: Tensor) -> Tensor:
    return colours.square().sum(dim=1, keepdim=True)


def soft_face(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (S, S), in [0, 1]: 1 in most of an aligned face, 0 beside it."""
    return soft(OUTER_FACE, 1, 2, pictures)


def full_face(pictures: Tensor) -> Tensor:
    """The same, 1 up to the edge of the face."""
    return soft(OUTER_FACE, 1.25, 4, pictures)


def forehead(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (S, S), in [0, 1]: 1 in the forehead, and below it down to the mouth."""
    return soft(FOREHEAD, 1.1, 5, pictures)


def without_hair(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (S, S), in [0, 1]: 1 in the middle of the face and in the eyes."""
    return 1 - (1 - soft(INNER_FACE, 1.0, 3, pictures)) * (1 - eyes(pictures))


def eyes(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (S, S), in [0, 1]: 1 in and around both eyes."""
    return torch.stack([soft(eye, 1.3, 3, pictures) for eye in EYES]).amax(dim=0)


def colour_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S), their labels and targets (N, k) -> (N, 1, S, S), in [0, 1]: the face, and the whole
    picture where nothing changes that shows around the face alone (hair)."""
    changed, _, _ = changes(labels, targets, attributes)
    return torch.maximum(soft_face(pictures), planes(~changed(AROUND_THE_FACE)).float())


def hue_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S), their labels and targets (N, k) -> (N, 1, S, S), in [0, 1]: the middle of the face and its
    skin, and the whole picture where no hair changes, though less of lips that are to be another gender's; nothing
    where more changes than hair, gender and age."""
    changed, _, _ = changes(labels, targets, attributes)
    lit_skin, _, hair, _ = distances(pictures)
    face = torch.maximum(on_skin(lit_skin, hair) * full_face(pictures), without_hair(pictures))
    stays = torch.where(planes(changed(AROUND_THE_FACE)), face, 1.0)
    lips = LIPSTICK * soft(LIPS, 1.2, 5, pictures) * planes(changed(GENDER))
    return stays * (1 - lips) * planes(~changed(frozenset(attributes) - AROUND_THE_FACE - AGE - GENDER))


def changes(labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> list[Callable[[frozenset[str]], Tensor]]:
    """Labels and targets (N, k) -> whether one of some names changes, is gone, and is new, (N,) each."""
    kinds = (labels != targets, labels > targets, labels < targets)
    return [partial(_any_of, kind, attributes) for kind in kinds]


def _any_of(changes: Tensor, attributes: Sequence[str], names: frozenset[str]) -> Tensor:
    """Of bool (N, k): whether one of `names` changes, (N,)."""
    return changes[:, [name in names for name in attributes]].any(dim=1)


def planes(of_pictures: Tensor) -> Tensor:
    """(N,) -> (N, 1, 1, 1)."""
    return of_pictures[:, None, None, None]


def ellipse(across: float, down: float, half_width: float, half_height: float, pictures: Tensor) -> Tensor:
    """(S, S): 0 in the centre, 1 on the line, more outside."""
    place = line(pictures)
    return ((place - across) / half_width).square() + ((place[:, None] - down) / half_height).square()


def soft(part: tuple[float, float, float, float], end: float, slope: float, pictures: Tensor) -> Tensor:
    """(S, S), in [0, 1]: 1 in an ellipse, whose line is 1, falling by `slope` to 0 where its line would be `end`."""
    return ((end - ellipse(*part, pictures)) * slope).clamp(0, 1)


def around(planes: Tensor, radius: int) -> Tensor:
    """(N, C, S, S) -> of each pixel the mean around it; the radius is in 64ths of the side."""
    pixels = max(1, round(radius * planes.shape[-1] / 64))
    return F.avg_pool2d(planes, 2 * pixels + 1, stride=1, padding=pixels, count_include_pad=False)


def line(pictures: Tensor) -> Tensor:
    """(S,): where the middle of each pixel is, from -1 to 1."""
    side = pictures.shape[-1]
    return (torch.arange(side, device=pictures.device) + 0.5) / side * 2 - 1
