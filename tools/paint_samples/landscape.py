"""A mountain lake in the evening: a height field drawn column by column, and its reflection."""

import numpy as np

from tools.paint_samples.noise import (
    Array,
    Noise,
    mix,
    palette_lookup,
    picture_shape,
    pixel_grid,
    sample,
    shrink,
    smoothstep,
)
from tools.paint_samples.photo import develop
from tools.paint_samples.spruce import framing_trees
from tools.paint_samples.terrain import STONES_END, Terrain

ASPECT = 1.5
EYE = 0.62  # height of the camera above the water; the far shore is some nine units away
FIELD = 0.80  # slope that the picture's height covers
HORIZON = 0.56  # where the horizon lies in the picture, from the top
SUN = np.array([-0.80, 0.36, 0.30]) / np.linalg.norm([-0.80, 0.36, 0.30])  # x right, y up, z away
SUNLIGHT = np.array([3.6, 2.35, 1.35])
SKYLIGHT = np.array([0.30, 0.42, 0.66])
NEAR, FAR = 1.2, 46.0
ROCK = ["#3a332e", "#6b6058", "#8d7f70"]
GRASS = ["#3d4420", "#75702f", "#a58a45"]
WOOD = ["#101c14", "#1c3020", "#2c4424", "#4c5426", "#a8822c"]
GRANITE = ["#2e2f33", "#6d6e70", "#a3a19b"]


def render_land(
    terrain: Terrain, height: int, width: int, eye: float, near: float = NEAR, far: float = FAR
) -> tuple[Array, Array]:
    """Light (H, W, 3) and distance (H, W), infinite where nothing is, seen from `eye`."""
    count = max(200, int(2.0 * height * np.log(far / near) / np.log(FAR / NEAR)))
    z = np.geomspace(near, far, count).astype(np.float32)
    slope_x = ((np.arange(width) + 0.5) / height - 0.5 * width / height) * FIELD
    x = slope_x[:, None].astype(np.float32) * z  # (W, Z)
    z2 = np.broadcast_to(z, x.shape)
    ground = terrain.bare(x, z2)
    density = terrain.forest(x, z2, ground)
    trees, tints = terrain.trees(x, z2, density)
    surface = ground + trees
    surface = np.where(surface < 0, -1, surface)
    slopes = np.maximum.accumulate((surface - eye) / z, axis=1)
    rows = HORIZON - (np.arange(height) + 0.5) / height  # up
    hit = np.empty((height, width), np.int64)
    for column in range(width):
        hit[:, column] = np.searchsorted(slopes[column], rows * FIELD)
    seen = hit < count
    index = np.minimum(hit, count - 1)
    if eye > 0 or far == STONES_END:  # what lies under water hides nothing
        seen &= rows[:, None] * FIELD * z[index] + eye > 0
    index = index[seen]
    place = (np.nonzero(seen)[1], index)
    light = np.zeros((height, width, 3), np.float32)
    light[seen] = shade(terrain, x[place], z[index], surface[place], ground[place], tints[place])
    distance = np.full((height, width), np.inf, np.float32)
    distance[seen] = z[index]
    return light, distance


def land_color(
    terrain: Terrain, x: Array, z: Array, ground: Array, steep: Array, tint: Array, is_tree: Array
) -> Array:
    """Linear color of rock, grass, snow, trees and the stones before the camera."""
    noise = terrain.noise
    rock = palette_lookup(ROCK, 0.5 + 0.4 * noise.fbm(2 * x, 2 * z, 5))
    grass = palette_lookup(GRASS, 0.5 + 0.5 * noise.fbm(1.5 * x, 1.5 * z, 4))
    grows = smoothstep(0.62, 0.8, steep) * smoothstep(3.2, 1.8, ground)
    color = mix(rock, grass, grows) ** 2
    line = ground + 0.9 * noise.fbm(0.9 * x, 0.9 * z, 4)
    snow = smoothstep(2.9, 4.0, line) * smoothstep(0.42, 0.62, steep)
    color = mix(color, np.array([0.85, 0.87, 0.9]), snow)
    tone = tint + 0.35 * noise.fbm(0.7 * x, 0.7 * z, 3) + 0.1 * noise(9 * x, 9 * z)
    wood = palette_lookup(WOOD, np.clip(0.95 * tone, 0, 1)) ** 2.2
    wood = wood * (1.5 + 0.9 * noise.fbm(28 * x, 28 * z, 3))[..., None]
    color = mix(color, np.clip(wood, 0, 1), is_tree)
    grain = noise.fbm(14 * x, 14 * z, 5, 0.7)
    granite = palette_lookup(GRANITE, np.clip(0.5 + 0.45 * grain, 0, 1)) ** 2
    lichen = smoothstep(0.1, 0.5, noise.fbm(9 * x, 9 * z, 5))
    granite = mix(granite, np.array([0.15, 0.17, 0.07]), 0.75 * lichen)
    return np.where((z < STONES_END)[..., None], granite, color)


