"""Reads city models and networks into assets and geometry in one local metric frame."""

from __future__ import annotations

from lamplighter.spatial.ground import known_tiles, save_known
from lamplighter.spatial.reader import FileWish, choose_frame, expand
from lamplighter.spatial.scout import Scouted, lies_on_ground
from lamplighter.spatial.settle import settle
from lamplighter.spatial.task import (
    ImportAnswer,
    ImportOrder,
    ScoutAnswer,
    ScoutOrder,
    result_file,
    take,
    take_one,
    take_scouted,
)

__all__ = [
    "FileWish",
    "ImportAnswer",
    "ImportOrder",
    "ScoutAnswer",
    "ScoutOrder",
    "Scouted",
    "choose_frame",
    "expand",
    "known_tiles",
    "lies_on_ground",
    "result_file",
    "save_known",
    "settle",
    "take",
    "take_one",
    "take_scouted",
]
