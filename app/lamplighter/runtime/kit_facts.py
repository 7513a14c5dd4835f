"""The city's facts as they travel in a field kit: lists of typed rows, one kind a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, Incident
from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.edits import Edit
from lamplighter.domain.importing import FileReport
from lamplighter.domain.layers import Layer, LayerContents
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.models import ModelRecord

ROWS: Final = 2_000
"""of one frame"""
SETTINGS: Final = (
    "alarm.", "view.", "trend/", "past.simulated", "job ", "waiting costs ",
)  # fmt: skip
"""rules, views and the like travel; feeds, secrets, the historian and values set by hand do not"""


class Setting(Struct, frozen=True):
    key: str
    value: str


class Contents(Struct, frozen=True):
    layer: str
    contents: LayerContents


class Carried(Struct, frozen=True):
    """An alarm event with its datastream by name; numbers are local to a store."""

    event: AlarmEvent
    stream: str
    """source/name, empty for none"""


class Standing(Struct, frozen=True):
    """An alarm as it stands."""

    record: AlarmRecord
    stream: str


KINDS: Final[dict[str, type]] = {
    "asset": Asset,
    "edge": Edge,
    "stream": Datastream,
    "layer": Layer,
    "contents": Contents,
    "said": Asset,
    "frame": Frame,
    "setting": Setting,
    "event": Carried,
    "alarm": Standing,
    "incident": Incident,
    "prognosis": Prognosis,
    "import": FileReport,
    "model": ModelRecord,
    "edit": Edit,
}


def packed(kind: str, rows: Sequence[Any]) -> Iterator[bytes]:
    """Frames of a kind; rows must be of its type."""
    for at in range(0, len(rows), ROWS):
        yield msgspec.msgpack.encode(list(rows[at : at + ROWS]))


def unpacked(kind: str, frames: Iterable[bytes]) -> list[Any]:
    """Rows of a kind. Raises ValueError for a frame that holds something else."""
    type_ = KINDS[kind]
    found: list[Any] = []
    for data in frames:
        found += msgspec.msgpack.decode(data, type=list[type_])  # type: ignore[valid-type]
    return found
