"""Where the eye stands: a pose of a few numbers, its limits, its flight and its ray."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from vtkmodules.vtkRenderingCore import vtkCamera

Vector = npt.NDArray[np.float64]

VIEW_ANGLE: Final = 32.0
WALK_ANGLE: Final = 58.0
"""closer to what a person sees who stands in a street"""
MIN_DISTANCE: Final = 18.0
MIN_TILT: Final = 6.0
MAX_TILT: Final = 84.0
HOME_HEADING: Final = 35.0
HOME_TILT: Final = 57.0


@dataclass(frozen=True, slots=True)
class Pose:
    """The eye looks at `focus` (local metres) from `distance` metres.

    `heading` degrees clockwise from north is where it looks, `tilt` 0 = straight down,
    90 = along the ground. `plan` is the flat map: straight down, parallel, north up.
    """

    focus: tuple[float, float, float]
    distance: float
    heading: float = HOME_HEADING
    tilt: float = HOME_TILT
    plan: bool = False
    free: bool = False
    """stands exactly there, also under the limits of an overview: somebody walks"""

    def eye(self) -> Vector:
        """Position of the eye."""
        return np.asarray(self.focus) - self.direction() * self.distance

    def direction(self) -> Vector:
        """Unit vector of sight."""
        if self.plan:
            return np.array([0.0, 0.0, -1.0])
        tilt, heading = math.radians(self.tilt), math.radians(self.heading)
        flat = math.sin(tilt)
        return np.array([flat * math.sin(heading), flat * math.cos(heading), -math.cos(tilt)])

    def metres_per_pixel(self, height_px: int) -> float:
        """Size of one pixel at the focus."""
        span = 2.0 * self.distance * math.tan(math.radians(self.angle / 2))
        return span / max(height_px, 1)

    @property
    def angle(self) -> float:
        """How wide the eye sees, degrees from top to bottom."""
        return WALK_ANGLE if self.free else VIEW_ANGLE


@dataclass(frozen=True, slots=True)
class Extent:
    """A box in local metres."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @property
    def centre(self) -> tuple[float, float, float]:
        x, y, z = (0.5 * (a + b) for a, b in zip(self.low, self.high, strict=True))
        return x, y, z

    @property
    def diagonal(self) -> float:
        return math.dist(self.low, self.high)


def extent_of(low: npt.NDArray[np.floating], high: npt.NDArray[np.floating]) -> Extent:
    """The box between two corners (3,)."""
    a, b = (tuple(float(v) for v in corner) for corner in (low, high))
    return Extent((a[0], a[1], a[2]), (b[0], b[1], b[2]))


def fit(extent: Extent, like: Pose | None = None, fill: float = 0.62) -> Pose:
    """A pose that shows the whole extent; heading, tilt and plan are kept from `like`."""
    base = like or Pose((0.0, 0.0, 0.0), 1.0)
    reach = max(extent.diagonal * 0.5, 8.0)
    distance = reach / math.tan(math.radians(VIEW_ANGLE / 2)) * fill
    return replace(base, focus=extent.centre, distance=max(distance, MIN_DISTANCE))


def home(extent: Extent) -> Pose:
    """The oblique opening view of a city, close enough that buildings read as buildings."""
    x, y, _ = extent.centre
    across = math.hypot(extent.high[0] - extent.low[0], extent.high[1] - extent.low[1])
    return Pose((x, y, extent.low[2]), min(max(across * 0.5, 160.0), 4_000.0))


def clamped(pose: Pose, extent: Extent) -> Pose:
    """The pose inside its limits: never under the ground, never away from the city."""
    if pose.free:
        return replace(pose, heading=pose.heading % 360.0, tilt=min(max(pose.tilt, 5.0), 170.0))
    reach = max(extent.diagonal, 50.0)
    x = min(max(pose.focus[0], extent.low[0] - 0.25 * reach), extent.high[0] + 0.25 * reach)
    y = min(max(pose.focus[1], extent.low[1] - 0.25 * reach), extent.high[1] + 0.25 * reach)
    z = min(max(pose.focus[2], extent.low[2]), extent.high[2])
    return replace(
        pose,
        focus=(x, y, z),
        distance=min(max(pose.distance, MIN_DISTANCE), 3.0 * reach),
        heading=pose.heading % 360.0,
        tilt=min(max(pose.tilt, MIN_TILT), MAX_TILT),
    )


def orbited(pose: Pose, turn: float, lean: float) -> Pose:
    """Turned by `turn` degrees and leaned by `lean` degrees; in plan mode nothing turns."""
    if pose.plan:
        return pose
    return replace(pose, heading=pose.heading + turn, tilt=pose.tilt + lean)


def panned(pose: Pose, right_m: float, ahead_m: float) -> Pose:
    """Moved over the ground by metres to the right and ahead of the view."""
    heading = 0.0 if pose.plan else math.radians(pose.heading)
    x = pose.focus[0] + right_m * math.cos(heading) + ahead_m * math.sin(heading)
    y = pose.focus[1] - right_m * math.sin(heading) + ahead_m * math.cos(heading)
    return replace(pose, focus=(x, y, pose.focus[2]))


