"""Colour arithmetic for tests: CIELAB, CIEDE2000, and sight without one kind of cone."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SIGHT: Final[dict[str, Floats]] = {
    "normal": np.eye(3),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
"""linear RGB to linear RGB at full severity (Machado, Oliveira and Fernandes 2009)"""
_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
_WHITE: Final = np.array([0.95047, 1.0, 1.08883])


def of_hex(text: str) -> Floats:
    """`#RRGGBB` as three numbers 0..255."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def lab(rgb: npt.ArrayLike, sight: str = "normal") -> Floats:
    """CIELAB (D65) of sRGB 0..255, shape (..., 3)."""
    part = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SIGHT[sight].T, 0.0, 1.0)
    ratio = linear @ _XYZ.T / _WHITE
    cubed = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(cubed, -1, 0)
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=-1)


def chroma_share(rgb: npt.ArrayLike, above: float = 20.0) -> float:
    """Share of pixels whose CIELAB chroma lies above a bound."""
    found = lab(rgb)
    return float((np.hypot(found[..., 1], found[..., 2]) > above).mean())


def difference(one: Floats, two: Floats) -> float:
    """CIEDE2000 of two CIELAB colours."""
    l1, a1, b1 = one
    l2, a2, b2 = two
    mean_c = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    lift = 0.5 * (1 - np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)))
    a1, a2 = a1 * (1 + lift), a2 * (1 + lift)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    big_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    h_mean = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    weight = (
        1 - 0.17 * np.cos(np.radians(h_mean - 30)) + 0.24 * np.cos(np.radians(2 * h_mean))
        + 0.32 * np.cos(np.radians(3 * h_mean + 6)) - 0.20 * np.cos(np.radians(4 * h_mean - 63))
    )  # fmt: skip
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / np.sqrt(20 + (l_mean - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * weight
    spin = -2 * np.sqrt(c_mean**7 / (c_mean**7 + 25.0**7))
    spin *= np.sin(np.radians(60 * np.exp(-(((h_mean - 275) / 25) ** 2))))
    parts = (l2 - l1) / s_l, (c2 - c1) / s_c, big_h / s_h
    return float(np.sqrt(sum(p * p for p in parts) + spin * parts[1] * parts[2]))
