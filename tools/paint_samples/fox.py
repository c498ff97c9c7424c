"""The portrait of a fox in autumn light: a ray-marched body under drawn fur."""

import numpy as np

from tools.paint_samples.fox_body import (
    BODY,
    EAR,
    EYE_HIGH,
    EYE_WIDE,
    HEAD_AT,
    IRIS,
    NOSE,
    POSE,
    eye_distance,
    eye_place,
    fox_field,
    head_parts,
    parts,
    to_head,
)
from tools.paint_samples.fox_coat import Coat
from tools.paint_samples.fur import Camera, Hairs, bokeh, draw_hairs
from tools.paint_samples.march import ambient_occlusion, march, normals, soft_shadow
from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    picture_shape,
    pixel_grid,
    rgb,
    shrink,
    smoothstep,
)
from tools.paint_samples.photo import develop

ASPECT = 0.8
CAMERA = Camera(np.array([0.0, 2.0, 13.0], np.float32), 4.1 / 13, ASPECT)
KEY = np.array([-0.55, 0.62, 0.56]) / np.linalg.norm([-0.55, 0.62, 0.56])
RIM = np.array([0.72, 0.45, -0.52]) / np.linalg.norm([0.72, 0.45, -0.52])


def light_on(normal: Array, tangent: Array, key_share: Array, open_sky: Array) -> Array:
    """Light (N, 3) that falls on hair: key, sky, the sun behind, and a sheen along the strands."""
    key = np.clip((normal @ KEY + 0.35) / 1.35, 0, 1) * key_share
    behind = np.clip((normal @ RIM + 0.25) / 1.25, 0, 1) ** 1.5 * open_sky
    edge = (1 - np.clip(normal[:, 2], 0, 1)) ** 2
    half = KEY + np.array([0, 0, 1])
    half /= np.linalg.norm(half)
    sheen = np.clip(1 - (tangent @ half) ** 2, 0, 1) ** 14 * key
    light = key[:, None] * np.array([2.0, 1.80, 1.52])
    light = light + (behind * (0.6 + 1.6 * edge))[:, None] * np.array([4.6, 3.0, 1.4])
    sky = open_sky * (0.6 + 0.4 * normal[:, 1])
    light = light + sky[:, None] * np.array([0.30, 0.35, 0.42])
    return np.asarray(light + 0.4 * sheen[:, None] * np.array([1.0, 0.95, 0.85]))


def grow(
    coat: Coat, p: Array, normal: Array, kind: Array, shares: Array, rng: np.random.Generator
) -> Hairs:
    """Hairs from roots on the skin."""
    count = len(p)
    lie = coat.lie(p, kind, normal)
    clump = coat.noise.fbm(9 * p[:, 0] + 4 * p[:, 2], 9 * p[:, 1], 3)[:, None]
    start = lie + (0.55 + 0.2 * clump) * normal + 0.16 * rng.standard_normal((count, 3))
    side = np.cross(lie, normal)
    end = (
        1.15 * lie
        + 0.10 * normal
        + 0.16 * rng.standard_normal((count, 3))
        + 0.45 * clump * side
        + [0, -0.30, 0]
    )
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    length = coat.length(p, kind, normal) * rng.uniform(0.6, 1.25, count) * (1 + 0.25 * clump[:, 0])
    color = coat.color(p + 0.02 * rng.standard_normal(p.shape), kind, normal)
    color = color * np.exp(
        0.20 * rng.standard_normal((count, 1)) + 0.04 * rng.standard_normal((count, 3))
    )
    tangent = (start + end) / np.linalg.norm(start + end, axis=1, keepdims=True)
    light = light_on(normal, tangent, *shares)
    bright = color * light * rng.uniform(0.8, 1.3, (count, 1))
    width = 0.0011 * rng.uniform(0.7, 1.3, count)
    # Hair lies over the hair toward which it is combed: from the nose back, from the neck down.
    from_nose = -np.linalg.norm(to_head(p) - np.array([0, -0.3, 1.3], np.float32), axis=1)
    order = np.select(
        [kind == BODY, kind == EAR], [p[:, 1] + p[:, 2], 100 - p[:, 1]], 200 + from_nose
    )
    return Hairs(
        p,
        start.astype(np.float32),
        end.astype(np.float32),
        length,
        width,
        0.42 * bright,
        1.12 * bright,
        order,
    )


