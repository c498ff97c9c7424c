"""The body of a fox, as signed distances: head, ears, nose and trunk."""

import numpy as np

from tools.paint_samples.noise import Array

HEAD_AT = np.array([0.02, 2.22, 0.55], np.float32)
HEAD, EAR, NOSE, BODY = range(4)
EYE_WIDE, EYE_HIGH, IRIS = 0.17, 0.118, 0.138


def turned(yaw: float, roll: float, pitch: float) -> Array:
    """Rotation matrix whose columns are the head's right, up and forward."""
    cy, sy, cr, sr, cp, sp = (
        np.cos(yaw),
        np.sin(yaw),
        np.cos(roll),
        np.sin(roll),
        np.cos(pitch),
        np.sin(pitch),
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return np.asarray(about_y @ about_z @ about_x, dtype=np.float32)


POSE = turned(-0.30, 0.07, 0.06)


def smooth_min(a: Array, b: Array, k: float) -> Array:
    h = np.clip(0.5 + 0.5 * (b - a) / k, 0, 1)
    return np.asarray(b + (a - b) * h - k * h * (1 - h))


def smooth_max(a: Array, b: Array, k: float) -> Array:
    return -smooth_min(-a, -b, k)


def ellipsoid(
    p: Array, center: tuple[float, float, float], radii: tuple[float, float, float]
) -> Array:
    q = (p - np.array(center, np.float32)) / np.array(radii, np.float32)
    return np.asarray((np.linalg.norm(q, axis=-1) - 1) * min(radii))


def round_cone(
    p: Array, a: tuple[float, float, float], b: tuple[float, float, float], ra: float, rb: float
) -> Array:
    start, axis = np.array(a, np.float32), np.array(b, np.float32) - np.array(a, np.float32)
    t = np.clip((p - start) @ axis / (axis @ axis), 0, 1)
    return np.asarray(
        np.linalg.norm(p - start - t[..., None] * axis, axis=-1) - (ra + (rb - ra) * t)
    )


def ear_axes(h: Array) -> tuple[Array, Array, Array]:
    """Coordinates up along the ear, across it and before it; both ears at once."""
    q = np.stack([np.abs(h[..., 0]), h[..., 1], h[..., 2]], -1) - np.array(
        [0.40, 0.38, -0.16], np.float32
    )
    up = q @ np.array([0.27, 0.96, -0.06], np.float32)
    wide = q @ np.array([0.92, -0.27, -0.30], np.float32)
    deep = q @ np.array([0.27, 0.02, 0.96], np.float32)
    return up, wide, deep


def ear_half_width(up: Array) -> Array:
    t = np.clip(up / 1.02, -0.3, 1)
    return np.asarray(0.43 * np.sqrt(np.clip(1.0 - t, 0, 1)) * (0.62 + 0.38 * (1 - t)) + 0.02)


def ear_place(h: Array) -> tuple[Array, Array]:
    """Height along the ear and place across it, -1 at the inner edge, 1 at the outer."""
    up, wide, _ = ear_axes(h)
    return up, wide / ear_half_width(up)


def ear(h: Array) -> Array:
    """A pointed shell, hollow before; both ears at once."""
    up, wide, deep = ear_axes(h)
    half = ear_half_width(up)
    t = np.clip(up / 1.02, -0.3, 1)
    shell = np.abs(deep - 0.55 * wide * wide / half + 0.09 * (1 - t)) - 0.05 * (1.2 - t)
    edge = np.maximum(np.abs(wide) - half, np.maximum(up - 1.02, -0.3 - up))
    return np.asarray(0.6 * smooth_max(shell, edge, 0.05))


def head_parts(h: Array) -> tuple[Array, Array, Array]:
    """Distances to skull with muzzle, to the ears and to the nose, in the head's own axes."""
    m = np.stack([np.abs(h[..., 0]), h[..., 1], h[..., 2]], -1)
    skull = ellipsoid(h, (0, 0.08, -0.05), (0.70, 0.58, 0.66))
    skull = smooth_min(skull, ellipsoid(m, (0.48, -0.13, -0.02), (0.38, 0.25, 0.36)), 0.25)
    skull = smooth_min(skull, round_cone(h, (0, -0.06, 0.42), (0, -0.35, 1.20), 0.335, 0.15), 0.20)
    skull = smooth_min(skull, round_cone(h, (0, -0.32, 0.32), (0, -0.505, 1.02), 0.22, 0.085), 0.05)
    skull = smooth_min(
        skull, round_cone(m, (0.16, 0.26, 0.50), (0.40, 0.30, 0.36), 0.09, 0.10), 0.15
    )
    socket = ellipsoid(m, (0.325, 0.08, 0.66), (0.15, 0.10, 0.12))
    skull = -smooth_min(-skull, socket, 0.09)
    ball = np.linalg.norm(m - np.array([0.30, 0.08, 0.465], np.float32), axis=-1) - 0.18
    skull = np.minimum(skull, ball)
    nose = ellipsoid(h, (0, -0.285, 1.325), (0.135, 0.105, 0.09))
    return skull, ear(h), nose


def body(p: Array) -> Array:
    neck = round_cone(p, (0, 1.80, 0.05), (0, 0.9, 0.0), 0.70, 0.92)
    chest = ellipsoid(p, (0, 0.35, 0.12), (1.02, 1.2, 0.85))
    back = ellipsoid(p, (0, -0.3, -0.5), (1.35, 1.4, 1.1))
    return smooth_min(smooth_min(neck, chest, 0.3), back, 0.4)


def to_head(p: Array) -> Array:
    return np.asarray((p - HEAD_AT) @ POSE)


def parts(p: Array) -> list[Array]:
    skull, ears, nose = head_parts(to_head(p))
    return [skull, ears, nose, body(p)]


def fox_field(p: Array) -> Array:
    skull, ears, nose, trunk = parts(p)
    return np.minimum(smooth_min(smooth_min(skull, ears, 0.10), trunk, 0.22), nose)


def eye_place(h: Array) -> tuple[Array, Array]:
    """Coordinates in the opening of the nearer eye: 0 in its middle, the lids at distance 1."""
    side = np.sign(h[..., 0])
    u, v = (np.abs(h[..., 0]) - 0.315), h[..., 1] - 0.085
    u, v = u * 0.97 + v * 0.25, v * 0.97 - u * 0.25
    return side * u / EYE_WIDE, v / EYE_HIGH


def eye_distance(h: Array) -> Array:
    """Below 1 inside the almond between the lids; large behind the face."""
    u, v = eye_place(h)
    almond = np.abs(v) + 0.92 * u * u
    return np.where(h[..., 2] > 0.3, almond, 9.0)
