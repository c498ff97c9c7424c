"""The coat of a fox: colors, lengths and the lie of its hair."""

from typing import final

import numpy as np

from tools.paint_samples.fox_body import BODY, EAR, POSE, ear_place, eye_distance, to_head
from tools.paint_samples.noise import Array, Noise, mix, rgb, smoothstep


def muzzle_ridge(h: Array) -> Array:
    """Height of the muzzle's axis at each depth of the head."""
    return np.asarray(-0.06 - 0.37 * (h[:, 2] - 0.42))


def front_of_ear(normal: Array) -> Array:
    return np.asarray((normal @ POSE)[:, 2] > 0.15)


@final
class Coat:
    """Colors, lengths and the lie of the hair over the body."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.noise = Noise(rng)

    def color(self, p: Array, kind: Array, normal: Array) -> Array:
        """Linear color (N, 3)."""
        h = to_head(p)
        ax = np.abs(h[:, 0])
        patch = self.noise.fbm(3 * p[:, 0] + p[:, 2], 3 * p[:, 1], 4)
        tone = np.clip(0.5 + 0.5 * patch, 0, 1)
        orange = mix(rgb("#8a4218"), rgb("#cf7f3a"), tone)
        orange = mix(
            orange, rgb("#7c3410"), 0.6 * smoothstep(0.20, 0.0, ax) * smoothstep(0.2, 0.6, h[:, 1])
        )
        white = mix(rgb("#efe3d2"), rgb("#fffaf2"), tone)
        on_head = kind != BODY
        # White: lips and chin, cheeks to a point under the ear, throat and bib.
        under = h[:, 1] - muzzle_ridge(h) + 0.03 - 0.13 * smoothstep(1.08, 1.22, h[:, 2])
        lips = smoothstep(0.03, -0.06, under) * smoothstep(0.40, 0.55, h[:, 2])
        cheek = smoothstep(
            0.06, -0.06, h[:, 1] + 0.16 - 0.40 * np.clip(ax - 0.40, 0, 0.5) + 0.10 * patch
        )
        cheek *= smoothstep(0.62, 0.5, h[:, 2])
        pale = np.where(on_head, np.maximum(lips, cheek), 0)
        bib = smoothstep(
            0.07, -0.09, np.abs(p[:, 0] - 0.05) - 0.60 + 0.20 * (1.7 - p[:, 1]) + 0.16 * patch
        )
        pale = np.where(kind == BODY, bib, pale)
        color = mix(orange, white, pale)
        color = np.where((kind == BODY)[:, None], color, self.markings(color, h))
        return self.ears(color, h, kind, normal) ** 2.2

    def markings(self, color: Array, h: Array) -> Array:
        """Light brows, and the dark lines of tears, lids, lips and under the nose."""
        ax = np.abs(h[:, 0])
        ridge = muzzle_ridge(h)
        spot = np.exp(-(((ax - 0.24) / 0.10) ** 2 + ((h[:, 1] - 0.30) / 0.06) ** 2))
        color = mix(color, rgb("#f0b878"), 0.55 * spot * (h[:, 2] > 0.2))
        tear = np.abs(ax - 0.17 - 0.05 * np.sin(4 * h[:, 2]) + 0.10 * (h[:, 2] - 0.6))
        below_eye = (h[:, 1] > ridge - 0.04) * smoothstep(0.08, 0.0, h[:, 1])
        beside_nose = smoothstep(0.52, 0.62, h[:, 2]) * smoothstep(1.12, 0.8, h[:, 2])
        streak = smoothstep(0.075, 0.02, tear) * below_eye * beside_nose
        color = mix(color, rgb("#4a2412"), 0.8 * streak)
        dark = rgb("#2a1a14")
        color = mix(color, dark, smoothstep(1.48, 1.18, eye_distance(h)))
        lips = np.abs(h[:, 1] - ridge + 0.125 + 0.02 * h[:, 2])
        color = mix(color, dark, 0.9 * smoothstep(0.030, 0.008, lips) * (h[:, 2] > 0.60))
        cleft = smoothstep(0.02, 0.006, ax) * (h[:, 2] > 1.15) * (h[:, 1] < -0.3)
        return mix(color, dark, 0.8 * cleft)

    def ears(self, color: Array, h: Array, kind: Array, normal: Array) -> Array:
        front = front_of_ear(normal)
        _, wide = ear_place(h)
        tip = smoothstep(0.85, 1.35, h[:, 1])
        inner = mix(
            rgb("#5a3a30"),
            rgb("#e6d2bc"),
            np.clip(smoothstep(0.25, 0.8, np.abs(wide)) + 0.25 - 0.4 * tip, 0, 1),
        )
        outer = mix(rgb("#9a5022"), rgb("#1c1412"), np.clip(0.2 + tip, 0, 1))
        is_ear = smoothstep(0.50, 0.62, h[:, 1]) * (kind == EAR)
        return mix(color, np.where(front[:, None], inner, outer), is_ear)

    def length(self, p: Array, kind: Array, normal: Array) -> Array:
        h = to_head(p)
        ax = np.abs(h[:, 0])
        face = (
            0.055
            + 0.10 * smoothstep(0.6, 0.1, h[:, 2])
            + 0.22 * smoothstep(0.42, 0.85, ax) * smoothstep(0.3, -0.1, h[:, 1])
        )
        up, wide = ear_place(h)
        tufts = 0.07 + 0.20 * front_of_ear(normal) * smoothstep(
            0.2, 0.75, np.abs(wide)
        ) * smoothstep(0.9, 0.3, up)
        ruff = 0.30 + 0.14 * smoothstep(0.4, 1.4, p[:, 1])
        return np.select([kind == EAR, kind == BODY], [tufts, ruff], face)

    def lie(self, p: Array, kind: Array, normal: Array) -> Array:
        """Unit direction (N, 3) into which the hair is combed, along the skin."""
        h = to_head(p)
        away = h - np.array([0, -0.22, 1.45], np.float32)
        away = away * np.array([1.15, 1.0, 0.8], np.float32) + np.array(
            [0, -0.25, 0], np.float32
        ) * (h[:, 1:2] < 0)
        head = away @ POSE.T
        # The tufts inside the ear reach from its edges over its hollow.
        inward = -0.8 * ear_place(h)[1][:, None] * front_of_ear(normal)[:, None]
        ears = POSE[:, 1] + (0.3 + inward) * np.sign(h[:, :1]) * POSE[:, 0]
        trunk = np.stack([0.45 * p[:, 0], -np.ones(len(p)), 0.15 * np.ones(len(p))], -1)
        way = np.select([(kind == EAR)[:, None], (kind == BODY)[:, None]], [ears, trunk], head)
        swirl = self.noise.fbm(2.2 * p[:, 0] + 5, 2.2 * p[:, 1], 3)
        way = way / np.linalg.norm(way, axis=1, keepdims=True) + 0.35 * swirl[:, None] * np.cross(
            normal, way
        )
        way -= (way * normal).sum(1, keepdims=True) * normal
        return np.asarray(way / (np.linalg.norm(way, axis=1, keepdims=True) + 1e-6))
