"""Reads and prepares tiles beside the window, so that it only has to hang them up.

A thread is enough: the work is numpy on whole arrays and reading files, which let the
interpreter go. VTK is never touched here. What is wanted may change while it works.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lamplighter.domain.tile_file import DamagedTile, read_tile
from lamplighter.scene.baking import BakedTile, bake
from lamplighter.scene.ground import Ground, bake_ground, texture
from lamplighter.scene.theme import load_theme


@dataclass(frozen=True, slots=True)
class LoadFault:
    """A tile that could not be read; the others are shown."""

    name: str
    what: str


@dataclass(frozen=True, slots=True)
class LoadEnd:
    """Everything that was wanted has been delivered."""


@dataclass(frozen=True, slots=True)
class LoadGround:
    """The ground under the tiles it was asked for, if there are any."""

    ground: Ground | None
    texture: npt.NDArray[np.uint8] | None
    theme: str
    """the theme the texture is for"""


Loaded = BakedTile | LoadFault | LoadEnd | LoadGround


class TileLoader:
    """Loads what is wanted, in that order; `take` never waits."""

    def __init__(self) -> None:
        self._out: queue.Queue[Loaded] = queue.Queue(maxsize=12)
        self._stop = threading.Event()
        self._wake = threading.Condition()
        self._todo: list[Path] = []
        self._ground: tuple[list[BakedTile], str] | None = None
        self._told = True
        self._thread = threading.Thread(target=self._run, name="tile loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def want(self, paths: Sequence[Path]) -> None:
        """Load these, the first first, instead of what was wanted before; `LoadEnd` follows."""
        with self._wake:
            self._todo = list(paths)
            self._told = False
            self._wake.notify()

    def want_ground(self, tiles: Sequence[BakedTile], theme: str) -> None:
        """Bake the ground under these tiles; a `LoadGround` follows."""
        with self._wake:
            self._ground = (list(tiles), theme)
            self._wake.notify()

    def stop(self, wait_s: float = 5.0) -> None:
        """End soon; what was not taken is dropped."""
        self._stop.set()
        with self._wake:
            self._wake.notify()
        while True:
            try:
                self._out.get_nowait()
            except queue.Empty:
                break
        if self._thread.is_alive():
            self._thread.join(wait_s)

    def take(self) -> Loaded | None:
        """The next result, or None when there is none yet."""
        try:
            return self._out.get_nowait()
        except queue.Empty:
            return None

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._wake:
                while self._idle():
                    self._wake.wait()
                path = self._todo.pop(0) if self._todo else None
                ground, self._ground = (None, self._ground) if path else (self._ground, None)
                ended = path is None and ground is None and not self._told
                self._told |= ended
            if self._stop.is_set():
                return
            if path is not None:
                self._put(_read(path))
            elif ground is not None:
                self._put(_ground(*ground))
            elif ended:
                self._put(LoadEnd())

    def _idle(self) -> bool:
        return not (self._stop.is_set() or self._todo or self._ground or not self._told)

    def _put(self, item: Loaded) -> None:
        while not self._stop.is_set():
            try:
                self._out.put(item, timeout=0.1)
            except queue.Full:
                continue
            return


def _read(path: Path) -> BakedTile | LoadFault:
    try:
        return bake(read_tile(path))
    except DamagedTile as error:
        return LoadFault(path.name, str(error))


def _ground(tiles: list[BakedTile], theme: str) -> LoadGround:
    ground = bake_ground(tiles)
    look = texture(ground, load_theme(theme)) if ground is not None else None
    return LoadGround(ground, look, theme)
