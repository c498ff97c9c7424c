"""A canal between old houses in late light: a ray-marched town and its mirror in the water."""

import numpy as np

from tools.paint_samples.march import ambient_occlusion, march, normals, soft_shadow
from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    palette_lookup,
    picture_shape,
    pixel_grid,
    rgb,
    shrink,
    smoothstep,
)
from tools.paint_samples.photo import develop
from tools.paint_samples.town import HALF, HOUSE, QUAY, Town

ASPECT = 0.8
EYE = np.array([0.9, 2.6, 0.0])  # x right, y up, z along the canal; meters, the water at y = 0
FIELD = 1.06  # slope that the picture's height covers
HORIZON = 0.60
SUN = np.array([-0.62, 0.43, -0.60]) / np.linalg.norm([-0.62, 0.43, -0.60])
SUNLIGHT = np.array([3.5, 2.55, 1.62])
SKYLIGHT = np.array([0.50, 0.60, 0.80])
PLASTER = ["#c8643c", "#d9a25a", "#e6c796", "#b04a3a", "#d98e74", "#cfa66a", "#a8745a", "#e0b48a"]


def sky(noise: Noise, direction: Array) -> Array:
    """Light (N, 3) from the sky."""
    up = np.clip(direction[:, 1] / np.linalg.norm(direction, axis=1), 0, 1)
    clear = (
        palette_lookup(["#f3dcb4", "#cfd6d2", "#93b7d8", "#5c92c9", "#3d76b5"], (up / 0.75) ** 0.75)
        ** 2.0
    )
    px, py = direction[:, 0] / (up + 0.12), 1 / (up + 0.12)
    density = noise.fbm(0.9 * px + 5, 0.7 * py, 6, 0.52)
    lit = density - noise.fbm(0.9 * px + 4.75, 0.7 * py + 0.1, 6, 0.52)
    cloud = (
        np.array([0.62, 0.60, 0.66])
        + np.array([0.55, 0.45, 0.33]) * np.clip(0.45 + 1.3 * lit, 0, 1.3)[:, None]
    )
    return mix(clear * 1.1, cloud, 0.85 * smoothstep(0.0, 0.5, density + 0.1))


def albedo(town: Town, p: Array, normal: Array) -> tuple[Array, Array, Array]:
    """Linear color (N, 3), how far the point is glass (N,), and its own light (N, 3)."""
    part = np.argmin(np.stack(town.parts(p)), axis=0)
    noise = town.noise
    across = np.where(np.abs(normal[:, 0]) > 0.5, p[:, 2], p[:, 0])
    grime = noise.fbm(0.5 * across, 0.35 * p[:, 1], 6, 0.6)
    fine = noise.fbm(5 * across + p[:, 0], 5 * p[:, 1] + p[:, 2], 4, 0.6)
    stone = palette_lookup(["#6f6656", "#a2947a", "#cbbd9d"], 0.5 + 0.35 * grime + 0.25 * fine)
    course = np.floor(p[:, 1] / 0.42)
    joint = np.minimum(np.mod(p[:, 1], 0.42), np.mod(across + 0.45 * np.mod(course, 2), 0.9))
    stone = stone * (0.62 + 0.38 * smoothstep(0.01, 0.05, joint))[:, None]
    wood = palette_lookup(["#2a1d14", "#5a3d24", "#7d5a38"], 0.5 + 0.4 * fine)
    paint = np.where(
        (normal[:, 1] > 0.5) & (p[:, 1] < 0.56),
        1.0,
        np.where(p[:, 1] > 0.40 + 0.1 * fine, 0.0, 0.35),
    )
    boat = palette_lookup(["#23282c", "#2c5058", "#b03830"], paint)
    turn = np.mod(1.6 * p[:, 1] + np.arctan2(normal[:, 2], normal[:, 0]) / (2 * np.pi), 1) < 0.5
    stripe = np.where((p[:, 0] < 0)[:, None], rgb("#b02c2a"), rgb("#2a4c8c"))
    worn = 0.35 * smoothstep(-0.2, 0.6, fine)
    wood = mix(
        mix(np.where(turn[:, None], rgb("#e8e0d0"), stripe), wood, worn),
        rgb("#c8a04a"),
        p[:, 1] > 2.35,
    )
    base, glass, glow = house_color(town, p, normal, grime, fine)
    tower = mix(stone, rgb("#b86a4a"), (p[:, 1] < 22) & (p[:, 0] < 0) & (np.mod(p[:, 1], 6) > 0.5))
    copper = palette_lookup(["#3f6f66", "#6fa08c", "#8fb89c"], 0.5 + 0.5 * grime)
    tower = mix(tower, copper, (p[:, 1] > 16.4) & (p[:, 0] > -1) | (p[:, 1] > 22.6))
    color = np.select(
        [(part == k)[:, None] for k in range(6)],
        [base, stone * 0.8, stone * 1.05, tower, boat, wood],
    )
    glass, glow = glass * (part == 0), glow * (part == 0)[:, None]
    wet = smoothstep(0.75, 0.15, p[:, 1] + 0.25 * fine)
    color = mix(color, rgb("#2a3320"), 0.75 * wet * (part != 4))
    return color**2.2, glass, glow


