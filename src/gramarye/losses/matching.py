"""Style losses that look for the nearest of the style's features: REMD, nearest neighbors, MRF.

All of them are exact on a grid: features are averaged over square cells until there are few enough
of them for every one to be compared with every one, the same cells in every step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.maps_loss import Map, Maps, MapsDistance, at_least_half, cells

POINTS = 1024  # hypercolumns of a picture; Kolkin et al. (2019) draw about as many
POSITIONS = 4096  # of a picture where the nearest are looked for: 64 x 64 (Kolkin et al. 2022)
ROWS = 512  # of the matrix of all pairs at a time
LEAST = 1e-12  # under a root or a division


def relaxed_earth_mover(
    styles: Sequence[Maps], shares: Sequence[float], weights: Mapping[str, float]
) -> MapsDistance:
    """max(mean_i min_j c_ij, mean_j min_i c_ij), c the cosine distance of the image's and the
    style's hypercolumns (Kolkin, Salavon, Shakhnarovich 2019).

    A hypercolumn is a position's features at all the layers one under the other. The paper draws a
    thousand positions anew in each step and reads the features there; ours are the means of at most
    1024 cells. A layer counts in the cosine by its weight, in units of its own mean square, where
    the paper's count as large as they are. Its moment and palette terms are not included:
    `remd=1,covariance=1` has the first.
    """
    scales = {
        layer: (weight / mean_square([maps[layer] for maps in styles], shares)) ** 0.5
        for layer, weight in weights.items()
    }

    def columns(maps: Maps) -> tuple[Tensor, Tensor]:
        """Hypercolumns of length 1 (B, D, N), and which of them count."""
        parts = [scales[layer] * maps[layer].features for layer in scales]
        finest = max(parts, key=lambda part: part.shape[-1] * part.shape[-2])
        _, grid = cells(finest.shape[2:], POINTS)
        x = torch.cat([resampled(part, *grid).flatten(2) for part in parts], dim=1)
        layer = next(iter(scales))
        mask = maps[layer].weights
        chosen = torch.ones(x.shape[2], dtype=torch.bool, device=x.device)
        if mask is not None:
            chosen = at_least_half(resampled(mask.to(x.dtype), *grid))
        return unit(x), chosen

    targets, counts = [], []
    for maps, share in zip(styles, shares, strict=True):
        found, chosen = columns(maps)
        kept = found[0][:, chosen]
        if share and kept.shape[1]:
            targets.append(kept)
            counts.append(kept.new_full((kept.shape[1],), share / kept.shape[1]))
    target, count = torch.cat(targets, dim=1), torch.cat(counts)
    count = count / count.sum()

    def distance(maps: Maps) -> Tensor:
        found, chosen = columns(maps)
        cost = 1 - found[:, :, chosen].mT @ target.to(found.dtype)  # (B, N, M)
        ours, theirs = cost.amin(2).mean(1), cost.amin(1) @ count.to(cost.dtype)
        return torch.maximum(ours, theirs).clamp_min(0)

    return distance


def nearest(
    styles: Sequence[Maps], shares: Sequence[float], weights: Mapping[str, float]
) -> MapsDistance:
    """mean_i min_j c_ij, c the cosine distance of features from which the style's mean has been
    taken (the "feature splitting" of Kolkin et al. 2022).

    Each feature is drawn to the one of the style's that is nearest now, layer by layer, as in the
    paper's last phase; its earlier ones choose by all layers and by the content. The paper takes
    each picture's own mean away; we take the style's from both, so that the loss is zero where the
    image's features are all the style's. Styles that count nothing are left out, others are pooled.
    """
    (layer,) = weights
    kept = [
        maps[layer].pooled(POSITIONS) for maps, share in zip(styles, shares, strict=True) if share
    ]
    pool = torch.cat([m.features[0].flatten(1)[:, m.chosen()] for m in kept], dim=1)  # (C, M)
    mean = pool.mean(1, keepdim=True)
    target = unit((pool - mean)[None])

    def distance(maps: Maps) -> Tensor:
        here = maps[layer].pooled(POSITIONS)
        x = here.features.flatten(2)[:, :, here.chosen()]
        x, y = unit(x - mean.to(x.dtype)), target[0].to(x.dtype)
        matched = y[:, best_match(x, y)].transpose(0, 1)  # (B, C, N)
        return (1 - (x * matched).sum(1)).mean(1).clamp_min(0)

    return distance


def patches(
    styles: Sequence[Maps], shares: Sequence[float], weights: Mapping[str, float]
) -> MapsDistance:
    """mean_i |P_i - Q_i|^2 over 3 x 3 patches of features, Q_i the style's patch with the highest
    normalized correlation with P_i (Li and Wand 2016), divided by the patch's size.

    The paper sums over patches and searches anew in each step, as here. Patches are taken at every
    second position, of features averaged to at most 64 x 64 cells; the paper's style is also turned
    and scaled. Where there is a mask, the patch's middle decides; of one that has no middle, the
    patches that it touches count.
    """
    (layer,) = weights

    def cut(found: Map) -> Tensor:
        """Patches (B, 9 C, N) that count."""
        here = found.pooled(POSITIONS)
        height, width = here.features.shape[2:]
        border = (0, max(0, 3 - width), 0, max(0, 3 - height))  # of maps smaller than a patch
        parts = F.unfold(F.pad(here.features, border, mode="replicate"), 3, stride=2)
        middle = here.chosen().view(1, 1, height, width).to(parts.dtype)
        inside = F.unfold(F.pad(middle, border, mode="replicate"), 3, stride=2)[0] > 0  # (9, N)
        chosen = inside[4] if inside[4].any() else inside.any(0)
        return parts[:, :, chosen] if chosen.any() else parts

    target = torch.cat(
        [cut(maps[layer])[0] for maps, share in zip(styles, shares, strict=True) if share], dim=1
    )
    directions = unit(target[None])[0]

    def distance(maps: Maps) -> Tensor:
        found = cut(maps[layer])
        best = best_match(found, directions.to(found.dtype))  # whatever the patch's own length
        chosen = target[:, best].to(found.dtype).transpose(0, 1)  # (B, 9 C, N)
        return (found - chosen).square().mean((1, 2))

    return distance


@torch.no_grad()
def best_match(x: Tensor, y: Tensor) -> Tensor:
    """Which column of y (D, M) has the largest inner product with each of x (B, D, N): (B, N)."""
    parts = [(part.mT @ y).argmax(2) for part in torch.split(x, ROWS, dim=2)]
    return torch.cat(parts, dim=1)


def unit(x: Tensor) -> Tensor:
    """Columns (B, D, N) of length 1; one of zeros stays so."""
    return x / (x.square().sum(1, keepdim=True) + LEAST).sqrt()


def mean_square(maps: Sequence[Map], shares: Sequence[float]) -> float:
    """E|f|^2 over the positions of several maps, by what each counts."""
    squares = [float(m.features.square().sum(1).mean()) for m in maps]
    found = sum(share * square for share, square in zip(shares, squares, strict=True))
    return max(found / sum(shares), LEAST)


def resampled(x: Tensor, height: int, width: int) -> Tensor:
    """Means of cells where there are more positions, the nearest where there are fewer."""
    return F.adaptive_avg_pool2d(x, (height, width))