def fox(size: int, seed: int) -> Array:
    """A fox looking out of the picture, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    coat = Coat(rng)
    x, y = pixel_grid(height, width)
    direction = CAMERA.rays(x, y).reshape(-1, 3)
    reach = march(fox_field, CAMERA.eye, direction, far=17.0, steps=70)
    hit = np.flatnonzero(np.isfinite(reach))
    p = (CAMERA.eye + reach[hit][:, None] * direction[hit]).astype(np.float32)
    normal = normals(fox_field, p, 0.012).astype(np.float32)
    kind = np.argmin(np.stack(parts(p)), axis=0)
    open_sky = ambient_occlusion(fox_field, p, normal, 0.5) * ambient_occlusion(
        fox_field, p, normal, 0.16
    )
    key_share = 0.15 + 0.85 * soft_shadow(
        fox_field, p + 0.10 * normal, KEY.astype(np.float32), 4.0, 0.25, 30
    )
    shares = np.stack([key_share * (0.5 + 0.5 * open_sky), open_sky])
    tints = np.stack(
        [rgb(c) ** 2.2 for c in ("#f0a840", "#c8641c", "#e8d070", "#8a9a3a", "#f8e0a0", "#5a7a3a")]
    )
    light = backdrop(coat.noise, rng, tints, 2 * height, 2 * width)
    skin = coat.color(p, kind, normal) * light_on(normal, normal, *shares) * 0.55
    wide = np.zeros((height * width, 3), np.float32)
    wide[hit] = skin
    mask = np.isin(np.arange(height * width), hit).reshape(height, width)
    double = np.repeat(np.repeat(wide.reshape(height, width, 3), 2, 0), 2, 1)
    light = np.where(np.repeat(np.repeat(mask, 2, 0), 2, 1)[..., None], double, light)
    h = to_head(p)
    furry = np.flatnonzero((kind != NOSE) & (eye_distance(h) > 1.25))
    roots = rng.choice(furry, int(380_000 * (size / 1024) ** 1.5))
    jitter = rng.uniform(-0.5, 0.5, (len(roots), 2)) * CAMERA.field * 12.5 / height
    spread = p[roots] + np.concatenate([jitter, np.zeros((len(roots), 1))], 1).astype(np.float32)
    hairs = grow(coat, spread.astype(np.float32), normal[roots], kind[roots], shares[:, roots], rng)
    draw_hairs(light, CAMERA, hairs)
    features(light, rng)
    return develop(shrink(light, 2), rng, exposure=0.62, bloom=0.10, vignette=0.45)


def backdrop(
    noise: Noise, rng: np.random.Generator, tints: Array, height: int, width: int
) -> Array:
    """An autumn wood, far out of focus."""
    x, y = pixel_grid(height, width)
    tone = 0.5 + 0.5 * noise.fbm(1.5 * x, 1.2 * y, 2)
    base = mix(
        rgb("#27361c") ** 2.2,
        rgb("#8a6a2a") ** 2.2,
        np.clip(tone + 0.35 * (x - 0.35) - 0.2 * (y - 0.5), 0, 1),
    )
    return np.asarray(0.9 * base + 0.35 * bokeh(rng, height, width, tints, 90)).astype(np.float32)


def features(light: Array, rng: np.random.Generator) -> None:
    """Eyes, nose and whiskers, drawn over the fur on linear light (2H, 2W, 3)."""
    height, width = light.shape[:2]
    x, y = pixel_grid(height, width)
    center, _ = CAMERA.project(HEAD_AT), None
    near = (np.abs(x - center[0]) < 0.22) & (np.abs(y - center[1]) < 0.2)
    direction = CAMERA.rays(x[near], y[near])
    reach = march(fox_field, CAMERA.eye, direction, far=17.0, steps=90)
    ok = np.isfinite(reach)
    p = (CAMERA.eye + np.where(ok, reach, 12.0)[:, None] * direction).astype(np.float32)
    normal = normals(fox_field, p, 0.006).astype(np.float32)
    h = to_head(p)
    lids = eye_distance(h)
    patch = light[near]
    rim = smoothstep(1.30, 1.12, lids) * ok
    patch = mix(patch, np.array([0.006, 0.004, 0.003]), rim)
    patch = mix(patch, eye_light(h, normal), smoothstep(1.03, 0.95, lids) * ok)
    nose = head_parts(h)[2]
    skin = nose_light(h, normal)
    patch = mix(patch, skin, smoothstep(0.03, 0.015, nose) * ok)
    light[near] = patch
    whiskers(light, rng)


def eye_light(h: Array, normal: Array) -> Array:
    u, v = eye_place(h)
    ex, ey = u * EYE_WIDE / IRIS, v * EYE_HIGH / IRIS
    r, angle = np.hypot(ex, ey), np.arctan2(ey, ex)
    fiber = 0.5 + 0.25 * np.sin(37 * angle + 6 * np.sin(5 * r)) + 0.25 * np.sin(23 * angle + 9 * r)
    iris = mix(
        rgb("#6a2f08") ** 2.2, rgb("#e89a28") ** 2.2, np.clip(1.25 - r + 0.35 * (fiber - 0.5), 0, 1)
    )
    iris = iris * (1.5 - 0.9 * ey)[:, None] * 0.9
    iris = mix(iris, np.array([0.02, 0.008, 0.003]), smoothstep(0.86, 1.02, r))
    pupil = smoothstep(1.0, 0.82, np.hypot(ex / 0.36, ey / 0.64))
    light = mix(iris, np.array([0.002, 0.002, 0.002]), pupil)
    light = light * (0.25 + 0.75 * smoothstep(1.0, 0.35, v + 0.45 * u * u))[:, None]
    glint = smoothstep(0.20, 0.13, np.hypot(ex + 0.30, (ey - 0.26) * 1.1))
    soft = 0.22 * smoothstep(0.55, 0.2, np.hypot(ex - 0.35, (ey + 0.35) * 1.4))
    return mix(light, np.array([2.6, 2.7, 2.9]), np.clip(glint + 0.12 * soft, 0, 1))


def nose_light(h: Array, normal: Array) -> Array:
    pores = 0.8 + 0.2 * np.sin(190 * h[:, 0]) * np.sin(190 * h[:, 1])
    nostril = smoothstep(0.040, 0.018, np.hypot((np.abs(h[:, 0]) - 0.062), (h[:, 1] + 0.318) * 1.4))
    half = KEY + np.array([0, 0, 1.0])
    half /= np.linalg.norm(half)
    gleam = np.clip(normal @ half, 0, 1)
    shine = 0.55 * gleam**60 + 0.16 * gleam**9 + 0.05 * np.clip(normal[:, 1], 0, 1)
    light = np.array([0.012, 0.010, 0.010]) * (0.6 + 0.9 * np.clip(normal @ KEY, 0, 1))[:, None]
    light = light + (shine * pores)[:, None] * np.array([0.55, 0.56, 0.6])
    return np.asarray(light * (1 - 0.92 * nostril)[:, None])


def whiskers(light: Array, rng: np.random.Generator) -> None:
    roots, starts, ends, lengths = [], [], [], []
    for side in (-1, 1):
        for k in range(11):
            h = np.array(
                [side * (0.13 + 0.02 * (k % 3)), -0.24 - 0.028 * (k // 3), 1.02 - 0.07 * (k % 4)]
            )
            roots.append(HEAD_AT + POSE @ h)
            way = POSE @ np.array([side, 0.12 - 0.09 * (k // 3) + rng.normal(0, 0.06), 0.15])
            starts.append(way / np.linalg.norm(way))
            ends.append(starts[-1] + np.array([0, -0.55, -0.2]))
            lengths.append(rng.uniform(0.55, 0.95))
    count = len(roots)
    tone = np.full((count, 3), 0.75) * rng.uniform(0.5, 1.2, (count, 1))
    draw_hairs(
        light,
        CAMERA,
        Hairs(
            np.array(roots, np.float32),
            np.array(starts, np.float32),
            np.array(ends, np.float32),
            np.array(lengths),
            np.full(count, 0.0013),
            tone,
            tone * 1.2,
            np.arange(count),
        ),
    )