def house_color(
    town: Town, p: Array, normal: Array, grime: Array, fine: Array
) -> tuple[Array, Array, Array]:
    _, row, number = town.houses(p)
    paint = palette_lookup(PLASTER, (town.paint[(number + 31 * row) % 64] % 8) / 7)
    damp = smoothstep(4.0, 1.0, p[:, 1] + 2.0 * grime)
    wall = paint * (0.93 + 0.16 * grime + 0.10 * fine)[:, None]
    wall = mix(wall, rgb("#9a8f80") * (0.9 + 0.3 * fine)[:, None], 0.7 * damp)
    bare = smoothstep(0.62, 0.75, grime + 0.35 * fine)
    brick = rgb("#9a5038") * (0.8 + 0.25 * (np.mod(p[:, 1], 0.16) > 0.03))[:, None]
    wall = mix(wall, brick, bare)
    tall = 3.15 * town.storeys[row, number % 64] + 1.4
    front = np.abs(p[:, 0]) - HALF - 1.3 - town.back[row, number % 64]
    tile = 0.75 + 0.14 * np.cos(2 * np.pi * p[:, 2] / 0.36) + 0.2 * fine
    roof = palette_lookup(["#6a3222", "#a85a38", "#c98058"], np.clip(tile - 0.3, 0, 1))
    wall = mix(wall, roof, (p[:, 1] > tall - 0.1) & (normal[:, 1] > 0.25) | (p[:, 1] > tall + 0.15))
    shutters = palette_lookup(
        ["#1f4a3c", "#2c5a6a", "#5a3a24", "#3c6a4a"], np.mod(number * 0.37 + row * 0.5, 1)
    )
    wy = np.mod(p[:, 1] - QUAY, 3.15) - 1.9
    slats = (0.8 + 0.2 * np.cos(2 * np.pi * p[:, 1] / 0.12))[:, None]
    blind = (front < -0.02) & (np.abs(wy) < 0.83) & (p[:, 1] > QUAY + 2.8) & (p[:, 1] < tall - 0.4)
    wall = mix(wall, shutters * slats, blind)
    ledge = (front < -0.02) & ~blind & (p[:, 1] < tall)
    wall = mix(wall, np.array([0.80, 0.76, 0.68]), ledge)
    u = np.mod(p[:, 2], HOUSE / 3) - HOUSE / 6
    pane = (front > 0.11) & (p[:, 1] < tall - 0.3)
    frame = (
        (np.abs(u) < 0.04) | (np.abs(wy - 0.15) < 0.035) | (np.abs(u) > 0.40) | (np.abs(wy) > 0.76)
    )
    wall = mix(wall, np.array([0.62, 0.58, 0.5]), pane & frame)
    window = (
        number * 41 + np.floor(p[:, 2] / (HOUSE / 3)) * 7 + np.floor((p[:, 1] - QUAY) / 3.15) * 13
    )
    leaves = palette_lookup(
        ["#1c3a1a", "#3f6a2a", "#6a8a3a", "#d8465a", "#f0a0b0"],
        np.clip(0.35 + 0.8 * town.noise(14 * p[:, 2], 14 * p[:, 1]), 0, 1),
    )
    potted = (
        town.flowered(row, p[:, 2], p[:, 1])
        & (front < -0.04)
        & (np.abs(wy + 0.72) < 0.24)
        & (np.abs(u) < 0.58)
    )
    wall = mix(wall, leaves, potted)
    lit = (town.lamp[row, window.astype(int) % 4096] > 0.72) & pane & ~frame
    glow = lit[:, None] * np.array([1.9, 0.95, 0.32]) * (0.75 + 0.35 * np.clip(-wy, -1, 1))[:, None]
    return mix(wall, np.array([0.10, 0.11, 0.13]), pane & ~frame), (pane & ~frame) * 1.0, glow