def zoomed(pose: Pose, factor: float) -> Pose:
    """Nearer for factors above 1."""
    return replace(pose, distance=pose.distance / max(factor, 1e-6))


def between(start: Pose, end: Pose, share: float) -> Pose:
    """The pose at `share` 0..1 of a flight, eased at both ends, turning the short way."""
    share = min(max(share, 0.0), 1.0)
    eased = share * share * (3.0 - 2.0 * share)
    turn = (end.heading - start.heading + 180.0) % 360.0 - 180.0
    x, y, z = (a + (b - a) * eased for a, b in zip(start.focus, end.focus, strict=True))
    return Pose(
        (x, y, z),
        math.exp(
            math.log(start.distance) + (math.log(end.distance) - math.log(start.distance)) * eased
        ),
        (start.heading + turn * eased) % 360.0,
        start.tilt + (end.tilt - start.tilt) * eased,
        end.plan,
        end.free,
    )


def apply(pose: Pose, camera: vtkCamera) -> None:
    """Put the camera into this pose (the clipping range is the renderer's)."""
    heading = math.radians(pose.heading)
    camera.SetFocalPoint(*pose.focus)
    camera.SetPosition(*pose.eye())
    up = (0.0, 1.0, 0.0) if pose.plan else (0.0, 0.0, 1.0)
    if not pose.plan and pose.tilt < 15.0:
        up = (math.sin(heading), math.cos(heading), 0.0)
    camera.SetViewUp(*up)
    camera.SetViewAngle(pose.angle)
    camera.SetParallelProjection(pose.plan)
    camera.SetParallelScale(pose.distance * math.tan(math.radians(VIEW_ANGLE / 2)))


@dataclass(frozen=True, slots=True)
class Projection:
    """Local metres to pixels and back, for one camera and one picture size (y grows downwards)."""

    matrix: Vector
    """(4, 4) row major, world to clip"""
    width: int
    height: int
    eye: Vector
    parallel: bool = False

    def to_pixels(self, places: npt.ArrayLike) -> tuple[Vector, npt.NDArray[np.bool_], Vector]:
        """Pixels (n, 2), whether each place lies in front of the eye, and its depth 0..1."""
        xyz = np.asarray(places, dtype=np.float64).reshape(-1, 3)
        clip = np.c_[xyz, np.ones(len(xyz))] @ self.matrix.T
        w = clip[:, 3]
        ahead = w > 1e-9
        with np.errstate(divide="ignore", invalid="ignore"):
            device = clip[:, :3] / np.where(ahead, w, 1.0)[:, None]
        x = (device[:, 0] * 0.5 + 0.5) * self.width
        y = (0.5 - device[:, 1] * 0.5) * self.height
        return np.stack((x, y), axis=1), ahead, device[:, 2]

    def ray(self, x: float, y: float) -> tuple[Vector, Vector]:
        """Origin and unit direction of the ray through the middle of pixel (x, y)."""
        u = (x + 0.5) / self.width * 2.0 - 1.0
        v = 1.0 - (y + 0.5) / self.height * 2.0
        inverse = np.linalg.inv(self.matrix)
        ends = np.array([[u, v, -1.0, 1.0], [u, v, 1.0, 1.0]]) @ inverse.T
        near, far = ends[:, :3] / ends[:, 3:]
        direction = far - near
        return near, direction / np.linalg.norm(direction)


def projection(camera: vtkCamera, width: int, height: int) -> Projection:
    """The camera's projection for a picture of this size."""
    matrix = camera.GetCompositeProjectionTransformMatrix(width / max(height, 1), -1.0, 1.0)
    rows = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
    return Projection(
        rows, width, height, np.array(camera.GetPosition()), bool(camera.GetParallelProjection())
    )


def scale_bar(metres_per_pixel: float, most_px: int = 120) -> tuple[float, int]:
    """A round length in metres and its length in pixels, at most `most_px`."""
    most = metres_per_pixel * most_px
    if not math.isfinite(most) or most <= 0:
        return 1.0, 1
    power = 10.0 ** math.floor(math.log10(most))
    length = next(step * power for step in (5.0, 2.0, 1.0) if step * power <= most * (1 + 1e-9))
    return length, max(1, round(length / metres_per_pixel))


def convex_hull(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Corners (k, 2) of the convex hull of points (n, 2), in order."""
    rows = sorted({(round(float(x), 2), round(float(y), 2)) for x, y in points})
    if len(rows) < 3:
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def half(chain: list[tuple[float, float]]) -> list[tuple[float, float]]:
        out: list[tuple[float, float]] = []
        for x, y in chain:
            while len(out) > 1:
                (ax, ay), (bx, by) = out[-2], out[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                out.pop()
            out.append((x, y))
        return out[:-1]

    return np.array(half(rows) + half(rows[::-1]), dtype=np.float64)
