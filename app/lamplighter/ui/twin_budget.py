"""The time a 3D frame may take, and what is left out so that it keeps to it.

At rest the picture is whole: edges go first, then pixels. While the eye moves it is drawn with half
the pixels and, from tile to tile, with coarser shapes; how many is learned from frame to frame.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platformdirs import user_cache_path
from PySide6.QtWidgets import QLabel, QWidget

from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.scene.machine import Machine

BUDGET_MS: Final = 40.0
"""a frame on a machine that keeps up"""
SLOW_FRAME_MS: Final = 45.0
"""full frames above this are replaced by half ones while the eye moves"""
FRAMES: Final = 2
"""frames at rest that decide together"""
DETAILS: Final = ((1.0, 1.0), (0.6, 1.0), (0.0, 1.0), (0.0, 0.75))
"""(share of the distance to which edges are drawn, share of the pixels per side), best first"""
SETTING: Final = "LAMPLIGHTER_VIEW_DETAIL"
LEAST: Final = 15_000.0
MOST: Final = 20_000_000.0


def machine_file() -> Path:
    """Where the figures of this machine are kept."""
    return user_cache_path("lamplighter") / "machine.json"


class FrameBudget:
    """Chooses; whoever draws asks and tells."""

    def __init__(self, machine: Machine | None = None, pixels: float = 0.25e6) -> None:
        """`pixels` of a frame while the eye moves."""
        chosen = os.environ.get(SETTING, "auto")
        self.fixed = chosen in {str(n) for n in range(1, len(DETAILS) + 1)}
        self.step = len(DETAILS) - int(chosen) if self.fixed else 0
        self.moving_triangles = (
            machine.triangles_within(BUDGET_MS, pixels) if machine is not None else 150_000.0
        )
        self.frame_ms = 0.0
        self._full: list[float] = []

    @property
    def detail(self) -> int:
        """4 for the best, 1 for the least."""
        return len(DETAILS) - self.step

    @property
    def edges(self) -> float:
        return DETAILS[self.step][0]

    @property
    def share(self) -> float:
        return DETAILS[self.step][1]

    @property
    def slow(self) -> bool:
        """Whether a moving eye needs shorter frames than those at rest."""
        return self.frame_ms > SLOW_FRAME_MS

    def rested(self, took_ms: float) -> bool:
        """A whole frame was drawn; True when another detail is chosen from now on."""
        self.frame_ms = took_ms
        if self.fixed:
            return False
        self._full.append(took_ms)
        if len(self._full) < FRAMES:
            return False
        middle = statistics.median(self._full)
        self._full.clear()
        if middle <= BUDGET_MS or self.step == len(DETAILS) - 1:
            return False
        self.step = max(self.step + 1, 2 if middle > 1.5 * BUDGET_MS else 0)
        return True

    def moved(self, took_ms: float) -> None:
        """A frame of a moving eye was drawn: the next ones get more or fewer triangles."""
        if took_ms > BUDGET_MS:
            factor = max(BUDGET_MS / took_ms, 0.5)
        elif took_ms < 0.6 * BUDGET_MS:
            factor = 1.15
        else:
            return
        self.moving_triangles = min(max(self.moving_triangles * factor, LEAST), MOST)

    def words(self) -> str:
        """One line for the screen."""
        shown = f"{self.frame_ms:.0f}" if self.frame_ms else "\u2013"
        return tr("3D {ms} ms of {budget}, detail {detail} of {most}").format(
            ms=shown, budget=f"{BUDGET_MS:.0f}", detail=self.detail, most=len(DETAILS)
        )

    def explained(self) -> str:
        """What the line means, for a tooltip."""
        how = (
            tr("You chose this detail.")
            if self.fixed
            else tr("The program chose this detail for this machine.")
        )
        return how + " " + tr(
            "Milliseconds of the last whole picture, and what one may take. With less detail "
            "edges are left out, then the picture gets coarser. While the eye moves, far parts "
            "of the city are drawn as blocks; at rest everything is drawn."
        )  # fmt: skip


class CostLine(QLabel):
    """The line over the scale bar; its tooltip says what it means."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._above = parent
        self.setObjectName("cost")
        self.setContentsMargins(8, 2, 8, 2)
        self.hide()
        theme().changed.connect(self._paint_plate)
        self._paint_plate()

    def _paint_plate(self) -> None:
        look = theme()
        self.setFont(look.font("caption"))
        plate, ink = look.colour("scene.plate").name(), look.colour("text.secondary").name()
        self.setStyleSheet(f"#cost {{ background: {plate}; color: {ink}; border-radius: 4px; }}")

    def tell(self, budget: FrameBudget) -> None:
        """Show what the last whole frame took."""
        words = budget.words()
        if words != self.text():
            self.setText(words)
            self.setToolTip(budget.explained())
            self.adjustSize()
            self.place()
            self.show()

    def place(self) -> None:
        """Over the scale bar in the lower left corner."""
        self.move(8, self._above.height() - 46 - self.height())

    def boxes(self) -> list[tuple[float, float, float, float]]:
        """What labels keep clear of."""
        if not self.isVisible():
            return []
        box = self.geometry()
        return [(float(box.x()), float(box.y()), float(box.width()), float(box.height()))]