def surface_light(town: Town, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Light (N, 3) along rays that do not meet the water, and the distance it comes from."""
    reach = march(town, origin, direction, far=95)
    light = sky(town.noise, direction)
    hit = np.isfinite(reach)
    p = (origin + np.where(hit, reach, 0)[:, None] * direction)[hit]
    normal = normals(town, p, 0.004 + 0.0006 * reach[hit])
    color, glass, glow = albedo(town, p, normal)
    lifted = p + 0.03 * normal
    facing = np.clip(normal @ SUN.astype(np.float32), 0, 1)
    bright = facing > 0
    facing[bright] *= soft_shadow(town, lifted[bright], SUN.astype(np.float32), 40, 0.03)
    open_sky = ambient_occlusion(town, lifted, normal, 0.5) * ambient_occlusion(
        town, lifted, normal, 4.0
    )
    skyward = (0.55 + 0.45 * normal[:, 1]) * (0.35 + 0.65 * smoothstep(0, 9, p[:, 1]))
    bounce = np.array([0.34, 0.24, 0.15]) * (0.6 + 0.4 * smoothstep(14, 2, p[:, 1]))[:, None]
    seen = color * (
        facing[:, None] * SUNLIGHT + open_sky[:, None] * (skyward[:, None] * SKYLIGHT + bounce)
    )
    mirror = direction[hit] - 2 * (direction[hit] * normal).sum(1, keepdims=True) * normal
    grazing = (
        0.08
        + 0.5
        * (1 - np.abs((direction[hit] * normal).sum(1)) / np.linalg.norm(direction[hit], axis=1))
        ** 3
    )
    seen += (glass * grazing)[:, None] * sky(town.noise, mirror + np.array([0, 0.3, 0])) + glow
    depth = 1 - np.exp(-((reach[hit] / 110) ** 1.5))
    light[hit] = mix(seen, np.array([0.95, 0.80, 0.62]), 0.45 * depth)
    return light, reach


def view(x: Array, y: Array) -> Array:
    """Directions (N, 3) of the camera's rays through picture points."""
    across, up = (x - 0.5 * ASPECT) * FIELD, (HORIZON - y) * FIELD
    return np.stack([across, up, np.ones_like(x)], -1).reshape(-1, 3)


def canal(size: int, seed: int) -> Array:
    """A canal with a bridge and towers, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    town = Town(rng)
    x, y = pixel_grid(2 * height, 2 * width)
    direction = view(x, y)
    origin = np.broadcast_to(EYE.astype(np.float32), direction.shape)
    light, reach = surface_light(town, origin, direction)
    to_water = np.where(direction[:, 1] < 0, -EYE[1] / np.minimum(direction[:, 1], -1e-4), np.inf)
    wet = (to_water < reach).reshape(2 * height, 2 * width)
    # The ripples blur what they mirror, so a quarter of the rays is enough for the water.
    blocks = wet.reshape(height, 2, width, 2).any(axis=(1, 3))
    chosen = np.flatnonzero(blocks)
    x, y = pixel_grid(height, width)
    coarse = view(x, y)[chosen]
    mirrored = np.zeros((height * width, 3), np.float32)
    distance = -EYE[1] / np.minimum(coarse[:, 1], -1e-3)
    mirrored[chosen] = water_light(town, distance, coarse)
    mirrored = mirrored.reshape(height, 1, width, 1, 3)
    picture = light.reshape(height, 2, width, 2, 3)
    picture = np.where(wet.reshape(height, 2, width, 2, 1), mirrored, picture)
    picture = picture.reshape(2 * height, 2 * width, 3)
    return develop(shrink(picture, 2), rng, exposure=0.66)


def water_light(town: Town, distance: Array, direction: Array) -> Array:
    """Light from the canal: the town mirrored in small waves over green water."""
    p = (EYE + distance[:, None] * direction).astype(np.float32)
    noise = town.noise
    fade = np.minimum(1, 9 / distance)
    ripple_z = noise.fbm(0.8 * p[:, 0], 1.9 * p[:, 2], 4) * fade
    ripple_x = noise.fbm(0.9 * p[:, 0] + 9, 1.5 * p[:, 2] + 4, 3) * fade
    normal = np.stack([0.022 * ripple_x, np.ones_like(fade), 0.035 * ripple_z], -1).astype(
        np.float32
    )
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    inward = (direction * normal).sum(1, keepdims=True)
    mirror = (direction - 2 * inward * normal).astype(np.float32)
    mirror[:, 1] = np.abs(mirror[:, 1])
    light, _ = surface_light(town, p + 0.01 * normal, mirror)
    cosine = np.abs(inward[:, 0]) / np.linalg.norm(direction, axis=1)
    fresnel = 0.10 + 0.90 * (1 - cosine) ** 3.2
    return mix(np.broadcast_to(np.array([0.035, 0.065, 0.058]), light.shape), light, fresnel)
