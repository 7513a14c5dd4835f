"""One selection for the whole window: tree, 3D, lists, charts and faceplate follow it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal


class SelectionModel(QObject):
    """Asset ids, the last one being the one the faceplate shows."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._assets: tuple[str, ...] = ()

    @property
    def assets(self) -> tuple[str, ...]:
        return self._assets

    @property
    def current(self) -> str:
        """The asset shown in detail; empty for none."""
        return self._assets[-1] if self._assets else ""

    def select(self, assets: str | Iterable[str]) -> None:
        """Replaces the selection; says so only when it differs."""
        wanted = (assets,) if isinstance(assets, str) else tuple(assets)
        self._set(tuple(a for a in wanted if a))

    def toggle(self, asset: str) -> None:
        if asset in self._assets:
            self._set(tuple(a for a in self._assets if a != asset))
        else:
            self._set((*self._assets, asset))

    def clear(self) -> None:
        self._set(())

    def _set(self, wanted: tuple[str, ...]) -> None:
        if wanted != self._assets:
            self._assets = wanted
            self.changed.emit()