def shade(terrain: Terrain, x: Array, z: Array, top: Array, ground: Array, tint: Array) -> Array:
    """Light from the land at (x, z), through the air between."""
    step = 0.012 * z / 8 + 0.004
    dx = (terrain.bare(x + step, z) - terrain.bare(x - step, z)) / (2 * step)
    dz = (terrain.bare(x, z + step) - terrain.bare(x, z - step)) / (2 * step)
    length = np.sqrt(1 + dx * dx + dz * dz)
    steep = 1 / length
    tree = top - ground
    is_tree = smoothstep(0.0, 0.02, tree)
    color = land_color(terrain, x, z, ground, steep, tint, is_tree)
    facing = (SUN[1] - SUN[0] * dx - SUN[2] * dz) / length
    needles = 0.35 + 0.6 * terrain.noise.fbm(30 * x, 30 * z, 2)
    facing = np.where(is_tree > 0.5, needles, facing)
    lit = np.clip(facing, 0, 1) * shadow(terrain, x, z, top)
    between_trees = 0.35 + 2.6 * np.clip(tree, 0, 0.25)  # the sky hardly reaches their feet
    open_sky = (0.55 + 0.45 * steep) * mix(np.float32(1), between_trees, is_tree)
    light = color * (lit[..., None] * SUNLIGHT + open_sky[..., None] * SKYLIGHT)
    wet = 0.45 + 0.55 * smoothstep(0.0, 0.03, top)
    return haze(light * wet[..., None], x, top, z)


def shadow(terrain: Terrain, x: Array, z: Array, height: Array) -> Array:
    """Share of the sun seen from each point, looking along the light over coarse terrain."""
    size = 700
    gx, gz = np.meshgrid(np.linspace(-34, 34, size), np.linspace(0, 50, size))
    coarse = terrain.bare(gx.astype(np.float32), gz.astype(np.float32), 6)
    share = np.ones(x.shape, np.float32)
    for distance in np.geomspace(0.15, 16, 36):
        px, pz = x + SUN[0] * distance, z + SUN[2] * distance
        blocked = sample(coarse, pz / 50 * (size - 1), (px + 34) / 68 * (size - 1))
        clear = height + SUN[1] * distance + 0.06 - blocked
        share = np.minimum(
            share, smoothstep(-0.02 * distance - 0.03, 0.05 * distance + 0.03, clear)
        )
    return share


def haze(light: Array, x: Array, y: Array, z: Array) -> Array:
    """Light after the way through evening air, warmer toward the sun on the left."""
    depth = 1 - np.exp(-((z / 36) ** 1.6) * (0.30 + np.exp(-0.55 * np.clip(y, 0, None))))
    mist = 0.30 * smoothstep(6.5, 11, z) * np.exp(-np.clip(y, 0, None) / 0.16)  # over the far shore
    depth = 1 - (1 - depth) * (1 - mist)
    toward_sun = smoothstep(0.5, -0.75, x / z)
    air = mix(np.array([0.40, 0.46, 0.62]), np.array([0.98, 0.74, 0.52]), toward_sun)
    return light * (1 - depth[..., None]) + air * depth[..., None]


