"""Small pictures of photos, made beside the window's thread so that a list never stands still."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader, QPixmap

SIDE: Final = 160
KEPT: Final = 400
MB: Final = 300
"""a picture that would take more memory than this is not drawn"""
_KEEP: Final = Qt.AspectRatioMode.KeepAspectRatio


class _Told(QObject):
    made = Signal(str, QImage)


class _Work(QRunnable):
    def __init__(self, path: str, side: int, told: _Told) -> None:
        super().__init__()
        self._path, self._side, self._told = path, side, told

    def run(self) -> None:
        image = read_small(Path(self._path), self._side)
        try:
            self._told.made.emit(self._path, image)
        except RuntimeError:
            return  # the window has gone meanwhile


def read_small(path: Path, side: int) -> QImage:
    """A photo at most `side` pixels wide and high, the right way up; null when unreadable."""
    reader = QImageReader(str(path))
    reader.setAllocationLimit(MB)
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        reader.setScaledSize(size.scaled(QSize(side, side), _KEEP))
    return reader.read()


class Thumbnails(QObject):
    """Asks for a picture once; `made(path)` when it is there."""

    made = Signal(str)

    def __init__(self, parent: QObject | None = None, side: int = SIDE) -> None:
        super().__init__(parent)
        self._side = side
        self._kept: dict[str, QPixmap] = {}
        self._asked: set[str] = set()
        self._told = _Told()
        self._told.made.connect(self._take)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)

    def get(self, path: Path) -> QPixmap | None:
        """The picture, or None while it is not there; a null one when it cannot be read."""
        name = str(path)
        found = self._kept.get(name)
        if found is None and name not in self._asked:
            self._asked.add(name)
            self._pool.start(_Work(name, self._side, self._told))
        return found

    def _take(self, path: str, image: QImage) -> None:
        self._asked.discard(path)
        if len(self._kept) >= KEPT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[path] = QPixmap.fromImage(image)
        self.made.emit(path)

    def shut(self) -> None:
        """Nothing is begun any more; what runs ends."""
        self._pool.clear()
        self._pool.waitForDone(2_000)
