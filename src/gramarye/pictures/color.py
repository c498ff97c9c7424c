"""The colors of one picture given to another (Gatys, Bethge, Hertzmann, Shechtman, 2016).

Images are (1, 3, H, W), of sRGB values in [0, 1], which are worked on as they are (gamma-encoded,
like the paper). What has a `clamp` leaves its result unclamped unless asked.
"""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import torch
from torch import Tensor

from gramarye.errors import ImageError, SettingsError, did_you_mean
from gramarye.matrices import symmetric_power
from gramarye.pictures.settings import ColorMethod

_PIXELS = 1 << 20  # worked on at a time

_ROUNDING = 1.01 / 255  # a level of 8 bits, and what float32 may add to it

# Y of YIQ, the space the paper takes its luminance from (ITU-R BT.601).
_LUMINANCE = (0.299, 0.587, 0.114)


def mean_and_covariance(image: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The mean (3,) and covariance (3, 3) of an image's colors over its pixels, in float64.

    By `weights` (1, 1, H, W), 0 or more, a pixel counts more or less than another.
    """
    if weights is not None:
        x = image[0].flatten(1)  # (3, H*W)
        return _weighted(x, weights.flatten().to(x.dtype))
    count = image.shape[-2] * image.shape[-1]
    # In one place: small tensors that stay would lie in the memory that parts give back, so that
    # none of it is large enough for the next part.
    sums = torch.empty((-(-count // _PIXELS), 3), dtype=torch.float64, device=image.device)
    for number, part in enumerate(_parts(image)):
        sums[number] = part.sum(dim=1, dtype=torch.float64)
    mean = sums.sum(0) / count
    total = torch.zeros(3, 3, dtype=torch.float64)
    for part in _parts(image):
        centered = part - mean.to(image.dtype)[:, None]
        total += (centered @ centered.mT).double().cpu()
    return mean, total.to(mean.device) / count


def _parts(image: Tensor) -> Iterator[Tensor]:
    """The pixels (3, N) of an image, some at a time: its rows may lie apart in memory."""
    width, count = image.shape[-1], image.shape[-2] * image.shape[-1]
    for first in range(0, count, _PIXELS):
        last = min(first + _PIXELS, count)
        top, bottom = first // width, -(-last // width)
        yield image[0, :, top:bottom].flatten(1)[:, first - top * width : last - top * width]


def _weighted(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of colors (3, N) that count by their weights (N,)."""
    parts = list(zip(torch.split(x, _PIXELS, dim=1), torch.split(weights, _PIXELS), strict=True))
    count = weights.sum(dtype=torch.float64)
    first = torch.stack([(part * w).sum(dim=1, dtype=torch.float64) for part, w in parts])
    mean = first.sum(dim=0) / count
    total = torch.zeros(3, 3, dtype=torch.float64)
    for part, w in parts:
        centered = part - mean.to(x.dtype)[:, None]
        total += (centered * w @ centered.mT).double().cpu()
    return mean, total.to(mean.device) / count


def match_color(
    image: Tensor,
    reference: Tensor,
    method: ColorMethod = "monge-kantorovich",
    *,
    weights: Tensor | None = None,
    reference_weights: Tensor | None = None,
    eps: float = 1e-5,
    clamp: bool = False,
    in_place: bool = False,
) -> Tensor:
    """`image` with the colors of `reference`: their mean and covariance, or each histogram.

    The first three methods are linear, x -> A (x - mean) + reference mean, and differ in A
    (`color_transform`). Variances under `eps`, in any direction of color, count as `eps`, so that
    flat pictures stay finite; the default is under one 8-bit level squared. With them, pixels may
    count by weights (1, 1, H, W), such as how opaque they are. By the linear methods the image may
    be written over, `in_place`.
    """
    if method not in get_args(ColorMethod):
        allowed = ", ".join(get_args(ColorMethod))
        hint = did_you_mean(str(method), get_args(ColorMethod))
        raise SettingsError(f"unknown color method '{method}': there are {allowed}{hint}")
    if method == "histogram":
        if weights is not None or reference_weights is not None:
            raise SettingsError("histograms are matched without weights: choose another method")
        return match_histogram(image, reference, clamp=clamp)
    mean, covariance = mean_and_covariance(image, weights)
    new_mean, new_covariance = mean_and_covariance(reference.to(image.device), reference_weights)
    a = color_transform(covariance, new_covariance, method, eps=eps)
    shift = new_mean - a @ mean
    matrix, shift = a.to(image.dtype), shift.to(image.dtype)[:, None, None]

    def moved(rows: Tensor) -> Tensor:
        colors = torch.einsum("ij,bjhw->bihw", matrix, rows).add_(shift)
        return colors.clamp_(0, 1) if clamp else colors

    return _by_rows(moved, image, out=image if in_place else None)


def color_transform(
    covariance: Tensor,
    new_covariance: Tensor,
    method: Literal["monge-kantorovich", "cholesky", "pca"],
    *,
    eps: float = 1e-5,
) -> Tensor:
    """The matrix A with A C A^T = C', for covariances C and C' (3, 3).

    - cholesky: A = L' L^-1 with C = L L^T (Hertzmann et al., Image Analogies, 2001);
    - pca: A = C'^1/2 C^-1/2 (Gatys et al., 2016, equation 3);
    - monge-kantorovich: A = C^-1/2 (C^1/2 C' C^1/2)^1/2 C^-1/2, of the three the one that
      moves colors least (Pitie and Kokaram, 2007).

    Gatys et al. add `eps` to the diagonals, which changes every variance a little; here only
    variances under `eps` are raised to it.
    """
    old, new = _raised(covariance, eps), _raised(new_covariance, eps)
    if method == "cholesky":
        factor, new_factor = torch.linalg.cholesky(old), torch.linalg.cholesky(new)
        a: Tensor = torch.linalg.solve_triangular(factor, new_factor, upper=False, left=False)
        return a  # the solution of A L = L'
    root, inverse_root = symmetric_power(old, 0.5), symmetric_power(old, -0.5)
    if method == "pca":
        return symmetric_power(new, 0.5) @ inverse_root
    return inverse_root @ symmetric_power(root @ new @ root, 0.5) @ inverse_root


def match_histogram(image: Tensor, reference: Tensor, *, clamp: bool = False) -> Tensor:
    """`image` with each channel's values distributed as in `reference`, whatever their sizes.

    The k-th smallest value becomes the k-th quantile of the reference. Equal values share the
    mean of their quantiles, so flat areas stay flat and the mean is exact; without ties the
    distribution is.
    """
    channels = [
        _match_values(channel, target)
        for channel, target in zip(image[0], reference[0].to(image.device), strict=True)
    ]
    matched = torch.stack(channels)[None]  # (1, 3, H, W)
    return matched.clamp(0, 1) if clamp else matched


def luminance(image: Tensor) -> Tensor:
    """(1, 1, H, W), the Y of YIQ: 0.299 R + 0.587 G + 0.114 B of the encoded values."""
    weights = image.new_tensor(_LUMINANCE)[:, None, None]
    return (image * weights).sum(dim=1, keepdim=True)


def match_luminance(
    image: Tensor,
    reference: Tensor,
    weights: Tensor | None = None,
    reference_weights: Tensor | None = None,
) -> Tensor:
    """`image` (1, 3, H, W) in gray, with the mean and deviation of the reference's luminance.

    Gatys et al. (2016, equation 10), before a transfer in luminance only: L' = (L - m) s'/s + m'.
    A flat image keeps no more than the mean. Clamped to [0, 1].
    """
    mean, variance = luminance_moments(image, weights)
    new_mean, new_variance = luminance_moments(reference.to(image.device), reference_weights)
    scale = (new_variance / variance.clamp_min(_ROUNDING**2)).sqrt()
    matched = (luminance(image) - mean) * scale + new_mean
    return matched.to(image.dtype).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def luminance_moments(image: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance of the luminance, from those of the colors."""
    mean, covariance = mean_and_covariance(image, weights)
    toward = mean.new_tensor(_LUMINANCE)
    return toward @ mean, toward @ covariance @ toward


def is_gray(image: Tensor) -> bool:
    """Whether the channels are equal everywhere, but for a level of rounding to 8 bits."""
    return float((image.amax(dim=1) - image.amin(dim=1)).amax()) <= _ROUNDING


def grayed(image: Tensor) -> Tensor:
    """The image (B, 3, H, W) without color: its luminance in all channels."""
    return luminance(image).expand(-1, 3, -1, -1).contiguous()


def keep_content_color(result: Tensor, content: Tensor, *, clamp: bool = False) -> Tensor:
    """The luminance of `result` with the chroma (the I and Q of YIQ) of `content`.

    Y enters R, G and B alike (the first column of the inverse YIQ matrix is all ones), so
    exchanging the luminance is adding the difference to every channel.
    """
    if result.shape[-2:] != content.shape[-2:]:
        height, width = result.shape[-2:]
        raise ImageError(
            f"the result is {width} x {height} and the content {content.shape[-1]} x "
            f"{content.shape[-2]}: resize one to the other to keep the content's colors"
        )

    def colored(here: Tensor, there: Tensor) -> Tensor:
        colors = there + (luminance(here) - luminance(there))
        return colors.clamp_(0, 1) if clamp else colors

    return _by_rows(colored, result, content)


def _by_rows(function: Callable[..., Tensor], *images: Tensor, out: Tensor | None = None) -> Tensor:
    """A function of pixels on some rows at a time: a large image has no copies but the result.

    `out` may be one of the images.
    """
    out = torch.empty_like(images[-1]) if out is None else out
    rows = max(1, _PIXELS // images[-1].shape[-1])
    parts = (torch.split(image, rows, dim=-2) for image in images)
    for into, *part in zip(torch.split(out, rows, dim=-2), *parts, strict=True):
        into.copy_(function(*part))
    return out


def _raised(covariance: Tensor, eps: float) -> Tensor:
    """The matrix whose eigenvalues are those of `covariance`, but none under `eps`."""
    floor = eps * torch.eye(3, dtype=covariance.dtype, device=covariance.device)
    above = covariance - floor
    # max(x, y) = (x + y + |x - y|) / 2, and |A| is the root of A^2.
    return (covariance + floor + symmetric_power(above @ above, 0.5)) / 2


def _match_values(channel: Tensor, target: Tensor) -> Tensor:
    """(H, W) values redistributed as the (H', W') target's."""
    _, inverse, counts = torch.unique(channel, return_inverse=True, return_counts=True)
    # The sum of the target's n smallest values, for n = 0, 1, ...; linear in between.
    sums = target.flatten().double().sort().values.cumsum(0)
    sums = torch.cat([sums.new_zeros(1), sums])  # (H'*W' + 1,)
    last = counts.cumsum(0).double() * target.numel() / channel.numel()
    lower = last.floor().long().clamp(max=target.numel() - 1)
    up_to = sums[lower] + (last - lower) * (sums[lower + 1] - sums[lower])
    share = torch.diff(last, prepend=last.new_zeros(1))
    means = torch.diff(up_to, prepend=up_to.new_zeros(1)) / share
    matched: Tensor = means.to(channel.dtype)[inverse]
    return matched
