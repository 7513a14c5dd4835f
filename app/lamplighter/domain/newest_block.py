"""The newest value of every datastream in one mapped file, guarded by a sequence counter.

One writer (the recorder), any number of readers. The counter is odd while the writer writes; a
reader copies, compares the counter and tries again. Layout: a 64-byte header (magic, capacity,
counter, count, batch, wall_ms as 8 x int64), then the columns of `COLUMNS`, each `capacity` long.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

MAGIC: Final = 0x4C414D504C495445
HEADER: Final = 64
COLUMNS: Final = (
    ("time_ms", np.dtype(np.int64)),
    ("value", np.dtype(np.float64)),
    ("expected", np.dtype(np.float64)),
    ("spread", np.dtype(np.float64)),
    ("trust", np.dtype(np.float32)),
    ("quality", np.dtype(np.uint8)),
)
_ROW: Final = sum(kind.itemsize for _, kind in COLUMNS)


@dataclass(slots=True)
class NewestValues:
    """A consistent copy; arrays are indexed by datastream id, `count` rows long.

    `time_ms` 0 = nothing received yet; `expected` NaN = the model abstains.
    """

    batch: int
    wall_ms: int
    time_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    expected: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    trust: npt.NDArray[np.float32]
    quality: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return int(self.value.shape[0])


def blank(count: int) -> NewestValues:
    """Values of a city from which nothing was heard."""
    return NewestValues(
        0,
        0,
        np.zeros(count, np.int64),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.ones(count, np.float32),
        np.zeros(count, np.uint8),
    )


class _Mapped:
    def __init__(self, file: Path, access: int) -> None:
        with file.open("r+b" if access == mmap.ACCESS_WRITE else "rb") as handle:
            self._map = mmap.mmap(handle.fileno(), 0, access=access)
        self.header = np.frombuffer(self._map, np.int64, 8)
        if int(self.header[0]) != MAGIC:
            raise ValueError(f"{file.name} is no newest-values file")
        self.capacity = int(self.header[1])
        self.columns: dict[str, npt.NDArray[np.generic]] = {}
        offset = HEADER
        for name, kind in COLUMNS:
            self.columns[name] = np.frombuffer(self._map, kind, self.capacity, offset)
            offset += self.capacity * kind.itemsize

    def close(self) -> None:
        self.columns.clear()
        del self.header
        # a view may still be held by somebody; the map then goes with it
        with contextlib.suppress(BufferError):
            self._map.close()


def _allocate(handle: int, size: int) -> None:
    """Room on the disk for all of it: a hole that cannot be filled later would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


class BlockWriter:
    """The recorder's end. Creates the file; `write` replaces all rows at once."""

    def __init__(self, file: Path, capacity: int) -> None:
        with file.open("wb") as handle:
            _allocate(handle.fileno(), HEADER + capacity * _ROW)
            head = np.zeros(8, np.int64)
            head[0], head[1] = MAGIC, capacity
            handle.write(head.tobytes())
        self.file = file
        self._mapped = _Mapped(file, mmap.ACCESS_WRITE)

    @property
    def capacity(self) -> int:
        return self._mapped.capacity

    def write(self, values: NewestValues) -> None:
        """Raises ValueError when there are more rows than the file holds."""
        count = len(values)
        if count > self.capacity:
            raise ValueError(f"{count} rows do not fit into {self.capacity}")
        header = self._mapped.header
        header[2] += 1
        for name, _ in COLUMNS:
            self._mapped.columns[name][:count] = getattr(values, name)
        header[3], header[4], header[5] = count, values.batch, values.wall_ms
        header[2] += 1

    def close(self) -> None:
        self._mapped.close()


class BlockReader:
    """A client's end."""

    def __init__(self, file: Path) -> None:
        self._mapped = _Mapped(file, mmap.ACCESS_READ)

    def read(self, tries: int = 1000) -> NewestValues | None:
        """A consistent copy, or None when the writer never stood still for `tries` looks."""
        header = self._mapped.header
        for _ in range(tries):
            before = int(header[2])
            if before % 2:
                continue
            count = int(header[3])
            copies = {n: self._mapped.columns[n][:count].copy() for n, _ in COLUMNS}
            batch, wall = int(header[4]), int(header[5])
            if int(header[2]) == before:
                return NewestValues(batch, wall, **copies)  # type: ignore[arg-type]
        return None

    def close(self) -> None:
        self._mapped.close()
