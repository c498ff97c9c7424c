"""Ray marching of signed distance fields (Hart, 1996), and the soft light that goes with it."""

from collections.abc import Callable

import numpy as np

from tools.paint_samples.noise import Array

Field = Callable[[Array], Array]
CHUNK = 40_000  # rays whose numbers fit in the processor's cache


def march(field: Field, origin: Array, direction: Array, far: float, steps: int = 140) -> Array:
    """Distance (N,) to the surface along rays (N, 3), infinite where there is none before `far`."""
    origin = np.broadcast_to(origin, direction.shape)
    found = np.full(len(direction), np.inf, np.float32)
    for start in range(0, len(direction), CHUNK):
        rays = np.arange(start, min(start + CHUNK, len(direction)))
        travelled: Array = np.full(len(rays), 0.02, np.float32)
        for _ in range(steps):
            gap = field(origin[rays] + travelled[:, None] * direction[rays])
            hit = gap < 0.0006 * travelled + 0.0002
            found[rays[hit]] = travelled[hit]
            go_on = ~hit & (travelled < far)
            rays, travelled = rays[go_on], travelled[go_on] + gap[go_on]
            if not len(rays):
                break
    return found


def normals(field: Field, points: Array, step: Array | float) -> Array:
    """Unit normals (N, 3) from the corners of a tetrahedron."""
    total = np.zeros_like(points)
    step = np.broadcast_to(np.asarray(step, np.float32), points.shape[:1])[:, None]
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        toward = np.array(corner, np.float32)
        total += toward * in_chunks(field, points + step * toward)[:, None]
    return np.asarray(total / (np.linalg.norm(total, axis=-1, keepdims=True) + 1e-9))


def in_chunks(field: Field, points: Array) -> Array:
    """The field at points (N, 3), a cache-sized piece at a time."""
    pieces = [field(points[i : i + CHUNK]) for i in range(0, len(points), CHUNK)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def soft_shadow(
    field: Field, points: Array, toward: Array, far: float, softness: float, steps: int = 28
) -> Array:
    """Share (N,) of a light of angular size `softness` that reaches each point."""
    share = np.ones(len(points), np.float32)
    for start in range(0, len(points), CHUNK):
        rays = np.arange(start, min(start + CHUNK, len(points)))
        travelled = np.full(len(rays), 0.03, np.float32)
        for _ in range(steps):
            gap = field(points[rays] + travelled[:, None] * toward)
            share[rays] = np.minimum(
                share[rays], np.clip(0.5 + 0.5 * gap / (softness * travelled), 0, 1)
            )
            go_on = (share[rays] > 0.005) & (travelled < far)
            rays = rays[go_on]
            travelled = travelled[go_on] + np.clip(
                gap[go_on], 0.02 + 0.01 * travelled[go_on], far / 8
            )
            if not len(rays):
                break
    return np.asarray(share * share * (3 - 2 * share))


def ambient_occlusion(field: Field, points: Array, normal: Array, reach: float) -> Array:
    """Share (N,) of the sky that nearby surfaces leave open, from probes along the normal."""
    hidden = np.zeros(len(points), np.float32)
    for k in range(1, 4):
        distance = reach * k / 3
        gap = in_chunks(field, points + distance * normal)
        hidden += np.clip(distance - gap, 0, distance) / distance * 0.85 * 0.55**k
    return np.asarray(np.clip(1 - 0.85 * hidden, 0, 1))