def sky(noise: Noise, slope_x: Array, slope_y: Array) -> Array:
    """Light from the sky in a direction; slopes are right and up per unit away."""
    up = np.clip(slope_y, 0, None)
    toward_sun = np.exp(-(((slope_x + 0.75) / 0.55) ** 2))
    blue = palette_lookup(
        ["#c9b7a4", "#b8bcc4", "#7fa3cc", "#4677b4", "#28529a"], np.clip(up / 0.5, 0, 1) ** 0.7
    )
    clear = mix(
        blue**2.2 * 1.15, np.array([1.9, 1.15, 0.55]), 0.85 * toward_sun * np.exp(-up / 0.16)
    )
    px, py = slope_x / (up + 0.10), 1 / (up + 0.10)

    def cover(px: Array, py: Array) -> Array:
        warp = 0.5 * noise.fbm(0.5 * px + 3, 0.5 * py, 3)
        return noise.fbm(0.55 * px + warp, 0.62 * py + warp + 11, 7, 0.52)

    density = cover(px, py)
    toward_light = cover(px - 0.35, py + 0.12)
    thick = smoothstep(0.02, 0.75, density)
    glow = np.clip(0.62 + 0.9 * (density - toward_light) - 0.35 * thick, 0.05, 1.3)
    warm = mix(np.array([1.75, 1.25, 0.95]), np.array([2.4, 1.25, 0.5]), np.exp(-up / 0.16) * 0.7)
    cloud = np.array([0.26, 0.30, 0.42]) + warm * glow[..., None]
    return mix(clear, cloud, smoothstep(0.0, 0.35, density) * 0.92)


def landscape(size: int, seed: int) -> Array:
    """Mountains over a lake at sunset, (H, W, 3) in [0, 1]."""
    rng = np.random.default_rng(seed)
    height, width = picture_shape(size, ASPECT)
    fine_height, fine_width = 2 * height, 2 * width
    terrain = Terrain(rng)
    noise = Noise(rng)
    x, y = pixel_grid(fine_height, fine_width)
    slope_x, slope_y = (x - 0.5 * ASPECT) * FIELD, (HORIZON - y) * FIELD
    land, distance = render_land(terrain, fine_height, fine_width, EYE)
    light = np.where(np.isfinite(distance)[..., None], land, sky(noise, slope_x, slope_y))
    # The stones are mirrored apart: from under water they would hide the shore behind them.
    mirror, far = render_land(terrain, fine_height, fine_width, -EYE, near=STONES_END)
    mirror = np.where(np.isfinite(far)[..., None], mirror, sky(noise, slope_x, slope_y))
    stones, near = render_land(terrain, fine_height, fine_width, -EYE, far=STONES_END)
    mirror = np.where(np.isfinite(near)[..., None], stones, mirror)
    water = (slope_y < 0) & ~np.isfinite(distance)
    light[water] = water_light(noise, mirror, slope_x[water], slope_y[water])
    framing_trees(light, rng)
    return develop(shrink(light, 2), rng, exposure=0.68, vignette=0.35)


def water_light(noise: Noise, mirror: Array, slope_x: Array, slope_y: Array) -> Array:
    """Light from the water: the mirror image, ruffled, over the lake's own dark green."""
    height, width = mirror.shape[:2]
    z = EYE / np.maximum(-slope_y, 1e-3)
    x = slope_x * z
    calm = smoothstep(-0.25, 0.35, noise.fbm(0.35 * x, 0.8 * z, 3))
    wave = noise.fbm(3.2 * x, 11 * z, 4) * (0.3 + 0.7 * calm)
    side = noise.fbm(4 * x + 7, 9 * z, 3)
    up = -slope_y + 0.022 * wave * np.minimum(1, 3 / z) + 0.004 * calm
    row = (HORIZON - np.abs(up) / FIELD) * height
    column = (
        (slope_x + 0.008 * side * np.minimum(1, 3 / z)) / FIELD + 0.5 * width / height
    ) * height
    grazing = 0.10 + 0.85 * np.exp(np.minimum(0, slope_y) / 0.22)
    deep = np.array([0.018, 0.040, 0.045])
    return mix(np.broadcast_to(deep, (*x.shape, 3)), sample(mirror, row, column), grazing)
