"""A project as the portfolio page shows it, without opening it."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

STATES: Final = ("closed", "open", "moved", "faulty")
"""nobody records it; a recorder runs; the folder is gone; it cannot be read"""


class ProjectCard(Struct, frozen=True):
    """What stands in one project. Counts are those of its last recorded moment."""

    path: str
    name: str
    state: str = "closed"
    problem: str = ""
    """one line when it cannot be read"""
    demo: bool = False
    alarms: tuple[int, int, int, int] = (0, 0, 0, 0)
    """standing alarms by priority, critical first"""
    people: int = 0
    """people without service by its open incidents"""
    assets: int = 0
    datastreams: int = 0
    forecasts: int = 0
    """assets that probably fail within 30 days"""
    orders: int = 0
    """work orders that are not done"""
    last_ms: int = 0
    """wall time of the newest recorded batch, 0 for none"""
    opened_ms: int = 0
    """when it was last opened here"""
    bytes: int = 0
    thumbnail: str = ""
    """PNG file; empty when there is none yet"""
    thumbnail_old: bool = False
    """the city has changed since the picture was made"""


class Portfolio(Protocol):
    """What the page asks for; every call may take its time and runs beside the window."""

    def paths(self) -> list[str]:
        """Known projects, the last opened first."""

    def card(self, path: str) -> ProjectCard:
        """Read one project without changing it; never raises."""

    def picture(self, card: ProjectCard) -> ProjectCard:
        """Make its thumbnail anew; the card as it is then."""

    def open(self, path: str) -> str:
        """Open it in a window of its own; a problem line, empty when it was started."""

    def add(self, path: str) -> str:
        """Take a project or a folder of projects in; a problem line, empty when done."""

    def forget(self, path: str) -> None:
        """Take it off the list; nothing of the project is touched."""
