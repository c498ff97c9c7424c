"""Regions of content and styles that belong together: those of one color in label pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.errors import InputError
from gramarye.inputs.kinds import laid_over, number_of
from gramarye.pictures.labels import Color, Labels, distance, show_color
from gramarye.units import counted

LISTED = 6  # colors in a message


@final
@dataclass(frozen=True)
class Regions:
    """The content's regions that have a counterpart in a style, and where each picture has them.

    `places` are by picture (`content`, `style/0`), for every color the number of that label in the
    picture's own labels, or None where it has no such region.
    """

    colors: tuple[Color, ...]
    labels: Mapping[str, Labels]
    places: Mapping[str, tuple[int | None, ...]]
    notes: tuple[str, ...] = ()

    def masks(self, name: str, bring: Callable[[Tensor], Tensor]) -> Tensor:
        """Where a picture has each region (1, R, H, W): a label's pixels as `bring` resizes them.

        One after the other: at a picture's own size, all of them take several times its memory.
        """
        index = self.labels[name].index
        found = [
            None if place is None else bring((index == place).float())
            for place in self.places[name]
        ]
        like = next(mask for mask in found if mask is not None)
        return torch.cat([torch.zeros_like(like) if m is None else m for m in found], 1)


def unpainted(regions: Regions, weights: Sequence[float]) -> list[str]:
    """A note on regions whose counterparts are all in styles of weight 0; none without weights."""
    counts = [places for name, places in regions.places.items() if counted_style(name, weights)]
    left = [c for n, c in enumerate(regions.colors) if all(places[n] is None for places in counts)]
    if not left:
        return []
    return [
        f"only styles of weight 0 have {shown(left)} of content-regions: no style is painted there"
    ]


def counted_style(name: str, weights: Sequence[float]) -> bool:
    """Whether a picture is a style that counts; all do where there are no weights."""
    if name == "content":
        return False
    number = number_of(name)
    return number >= len(weights) or weights[number] > 0


def pair_regions(content: Labels, styles: Mapping[str, Labels]) -> Regions:
    """The regions of equal colors; InputError if there is none.

    Colors are equal where they are nearer to each other than the labels of either picture are
    apart: JPEG may have moved them a little. A region without counterpart gets a note.
    """
    places: dict[str, tuple[int | None, ...]] = {}
    for name, labels in styles.items():
        places[name] = tuple(counterpart(color, labels, content) for color in content.colors)
    paired = [
        number
        for number in range(len(content.colors))
        if any(found[number] is not None for found in places.values())
    ]
    if not paired:
        there = {color for labels in styles.values() for color in labels.colors}
        raise InputError(
            "no region of the content has a counterpart: content-regions has "
            f"{shown(content.colors)} and style-regions {shown(sorted(there))}; paint what belongs "
            "together in one color"
        )
    chosen = {name: tuple(found[number] for number in paired) for name, found in places.items()}
    return Regions(
        tuple(content.colors[number] for number in paired),
        {"content": content, **{n: labels for n, labels in styles.items() if any_of(chosen[n])}},
        {"content": tuple(paired), **{n: found for n, found in chosen.items() if any_of(found)}},
        (*notes_of(content, styles, paired, places),),
    )


def any_of(places: tuple[int | None, ...]) -> bool:
    return any(place is not None for place in places)


def counterpart(color: Color, labels: Labels, content: Labels) -> int | None:
    """The label of a style that is of the content's color and of no other of its colors."""
    number = min(range(len(labels.colors)), key=lambda i: distance(color, labels.colors[i]))
    near = labels.colors[number]
    if min(content.colors, key=lambda other: distance(near, other)) != color:
        return None
    return number if distance(color, near) <= min(labels.apart, content.apart) else None


def notes_of(
    content: Labels,
    styles: Mapping[str, Labels],
    paired: list[int],
    places: Mapping[str, tuple[int | None, ...]],
) -> list[str]:
    """What a user may not expect of regions without counterpart, and of such as are too small."""
    notes = []
    alone = [color for i, color in enumerate(content.colors) if i not in paired]
    if alone:
        shares = {
            c: float((content.index == content.colors.index(c)).float().mean()) for c in alone
        }
        which = ", ".join(f"{show_color(c)} ({shares[c]:.1%})" for c in alone[:LISTED])
        notes.append(f"no style has a region {which} of content-regions: no style is painted there")
    for name, labels in styles.items():
        used = {place for place in places[name] if place is not None}
        spare = [color for i, color in enumerate(labels.colors) if i not in used]
        if spare:
            notes.append(
                f"{shown(spare)} of {laid_over(name, 'regions')} is nowhere in content-regions: "
                "that part of the style is left out"
            )
    for name, labels in {"content": content, **styles}.items():
        if labels.small:
            notes.append(
                f"{shown(labels.small)} covers less than a thousandth of "
                f"{laid_over(name, 'regions')}, too little for a region: it counts as what is "
                "around it"
            )
    return notes


def shown(colors: Mapping[Color, object] | tuple[Color, ...] | list[Color]) -> str:
    """`#000000, #ff0000`, or the first of them and how many there are."""
    listed = [show_color(color) for color in colors]
    if len(listed) <= LISTED:
        return ", ".join(listed)
    return f"{', '.join(listed[:LISTED])} and {counted(len(listed) - LISTED, 'other')}"
