"""From the district's projected metres to degrees, so that the asset lists carry both.

Inverse transverse Mercator by Krueger's series (Karney 2011, to n^4: below a millimetre inside a
zone). Only the UTM zones of ETRS89 and WGS 84 are known here.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lamplighter.domain.problems import fault

Floats = npt.NDArray[np.float64]

_A = 6378137.0
_F = 1 / 298.257222101
_K0 = 0.9996


def _central_meridian(epsg: int) -> float:
    for base in (25800, 32600):
        if 1 <= epsg - base <= 60:
            return (epsg - base) * 6.0 - 183.0
    raise fault("I-506", name=f"EPSG:{epsg}", what="the generator knows the UTM zones only")


def to_degrees(epsg: int, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """(longitude, latitude) in degrees of points in a northern UTM zone, metres."""
    n = _F / (2 - _F)
    radius = _A / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    beta = (
        n / 2 - 2 * n**2 / 3 + 37 * n**3 / 96 - n**4 / 360,
        n**2 / 48 + n**3 / 15 - 437 * n**4 / 1440,
        17 * n**3 / 480 - 37 * n**4 / 840,
        4397 * n**4 / 161280,
    )
    xi = north / (_K0 * radius)
    eta = (east - 500_000.0) / (_K0 * radius)
    xi_0, eta_0 = xi.copy(), eta.copy()
    for order, factor in enumerate(beta, start=1):
        xi_0 -= factor * np.sin(2 * order * xi) * np.cosh(2 * order * eta)
        eta_0 -= factor * np.cos(2 * order * xi) * np.sinh(2 * order * eta)
    tau_0 = np.sin(xi_0) / np.hypot(np.sinh(eta_0), np.cos(xi_0))
    longitude = np.degrees(np.arctan2(np.sinh(eta_0), np.cos(xi_0))) + _central_meridian(epsg)
    return longitude, np.degrees(np.arctan(_geodetic(tau_0)))


def _geodetic(tau_0: Floats) -> Floats:
    """Tangent of the latitude from that of the conformal latitude, by Newton's method."""
    e = math.sqrt(_F * (2 - _F))
    tau = tau_0 / (1 - e**2)
    for _ in range(3):
        root = np.sqrt(1 + tau**2)
        sigma = np.sinh(e * np.arctanh(e * tau / root))
        trial = tau * np.sqrt(1 + sigma**2) - sigma * root
        step = (tau_0 - trial) / np.sqrt(1 + trial**2)
        tau = tau + step * (1 + (1 - e**2) * tau**2) / ((1 - e**2) * root)
    return tau
