"""Reads and prepares tiles beside the window, so that it only has to hang them up.

A thread is enough: the work is numpy on whole arrays and reading files, which let the
interpreter go. VTK is never touched here.
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
    """All tiles have been delivered; the ground under them, if there are any."""

    ground: Ground | None
    texture: npt.NDArray[np.uint8] | None
    theme: str
    """the theme the texture is for"""


Loaded = BakedTile | LoadFault | LoadEnd


class TileLoader:
    """Loads one list of tiles; `take` never waits."""

    def __init__(self, paths: Sequence[str | Path], theme: str) -> None:
        self._theme = theme
        self._paths = [Path(p) for p in paths]
        self._out: queue.Queue[Loaded] = queue.Queue(maxsize=8)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tile loader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, wait_s: float = 5.0) -> None:
        """End soon; what was not taken is dropped."""
        self._stop.set()
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
        baked: list[BakedTile] = []
        for path in self._paths:
            if self._stop.is_set():
                return
            try:
                tile = bake(read_tile(path))
            except DamagedTile as error:
                self._put(LoadFault(path.name, str(error)))
                continue
            baked.append(tile)
            self._put(tile)
        if not self._stop.is_set():
            ground = bake_ground(baked)
            look = texture(ground, load_theme(self._theme)) if ground is not None else None
            self._put(LoadEnd(ground, look, self._theme))

    def _put(self, item: Loaded) -> None:
        while not self._stop.is_set():
            try:
                self._out.put(item, timeout=0.1)
            except queue.Full:
                continue
            return
